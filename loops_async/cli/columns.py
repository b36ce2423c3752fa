"""Which column of a file goes to which field, property or mailing list at Loops."""

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import get_args

import attrs

from loops_async.cli.account import LIST_PREFIX, Account, KnownProperty, Target
from loops_async.cli.refusals import ColumnsRefused, shown
from loops_async.cli.rows import REASON_COLUMN
from loops_async.cli.spellings import camel_case
from loops_async.cli.values import ValueType


@attrs.frozen
class PlannedColumn:
    """A column and where its values go.

    Attributes:
        column: Its name in the file.
        target: Where its values go.
        why: Why not to a target of its own name; empty where it needs no reason.
    """

    column: str
    target: Target
    why: str = ""

    def __str__(self) -> str:
        """What the user is told of it."""
        said = f"column {shown(self.column)} → {self.target}"
        return f"{said} ({self.why})" if self.why else said


@attrs.frozen
class UnknownColumn:
    """A column that Loops has no place for yet.

    Attributes:
        column: Its name in the file.
        key: What ``--map`` wants its new property to be called; None if nobody said.
        type: What ``--map`` wants its type to be; None if nobody said.
    """

    column: str
    key: str | None = None
    type: ValueType | None = None


@attrs.frozen
class Plan:
    """Where every column goes.

    Attributes:
        columns: Those with a target, each target once.
        unknown: Those Loops has no place for, in the file's order.
        left_out: Those that ``--map "COLUMN="`` leaves out, and that of an import's own reasons.
    """

    columns: tuple[PlannedColumn, ...]
    unknown: tuple[UnknownColumn, ...] = ()
    left_out: tuple[str, ...] = ()


def read_mappings(texts: Iterable[str]) -> dict[str, str]:
    """Read the values of ``--map``: ``COLUMN=TARGET``, parted at the last ``=``.

    Raises:
        ColumnsRefused: If one has no ``=`` or no column, or a column is mapped twice.
    """
    mappings: dict[str, str] = {}
    for text in texts:
        column, equals, target = (part.strip() for part in text.rpartition("="))
        if not equals or not column:
            raise ColumnsRefused(f"--map {shown(text)} is not of the form COLUMN=TARGET")
        if column in mappings:
            raise ColumnsRefused(f"--map names the column {shown(column)} twice")
        mappings[column] = target
    return mappings


def plan_columns(
    headers: Sequence[str],
    properties: Iterable[KnownProperty],
    mappings: Mapping[str, str],
    *,
    allow_new: bool = False,
    nested: Collection[str] = (),
) -> Plan:
    """Decide where each column goes: as ``mappings`` say, else by its name.

    A column whose name means a target that a mapping has given to another column becomes unknown,
    so that it is named to the user and not dropped in silence.

    Args:
        headers: The columns' names, each once.
        properties: The account's contact properties.
        mappings: From column to target: a default field (``firstName`` or ``first_name``), a
            property's key, ``mailingLists.<id>``, or nothing to leave the column out. The key of a
            property to be made may have its type behind it: ``joined:date``. It may be there
            already if it has that type, so that the same mappings work again.
        allow_new: Take a target Loops does not know for the name of a property to be made.
        nested: The columns that hold lists or objects, for which none can be made.

    Raises:
        ColumnsRefused: If a mapping names a column or a target that is not there, two columns want
            one target, or no column holds an email address or a user id.
    """
    account = Account(properties)
    plan = _Drawing()
    for column, wanted in mappings.items():
        if column not in headers:
            raise ColumnsRefused(_no_such_column(column, headers))
        if not wanted:
            plan.left_out.append(column)
        elif target := _there(wanted, account):
            plan.claim(column, target)
        else:
            if column in nested:
                raise ColumnsRefused(_nested(column, wanted))
            plan.claim_new(_new_property(column, wanted, account, allowed=allow_new))
    claimed = set(plan.targets)
    for column in headers:
        if column in mappings:
            continue
        if column == REASON_COLUMN:
            plan.left_out.append(column)
            continue
        matched = account.match(column, beside=headers)
        if matched is None or matched in claimed:
            plan.unknown[column] = UnknownColumn(column)
        else:
            plan.claim(column, matched)
    return plan.finished(headers)


