"""Where the columns of a file would go, when Loops cannot or shall not be asked what it has."""

from collections.abc import Callable, Iterator, Mapping

import attrs

from loops_async.cli.account import LIST_PREFIX
from loops_async.cli.columns import Plan, plan_columns, read_mappings
from loops_async.cli.proposals import Proposal, adopt, propose
from loops_async.cli.refusals import ColumnsRefused, shown
from loops_async.cli.settling import Choices, described, nested
from loops_async.cli.spellings import DEFAULT_FIELDS, RESERVED
from loops_async.cli.survey import Survey
from loops_async.cli.values import ValueType


@attrs.frozen
class _Assumed:
    """A property that Loops has because a mapping says so."""

    key: str
    type: ValueType

    @property
    def label(self) -> str:
        return self.key


def assume_columns(
    survey: Survey, choices: Choices, say: Callable[[str], None]
) -> tuple[Plan, tuple[Proposal, ...]]:
    """Where each column goes if Loops has whatever the file and the mappings speak of.

    A property that may or may not be there is taken to be of the type that its column's values
    have, so that nothing is refused which Loops might take. With ``--ignore-unknown`` such a column
    is left out.

    Returns:
        The plan, and the properties that would have to be made if Loops had none of them.

    Raises:
        ColumnsRefused: A mapping or lists and objects that no account can make right, or nothing
            identifies a contact.
    """
    mappings = read_mappings(choices.mappings)
    assumed = tuple(_assumed(mappings, survey))
    plan = plan_columns(
        survey.headers,
        assumed,
        mappings,
        allow_new=choices.create_properties,
        nested=survey.nested,
    )
    if not choices.ignore_unknown and (problem := nested(plan, survey)):
        raise ColumnsRefused("\n".join(problem))
    proposals = propose(plan, survey, assumed)
    judged = () if choices.ignore_unknown and not choices.create_properties else proposals
    for planned in plan.columns:
        say(str(planned))
    if plan.left_out:
        say(f"left out: {', '.join(map(shown, plan.left_out))}")
    if judged:
        say("Loops was not asked for its properties; these columns are judged by their own values:")
        for proposal in judged:
            say(f"  {shown(proposal.column)}: {described(proposal)}")
    elif plan.unknown:
        names = ", ".join(shown(unknown.column) for unknown in plan.unknown)
        say(f"Loops was not asked for its properties; not judged: {names}")
    return adopt(plan, judged), judged


def _assumed(mappings: Mapping[str, str], survey: Survey) -> Iterator[_Assumed]:
    known = {*DEFAULT_FIELDS, *DEFAULT_FIELDS.values(), *RESERVED, ""}
    types: dict[str, ValueType | None] = {column.name: column.type for column in survey.columns}
    for column, target in mappings.items():
        # A type behind a colon is for a property to be made, which nothing has to be assumed for.
        if ":" in target or target.startswith(LIST_PREFIX) or target in known:
            continue
        known.add(target)
        yield _Assumed(target, types.get(column) or "string")
