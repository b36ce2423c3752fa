"""An import whose columns are settled: the rows on their way to Loops."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import attrs

from loops_async import errors
from loops_async.bulk.outcomes import Outcome
from loops_async.bulk.upsert import BulkUpsert
from loops_async.cli.columns import Plan
from loops_async.cli.contacts import contact_fields
from loops_async.cli.journal import Journal, State
from loops_async.cli.refusals import FileRefused, RowRefused
from loops_async.cli.rejects import Rejects
from loops_async.cli.rows import Reading, Rejected, Row
from loops_async.cli.source import Source, read_rows
from loops_async.cli.tally import Tally
from loops_async.cli.undoing import Undoing
from loops_async.client import LoopsClient
from loops_async.records.contacts import ContactUpdate

_THE_ROWS_FAULT: Final = (
    errors.InvalidInput,
    errors.InvalidCall,
    errors.RecipientNotAllowed,
    errors.BadRequest,
    errors.Conflict,
)
_HEARTBEAT: Final = 1.0
"""Seconds between two looks at the progress, and between two trips to the disk."""

MOST_FAILURES: Final = 20
"""Rows that fail one after the other, through no fault of theirs, before an import stops."""


@attrs.define
class Import:
    """The rows of one file on their way.

    Attributes:
        source: The file.
        plan: Where its columns go.
        tally: What became of the rows so far.
        update: Called whenever the tally changed, never twice at the same time.
        empty_as_null: Empty a property at Loops where a cell is empty.
        journal: Where it is written down which rows are over; None for nowhere.
        rejects: Where the rejected rows go; None for nowhere.
        on_applied: Called with the line and the contact of each row that went in.
        on_gone: Called once when so many rows have failed one after the other, each through no
            fault of its own, that the next ones would too: no more rows are read.
        gone: What the last of those failures was; None as long as there is no such row of them.
        undoing: The rejected rows that would undo what a later row of their contact has set.
    """

    source: Source
    plan: Plan
    tally: Tally
    update: Callable[[], None] = lambda: None
    empty_as_null: bool = False
    journal: Journal | None = None
    rejects: Rejects | None = None
    on_applied: Callable[[int, ContactUpdate | None], None] = lambda _line, _contact: None
    on_gone: Callable[[], None] = lambda: None
    gone: str | None = attrs.field(default=None, init=False)
    undoing: Undoing = attrs.field(factory=Undoing, init=False)
    _failures: int = attrs.field(default=0, init=False)
    # Rows are read in one thread, and their outcomes come in another.
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)
    # Held while both files go to the disk, by the one who rejects a row as well.
    _on_disk: threading.Lock = attrs.field(factory=threading.Lock, init=False)
    _under_way: dict[int, tuple[int, Row]] = attrs.field(
        factory=dict[int, tuple[int, Row]], init=False
    )
    _run: BulkUpsert | None = attrs.field(default=None, init=False)
    _stopped: bool = attrs.field(default=False, init=False)
    _over: bool = attrs.field(default=False, init=False)

    async def run(self, loops: LoopsClient, *, concurrency: int) -> None:
        """Send every row that can be sent.

        Raises:
            ImportRefused: The file changed, or the journal or the rejected rows cannot be written.
            LoopsError: What stops the whole import, such as a wrong key.
        """
        async with loops.contacts.upsert_many(
            self._contacts(), concurrency=concurrency, on_outcome=self._note
        ) as rows:
            self._run = rows
            heart = asyncio.create_task(self._beat(rows))
            try:
                async for _ in rows:
                    pass
            finally:
                heart.cancel()
                await asyncio.gather(heart, return_exceptions=True)
                with self._lock:
                    # A reader that is left behind may come back when the files are closed.
                    self._over = True
        # Who is told that it is done may pull the plug.
        await asyncio.to_thread(self._sync)
        self._show()

    def _show(self) -> None:
        if self._run is not None:
            self.tally.rate = self._run.totals.rate
        self.update()

    def stop(self) -> int:
        """Read no more rows; how many were read and are still to end."""
        self._stopped = True
        if self._run is None:
            return 0
        self._run.stop()
        return len(self._run.unfinished)

    def _contacts(self) -> Iterator[Mapping[str, Any]]:
        sent = 0
        for number, reading in enumerate(read_rows(self.source)):
            if number >= self.tally.total:
                raise FileRefused(self.source.name, "has more rows than it had a moment ago")
            if self._stopped or self._over:
                return
            if self._is_done(number, reading):
                continue
            if isinstance(reading, Rejected):
                self._reject(number, reading, reading.reason)
                continue
            try:
                fields = contact_fields(reading, self.plan, empty_as_null=self.empty_as_null)
            except RowRefused as refused:
                self._reject(number, reading, refused.reason)
                continue
            self._under_way[sent] = number, reading
            sent += 1
            yield fields

    def _is_done(self, number: int, reading: Reading) -> bool:
        state = State.OPEN if self.journal is None else self.journal.states[number]
        with self._lock:
            if state == State.APPLIED:
                self.undoing.applied(reading, self.plan)
            elif state == State.REJECTED:
                self.undoing.rejected(reading, self.plan)
        return state in (State.APPLIED, State.REJECTED)

    def _note(self, outcome: Outcome) -> None:
        number, row = self._under_way.pop(outcome.index)
        error = outcome.error
        if isinstance(error, _THE_ROWS_FAULT):
            if isinstance(error, errors.APIError):
                self._failures = 0
            said = getattr(error, "message", "")
            self._reject(number, row, f"Loops said: {said}" if said else str(error))
            return
        with self._lock:
            if self.journal is not None:
                self.journal.note(number, State.FAILED if error else State.APPLIED)
            if error is None:
                self._failures = 0
                self.tally.applied += 1
                self.undoing.applied(row, self.plan)
                self.on_applied(row.line, outcome.contact)
            else:
                self.tally.failed.add(row.line, str(error), _cause(error))
                self._failures += 1
            self._show()
        if error is not None and self._failures >= MOST_FAILURES and not self._stopped:
            # The rest of a long file would only take a day to fail.
            self.gone = _cause(error)
            self.on_gone()
            self.stop()

    def _reject(self, number: int, reading: Reading, reason: str) -> None:
        with self._on_disk, self._lock:
            if self._over:
                return
            # First the row, then the note of it: a kill in between repeats it and loses nothing.
            mark = self.rejects.add(reading, reason) if self.rejects is not None else None
            if self.journal is not None:
                self.journal.note(number, State.REJECTED, mark)
            self.tally.rejected.add(reading.line, reason)
            self.undoing.rejected(reading, self.plan)
            self._show()

    async def _beat(self, rows: BulkUpsert) -> None:
        while True:
            await asyncio.sleep(_HEARTBEAT)
            with self._lock:
                self._show()
            try:
                await asyncio.to_thread(self._sync)
            except FileRefused as error:
                await rows.abort(error)
                return

    def _sync(self) -> None:
        # In this order, and none rejected in between: the journal may not speak of rejected rows
        # that are not there.
        with self._on_disk:
            if self.rejects is not None:
                self.rejects.sync()
            if self.journal is not None:
                self.journal.sync()


def _cause(error: Exception) -> str:
    """What went wrong at last, without how often it was tried, which differs from row to row."""
    last = error.__cause__
    return str(last if isinstance(last, errors.LoopsError) else error)
