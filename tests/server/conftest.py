"""A sandbox on a real socket and a client of it, closed in the right order."""

from collections.abc import AsyncIterator

import pytest

from loops_async import LoopsClient, Pacer
from loops_async.sandbox import Sandbox
from tests.leaks import nothing_left


@pytest.fixture
async def nothing_is_left() -> AsyncIterator[None]:
    async with nothing_left():
        yield


@pytest.fixture
async def sandbox(nothing_is_left: None) -> AsyncIterator[Sandbox]:
    async with Sandbox(rate=None, team_name="Company name") as running:
        yield running


@pytest.fixture
async def loops(sandbox: Sandbox) -> AsyncIterator[LoopsClient]:
    pacer = Pacer(rate=1000.0)
    async with LoopsClient(sandbox.api_key, base_url=sandbox.url, pacer=pacer) as client:
        yield client
