"""A check before anything is sent: nobody is merged with somebody else, or subscribed unasked."""

from collections.abc import Callable

import attrs

from loops_async.importer.consent import OptedOut
from loops_async.importer.events import ImportEvent
from loops_async.importer.options import ImportOptions
from loops_async.importer.planning import ImportPlan
from loops_async.importer.reading import InputFile, InputRow
from loops_async.importer.shared_ids import SharedIds
from loops_async.importer.warnings import CleanedAddresses


def check_people(
    plan: ImportPlan,
    source: InputFile,
    options: ImportOptions,
    emit: Callable[[ImportEvent], None],
) -> ImportPlan:
    """``plan``, with an objection if ``options`` do not say what to do with some people.

    Reads the file once. Addresses that are cleaned are counted in a notice.
    """
    ids, opted_out = SharedIds(plan.columns), OptedOut(plan.columns)
    cleaned = CleanedAddresses(plan.columns)
    for row in source.rows():
        if isinstance(row, InputRow):
            ids.note(row)
            opted_out.note(row)
            cleaned.note(row)
    if cleaned.count:
        emit(cleaned.notice())
    lines = [plan.objection] if plan.objection else []
    lines += ids.rounded_objection()
    if options.shared_ids == "stop":
        lines += ids.objection()
    if options.opted_out == "stop":
        lines += opted_out.objection()
    return attrs.evolve(plan, objection="\n".join(lines) or None)
