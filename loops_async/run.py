"""A bulk run on its way: a reader, the workers, and the queue of what they have to tell."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from loops_async import errors
from loops_async.ordering import Job
from loops_async.outcomes import (
    OnOutcome,
    Outcome,
    Row,
    contact_of,
    stops_everything,
    tell,
)
from loops_async.records.contacts import ContactReceipt, ContactUpdate
from loops_async.sources import Rows
from loops_async.totals import Tally, Totals
from loops_async.workers import Events, Workers

Upsert: TypeAlias = Callable[[ContactUpdate], Awaitable[ContactReceipt]]

_LOOKAHEAD: Final = 4
"""Rows held for each one in flight, so that a run of one contact's rows does not idle the rest."""

_SPARE: Final = 4
"""One worker in so many has its next row ready: stopping is short, and reading goes in chunks."""

_PATIENCE: Final = 0.25
"""Seconds that a source which was told to stop has for the row that it is about to give."""


class Run:
    """Reads rows, has them done, and tells what became of them.

    Attributes:
        tally: What has been counted.
        jobs: The rows whose outcome nobody was told, by their index.
        events: An outcome; None when the reader came to its end; or what ends the run.
        source_error: What the source raised.
        callback_error: What ``on_outcome`` raised, until somebody hears of it.
        stopping: Whether no further row shall be read.
    """

    def __init__(
        self,
        rows: Rows,
        upsert: Upsert,
        concurrency: int,
        total: int | None,
        on_outcome: OnOutcome | None,
    ) -> None:
        self._rows = rows
        self._upsert = upsert
        self._concurrency = concurrency
        self._spare = max(1, concurrency // _SPARE)
        self._fewest = max(1, self._spare // 2)
        self._total = total
        self._on_outcome = on_outcome
        self._given = 0
        self._space = asyncio.Event()
        self._workers = Workers(concurrency)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._reader: asyncio.Task[None] | None = None
        self._waits = False
        self._reading = False
        self._read_out = False
        self._read_whole = False
        self._halted = False
        self.tally: Tally = Tally()
        self.jobs: dict[int, Job] = {}
        self.events: Events = Events()
        self.source_error: BaseException | None = None
        self.callback_error: BaseException | None = None
        self.stopping: bool = False

    @property
    def is_over(self) -> bool:
        """Whether there is no outcome to come."""
        return self._read_out and self._given == self.tally.read

    def totals(self) -> Totals:
        """How far it has come."""
        total = self._rows.length if self._total is None else self._total
        if self._read_whole:
            total = self.tally.read
        now = self._loop.time() if self._loop is not None else 0.0
        return self.tally.totals(now, total, stopping=self.stopping)

    def begin(self) -> None:
        """Read and send, unless it was halted before."""
        self._loop = asyncio.get_running_loop()
        self.tally.begin(self._loop.time())
        if not self._halted:
            self._reading = True
            self._reader = asyncio.create_task(self._read())

    def stop(self) -> None:
        """Read no further row. Safe in a signal handler and in another thread."""
        self.stopping = True
        self._rows.stop()
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._drain)

    def halt(self) -> set[asyncio.Task[None]]:
        """Cancel what runs; nothing is read or sent from here on."""
        self._halted = True
        if self._loop is not None:
            self.tally.end(self._loop.time())
        tasks = self._workers.halt()
        reader = self._reader
        if reader is not None and reader is not asyncio.current_task():
            reader.cancel()
            tasks.add(reader)
        return tasks

    def _fail(self, error: BaseException) -> None:
        """End it at once, however long the caller takes to come for the outcomes before that."""
        self.halt()
        self.events.put(error)

    def _drain(self) -> None:
        self._space.set()
        self._end_if_drained()

    def _end_if_drained(self) -> None:
        if self._loop is not None and self._reading and not self.tally.open:
            self._loop.call_later(_PATIENCE, self._give_up_reading)

    def _give_up_reading(self) -> None:
        """All else is done: wait no longer for a row that the source may never give."""
        if self._reading and self._reader is not None and not self.tally.open:
            self._reader.cancel()

    def give(self, outcome: Outcome) -> Outcome:
        """Note that the iteration gives ``outcome``."""
        self.jobs.pop(outcome.index, None)
        self._given += 1
        self._make_room()
        return outcome

    def _make_room(self) -> None:
        if self._waits and self._room() >= self._fewest:
            self._space.set()

    async def _read(self) -> None:
        try:
            await self._read_all()
        except BaseException as error:
            # A source may well end in a cancellation that is not ours.
            if self._halted:
                raise
            # What was read before still goes in; the caller hears of it after that.
            if not (self.stopping and isinstance(error, asyncio.CancelledError)):
                self.source_error = error
        self._read_out, self._read_whole = True, not self.stopping
        self.events.put(None)

    async def _read_all(self) -> None:
        try:
            while not self._halted:
                rows = await self._rows.take(await self._room_for_some())
                for row in rows:
                    self._admit(row)
                if not rows:
                    return
        finally:
            self._reading = False
            for row in self._rows.abandon():
                self._admit(row)
            await self._rows.aclose()

    async def _room_for_some(self) -> int:
        """Wait until rows may be read; how many."""
        while (room := self._room()) < self._fewest and not self.stopping:
            self._space.clear()
            self._waits = True
            await self._space.wait()
            self._waits = False
        return room

    def _room(self) -> int:
        """A few rows ahead of the workers, and more only while rows wait for others."""
        can_go = self.tally.in_flight + len(self._workers.ready)
        held = self.tally.read - self._given
        ahead = self._concurrency + self._spare - can_go
        return min(ahead, self._concurrency * _LOOKAHEAD - held)

    def _admit(self, row: Row) -> None:
        index = self.tally.read
        self.tally.read += 1
        job = self.jobs[index] = Job(index, None)
        try:
            job.contact = contact_of(row)
        except errors.LoopsError as error:
            refused = error
        except Exception as error:  # noqa: BLE001 - a mapping is the caller's code
            refused = errors.InvalidCall(f"the row could not be read ({type(error).__name__})")
        else:
            if not self._halted:
                self._workers.add(job, self._work)
            return
        if not self._halted:
            self._tell(Outcome(index, None, None, refused, 0))

    async def _work(self, job: Job) -> None:
        self.tally.in_flight += 1
        try:
            outcome = await self._upserted(job)
        except BaseException as error:
            if self._halted:
                raise
            self._fail(error)
            return
        self.tally.in_flight -= 1
        self._tell(outcome)

    async def _upserted(self, job: Job) -> Outcome:
        assert job.contact is not None  # noqa: S101 - only contacts are ever started
        try:
            receipt = await self._upsert(job.contact)
        except errors.LoopsError as error:
            if stops_everything(error):
                raise
            return Outcome(job.index, job.contact, None, error, error.attempts)
        return Outcome(job.index, job.contact, receipt.id, None, receipt.attempts, receipt.dry_run)

    def _tell(self, outcome: Outcome) -> None:
        """Tell whoever wants to know of an outcome, before anything else goes on."""
        assert self._loop is not None  # noqa: S101 - it has begun
        self.tally.done(self._loop.time(), failed=outcome.error is not None)
        if self._on_outcome is not None:
            if self.callback_error is not None:
                return  # what has failed once is not written to again
            try:
                tell(self._on_outcome, outcome)
            except BaseException as error:  # noqa: BLE001 - raised to whoever iterates
                self.callback_error = error
                self._fail(error)
                return
            del self.jobs[outcome.index]
        self.events.put(outcome)
        self._make_room()
        if self.stopping:
            self._loop.call_soon(self._end_if_drained)
