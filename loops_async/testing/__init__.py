"""Tools for the tests of your project; the pytest plugin is ``loops_async.testing.plugin``.

Names are imported when they are first used, because pytest loads the plugin, and with it this
package, in every run of every project that has loops_async installed.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loops_async.pipeline.messages import Reply
    from loops_async.testing.fixture_client import FixtureClient
    from loops_async.testing.scripted import (
        QUICK_RETRIES,
        ScriptedTransport,
        SentRequest,
        reply,
    )
    from loops_async.testing.threaded import ThreadedSandbox

__all__ = [
    "QUICK_RETRIES",
    "FixtureClient",
    "Reply",
    "ScriptedTransport",
    "SentRequest",
    "ThreadedSandbox",
    "reply",
]

_MODULES = {
    "FixtureClient": "testing.fixture_client",
    "QUICK_RETRIES": "testing.scripted",
    "Reply": "pipeline.messages",
    "ScriptedTransport": "testing.scripted",
    "SentRequest": "testing.scripted",
    "ThreadedSandbox": "testing.threaded",
    "reply": "testing.scripted",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'loops_async.testing' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    value = getattr(import_module(f"loops_async.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
