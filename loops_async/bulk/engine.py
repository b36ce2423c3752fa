"""A bulk run on its way: its rows, the workers, and the queue of what they have to tell."""

import asyncio
from collections.abc import Callable
from typing import Final

from loops_async import errors
from loops_async.bulk.ordering import Job, Lookahead
from loops_async.bulk.outcomes import (
    OnOutcome,
    Outcome,
    Row,
    applied,
    contact_of,
    stops_everything,
    tell,
)
from loops_async.bulk.progress import Tally, Totals
from loops_async.bulk.sources import Rows
from loops_async.bulk.workers import Events, Upsert, Workers
from loops_async.records.contacts import ContactReceipt

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
        self._total = total
        self._on_outcome = on_outcome
        self._given = 0
        self._space = asyncio.Event()
        self._workers = Workers(concurrency, upsert, self)
        self._ahead = Lookahead(concurrency)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._now: Callable[[], float] = float
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
        return self.tally.totals(
            self._now(), total, waiting=self._workers.waiting, stopping=self.stopping
        )

    def begin(self) -> None:
        """Read and send, unless it was halted before."""
        self._loop = asyncio.get_running_loop()
        self._now = self._loop.time
        self.tally.begin(self._now())
        if not self._halted:
            self._reading = True
            self._reader = asyncio.create_task(self._read())

    def heard(self, error: BaseException) -> None:
        """Note that ``error`` is raised to whoever iterates."""
        if error is self.callback_error:
            self.callback_error = None

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
            self.tally.end(self._now())
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
        if self._ahead.is_full:
            # Otherwise it is the workers who make room, and who read on when they do.
            self._wake_reader()
        return outcome

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
                self._admit(rows)
                self._workers.call()
                if not rows:
                    return
        finally:
            self._reading = False
            self._admit(self._rows.abandon())
            self._workers.call()
            await self._rows.aclose()

    async def _room_for_some(self) -> int:
        """Wait until rows may be read; how many."""
        while (room := self._room()) < self._ahead.fewest and not self.stopping:
            self._space.clear()
            self._waits = True
            await self._space.wait()
            self._waits = False
        return room

    def _wake_reader(self) -> None:
        if (room := self._room()) >= self._ahead.fewest:
            # Where the reader waits for the source, that may wait for room which workers took.
            self._space.set() if self._waits else self._rows.allow(room)

    def restock(self) -> bool:
        """Admit rows that are at hand; have the reader wait for some where there are none."""
        if not self._reading:
            return True
        workers = self._workers
        while not self._halted and len(workers.ready) <= workers.low and (room := self._room()) > 0:
            rows = self._rows.at_hand(room)
            if not rows:
                self._wake_reader()
                break
            self._admit(rows)
        workers.call(at_hand=1)
        return not self._halted

    def _room(self) -> int:
        for_workers = self.tally.open - self._workers.blocked
        return self._ahead.room(for_workers, held=self.tally.read - self._given)

    def _admit(self, rows: list[Row]) -> None:
        for row in rows:
            index = self.tally.read
            self.tally.read = index + 1
            contact, refused = None, None
            try:
                contact = contact_of(row)
            except errors.LoopsError as error:
                refused = error
            except BaseException as error:  # noqa: BLE001 - raised to whoever iterates
                self._fail(error)
            job = self.jobs[index] = Job(index, contact)
            # Once it is halted, nobody is told anything, and no worker comes for a job.
            if refused is None or self._halted:
                self._workers.admit(job)
            else:
                self._tell(Outcome(index, None, None, refused, 0, row=row))

    def succeeded(self, job: Job, receipt: ContactReceipt, /) -> None:
        """Tell of a row that went in."""
        self._tell(applied(job.index, job.contact, receipt))

    def failed(self, job: Job, error: BaseException, /) -> bool:
        """Tell of a row that did not go in, or end everything; whether it was the row alone."""
        if isinstance(error, errors.LoopsError) and not stops_everything(error):
            self._tell(Outcome(job.index, job.contact, None, error, error.attempts))
            return True
        if not self._halted:
            self._fail(error)
        return False

    def _tell(self, outcome: Outcome) -> None:
        """Tell whoever wants to know of an outcome, before anything else goes on."""
        now = self._now()
        if self.tally.done(now, failed=outcome.error is not None):
            self._ahead.adapt(self.tally.rate(now))
            self._workers.low = self._ahead.fewest - 1
        if self._on_outcome is not None and not self._noted(outcome):
            return
        self.events.put(outcome)
        if self.stopping:
            asyncio.get_running_loop().call_soon(self._end_if_drained)

    def _noted(self, outcome: Outcome) -> bool:
        """Whether ``on_outcome`` took ``outcome``."""
        if self._on_outcome is None or self.callback_error is not None:
            return False  # what has failed once is not written to again
        try:
            tell(self._on_outcome, outcome)
        except BaseException as error:  # noqa: BLE001 - raised to whoever iterates
            self.callback_error = error
            self._fail(error)
            return False
        del self.jobs[outcome.index]
        return True
