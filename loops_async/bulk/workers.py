"""The worker tasks of a bulk run."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from loops_async.bulk.ordering import ContactOrder, QueuedRow
from loops_async.records.contacts import ContactReceipt, ContactUpdate

Send: TypeAlias = Callable[[ContactUpdate], Awaitable[ContactReceipt]]


class WorkerPool:
    """Up to ``size`` tasks that send rows. Rows of the same contact are sent one after the other.

    The callbacks run in the worker tasks and never wait.

    Args:
        size: The maximum number of tasks.
        send: Sends one row.
        refill: Called when few rows are ready; adds rows that are available without waiting, and
            returns whether the worker should continue.
        succeeded: Called with each row that was sent, and its receipt.
        failed: Called with each row whose sending raised an error; returns whether the error
            concerns that row only, so that the worker should continue.

    Attributes:
        ready: Rows that may be sent.
        low: Workers call ``refill`` when at most this many rows are ready.
    """

    def __init__(
        self,
        size: int,
        send: Send,
        *,
        refill: Callable[[], bool],
        succeeded: Callable[[QueuedRow, ContactReceipt], None],
        failed: Callable[[QueuedRow, BaseException], bool],
    ) -> None:
        self.ready: deque[QueuedRow] = deque()
        self.low: int = 0
        self._size = size
        self._send = send
        self._refill = refill
        self._succeeded = succeeded
        self._failed = failed
        self._order = ContactOrder()
        # Not an asyncio.Queue, which costs several times as much per row.
        self._idle: deque[asyncio.Future[None]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._count = 0
        self._waking = 0
        """Workers that were woken or created but are not running yet."""
        self._is_waking = False
        """Prevents recursion, because eager tasks run and wake others while they are created."""
        self._halted = False

    @property
    def blocked(self) -> int:
        """Rows that wait for other rows."""
        return self._order.blocked

    @property
    def waiting(self) -> int:
        """Rows whose sending has not begun."""
        return len(self.ready) + self._order.blocked

    def add(self, row: QueuedRow) -> None:
        """Add the next row; it is ready once the earlier rows of its contact are finished."""
        if self._order.add(row):
            self.ready.append(row)

    def wake(self, *, running: int = 0) -> None:
        """Wake or create a worker for each ready row, not counting ``running`` current workers.

        Call this after adding all available rows: an eager task starts at once and may call
        ``refill``.
        """
        if self._halted or self._is_waking:
            return
        self._is_waking = True
        while self._idle and len(self.ready) > self._waking + running:
            idle = self._idle.popleft()
            if not idle.done():
                self._waking += 1
                idle.set_result(None)
        while self._count < self._size and len(self.ready) > self._waking + running:
            # Counted before the task is created, because eager tasks run at once.
            self._count += 1
            self._waking += 1
            self._tasks.add(asyncio.create_task(self._work()))
        self._is_waking = False

    def halt(self) -> set[asyncio.Task[None]]:
        """Stop sending. Cancel and return all workers except the calling one."""
        self._halted = True
        tasks = self._tasks - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        return tasks

    async def _work(self) -> None:
        # Performance matters here: while rows are ready, no other task is woken between two rows.
        ready, refill, send = self.ready, self._refill, self._send
        succeeded, failed = self._succeeded, self._failed
        self._waking -= 1
        while not self._halted:
            if len(ready) <= self.low and not refill():
                return
            if not ready:
                await self._sleep()
                continue
            row = ready.popleft()
            row.started = True
            assert row.contact is not None  # noqa: S101 - only valid contacts are added
            try:
                succeeded(row, await send(row.contact))
            except BaseException as error:
                was_halted = self._halted
                if not failed(row, error):
                    if was_halted:
                        raise
                    return
            if freed := self._order.finish(row):
                ready.extend(freed)
                self.wake(running=1)

    async def _sleep(self) -> None:
        """Wait for ``wake``."""
        idle = asyncio.get_running_loop().create_future()
        self._idle.append(idle)
        await idle
        self._waking -= 1
