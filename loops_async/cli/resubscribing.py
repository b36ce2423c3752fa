"""The rows that make people subscribers again who may have left without a word to the user."""

from loops_async.cli.columns import Plan
from loops_async.cli.contacts import contact_fields
from loops_async.cli.journal import Journal, State
from loops_async.cli.refusals import RowRefused, shown
from loops_async.cli.rows import Row
from loops_async.cli.source import Source, read_rows
from loops_async.cli.talking import Talk

_OVER = (State.APPLIED, State.REJECTED)


def tell_resubscribing(
    source: Source, plan: Plan, talk: Talk, journal: Journal | None = None
) -> None:
    """Say how many rows set ``subscribed`` to true, where there are any.

    Args:
        source: The file.
        plan: Where its columns go.
        talk: Takes the note, and the number for scripts.
        journal: Which rows are over already and do not count; None where all of them do.

    Raises:
        FileRefused: The file cannot be read.
    """
    rows = 0
    column = next((p.column for p in plan.columns if str(p.target) == "subscribed"), None)
    if column is not None:
        for number, reading in enumerate(read_rows(source)):
            is_over = journal is not None and journal.states[number] in _OVER
            rows += not is_over and isinstance(reading, Row) and _subscribes(reading, plan)
    talk.document["resubscribing"] = rows
    if rows and column is not None:
        left_out = f"{column}="
        talk.say(
            f"Note: {'1 row sets' if rows == 1 else f'{rows} rows set'} subscribed to true, which "
            "re-subscribes people who have left; "
            f"--map {shown(left_out, len(left_out))} leaves the column out."
        )


def _subscribes(row: Row, plan: Plan) -> bool:
    try:
        return contact_fields(row, plan).get("subscribed") is True
    except RowRefused:
        return False
