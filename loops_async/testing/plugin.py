"""The pytest plugin: ``loops_sandbox`` and ``loops_client``.

Both fixtures are plain functions, so that they serve synchronous tests, pytest-asyncio in either
mode and anyio alike: no plugin has to be asked how an asynchronous fixture is declared.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from loops_async.client import LoopsClient
    from loops_async.sandbox import Sandbox

# What a fixture needs is imported when a test asks for it: this module is loaded in every run of
# every project that has the package installed.


@pytest.fixture
def loops_sandbox_options() -> dict[str, Any]:
    """Arguments for the ``Sandbox`` of ``loops_sandbox``; override it to give some."""
    return {}


@pytest.fixture
def loops_sandbox(
    loops_sandbox_options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> Iterator["Sandbox"]:
    """A local Loops for one test, on a real socket, reachable from every event loop and process.

    ``LOOPS_API_KEY`` and ``LOOPS_BASE_URL`` lead there for as long as the test runs, so that a
    ``LoopsClient()`` that the code under test makes talks to it.
    """
    from loops_async.testing.threaded import ThreadedSandbox  # noqa: PLC0415

    with ThreadedSandbox(**loops_sandbox_options) as sandbox:
        monkeypatch.setenv("LOOPS_API_KEY", sandbox.api_key)
        monkeypatch.setenv("LOOPS_BASE_URL", sandbox.url)
        # What a developer's shell says would turn the tests into dry runs.
        monkeypatch.delenv("LOOPS_DRY_RUN", raising=False)
        monkeypatch.delenv("LOOPS_ALLOWED_RECIPIENTS", raising=False)
        yield sandbox


@pytest.fixture
def loops_client(loops_sandbox: "Sandbox") -> Iterator["LoopsClient"]:
    """A client of ``loops_sandbox`` whose retries wait a few milliseconds; it closes itself."""
    from loops_async.testing.fixture_client import FixtureClient  # noqa: PLC0415

    client = FixtureClient(loops_sandbox.api_key, base_url=loops_sandbox.url)
    yield client
    client.close()
