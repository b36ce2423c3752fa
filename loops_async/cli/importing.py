"""An import: look at the whole file, settle every column, then send the rows."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs

from loops_async import errors
from loops_async.cli.columns import Plan, plan_columns, read_mappings
from loops_async.cli.contacts import contact_fields
from loops_async.cli.proposals import Proposal, adopt, propose
from loops_async.cli.refusals import ColumnsRefused, RowRefused, shown
from loops_async.cli.rows import Rejected
from loops_async.cli.source import Source, read_rows
from loops_async.cli.survey import Survey
from loops_async.cli.tally import Tally
from loops_async.client import LoopsClient
from loops_async.outcomes import Outcome

_THE_ROWS_FAULT = (errors.InvalidInput, errors.InvalidCall, errors.BadRequest, errors.Conflict)


@attrs.frozen
class Choices:
    """What the user said about the columns.

    Attributes:
        mappings: The values of ``--map``.
        empty_as_null: Empty a property at Loops where a cell is empty.
        create_properties: Make the properties that Loops does not have yet.
        ignore_unknown: Leave out the columns that Loops does not know.
    """

    mappings: tuple[str, ...] = ()
    empty_as_null: bool = False
    create_properties: bool = False
    ignore_unknown: bool = False


async def settle_columns(
    loops: LoopsClient, survey: Survey, choices: Choices, say: Callable[[str], None]
) -> Plan:
    """Decide where each column goes, and make the properties that the user wants made.

    Raises:
        ColumnsRefused: A column has no place at Loops and the user did not say what to do.
        LoopsError: Loops could not be asked.
    """
    properties = await loops.contact_properties.list()
    plan = plan_columns(
        survey.headers,
        properties,
        read_mappings(choices.mappings),
        allow_new=choices.create_properties,
    )
    await _check_lists(loops, plan)
    proposals = propose(plan, survey, properties)
    if plan.unknown and not choices.create_properties and not choices.ignore_unknown:
        raise ColumnsRefused(_unknown(plan, proposals))
    if choices.create_properties:
        for proposal in proposals:
            await loops.contact_properties.create(proposal.key, proposal.type)
            say(f"created the {proposal.type} property {proposal.key}")
        plan = adopt(plan, proposals)
    for planned in plan.columns:
        say(f"column {shown(planned.column)} → {planned.target}")
    left_out = [*plan.left_out, *(unknown.column for unknown in plan.unknown)]
    if left_out:
        say(f"left out: {', '.join(shown(column) for column in left_out)}")
    return plan


async def _check_lists(loops: LoopsClient, plan: Plan) -> None:
    wanted = {p.target.name: p.column for p in plan.columns if p.target.kind == "list"}
    if not wanted:
        return
    known = {mailing_list.id for mailing_list in await loops.mailing_lists.list()}
    for list_id, column in wanted.items():
        if list_id not in known:
            raise ColumnsRefused(
                f"column {shown(column)}: Loops has no mailing list {shown(list_id)}; its lists "
                f"are {', '.join(sorted(known)) or 'none'}"
            )


def _unknown(plan: Plan, proposals: tuple[Proposal, ...]) -> str:
    types = {proposal.column: proposal for proposal in proposals}
    lines = ["Loops has no place for these columns; nothing was sent:"]
    for unknown in plan.unknown:
        proposal = types.get(unknown.column)
        suggestion = (
            f"{proposal.key} ({proposal.type}, by its values)" if proposal else "it is empty"
        )
        lines.append(f"  {shown(unknown.column)}: {suggestion}")
    lines.append(
        "Make these properties with --create-properties, leave the columns out with "
        "--ignore-unknown, or send one elsewhere with --map 'COLUMN=property'."
    )
    return "\n".join(lines)


@attrs.define
class Import:
    """The rows of one file on their way.

    Attributes:
        source: The file.
        plan: Where its columns go.
        tally: What became of the rows so far.
        empty_as_null: Empty a property at Loops where a cell is empty.
        update: Called whenever the tally changed.
    """

    source: Source
    plan: Plan
    tally: Tally
    empty_as_null: bool
    update: Callable[[], None]
    _lines: dict[int, int] = attrs.field(factory=dict, init=False)
    _sent: int = attrs.field(default=0, init=False)

    async def run(self, loops: LoopsClient, *, concurrency: int) -> None:
        """Send every row that can be sent.

        Raises:
            LoopsError: What stops the whole import, such as a wrong key.
        """
        async with loops.contacts.upsert_many(self._contacts(), concurrency=concurrency) as rows:
            async for outcome in rows:
                self._note(outcome)
                self.update()
        self.update()

    def _contacts(self) -> Iterator[Mapping[str, Any]]:
        for reading in read_rows(self.source):
            if isinstance(reading, Rejected):
                self.tally.rejected.add(reading.line, reading.reason)
                continue
            try:
                fields = contact_fields(reading, self.plan, empty_as_null=self.empty_as_null)
            except RowRefused as refused:
                self.tally.rejected.add(refused.line, refused.reason)
                continue
            self._lines[self._sent] = reading.line
            self._sent += 1
            yield fields

    def _note(self, outcome: Outcome) -> None:
        line = self._lines.pop(outcome.index)
        if outcome.error is None:
            self.tally.applied += 1
        elif isinstance(outcome.error, _THE_ROWS_FAULT):
            said = getattr(outcome.error, "message", "")
            reason = f"Loops said: {said}" if said else str(outcome.error)
            self.tally.rejected.add(line, reason)
        else:
            self.tally.failed.add(line, str(outcome.error))
