"""The seed, what the runs show, and nothing left behind."""

import os
from collections.abc import AsyncIterator, Callable
from secrets import randbelow

import pytest

from tests.chaos.running import Run
from tests.conftest import CHAOS
from tests.leaks import nothing_left


@pytest.fixture(scope="session")
def seed() -> int:
    """``LOOPS_CHAOS_SEED``: a number, or "random"; always the same when it is not set."""
    given = os.environ.get("LOOPS_CHAOS_SEED", "1")
    return randbelow(10**6) if given == "random" else int(given)


@pytest.fixture
def show(
    request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> Callable[[Run], None]:
    """Shows at the end of the test session what a run was like."""
    return lambda run: record_property(CHAOS, "\n    ".join([request.node.name, *run.lines()]))


@pytest.fixture
async def nothing_is_left() -> AsyncIterator[None]:
    async with nothing_left():
        yield