@attrs.define
class _Drawing:
    """A plan in the making."""

    targets: dict[Target, str] = attrs.field(factory=dict[Target, str])
    unknown: dict[str, UnknownColumn] = attrs.field(factory=dict[str, UnknownColumn])
    left_out: list[str] = attrs.field(factory=list[str])

    def claim(self, column: str, target: Target) -> None:
        if target in self.targets:
            raise ColumnsRefused(_both(self.targets[target], column, str(target)))
        self.targets[target] = column

    def claim_new(self, new: UnknownColumn) -> None:
        for other in self.unknown.values():
            if new.key is not None and other.key == new.key:
                raise ColumnsRefused(_both(other.column, new.column, new.key))
        self.unknown[new.column] = new

    def finished(self, headers: Sequence[str]) -> Plan:
        if not {"email", "user_id"} & {t.name for t in self.targets if t.kind == "field"}:
            raise ColumnsRefused(
                "no column holds email addresses or user ids; say which does with "
                f'--map "COLUMN=email" (columns: {", ".join(map(shown, headers))})'
            )
        by_column = {column: target for target, column in self.targets.items()}
        return Plan(
            columns=tuple(PlannedColumn(c, by_column[c]) for c in headers if c in by_column),
            unknown=tuple(self.unknown[c] for c in headers if c in self.unknown),
            left_out=tuple(c for c in headers if c in self.left_out),
        )


def _both(one: str, other: str, target: str) -> str:
    return (
        f"columns {shown(one)} and {shown(other)} both go to {target}; "
        f"leave one out with --map {shown(other + '=')}"
    )


def _nested(column: str, wanted: str) -> str:
    return (
        f"--map sends {shown(column)} to {shown(wanted)}, which Loops does not have; the column "
        "holds lists or objects, which no property can: flatten it into columns of its own, or "
        f"leave it out with --map {shown(column + '=')}"
    )


def _no_such_column(column: str, headers: Sequence[str]) -> str:
    folded = {name.casefold(): name for name in headers}
    close = difflib.get_close_matches(column.casefold(), folded, n=1)
    if close:
        meant = f"did you mean {shown(folded[close[0]])}?"
    else:
        meant = f"it has {', '.join(map(shown, headers))}"
    return f"--map names a column {shown(column)} that the file does not have; {meant}"


def _there(wanted: str, account: Account) -> Target | None:
    """What ``--map`` spells as ``wanted``, if it is there and of the type that is said."""
    key, colon, declared = (part.strip() for part in wanted.partition(":"))
    if not colon:
        return account.named(wanted)
    target = account.named(key)
    return target if target is not None and target.type == declared else None


def _new_property(column: str, wanted: str, account: Account, *, allowed: bool) -> UnknownColumn:
    """The property to be made that ``--map`` spells as ``wanted``, a key with or without a type.

    Raises:
        ColumnsRefused: If there may be no such property, or it is there already.
    """
    key, colon, name = (part.strip() for part in wanted.partition(":"))
    of_type = next((known for known in get_args(ValueType) if known == name), None)
    if colon and (there := account.named(key)):
        raise ColumnsRefused(
            f"--map gives {shown(column)} the type {shown(name)}, but {there} is there already and "
            f"is a {there.type}; leave out {shown(colon + name)}, or name another property"
        )
    if colon and of_type is None:
        raise ColumnsRefused(
            f"--map gives {shown(column)} the type {shown(name)}; a property is a string, a "
            "number, a boolean or a date"
        )
    could_be = camel_case(key) == key != "" and not account.has(key)
    if could_be and allowed:
        return UnknownColumn(column, key, of_type)
    if could_be and colon:
        raise ColumnsRefused(
            f"--map gives {shown(column)} a type, which only a property to be made can be given: "
            "add --create-properties"
        )
    meant = "; --create-properties would make it" if could_be else ""
    if nearest := account.nearest(key):
        meant += f"; did you mean {nearest}?"
    raise ColumnsRefused(
        f"--map sends {shown(column)} to {shown(key)}, which is no default field, property key "
        f"or {LIST_PREFIX}<id>{meant}"
    )
