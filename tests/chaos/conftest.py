"""The seed, what the runs show, and nothing left behind."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from secrets import randbelow

import pytest

from tests.chaos.running import Run
from tests.conftest import CHAOS

_SOCKETS = Path("/proc/self/fd")


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


def _open_sockets() -> int:
    """How many sockets this process has open; 0 where the system does not tell."""
    if not _SOCKETS.exists():
        return 0
    targets = []
    for entry in _SOCKETS.iterdir():
        try:
            targets.append(str(entry.readlink()))
        except FileNotFoundError:  # the descriptor that listed them
            continue
    return sum(target.startswith("socket:") for target in targets)


@pytest.fixture
async def nothing_is_left() -> AsyncIterator[None]:
    tasks, sockets = asyncio.all_tasks(), _open_sockets()
    yield
    # A closed transport lets its socket go with the loop's next turn.
    for _ in range(5):
        await asyncio.sleep(0)
    assert not asyncio.all_tasks() - tasks - {asyncio.current_task()}
    assert _open_sockets() == sockets
