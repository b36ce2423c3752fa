"""The properties that would have to be made at Loops for the columns it does not know."""

from collections.abc import Iterable

import attrs

from loops_async.cli.account import Account, KnownProperty, Target
from loops_async.cli.columns import Plan, PlannedColumn
from loops_async.cli.refusals import shown
from loops_async.cli.rows import REASON_COLUMN
from loops_async.cli.spellings import camel_case, own_field
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
        why: Why its name is not the column's; empty where it is.
        may_be: The type that the values which are remarked on can be read as, if they can.
    """

    column: str
    key: str
    type: ValueType
    remark: str | None = None
    why: str = ""
    may_be: ValueType | None = None


def recognise(plan: Plan, survey: Survey, properties: Iterable[KnownProperty]) -> Plan:
    """``plan`` with the columns that an import made a property for under a name of its choice.

    Such a column goes to that property again if its values fit, and never gets a second one.
    """
    there, _ = _placed(plan, survey, properties)
    return _with(plan, there)


def propose(
    plan: Plan, survey: Survey, properties: Iterable[KnownProperty]
) -> tuple[Proposal, ...]:
    """One proposal for each unknown column that has any value, in the file's order.

    A column without a single value has nothing to send and no type to suggest, so it gets none.
    Nor does one that holds lists or objects: such a row would be rejected.
    """
    _, proposals = _placed(plan, survey, properties)
    return tuple(proposals)


def _placed(
    plan: Plan, survey: Survey, properties: Iterable[KnownProperty]
) -> tuple[list[PlannedColumn], list[Proposal]]:
    """The unknown columns that have a property already, and those that want one."""
    names = _Names(plan, survey, Account(properties))
    found = {column.name: column for column in survey.columns}
    there: list[PlannedColumn] = []
    proposals: list[Proposal] = []
    for unknown in plan.unknown:
        column = found.get(unknown.column)
        if column is None or column.type is None:
            continue
        if unknown.key:
            proposal = Proposal(unknown.column, unknown.key, unknown.type or column.type)
            if unknown.type is None:
                proposal = attrs.evolve(proposal, remark=column.remark, may_be=column.may_be)
            proposals.append(proposal)
            continue
        key, target, why = names.choose(unknown.column, column.type)
        if target is not None:
            there.append(PlannedColumn(unknown.column, target, why))
        else:
            proposals.append(
                Proposal(unknown.column, key, column.type, column.remark, why, column.may_be)
            )
    return there, proposals


def adopt(plan: Plan, proposals: Iterable[Proposal]) -> Plan:
    """``plan`` with the proposed properties, once they are made, as targets of their columns."""
    made = [PlannedColumn(p.column, Target("property", p.key, p.type), p.why) for p in proposals]
    return _with(plan, made)


def _with(plan: Plan, more: list[PlannedColumn]) -> Plan:
    placed = {planned.column for planned in more}
    return Plan(
        columns=(*plan.columns, *more),
        unknown=tuple(unknown for unknown in plan.unknown if unknown.column not in placed),
        left_out=plan.left_out,
    )


class _Names:
    """Names for the columns that Loops has no place for, the same at every import of a file."""

    def __init__(self, plan: Plan, survey: Survey, account: Account) -> None:
        self._account = account
        # An import's own reasons must not move the columns beside them.
        headers = [name for name in survey.headers if name != REASON_COLUMN]
        self._places = {name: place for place, name in enumerate(headers, 1)}
        self._taken = {planned.target.name: planned.column for planned in plan.columns}
        self._taken |= {unknown.key: unknown.column for unknown in plan.unknown if unknown.key}

    def choose(self, column: str, wanted: ValueType) -> tuple[str, Target | None, str]:
        """A name for ``column``, the property that is called so already, and why it is."""
        own = camel_case(column) or f"column{self._places[column]}"
        key, number = own, 1
        while True:
            there = None if key in self._taken else self._account.custom(key)
            if there is not None and there.type in (wanted, "string"):
                break
            if key not in self._taken and not self._account.has(key):
                there = None
                break
            key = f"imported{own[0].upper()}{own[1:]}" + (str(number) if number > 1 else "")
            number += 1
        why = "" if key == own else self._reason(own)
        self._taken[key] = column
        return key, there, why

    def _reason(self, own: str) -> str:
        if field := own_field(own):
            return f"{field} is Loops' own field"
        if own in self._taken:
            return f"{own} is for column {shown(self._taken[own])}"
        return f"{own} is taken"
