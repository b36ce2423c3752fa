"""What holds after every test over a real socket: no task, socket or file outlives it."""

from collections.abc import AsyncIterator

import pytest

from tests.leaks import nothing_left


@pytest.fixture(autouse=True)
async def nothing_is_left() -> AsyncIterator[None]:
    async with nothing_left():
        yield
