"""Where every column of a file goes, settled with Loops and the user before anything is sent."""

from collections.abc import Callable, Iterator, Sequence

import attrs

from loops_async.cli.columns import Plan, plan_columns, read_mappings
from loops_async.cli.proposals import Proposal, adopt, propose, recognise
from loops_async.cli.refusals import ColumnsRefused, shown
from loops_async.cli.survey import Survey
from loops_async.cli.values import ValueType
from loops_async.client import LoopsClient

_EMPTY = "it is empty"
_NESTED = "it holds lists or objects, which no property can"


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
) -> tuple[Plan, tuple[Proposal, ...]]:
    """Decide where each column goes; the plan, and the properties that have to be made for it.

    Raises:
        ColumnsRefused: A column has no place at Loops and the user did not say what to do.
        LoopsError: Loops could not be asked.
    """
    plan, proposals = await draw_columns(loops, survey, choices)
    if problem := objection(plan, survey, proposals, choices, so_far="; nothing was sent"):
        raise ColumnsRefused(problem)
    if not choices.create_properties:
        tell_columns(plan, survey, say)
        return plan, ()
    plan = adopt(plan, proposals)
    tell_columns(plan, survey, say)
    return plan, proposals


async def draw_columns(
    loops: LoopsClient, survey: Survey, choices: Choices
) -> tuple[Plan, tuple[Proposal, ...]]:
    """Where each column goes as far as Loops has a place for it, and what could be made for others.

    Raises:
        ColumnsRefused: A mapping or a mailing list cannot be, or nothing identifies a contact.
        LoopsError: Loops could not be asked.
    """
    properties = await loops.contact_properties.list()
    plan = plan_columns(
        survey.headers,
        properties,
        read_mappings(choices.mappings),
        allow_new=choices.create_properties,
        nested=survey.nested,
    )
    await _check_lists(loops, plan)
    plan = recognise(plan, survey, properties)
    return plan, propose(plan, survey, properties)


def objection(
    plan: Plan,
    survey: Survey,
    proposals: tuple[Proposal, ...],
    choices: Choices,
    *,
    so_far: str = "",
) -> str | None:
    """Why an import stops at the columns, and what lets it go on; None where it does not stop.

    A column without a single value stops nothing: it would change nothing at Loops. One that holds
    lists or objects always does, unless it is to be left out: no property can be made for it.

    Args:
        plan: Where the columns go.
        survey: What is in them.
        proposals: What could be made for those without a place.
        choices: What the user said.
        so_far: What has been done by now, for an import that stops.
    """
    problems = [] if choices.ignore_unknown else nested(plan, survey, so_far)
    if choices.create_properties:
        doubtful = [proposal for proposal in proposals if proposal.remark]
        problems += _doubtful(doubtful, so_far)
    elif not choices.ignore_unknown:
        problems += _unknown(proposals, so_far)
    return "\n".join(problems) or None


def nested(plan: Plan, survey: Survey, so_far: str = "") -> list[str]:
    """Why no property can be made for some columns, and what can be done; empty without any.

    Args:
        plan: Where the columns go.
        survey: What is in them.
        so_far: What has been done by now, for an import that stops.
    """
    found = [unknown.column for unknown in plan.unknown if unknown.column in survey.nested]
    if not found:
        return []
    lines = [f"These columns hold lists or objects, which no property can{so_far}:"]
    for column in found:
        left_out = f"{column}="
        lines.append(
            f"  {shown(column)}, first on line {survey.nested[column]}; "
            f"--map {shown(left_out, len(left_out))} leaves it out"
        )
    lines.append(
        "Flatten them into columns of their own, leave them out one by one with --map, or leave "
        "out all that Loops does not know with --ignore-unknown."
    )
    return lines


async def settle_again(
    loops: LoopsClient, plan: Plan, choices: Choices, say: Callable[[str], None]
) -> tuple[Proposal, ...]:
    """See whether Loops still has the places of ``plan``; the properties still to be made for it.

    Nothing is matched or guessed anew: a property that was made for a column may look, by now,
    like one that was always there.

    Raises:
        ColumnsRefused: A place is gone, or of another type.
        LoopsError: Loops could not be asked.
    """
    declared = {known.key: known.type for known in await loops.contact_properties.list()}
    await _check_lists(loops, plan)
    missing: list[Proposal] = []
    for planned in plan.columns:
        column, target = planned.column, planned.target
        say(str(planned))
        if target.kind != "property" or declared.get(target.name) == target.type:
            continue
        if target.name in declared:
            raise ColumnsRefused(
                f"column {shown(column)}: {target.name} was a {target.type} when the import began, "
                f"and Loops now declares it as {declared[target.name]}; begin anew with --restart"
            )
        if not choices.create_properties:
            raise ColumnsRefused(
                f"column {shown(column)}: Loops no longer has the property {target.name}; "
                "make it again, or begin anew with --restart"
            )
        missing.append(Proposal(column, target.name, target.type))
    return tuple(missing)


async def make_properties(
    loops: LoopsClient, proposals: Sequence[Proposal], say: Callable[[str], None]
) -> None:
    """Make the properties that the user wants made.

    Raises:
        LoopsError: One could not be made.
    """
    for proposal in proposals:
        await loops.contact_properties.create(proposal.key, proposal.type)
        say(f"created the {proposal.type} property {proposal.key}")


def tell_columns(plan: Plan, survey: Survey, say: Callable[[str], None]) -> None:
    """Say where each column goes, and which are left out."""
    for planned in plan.columns:
        say(str(planned))
    if left_out := [*map(shown, plan.left_out), *_without_a_place(plan, survey)]:
        say(f"left out: {', '.join(left_out)}")


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


def _without_a_place(plan: Plan, survey: Survey) -> Iterator[str]:
    hindrances = {
        column.name: _NESTED if column.name in survey.nested else _EMPTY
        for column in survey.columns
        if column.type is None
    }
    for unknown in plan.unknown:
        why = hindrances.get(unknown.column)
        yield shown(unknown.column) + (f" ({why})" if why else "")


def _unknown(proposals: Sequence[Proposal], so_far: str) -> list[str]:
    if not proposals:
        return []
    return [
        f"Loops has no place for these columns{so_far}:",
        *(f"  {shown(proposal.column)}: {described(proposal)}" for proposal in proposals),
        (
            "Make these properties with --create-properties, leave the columns out with "
            "--ignore-unknown, or send one elsewhere with --map 'COLUMN=property'."
        ),
    ]


def described(proposal: Proposal) -> str:
    """The property that could be made for a column, and what speaks against it."""
    remark = f"; {proposal.remark}" if proposal.remark else ""
    why = f"; {proposal.why}" if proposal.why else ""
    return f"{proposal.key} ({proposal.type}, by its values{why}){remark}"


def _doubtful(proposals: Sequence[Proposal], so_far: str) -> list[str]:
    if not proposals:
        return []
    lines = [f"A property keeps its type for good, and these may be no text{so_far}:"]
    for proposal in proposals:
        lines.append(f"  {shown(proposal.column)}: {proposal.remark}")
        says = _mapping(proposal, "string")
        if may_be := proposal.may_be:
            says = f"{_mapping(proposal, may_be)} (rows of other values are rejected) or {says}"
        lines.append(f"    or say the type yourself: {says}")
    return lines


def _mapping(proposal: Proposal, declared: ValueType) -> str:
    mapping = f"{proposal.column}={proposal.key}:{declared}"
    return f"--map {shown(mapping, len(mapping))}"
