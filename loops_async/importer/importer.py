"""Importing a file: one contact update per row, recorded in a journal."""

import asyncio
import os
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Final, Literal, TypeVar

import attrs

from loops_async import errors
from loops_async.bulk.outcomes import Outcome
from loops_async.bulk.upsert import BulkUpsert
from loops_async.importer import events, resume
from loops_async.importer.consent import OptedOut
from loops_async.importer.errors import (
    ColumnsRefused,
    FileRefused,
    ImportRefused,
    RowRefused,
    quote_path,
)
from loops_async.importer.identity_checks import check_people
from loops_async.importer.journal import ImportJournal, JournalHeader, RowState
from loops_async.importer.mapping import Account, PlannedColumn, load_account
from loops_async.importer.options import ImportOptions
from loops_async.importer.planning import NewProperty, plan_import, plan_resumed
from loops_async.importer.reading import AnyRow, InputFile, open_input
from loops_async.importer.rejects import RejectsFile, output_paths
from loops_async.importer.report import ImportReport
from loops_async.importer.row_to_contact import row_to_contact
from loops_async.importer.type_inference import FileScan, scan_file
from loops_async.importer.validation import check_rows, filled_properties
from loops_async.importer.warnings import (
    count_resubscribing,
    note_null_words,
    resubscribing_notice,
)
from loops_async.pipeline.stats import Stats
from loops_async.records.contacts import ContactUpdate

if TYPE_CHECKING:
    from loops_async.client import LoopsClient

T = TypeVar("T")

MOST_FAILURES: Final = 20
"""Rows in a row that fail although nothing is wrong with them before an import stops."""

_HEARTBEAT: Final = 1.0
"""Seconds between two progress events, and between two flushes to the disk."""


async def import_file(
    loops: "LoopsClient",
    path: str | os.PathLike[str] | InputFile,
    options: ImportOptions | None = None,
    *,
    on_progress: Callable[[events.ImportEvent], None] | None = None,
    stop: asyncio.Event | None = None,
    confirm: Callable[[ImportReport], Awaitable[bool]] | None = None,
) -> ImportReport:
    """Update or create a contact for each row of a CSV or JSON Lines file.

    A journal next to the file records which rows are done, so that an import that was stopped,
    cancelled or killed can be continued with ``ImportOptions(resume=True)``. Rejected rows are
    written to another file, each with the reason.

    ``stop`` ends the import gracefully: no more rows are read, and rows in flight finish. A
    cancellation ends it at once; rows in flight are then sent again when it is resumed.

    Args:
        loops: The client of the team. With a dry-run client the import is a dry run.
        path: The file, or what ``open_input`` opened, for an upload; that has neither a journal
            nor a file of rejected rows unless ``options`` name them.
        options: How its columns are mapped, and more; see ``ImportOptions``.
        on_progress: Called in the event loop with each event. It must not block or raise.
        stop: Set this event to stop gracefully.
        confirm: Awaited once, before anything is created or sent, with the report so far: the
            plan, and how many rows there are. If it returns False, the import is refused.

    Returns:
        What was done. The last event, ``ImportFinished``, has it too.

    Raises:
        ImportRefused: The file, its columns or its journal cannot work; nothing was sent.
        LoopsError: An error that stops the whole import, such as a wrong API key.
    """
    with ExitStack() as opened:
        source = (
            path
            if isinstance(path, InputFile)
            else opened.enter_context(open_input(path, options=options))
        )
        work = _FileImport(
            loops,
            source,
            options or ImportOptions(),
            on_progress or (lambda _: None),
            stop,
            confirm,
        )
        return await work.run()


