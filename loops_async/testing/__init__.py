"""Tools for the tests of your project; the pytest plugin is ``loops_async.testing.plugin``.

Names are imported when they are first used, because pytest loads the plugin, and with it this
package, in every run of every project that has loops_async installed.
"""

# As in ``loops_async/__init__.py``.
_PUBLIC_NAMES = {
    "testing.fixture_client": "FixtureClient",
    "testing.threaded": "ThreadedSandbox",
    "testing.scripted": "ScriptedTransport SentRequest reply QUICK_RETRIES",
    "pipeline.messages": "Reply",
}
_MODULES = {name: module for module, names in _PUBLIC_NAMES.items() for name in names.split()}
# Type checkers read __init__.pyi.
__all__ = sorted(_MODULES)  # noqa: PLE0605 # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module 'loops_async.testing' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - as in ``loops_async/__init__.py``

    value = getattr(import_module(f"loops_async.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
