"""The tasks of a bulk run: so many at the most, and one contact's rows one after the other."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias

from loops_async.bulk.ordering import ContactOrder, Job
from loops_async.bulk.outcomes import Outcome
from loops_async.records.contacts import ContactReceipt, ContactUpdate

Upsert: TypeAlias = Callable[[ContactUpdate], Awaitable[ContactReceipt]]


class Employer(Protocol):
    """Who has jobs done. It is told within a worker's task, and never waits."""

    def restock(self) -> bool:
        """Admit what jobs are at hand, for few are ready; whether the worker goes on."""
        ...

    def succeeded(self, job: Job, receipt: ContactReceipt, /) -> None:
        """Hear what came of a job."""
        ...

    def failed(self, job: Job, error: BaseException, /) -> bool:
        """Hear what a job raised; whether that was its outcome, and the worker goes on."""
        ...


class Workers:
    """Tasks that do jobs in the order in which these may go, ``width`` of them at the most.

    Attributes:
        ready: Jobs that may begin and have not.
        low: A worker that comes for a job asks for more where no more than these are ready.
    """

    def __init__(self, width: int, upsert: Upsert, employer: Employer) -> None:
        self.ready: deque[Job] = deque()
        self.low: int = 0
        self._width = width
        self._upsert = upsert
        self._employer = employer
        self._order = ContactOrder()
        # No asyncio.Queue: it costs several times as much for each row.
        self._idle: deque[asyncio.Future[None]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._count = 0
        self._called = 0
        """Workers that were called and have not come yet."""
        self._calling = False
        """Eager workers would call each other otherwise, each one deeper in the stack."""
        self._halted = False

    @property
    def blocked(self) -> int:
        """Jobs that wait for others."""
        return self._order.blocked

    @property
    def waiting(self) -> int:
        """Jobs that have not begun."""
        return len(self.ready) + self._order.blocked

    def admit(self, job: Job) -> None:
        """Take in the next job; it is ready once the earlier ones of its contact are over."""
        if self._order.admit(job):
            self.ready.append(job)

    def call(self, *, at_hand: int = 0) -> None:
        """Call a worker for each job that is ready, but for the ``at_hand`` who look for one.

        To be called when all jobs at hand were admitted: an eager worker begins at once, and may
        ask for more of them.
        """
        if self._halted or self._calling:
            return
        self._calling = True
        while self._idle and len(self.ready) > self._called + at_hand:
            idle = self._idle.popleft()
            if not idle.done():
                self._called += 1
                idle.set_result(None)
        while self._count < self._width and len(self.ready) > self._called + at_hand:
            # Counted before it is made: an eager task runs at once.
            self._count += 1
            self._called += 1
            self._tasks.add(asyncio.create_task(self._work()))
        self._calling = False

    def halt(self) -> set[asyncio.Task[None]]:
        """Begin no further job, and cancel those at work but for the one that asks."""
        self._halted = True
        tasks = self._tasks - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        return tasks

    async def _work(self) -> None:
        # One coroutine from the first job to the last, and no task is woken between two of them
        # while there are jobs: all of this is once a row.
        ready, employer, upsert = self.ready, self._employer, self._upsert
        self._called -= 1
        while not self._halted:
            if len(ready) <= self.low and not employer.restock():
                return
            if not ready:
                await self._call()
                continue
            job = ready.popleft()
            job.started = True
            assert job.contact is not None  # noqa: S101 - only contacts are ever admitted
            try:
                employer.succeeded(job, await upsert(job.contact))
            except BaseException as error:
                was_halted = self._halted
                if not employer.failed(job, error):
                    if was_halted:
                        raise
                    return
            if followers := self._order.finish(job):
                ready.extend(followers)
                self.call(at_hand=1)

    async def _call(self) -> None:
        """Wait to be called."""
        idle = asyncio.get_running_loop().create_future()
        self._idle.append(idle)
        await idle
        self._called -= 1


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
