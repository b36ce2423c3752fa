"""Importing files of contacts: what ``loops-async import`` and ``validate`` do, as functions.

::

    async with LoopsClient() as loops:
        report = await import_file(loops, "contacts.csv", ImportOptions(ignore_unknown=True))

``validate_file`` checks a file and sends nothing. ``import_file`` tells how far it is by calling
``on_progress`` with events.
"""

from importlib import import_module

_NAMES = {
    "errors": (
        "ColumnsRefused",
        "FileRefused",
        "ImportRefused",
        "UnfinishedImport",
    ),
    "events": (
        "ColumnsPlanned",
        "ImportEvent",
        "ImportFinished",
        "ImportNotice",
        "ImportProgress",
        "ImportStarted",
        "ImportStopping",
        "OptionsRestored",
        "PropertyCreated",
    ),
    "importer": ("import_file",),
    "mapping": (
        "Account",
        "load_account",
    ),
    "options": ("ImportOptions",),
    "planning": (
        "ImportPlan",
        "NewProperty",
    ),
    "reading": (
        "InputFile",
        "open_input",
    ),
    "report": (
        "ImportReport",
        "RowProblems",
    ),
    "validation": ("validate_file",),
}
"""The public names, by module. Each is imported when it is first used, so that the command line can
show its help without reading files or opening connections."""

_MODULES = {name: module for module, names in _NAMES.items() for name in names}

__all__ = list(_MODULES)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
