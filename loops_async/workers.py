"""The tasks of a bulk run: so many at the most, and one contact's rows one after the other."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from loops_async.ordering import ContactOrder, Job

Work: TypeAlias = Callable[[Job], Awaitable[None]]


class Workers:
    """Tasks that do jobs in the order in which these may go, ``width`` of them at the most."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._order = ContactOrder()
        self._ready: asyncio.Queue[Job] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle = 0
        self._count = 0
        self._halted = False

    @property
    def ready(self) -> int:
        """Jobs that may begin and have not."""
        return self._ready.qsize()

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
        self._ready.put_nowait(job)
        if self._idle < self._ready.qsize() and self._count < self._width:
            # Counted before it is made: an eager task runs at once.
            self._count += 1
            self._tasks.add(asyncio.create_task(self._run(work)))

    async def _run(self, work: Work) -> None:
        while True:
            self._idle += 1
            job = await self._ready.get()
            self._idle -= 1
            job.started = True
            await work(job)
            if self._halted:
                return
            for follower in self._order.finish(job):
                self._start(follower, work)