@attrs.define(eq=False)
class _FileImport:
    loops: "LoopsClient"
    source: InputFile
    options: ImportOptions
    on_progress: Callable[[events.ImportEvent], None]
    stop: asyncio.Event | None
    confirm: Callable[[ImportReport], Awaitable[bool]] | None
    report: ImportReport = attrs.field(factory=ImportReport, init=False)
    journal: ImportJournal | None = attrs.field(default=None, init=False)
    rejects: RejectsFile | None = attrs.field(default=None, init=False)
    _scan: FileScan = attrs.field(default=FileScan((), 0, 0), init=False)
    _stamp: tuple[int, ...] = attrs.field(default=(), init=False)
    _now: JournalHeader | None = attrs.field(default=None, init=False)
    _resumed: JournalHeader | None = attrs.field(default=None, init=False)
    _loop: asyncio.AbstractEventLoop = attrs.field(factory=asyncio.get_running_loop, init=False)
    _thread: int = attrs.field(factory=threading.get_ident, init=False)
    _began: float = attrs.field(factory=time.monotonic, init=False)
    _stats: Stats = attrs.field(
        default=attrs.Factory(lambda self: self.loops.stats(), takes_self=True), init=False
    )

    async def run(self) -> ImportReport:
        if self.options.dry_run or self.loops.dry_run:
            return await self._in_thread(self._rehearse)
        with ExitStack() as opened:
            await self._in_thread(partial(self._prepare, opened))
            lists = self.options.names_mailing_lists
            account = await load_account(self.loops, mailing_lists=lists)
            await self._in_thread(partial(self._plan_columns, account))
            if self.confirm is not None and not await self.confirm(self.report):
                raise ImportRefused("The import was not confirmed. Nothing was sent.")
            for new in await self._in_thread(self._filled_properties):
                await self.loops.contact_properties.create(new.key, new.type)
                self._emit(events.PropertyCreated(new))
            await self._in_thread(self._put_rejects_aside)
            await self._send()
        return self.report

    def _rehearse(self) -> ImportReport:
        allowed = self.loops.allowed_recipients
        report = check_rows(self.source, self.options, allowlist=allowed, emit=self._emit)
        report.seconds = time.monotonic() - self._began
        self._emit(events.ImportFinished(report))
        return report

    def _prepare(self, opened: ExitStack) -> None:
        """Read the file once, and open the files that are written."""
        source = self.source
        if source.is_on_disk:
            self._stamp = resume.stamp(source)
        path, rejected = output_paths(source, self.options)
        journal = self.journal = opened.enter_context(
            resume.open_journal(source, path, self.options, self._emit)
        )
        self.options = resume.restore_options(self.options, journal, source, self._emit)
        source = self.source = source.read_with(self.options)
        for note in source.layout.notes:
            self._emit(events.ImportNotice("file_read", note))
        self._scan = scan_file(source, self.options)
        self.report.rows = self._scan.rows
        self.report.options = self.options
        if rejected is not None:
            self.rejects = RejectsFile(rejected, source)
            opened.callback(self.rejects.close)
        if journal is None:
            return
        self._now = JournalHeader(
            sha256=resume.digest(source),
            rows=self._scan.rows,
            team=self.loops.fingerprint,
            settings=self.options.recorded(),
            plan=[],
        )
        self._resumed = resume.resumed_header(journal, self._now, self.options, source)
        if self.options.resume and (
            notice := resume.describe_journal(journal, self._resumed, self._now)
        ):
            self._emit(notice)

    def _plan_columns(self, account: Account) -> None:
        """Decide where the columns go, or read it from the journal."""
        journal, report, options = self.journal, self.report, self.options
        if journal is not None and self._resumed is not None:
            plan = plan_resumed(resume.from_journal(self._resumed, options), account, options)
            empty_as_null = options.empty_as_null
            resume.reopen_later_rows(
                self.source, plan.columns, journal, empty_as_null=empty_as_null
            )
            report.applied = journal.count(RowState.APPLIED)
            report.rejected.count = report.rejected.before = journal.count(RowState.REJECTED)
            report.skipped = journal.count(RowState.SKIPPED)
            report.done_before = report.done
        else:
            plan = plan_import(self._scan, account, options)
            plan = check_people(plan, self.source, options, self._emit)
            if plan.objection:
                raise ColumnsRefused(f"{plan.objection}\nNothing was sent.")
            if journal is not None and self._now is not None:
                # Before anything is created at Loops: a resumed import has to know what for.
                journal.begin(attrs.evolve(self._now, plan=resume.to_journal(plan.columns)))
        report.plan, report.has_journal = plan, journal is not None
        self._emit(events.ColumnsPlanned(plan))
        note_null_words(self._scan, plan, self._emit)
        report.resubscribing = count_resubscribing(self.source, plan.columns, journal)
        if report.resubscribing:
            self._emit(resubscribing_notice(report.resubscribing, plan.columns))

    def _filled_properties(self) -> list[NewProperty]:
        plan = self.report.plan
        allowed = self.loops.allowed_recipients
        return filled_properties(
            self.source, plan, self.options, allowlist=allowed, journal=self.journal
        )

    def _put_rejects_aside(self) -> None:
        mark = self.journal.mark if self.journal is not None else None
        if self.rejects is not None and (kept := self.rejects.begin(mark)):
            message = f"{self.rejects.name} already existed; it was renamed to {quote_path(kept)}."
            self._emit(events.ImportNotice("rejects_kept", message))

    async def _send(self) -> None:
        sender = RowSender(
            self.loops,
            self.source,
            self.report.plan.columns,
            self.report,
            self._emit,
            empty_as_null=self.options.empty_as_null,
            journal=self.journal,
            rejects=self.rejects,
            opted_out=OptedOut.skipped_by(self.options, self.report.plan.columns),
            since=self._stats,
        )
        self._emit(events.ImportStarted(self.report.rows, self.report.done_before))
        self._emit(self.report.progress())
        stopping = asyncio.create_task(self._stop_when_asked(sender))
        try:
            await sender.run(concurrency=self.options.concurrency)
        except ImportRefused as error:
            # The file changed, or the disk is full; the rows before were sent.
            self.report.error = str(error)
        finally:
            stopping.cancel()
            self._finish()

    async def _stop_when_asked(self, sender: "RowSender") -> None:
        if self.stop is not None:
            await self.stop.wait()
            self.report.stopped = True
            sender.stop("requested")

    def _finish(self) -> None:
        report, journal, rejects = self.report, self.journal, self.rejects
        report.seconds = time.monotonic() - self._began
        if rejects is not None and rejects.exists:
            report.rejected_file = rejects.path
        if journal is not None and journal.header is not None and self._stamp:
            sha256 = journal.header.sha256
            report.file_changed = resume.has_changed(self.source, self._stamp, sha256)
        report.resumable = journal is not None and not journal.complete and not report.file_changed
        self._emit(events.ImportFinished(report))

    def _emit(self, event: events.ImportEvent) -> None:
        if threading.get_ident() == self._thread:
            self.on_progress(event)
        else:
            self._loop.call_soon_threadsafe(self.on_progress, event)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """Do ``work``, which reads the file, without blocking the event loop.

        A cancellation closes the file, which ends the work, and waits for that: the thread must
        not use the journal after it is closed.
        """
        task = asyncio.create_task(asyncio.to_thread(work))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            self.source.close()
            await asyncio.wait([task])
            if not task.cancelled():
                task.exception()
            raise


