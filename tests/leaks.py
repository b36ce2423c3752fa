"""What a test may have left behind: tasks of the loop, and open files and sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

_OPEN = Path("/proc/self/fd")


def open_files() -> int:
    """How many files and sockets this process has open; 0 where the system does not tell."""
    return len(list(_OPEN.iterdir())) if _OPEN.exists() else 0


@asynccontextmanager
async def nothing_left() -> AsyncIterator[None]:
    """Fail where the block leaves a task, a socket or a file behind."""
    tasks, files = asyncio.all_tasks(), open_files()
    yield
    # A closed transport lets its socket go with the loop's next turns.
    for _ in range(5):
        await asyncio.sleep(0)
    assert not asyncio.all_tasks() - tasks - {asyncio.current_task()}
    assert open_files() <= files
