"""The tasks of a bulk run: so many at the most, and one contact's rows one after the other."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from loops_async.ordering import ContactOrder, Job
from loops_async.outcomes import Outcome

Work: TypeAlias = Callable[[Job], Awaitable[None]]


class Workers:
    """Tasks that do jobs in the order in which these may go, ``width`` of them at the most.

    Attributes:
        ready: Jobs that may begin and have not.
    """

    def __init__(self, width: int) -> None:
        self.ready: deque[Job] = deque()
        self._width = width
        self._order = ContactOrder()
        # No asyncio.Queue: it costs several times as much for each row.
        self._idle: deque[asyncio.Future[None]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._count = 0
        self._halted = False

    def add(self, job: Job, work: Work) -> None:
        """Do ``job`` with ``work`` as soon as the earlier ones of its contact are over."""
        if self._order.admit(job):
            self._start(job, work)

    def halt(self) -> set[asyncio.Task[None]]:
        """Begin no further job, and cancel those at work but for the one that asks."""
        self._halted = True
        tasks = self._tasks - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        return tasks

    def _start(self, job: Job, work: Work) -> None:
        self.ready.append(job)
        # Each job wakes or makes one worker. Where another takes the job first, the one that was
        # woken finds nothing and waits again.
        while self._idle:
            idle = self._idle.popleft()
            if not idle.done():
                idle.set_result(None)
                return
        if self._count < self._width:
            # Counted before it is made: an eager task runs at once.
            self._count += 1
            self._tasks.add(asyncio.create_task(self._run(work)))

    async def _run(self, work: Work) -> None:
        loop, ready = asyncio.get_running_loop(), self.ready
        while True:
            while not ready:
                idle = loop.create_future()
                self._idle.append(idle)
                await idle
            job = ready.popleft()
            job.started = True
            await work(job)
            if self._halted:
                return
            for follower in self._order.finish(job):
                self._start(follower, work)


class Events:
    """What a run has to tell the one who iterates it.

    Attributes:
        come: What was not looked at yet, oldest first: taken from here without waiting.
    """

    def __init__(self) -> None:
        self.come: deque[Outcome | BaseException | None] = deque()
        self._waiter: asyncio.Future[None] | None = None

    def put(self, event: Outcome | BaseException | None) -> None:
        """Tell of ``event``; never waits."""
        self.come.append(event)
        if self._waiter is not None:
            if not self._waiter.done():
                self._waiter.set_result(None)
            self._waiter = None

    async def wait(self) -> None:
        """Wait until there is an event."""
        while not self.come:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
