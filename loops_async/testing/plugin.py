"""The pytest plugin with the fixtures ``loops_sandbox`` and ``loops_client``.

Both are synchronous fixtures, so that they work in synchronous tests as well as with pytest-asyncio
(in either mode) and anyio, which declare asynchronous fixtures in different ways.

The fixtures import what they need only when a test uses them, because this module is loaded in
every pytest run of every project that has the package installed.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from loops_async.client import LoopsClient
    from loops_async.sandbox import Sandbox


@pytest.fixture
def loops_sandbox_options() -> dict[str, Any]:
    """Arguments for the ``Sandbox`` of ``loops_sandbox``; override this fixture to pass some."""
    return {}


@pytest.fixture
def loops_sandbox(
    loops_sandbox_options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> Iterator["Sandbox"]:
    """A local Loops for one test, on a real socket, for any event loop and process.

    ``LOOPS_API_KEY`` and ``LOOPS_BASE_URL`` point to it during the test, so that a
    ``LoopsClient()`` created by the code under test uses it.
    """
    from loops_async.testing.threaded import ThreadedSandbox  # noqa: PLC0415

    with ThreadedSandbox(**loops_sandbox_options) as sandbox:
        monkeypatch.setenv("LOOPS_API_KEY", sandbox.api_key)
        monkeypatch.setenv("LOOPS_BASE_URL", sandbox.url)
        # Settings in a developer's shell must not affect the tests.
        monkeypatch.delenv("LOOPS_DRY_RUN", raising=False)
        monkeypatch.delenv("LOOPS_ALLOWED_RECIPIENTS", raising=False)
        yield sandbox


@pytest.fixture
def loops_client(loops_sandbox: "Sandbox") -> Iterator["LoopsClient"]:
    """A client of ``loops_sandbox`` with retries after milliseconds, closed after the test."""
    from loops_async.testing.fixture_client import FixtureClient  # noqa: PLC0415

    client = FixtureClient(loops_sandbox.api_key, base_url=loops_sandbox.url)
    yield client
    client.close()
