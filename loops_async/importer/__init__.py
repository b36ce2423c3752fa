"""Importing files of contacts: what ``loops-async import`` and ``validate`` do, as functions.

::

    async with LoopsClient() as loops:
        report = await import_file(loops, "contacts.csv", ImportOptions(ignore_unknown=True))

``validate_file`` checks a file and sends nothing. Names are imported when they are first used, so
that the command line shows its help without loading what an import needs.
"""

# As in ``loops_async/__init__.py``.
_PUBLIC_NAMES = {
    "importer": "import_file",
    "validation": "validate_file",
    "options": "ImportOptions",
    "report": "ImportReport RowProblems",
    "reading": "open_input InputFile",
    "mapping": "load_account Account PlannedColumn Target",
    "planning": "ImportPlan NewProperty",
    "events": """
        ImportEvent OptionsRestored ColumnsPlanned PropertyCreated ImportNotice ImportStarted
        ImportProgress ImportStopping ImportFinished
    """,
    "errors": "ImportRefused FileRefused ColumnsRefused UnfinishedImport",
}
_MODULES = {name: module for module, names in _PUBLIC_NAMES.items() for name in names.split()}
# Type checkers read __init__.pyi.
__all__ = sorted(_MODULES)  # noqa: PLE0605 # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module 'loops_async.importer' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - as in ``loops_async/__init__.py``

    value = getattr(import_module(f"loops_async.importer.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
