"""The engine of a bulk run: reads rows, passes them to workers, and reports outcomes."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, TypeAlias

from loops_async import errors
from loops_async.bulk.ordering import QueuedRow, ReadAhead
from loops_async.bulk.outcomes import (
    OnOutcome,
    Outcome,
    Row,
    call_on_outcome,
    contact_of,
    ends_run,
)
from loops_async.bulk.progress import ProgressCounter, Totals
from loops_async.bulk.sources import RowSource
from loops_async.bulk.workers import Send, WorkerPool
from loops_async.records.contacts import ContactReceipt

_STOP_TIMEOUT: Final = 0.25
"""Seconds to wait, after ``stop``, for a row that the source is producing."""

Event: TypeAlias = Outcome | BaseException | None
"""An outcome; an error that ends the run; or None when all rows were read."""


class EventQueue:
    """Events that the task iterating the run has not handled yet."""

    def __init__(self) -> None:
        self.events: deque[Event] = deque()
        self._waiter: asyncio.Future[None] | None = None

    def put(self, event: Event) -> None:
        """Add ``event`` without waiting."""
        self.events.append(event)
        if self._waiter is not None:
            if not self._waiter.done():
                self._waiter.set_result(None)
            self._waiter = None

    async def wait(self) -> None:
        """Wait for the next event."""
        while not self.events:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter


class BulkEngine:
    """Reads rows, has workers send them, and reports the outcomes.

    Attributes:
        progress: The run's counters.
        unreported: Rows that were read but whose outcome was not reported, by index.
        queue: The events for the task that iterates the run.
        source_error: The error that the source raised.
        callback_error: The error that ``on_outcome`` raised, until it is raised to the caller.
        stopping: Whether reading further rows has been stopped.
    """

    def __init__(
        self,
        rows: RowSource,
        send: Send,
        concurrency: int,
        total: int | None,
        on_outcome: OnOutcome | None,
    ) -> None:
        self._rows = rows
        self._total = total
        self._on_outcome = on_outcome
        self._delivered = 0
        self._has_room = asyncio.Event()
        self._workers = WorkerPool(
            concurrency, send, refill=self._refill, succeeded=self._succeeded, failed=self._failed
        )
        self._read_ahead = ReadAhead(concurrency)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._now: Callable[[], float] = float
        self._reader: asyncio.Task[None] | None = None
        self._reader_waits = False
        self._reading = False
        self._reader_ended = False
        self._read_all_rows = False
        self._halted = False
        self.progress: ProgressCounter = ProgressCounter()
        self.unreported: dict[int, QueuedRow] = {}
        self.queue: EventQueue = EventQueue()
        self.source_error: BaseException | None = None
        self.callback_error: BaseException | None = None
        self.stopping: bool = False

    @property
    def is_finished(self) -> bool:
        """Whether all outcomes were delivered."""
        return self._reader_ended and self._delivered == self.progress.read

    def totals(self) -> Totals:
        """Return the progress of the run."""
        total = self._rows.length if self._total is None else self._total
        if self._read_all_rows:
            total = self.progress.read
        return self.progress.totals(
            self._now(), total, waiting=self._workers.waiting, stopping=self.stopping
        )

    def start(self) -> None:
        """Start reading and sending, unless the run was already halted."""
        self._loop = asyncio.get_running_loop()
        self._now = self._loop.time
        self.progress.begin(self._now())
        if not self._halted:
            self._reading = True
            self._reader = asyncio.create_task(self._read())

    def stop(self) -> None:
        """Stop reading rows. May be called from a signal handler or another thread."""
        self.stopping = True
        self._rows.stop()
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._on_stop)

    def halt(self) -> set[asyncio.Task[None]]:
        """Stop reading and sending at once; return the cancelled tasks."""
        self._halted = True
        if self._loop is not None:
            self.progress.end(self._now())
        tasks = self._workers.halt()
        reader = self._reader
        if reader is not None and reader is not asyncio.current_task():
            reader.cancel()
            tasks.add(reader)
        return tasks

    def deliver(self, outcome: Outcome) -> Outcome:
        """Record that the iteration has returned ``outcome``."""
        self.unreported.pop(outcome.index, None)
        self._delivered += 1
        if self._read_ahead.limited_by_outcomes:
            # In all other cases, workers make room and then wake the reader.
            self._wake_reader()
        return outcome

    def _fail(self, error: BaseException) -> None:
        """End the run at once, even if the caller has not consumed earlier outcomes yet."""
        self.halt()
        self.queue.put(error)

    def _on_stop(self) -> None:
        self._has_room.set()
        self._end_if_idle()

    def _end_if_idle(self) -> None:
        if self._loop is not None and self._reading and not self.progress.unfinished:
            self._loop.call_later(_STOP_TIMEOUT, self._give_up_reading)

    def _give_up_reading(self) -> None:
        """Stop waiting for a row that the source may never produce."""
        if self._reading and self._reader is not None and not self.progress.unfinished:
            self._reader.cancel()

    async def _read(self) -> None:
        try:
            await self._read_all()
        except BaseException as error:
            # A source may itself raise CancelledError.
            if self._halted:
                raise
            # Raised to the caller after the outcomes of the rows that were read before.
            if not (self.stopping and isinstance(error, asyncio.CancelledError)):
                self.source_error = error
        self._reader_ended, self._read_all_rows = True, not self.stopping
        self.queue.put(None)

    async def _read_all(self) -> None:
        try:
            while not self._halted:
                rows = await self._rows.take(await self._wait_for_room())
                self._add(rows)
                self._workers.wake()
                if not rows:
                    return
        finally:
            self._reading = False
            self._add(self._rows.abandon())
            self._workers.wake()
            await self._rows.aclose()

    async def _wait_for_room(self) -> int:
        """Wait until there is room for rows; return for how many."""
        while (room := self._room()) < self._read_ahead.min_batch and not self.stopping:
            self._has_room.clear()
            self._reader_waits = True
            await self._has_room.wait()
            self._reader_waits = False
        return room

    def _wake_reader(self) -> None:
        if (room := self._room()) >= self._read_ahead.min_batch:
            # If the reader waits for the source instead, the source may in turn wait for room.
            self._has_room.set() if self._reader_waits else self._rows.set_room(room)

    def _room(self) -> int:
        sendable = self.progress.unfinished - self._workers.blocked
        return self._read_ahead.room(sendable, held=self.progress.read - self._delivered)

    def _refill(self) -> bool:
        """Add rows that are available without waiting. If there are none, wake the reader."""
        if not self._reading:
            return True
        workers = self._workers
        while not self._halted and len(workers.ready) <= workers.low and (room := self._room()) > 0:
            rows = self._rows.take_ready(room)
            if not rows:
                self._wake_reader()
                break
            self._add(rows)
        workers.wake(running=1)
        return not self._halted

    def _add(self, rows: list[Row]) -> None:
        for source_row in rows:
            index = self.progress.read
            self.progress.read = index + 1
            contact, invalid = None, None
            try:
                contact = contact_of(source_row)
            except errors.LoopsError as error:
                invalid = error
            except BaseException as error:  # noqa: BLE001 - raised to the caller
                self._fail(error)
            row = self.unreported[index] = QueuedRow(index, contact)
            # After a halt, nothing is reported and no worker takes the row.
            if invalid is None or self._halted:
                self._workers.add(row)
            else:
                self._report(Outcome(index, None, None, invalid, 0, row=source_row))

    def _succeeded(self, row: QueuedRow, receipt: ContactReceipt) -> None:
        self._report(
            Outcome(row.index, row.contact, receipt.id, None, receipt.attempts, receipt.dry_run)
        )

    def _failed(self, row: QueuedRow, error: BaseException) -> bool:
        """Report a failed row and return True; or end the run if the error affects all rows."""
        if isinstance(error, errors.LoopsError) and not ends_run(error):
            self._report(Outcome(row.index, row.contact, None, error, error.attempts))
            return True
        if not self._halted:
            self._fail(error)
        return False

    def _report(self, outcome: Outcome) -> None:
        """Report an outcome, before anything else happens."""
        now = self._now()
        if self.progress.add(now, failed=outcome.error is not None):
            self._read_ahead.adapt(self.progress.rate(now))
            self._workers.low = self._read_ahead.min_batch - 1
        if self._on_outcome is not None and not self._notify(self._on_outcome, outcome):
            return
        self.queue.put(outcome)
        if self.stopping:
            asyncio.get_running_loop().call_soon(self._end_if_idle)

    def _notify(self, on_outcome: OnOutcome, outcome: Outcome) -> bool:
        """Call ``on_outcome``; return whether it succeeded."""
        if self.callback_error is not None:
            return False  # not called again after an error
        try:
            call_on_outcome(on_outcome, outcome)
        except BaseException as error:  # noqa: BLE001 - raised to the caller
            self.callback_error = error
            self._fail(error)
            return False
        del self.unreported[outcome.index]
        return True
