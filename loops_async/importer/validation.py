"""Checking every row of a file without sending anything."""

import os
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Final

from loops_async.api import contact_properties, contacts
from loops_async.codec import encode
from loops_async.errors import LoopsError
from loops_async.importer.consent import OptedOut
from loops_async.importer.errors import RowRefused
from loops_async.importer.events import ColumnsPlanned, ImportEvent, ImportNotice
from loops_async.importer.identity_checks import check_people
from loops_async.importer.journal import ImportJournal
from loops_async.importer.mapping import Account
from loops_async.importer.options import ImportOptions
from loops_async.importer.planning import ImportPlan, NewProperty, plan_import
from loops_async.importer.reading import AnyRow, InputFile, open_input
from loops_async.importer.report import MOST_REASONS, ImportReport, RowProblems
from loops_async.importer.row_to_contact import row_to_contact
from loops_async.importer.type_inference import scan_file
from loops_async.importer.warnings import (
    count_resubscribing,
    note_null_words,
    resubscribing_notice,
)
from loops_async.pipeline.allowlist import Allowlist
from loops_async.pipeline.messages import Request
from loops_async.records.contacts import ContactUpdate
from loops_async.settings import checked_recipients

_PROGRESS_EVERY: Final = 250


def validate_file(
    path: str | os.PathLike[str] | InputFile,
    options: ImportOptions | None = None,
    *,
    account: Account | None = None,
    on_progress: Callable[[ImportEvent], None] | None = None,
    most_reasons: int = MOST_REASONS,
) -> ImportReport:
    """Check a file as an import would, and send nothing.

    Rejections by Loops itself, for example of an address that it does not accept, cannot be
    predicted. Addresses are checked against ``LOOPS_ALLOWED_RECIPIENTS``, if it is set.

    Args:
        path: The file, or what ``open_input`` opened.
        options: How its columns are mapped.
        account: The properties and mailing lists at Loops, from ``load_account``. Without it,
            columns that are not default fields are checked against the type that their values
            suggest.
        on_progress: Called with events for the plan, for notices and for progress.
        most_reasons: Maximum number of rejected rows that the report lists.

    Returns:
        How many rows would be sent and why others would be rejected. ``plan.objection`` is the
        reason if an import would stop before the first row.

    Raises:
        ImportRefused: The file cannot be read, or its columns cannot be imported.
        ConfigurationError: ``LOOPS_ALLOWED_RECIPIENTS`` is not a list of recipients.
    """
    with ExitStack() as opened:
        source = (
            path
            if isinstance(path, InputFile)
            else opened.enter_context(open_input(path, options=options))
        )
        return check_rows(
            source,
            options or ImportOptions(),
            account=account,
            allowlist=checked_recipients(None),
            emit=on_progress or (lambda _: None),
            most_reasons=most_reasons,
        )


def check_rows(
    source: InputFile,
    options: ImportOptions,
    *,
    account: Account | None = None,
    allowlist: Allowlist | None,
    emit: Callable[[ImportEvent], None],
    most_reasons: int = MOST_REASONS,
) -> ImportReport:
    """Check every row of an opened file; see ``validate_file``."""
    source = source.read_with(options)
    for note in source.layout.notes:
        emit(ImportNotice("file_read", note))
    scan = scan_file(source, options)
    plan = check_people(plan_import(scan, account, options), source, options, emit)
    emit(ColumnsPlanned(plan))
    note_null_words(scan, plan, emit)
    report = ImportReport(rows=scan.rows, plan=plan, options=options, dry_run=True)
    report.rejected = RowProblems(most=most_reasons)
    report.resubscribing = count_resubscribing(source, plan.columns)
    if report.resubscribing:
        emit(resubscribing_notice(report.resubscribing, plan.columns))
    opted_out = OptedOut.skipped_by(options, plan.columns)
    filled: set[str] = set()
    for number, row in enumerate(source.rows(), 1):
        if opted_out is not None and opted_out.has_refused(row):
            report.skipped += 1
            continue
        try:
            contact = _judge(row, plan, options, allowlist)
        except RowRefused as refused:
            report.rejected.add(row.line, refused.reason)
        except LoopsError as error:
            report.rejected.add(row.line, str(error))
        else:
            report.applied += 1
            report.repeated.note(row.line, contact)
            filled.update(contact.properties)
        if number % _PROGRESS_EVERY == 0 or number == scan.rows:
            emit(report.progress())
    if not report.would_stop:
        report.would_send = _requests(report, filled)
    return report


def _requests(report: ImportReport, filled: set[str]) -> dict[str, int]:
    """How many requests would send the rows whose contacts have the properties ``filled``."""
    created = 0
    if report.options.create_properties:
        created = sum(new.key in filled for new in report.plan.new_properties)
    counts = {str(contact_properties.CREATE): created, str(contacts.UPDATE): report.applied}
    return {name: count for name, count in counts.items() if count}


def filled_properties(
    source: InputFile,
    plan: ImportPlan,
    options: ImportOptions,
    *,
    allowlist: Allowlist | None,
    journal: ImportJournal | None = None,
) -> list[NewProperty]:
    """The new properties of ``plan`` for which a row that will be sent has a value.

    A property is permanent, so it is not created for rows that are all rejected.
    """
    missing = {new.key for new in plan.new_properties}
    opted_out = OptedOut.skipped_by(options, plan.columns)
    for number, row in enumerate(source.rows()):
        if not missing:
            break
        if opted_out is not None and opted_out.has_refused(row):
            continue
        if journal is None or not journal.is_done(number):
            with suppress(LoopsError):
                missing.difference_update(_judge(row, plan, options, allowlist).properties)
    return [new for new in plan.new_properties if new.key not in missing]


def _judge(
    row: AnyRow, plan: ImportPlan, options: ImportOptions, allowlist: Allowlist | None
) -> ContactUpdate:
    """The contact of a row that can be sent; raise LoopsError for any other."""
    contact = row_to_contact(row, plan.columns, empty_as_null=options.empty_as_null)
    request = Request(contacts.UPDATE, body=encode(contact))
    if allowlist is not None:
        allowlist.check(request)
    return contact
