"""Many upserts: constant memory, one outcome a row, each contact's rows in their order."""

import asyncio
import warnings
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
)
from typing import Any, Final, NoReturn, Self, TypeAlias

from loops_async import errors
from loops_async.ordering import ContactOrder, Job
from loops_async.outcomes import (
    Outcome,
    Row,
    Source,
    Unfinished,
    check_source,
    contact_of,
    stops_everything,
)
from loops_async.records.contacts import ContactReceipt, ContactUpdate

Upsert: TypeAlias = Callable[[ContactUpdate], Awaitable[ContactReceipt]]

_LOOKAHEAD: Final = 4
"""Rows held for each one in flight, so that a run of one contact's rows does not idle the rest."""


class BulkUpsert:
    """A run of many upserts: iterate it once to make it go.

    Leaving the loop early, or a cancellation, stops it: its tasks are gone and ``unfinished``
    says which rows have no outcome. As an ``async with`` block it is stopped for certain when the
    block ends, even if something still refers to it.

    Attributes:
        read: Rows read from the source so far; those from this index on were never touched.
        succeeded: Rows that Loops took.
        failed: Rows with an error.
    """

    def __init__(self, source: Source, upsert: Upsert, *, concurrency: int) -> None:
        check_source(source, concurrency)
        self.read = 0
        self.succeeded = 0
        self.failed = 0
        self._source = source
        self._upsert = upsert
        self._concurrency = concurrency
        self._jobs: dict[int, Job] = {}
        self._order = ContactOrder()
        self._ready: asyncio.Queue[Job] = asyncio.Queue()
        # An outcome; None when the reader came to its end; or what stops the run.
        self._events: asyncio.Queue[Outcome | BaseException | None] = asyncio.Queue()
        self._room = asyncio.Semaphore(concurrency * _LOOKAHEAD)
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle = 0
        self._workers = 0
        self._source_error: BaseException | None = None
        self._begun = False
        self._halted = False

    @property
    def unfinished(self) -> list[Unfinished]:
        """The rows that were read and whose outcome was not given yet, in the source's order."""
        return [
            Unfinished(job.index, job.contact, job.started) for _, job in sorted(self._jobs.items())
        ]

    def __aiter__(self) -> AsyncIterator[Outcome]:
        if self._begun:
            raise errors.InvalidCall(
                "a bulk run can be iterated once; call upsert_many again for another"
            )
        self._begun = True
        # Nothing here may refer to the generator: when the caller's loop lets go of it, its
        # ``finally`` has to run.
        return self._outcomes()

    async def aclose(self) -> None:
        """Stop the run and wait until its tasks are gone. Harmless when it is over."""
        await self.abort(_Stopped())

    async def abort(self, why: Exception) -> None:
        """Stop the run as ``aclose`` does, and let whoever iterates it know of ``why``."""
        self._begun = True
        tasks = self._halt()
        # First, so that nobody waits for outcomes in vain should the wait below be cancelled.
        self._events.put_nowait(why)
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks.difference_update(tasks)

    def __await__(self) -> NoReturn:
        raise errors.InvalidCall(
            "upsert_many is not awaited but iterated: async for outcome in loops.contacts."
            "upsert_many(rows)"
        )

    def __del__(self) -> None:
        if not getattr(self, "_begun", True):
            warnings.warn(
                "upsert_many was never iterated, so nothing was sent; use "
                "'async for outcome in loops.contacts.upsert_many(rows)'",
                RuntimeWarning,
                stacklevel=1,
                source=self,
            )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<BulkUpsert read={self.read} succeeded={self.succeeded} failed={self.failed}>"

    async def _outcomes(self) -> AsyncGenerator[Outcome, None]:
        yielded, total = 0, -1
        self._spawn(self._reader())
        try:
            while yielded != total:
                event = await self._events.get()
                if isinstance(event, Outcome):
                    yielded += 1
                    self._room.release()
                    yield self._given(event)
                elif event is None:
                    total = self.read
                elif isinstance(event, _Stopped):
                    return
                else:
                    await self.aclose()
                    while not self._events.empty():
                        if isinstance(late := self._events.get_nowait(), Outcome):
                            yield self._given(late)
                    raise event
        finally:
            await self.aclose()
        if self._source_error is not None:
            raise self._source_error

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.add(asyncio.create_task(work))

    def _halt(self) -> list[asyncio.Task[None]]:
        """Cancel what runs; nothing is read or sent from here on."""
        self._halted = True
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        return tasks

    async def _reader(self) -> None:
        try:
            await self._read_all()
        except BaseException as error:
            # A source may well end in a cancellation that is not ours.
            if self._halted:
                raise
            # What was read before still goes in; the caller hears of it after that.
            self._source_error = error
        self._events.put_nowait(None)

    async def _read_all(self) -> None:
        await self._room.acquire()
        if isinstance(self._source, AsyncIterable):
            async for row in self._source:
                if not await self._took(row):
                    return
        else:
            for row in self._source:
                if not await self._took(row):
                    return

    async def _took(self, row: Row) -> bool:
        """Take in a row and wait for room for the next; False where there shall be none.

        A source may close the run itself, or swallow the cancellation that was meant for it.
        """
        if not self._halted:
            self._admit(row)
            await self._room.acquire()
        return not self._halted

    def _admit(self, row: Row) -> None:
        index = self.read
        self.read += 1
        try:
            contact = contact_of(row)
        except errors.LoopsError as error:
            refused = error
        except Exception as error:  # noqa: BLE001 - a mapping is the caller's code
            refused = errors.InvalidCall(f"the row could not be read ({type(error).__name__})")
        else:
            self._enqueue(Job(index, contact))
            return
        self._jobs[index] = Job(index, None)
        self._events.put_nowait(Outcome(index, None, None, refused, 0))

    def _enqueue(self, job: Job) -> None:
        self._jobs[job.index] = job
        if self._order.admit(job):
            self._start(job)

    def _start(self, job: Job) -> None:
        self._ready.put_nowait(job)
        if self._idle < self._ready.qsize() and self._workers < self._concurrency:
            # Counted before it is made: an eager task runs at once.
            self._workers += 1
            self._spawn(self._worker())

    async def _worker(self) -> None:
        while not self._halted:
            self._idle += 1
            job = await self._ready.get()
            self._idle -= 1
            job.started = True
            try:
                outcome = await self._upserted(job)
            except BaseException as error:
                if self._halted:
                    raise
                # At once, however long the caller takes to come for the outcomes before it.
                self._halt()
                self._events.put_nowait(error)
                return
            self._events.put_nowait(outcome)
            for follower in self._order.finish(job):
                self._start(follower)

    async def _upserted(self, job: Job) -> Outcome:
        assert job.contact is not None  # noqa: S101 - only contacts are ever started
        try:
            receipt = await self._upsert(job.contact)
        except errors.LoopsError as error:
            if stops_everything(error):
                raise
            return Outcome(job.index, job.contact, None, error, error.attempts)
        return Outcome(job.index, job.contact, receipt.id, None, receipt.attempts)

    def _given(self, outcome: Outcome) -> Outcome:
        del self._jobs[outcome.index]
        if outcome.error is None:
            self.succeeded += 1
        else:
            self.failed += 1
        return outcome


class _Stopped(Exception):
    """The run was closed by whoever iterates it."""
