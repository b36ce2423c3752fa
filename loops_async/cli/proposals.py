"""The properties that would have to be made at Loops for the columns it does not know."""

from collections.abc import Iterable

import attrs

from loops_async.cli.account import Account, KnownProperty, Target
from loops_async.cli.columns import Plan, PlannedColumn
from loops_async.cli.spellings import camel_case
from loops_async.cli.survey import Survey
from loops_async.cli.values import ValueType


@attrs.frozen
class Proposal:
    """A property to make for a column.

    Attributes:
        column: The column's name in the file.
        key: A camelCase name that nothing in the account has.
        type: What the user said, else the type that every value of the column converts to.
        remark: What speaks against that type; None where nothing does, or the user said it.
    """

    column: str
    key: str
    type: ValueType
    remark: str | None = None


def propose(
    plan: Plan, survey: Survey, properties: Iterable[KnownProperty]
) -> tuple[Proposal, ...]:
    """One proposal for each unknown column that has any value, in the file's order.

    A column without a single value has nothing to send and no type to suggest, so it gets none.
    Nor does one of nothing but lists and objects: every one of its rows would be rejected.
    """
    account = Account(properties)
    places = {name: place for place, name in enumerate(survey.headers, 1)}
    found = {column.name: column for column in survey.columns}
    proposals: list[Proposal] = []
    taken = {unknown.key for unknown in plan.unknown if unknown.key}
    for unknown in plan.unknown:
        column = found.get(unknown.column)
        if column is None or column.type is None:
            continue
        key = unknown.key or _free(unknown.column, places[unknown.column], account, taken)
        taken.add(key)
        if unknown.type:
            proposals.append(Proposal(unknown.column, key, unknown.type))
        else:
            proposals.append(Proposal(unknown.column, key, column.type, column.remark))
    return tuple(proposals)


def adopt(plan: Plan, proposals: Iterable[Proposal]) -> Plan:
    """``plan`` with the proposed properties, once they are made, as targets of their columns."""
    proposals = tuple(proposals)
    made = {proposal.column for proposal in proposals}
    return Plan(
        columns=plan.columns
        + tuple(PlannedColumn(p.column, Target("property", p.key, p.type)) for p in proposals),
        unknown=tuple(unknown for unknown in plan.unknown if unknown.column not in made),
        left_out=plan.left_out,
    )


def _free(column: str, place: int, account: Account, taken: set[str]) -> str:
    wanted = camel_case(column) or f"column{place}"
    key, number = wanted, 1
    while account.has(key) or key in taken:
        key = f"imported{wanted[0].upper()}{wanted[1:]}" + (str(number) if number > 1 else "")
        number += 1
    return key