@attrs.define(eq=False)
class RowSender:
    """Sends the rows of one file.

    ``emit`` is called in the event loop with ``ImportProgress`` and ``ImportStopping``; ``since``
    has the client's counts when the import began.
    """

    loops: "LoopsClient"
    source: InputFile
    columns: tuple[PlannedColumn, ...]
    report: ImportReport
    emit: Callable[[events.ImportEvent], None] = lambda _: None
    empty_as_null: bool = False
    journal: ImportJournal | None = None
    rejects: RejectsFile | None = None
    opted_out: OptedOut | None = None
    since: Stats = attrs.field(
        default=attrs.Factory(lambda self: self.loops.stats(), takes_self=True)
    )
    _failures: int = attrs.field(default=0, init=False)
    # Rows are read in one thread, and their outcomes come in another.
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)
    # Held while both files are flushed, and while a row is rejected.
    _on_disk: threading.Lock = attrs.field(factory=threading.Lock, init=False)
    _in_flight: dict[int, tuple[int, AnyRow]] = attrs.field(
        factory=dict[int, tuple[int, AnyRow]], init=False
    )
    _rows: BulkUpsert | None = attrs.field(default=None, init=False)
    _stopped: bool = attrs.field(default=False, init=False)
    _over: bool = attrs.field(default=False, init=False)

    async def run(self, *, concurrency: int) -> None:
        """Send every row that can be sent.

        Raises:
            ImportRefused: The file changed, or the journal or the rejected rows cannot be written.
            LoopsError: An error that stops the whole import, such as a wrong API key.
        """
        async with self.loops.contacts.upsert_many(
            self._contacts(), concurrency=concurrency, on_outcome=self._note
        ) as rows:
            self._rows = rows
            heart = asyncio.create_task(self._beat(rows))
            try:
                async for _ in rows:
                    pass
            finally:
                heart.cancel()
                await asyncio.gather(heart, return_exceptions=True)
                with self._lock:
                    # A reader that is still blocked may continue after the files are closed.
                    self._over = True
                self._count()
        # The machine may be turned off as soon as the import is reported as done.
        await asyncio.to_thread(self._sync)
        self._show()

    def stop(self, reason: Literal["requested", "unavailable"]) -> None:
        """Read no more rows; those in flight finish."""
        self._stopped = True
        in_flight = 0
        if self._rows is not None:
            self._rows.stop()
            in_flight = len(self._rows.unfinished)
        self._count()
        is_known = reason == "requested" and in_flight and self.report.rate > 0
        seconds = in_flight / self.report.rate if is_known else None
        self.emit(events.ImportStopping(reason, in_flight, seconds, self._failures))

    def _contacts(self) -> Iterator[ContactUpdate]:
        sent = 0
        for number, row in enumerate(self.source.rows()):
            if number >= self.report.rows:
                raise FileRefused(self.source.name, "has more rows than when the import began")
            if self._stopped or self._over:
                return
            if self._is_done(number, row) or self._is_skipped(number, row):
                continue
            try:
                contact = row_to_contact(row, self.columns, empty_as_null=self.empty_as_null)
            except RowRefused as refused:
                self._reject(number, row, refused.reason)
                continue
            self._in_flight[sent] = number, row
            sent += 1
            yield contact

    def _is_done(self, number: int, row: AnyRow) -> bool:
        if self.journal is None or not self.journal.is_done(number):
            return False
        with self._lock:
            if self.journal.states[number] == RowState.APPLIED:
                self.report.overtaken.applied(row, self.columns)
            elif self.journal.states[number] == RowState.REJECTED:
                self.report.overtaken.rejected(row, self.columns)
        return True

    def _is_skipped(self, number: int, row: AnyRow) -> bool:
        if self.opted_out is None or not self.opted_out.has_refused(row):
            return False
        with self._lock:
            if self.journal is not None:
                self.journal.note(number, RowState.SKIPPED)
            self.report.skipped += 1
        return True

    def _note(self, outcome: Outcome) -> None:
        number, row = self._in_flight.pop(outcome.index)
        error = outcome.error
        if error is not None and error.concerns_input:
            if isinstance(error, errors.APIError):
                self._failures = 0
            message = getattr(error, "message", "")
            self._reject(number, row, f"Loops said: {message}" if message else str(error))
        else:
            self._note_sent(number, row, error)
        self._show()
        if self._failures >= MOST_FAILURES and not self._stopped:
            # The rest of a long file would only take a day to fail.
            self.report.unavailable = _cause(error)
            self.stop("unavailable")

    def _note_sent(self, number: int, row: AnyRow, error: errors.LoopsError | None) -> None:
        with self._lock:
            if self.journal is not None:
                self.journal.note(number, RowState.FAILED if error else RowState.APPLIED)
            if error is None:
                self._failures = 0
                self.report.applied += 1
                self.report.overtaken.applied(row, self.columns)
            else:
                self._failures += 1
                self.report.failed.add(row.line, str(error), _cause(error))

    def _reject(self, number: int, row: AnyRow, reason: str) -> None:
        with self._on_disk, self._lock:
            if self._over:
                return
            # First the row, then its record: a kill in between repeats it and loses nothing.
            mark = self.rejects.add(row, reason) if self.rejects is not None else None
            if self.journal is not None:
                self.journal.note(number, RowState.REJECTED, mark)
            self.report.rejected.add(row.line, reason)
            self.report.overtaken.rejected(row, self.columns)

    def _count(self) -> None:
        stats = self.loops.stats()
        self.report.requests = stats.requests - self.since.requests
        self.report.rate_limited = stats.rate_limited - self.since.rate_limited
        if self._rows is not None:
            self.report.rate = self._rows.totals.rate

    def _show(self) -> None:
        self._count()
        self.emit(self.report.progress())

    async def _beat(self, rows: BulkUpsert) -> None:
        while True:
            await asyncio.sleep(_HEARTBEAT)
            self._show()
            try:
                await asyncio.to_thread(self._sync)
            except FileRefused as error:
                await rows.abort(error)
                return

    def _sync(self) -> None:
        # In this order, and with no row rejected in between: the journal must not name rejected
        # rows that are not on the disk.
        with self._on_disk:
            if self.rejects is not None:
                self.rejects.sync()
            if self.journal is not None:
                self.journal.sync()


def _cause(error: Exception | None) -> str:
    """What went wrong, without how often it was tried, which differs from row to row."""
    last = error.__cause__ if error is not None else None
    return str(last if isinstance(last, errors.LoopsError) else error)
