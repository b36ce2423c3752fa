"""The tests with the real tools that people use beside this package.

They need the dependency group ``compat`` and PostgreSQL, and are left out of the default run::

    uv run --group compat pytest tests/compat
"""

from collections.abc import AsyncIterator, Iterator

import pytest

from loops_async import LoopsClient, Pacer
from loops_async.sandbox import Sandbox
from tests.compat.postgres import running_postgres


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(rate=None) as running:
        yield running


@pytest.fixture
async def loops(sandbox: Sandbox) -> AsyncIterator[LoopsClient]:
    pacer = Pacer(rate=1000.0)
    async with LoopsClient(sandbox.api_key, base_url=sandbox.url, pacer=pacer) as client:
        yield client


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL for the whole run; tests use temporary tables."""
    with running_postgres() as address:
        yield address
