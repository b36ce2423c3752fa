"""Which column of a file goes to which field, property or mailing list at Loops."""

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal, get_args

import attrs

from loops_async.importer.coercion import PLAIN, CellFormat, ValueType, is_empty
from loops_async.importer.column_names import (
    DEFAULT_FIELDS,
    NOT_BY_API,
    RESERVED,
    camel_case,
    default_field,
    default_type,
    known_spelling,
    normalize,
    own_field,
)
from loops_async.importer.errors import ColumnsRefused, quote_mapping, quote_name
from loops_async.importer.reading import REASON_COLUMN
from loops_async.records.contact_properties import ContactProperty

if TYPE_CHECKING:
    from loops_async.client import LoopsClient

LIST_PREFIX: Final = "mailingLists."
NEGATION: Final = "!"
"""Before ``subscribed`` in a mapping, for a column of refusals."""


@attrs.frozen
class Target:
    """Where the values of a column go.

    Attributes:
        kind: A default field, a contact property or a mailing list.
        name: The field's name as a keyword argument (``first_name``), the property's key, or the
            list's id.
        type: The type that its values must have.
        negated: Whether its values mean the opposite: refusals, for ``subscribed``.
    """

    kind: Literal["field", "property", "list"]
    name: str
    type: ValueType
    negated: bool = False

    def __str__(self) -> str:
        """The target as ``--map`` spells it."""
        if self.negated:
            return NEGATION + self.name
        return LIST_PREFIX + self.name if self.kind == "list" else self.name

    @property
    def is_subscribed(self) -> bool:
        """Whether it is the field with a contact's consent to email."""
        return self.kind == "field" and self.name == "subscribed"


@attrs.frozen
class PlannedColumn:
    """A column and where its values go.

    Attributes:
        column: The column's name in the file.
        target: The field, property or mailing list to which its values go.
        why: The reason if the target's name differs from the column's; empty if it is obvious.
        form: How its cells are read.
    """

    column: str
    target: Target
    why: str = ""
    form: CellFormat = PLAIN

    def __str__(self) -> str:
        """Return a one-line description for the user."""
        line = f"column {quote_name(self.column)} → {self.target}"
        return f"{line} ({self.why})" if self.why else line

    @property
    def identifies(self) -> bool:
        """Whether it holds the email address or the user id of a contact."""
        return self.target.kind == "field" and self.target.name in ("email", "user_id")

    def is_empty(self, cell: object) -> bool:
        """Whether ``cell``, one of its own, is empty; a word for nothing identifies no contact."""
        keep = self.form.keep_null_words and not self.identifies
        return is_empty(cell, keep_null_words=keep)


@attrs.frozen
class UnknownColumn:
    """A column without a target yet, with the key and the type of its property if mapped to one."""

    column: str
    key: str | None = None
    type: ValueType | None = None


@attrs.frozen
class ColumnPlan:
    """Where every column goes.

    Attributes:
        columns: Those with a target; no two have the same one.
        unknown: Those without a target, in the file's order.
        left_out: Those that ``--map "COLUMN="`` leaves out, and the column of rejection reasons.
    """

    columns: tuple[PlannedColumn, ...]
    unknown: tuple[UnknownColumn, ...] = ()
    left_out: tuple[str, ...] = ()

    def with_targets(self, more: Sequence[PlannedColumn]) -> "ColumnPlan":
        """This plan with targets for some of its unknown columns."""
        placed = {planned.column for planned in more}
        unknown = tuple(unknown for unknown in self.unknown if unknown.column not in placed)
        return ColumnPlan((*self.columns, *more), unknown, self.left_out)


class Account:
    """The contact properties and mailing lists of an account, found by the names people give them.

    Args:
        properties: What Loops lists, with or without the default ones.
        mailing_lists: The ids of the mailing lists; None if Loops was not asked for them.
    """

    def __init__(
        self,
        properties: Iterable[ContactProperty] = (),
        mailing_lists: Iterable[str] | None = None,
    ) -> None:
        self.types: dict[str, str] = {}
        """The type of each property, by key; default properties included."""
        self._custom: dict[str, ContactProperty] = {}
        for known in properties:
            self.types[known.key] = known.type
            if known.key not in DEFAULT_FIELDS and known.key not in RESERVED:
                self._custom[known.key] = known
        self._mailing_lists = None if mailing_lists is None else frozenset(mailing_lists)

    def match(self, column: str, headers: Collection[str] = ()) -> Target | None:
        """The target that a column means by its name; None if Loops has nothing like it.

        The default fields' own names come first, then the keys of properties, then their labels,
        then other tools' words for a default field.

        Args:
            column: Its name.
            headers: The names of all columns, which may decide what one of them means.

        Raises:
            ColumnsRefused: Two properties fit equally well.
        """
        if field := default_field(column):
            return _field(field)
        writable = [known for known in self._custom.values() if known.key not in NOT_BY_API]
        for found in (
            [known for known in writable if known.key == column],
            [known for known in writable if _is_same(known.key, column)],
            [known for known in writable if _is_same(known.label, column)],
        ):
            if len(found) > 1:
                keys = " and ".join(sorted(known.key for known in found))
                raise ColumnsRefused(
                    f"column {quote_name(column)} fits the properties {keys}; choose one with "
                    f"{quote_mapping(column, found[0].key)}"
                )
            if found:
                return _property(found[0])
        field = known_spelling(column, headers)
        return _field(field) if field else None

    def named(self, target: str) -> Target | None:
        """The target that ``--map`` spells as ``target``; None if Loops has no such property.

        Raises:
            ColumnsRefused: The name is reserved, or the id of a list is missing.
        """
        if target in RESERVED:
            raise ColumnsRefused(f"{target} is reserved by Loops; nothing can be sent to it")
        if target.startswith(LIST_PREFIX):
            if not (list_id := target.removeprefix(LIST_PREFIX).strip()):
                raise ColumnsRefused(f"{LIST_PREFIX} needs a mailing list's id after the dot")
            return Target("list", list_id, "boolean")
        if target == f"{NEGATION}subscribed":
            return attrs.evolve(_field("subscribed"), negated=True)
        for field, argument in DEFAULT_FIELDS.items():
            if target in (field, argument):
                return _field(field)
        return _property(self._custom[target]) if target in self._custom else None

    def custom(self, key: str) -> Target | None:
        """The account's own property called ``key``, if it can be written."""
        known = self._custom.get(key)
        if known is None or key in NOT_BY_API or known.type not in get_args(ValueType):
            return None
        return _property(known)

    def nearest(self, target: str) -> str | None:
        """The target that was probably meant by ``target``."""
        if field := default_field(target) or known_spelling(target):
            return field
        names = {normalize(known.label): key for key, known in self._custom.items()}
        names |= {normalize(key): key for key in (*self._custom, *DEFAULT_FIELDS)}
        close = difflib.get_close_matches(normalize(target), names, n=1)
        return names[close[0]] if close else None

    def has(self, name: str) -> bool:
        """Whether a new property called ``name`` would equal or resemble an existing one."""
        taken = {normalize(key) for key in (*self._custom, *DEFAULT_FIELDS)}
        return normalize(name) in taken or own_field(name) is not None

    def check_lists(self, columns: Iterable[PlannedColumn]) -> None:
        """Raise ColumnsRefused unless all mailing lists exist that ``columns`` go to."""
        known = self._mailing_lists
        for planned in columns:
            list_id = planned.target.name
            if planned.target.kind == "list" and known is not None and list_id not in known:
                raise ColumnsRefused(
                    f"column {quote_name(planned.column)}: Loops has no mailing list "
                    f"{quote_name(list_id)}; its lists are {', '.join(sorted(known)) or 'none'}"
                )


async def load_account(loops: "LoopsClient", *, mailing_lists: bool = True) -> Account:
    """Ask Loops for its contact properties and mailing lists.

    Args:
        loops: The client of the team.
        mailing_lists: Whether to ask for the mailing lists, which only mappings can name.

    Raises:
        LoopsError: Loops could not be asked.
    """
    properties = await loops.contact_properties.list()
    lists = await loops.mailing_lists.list() if mailing_lists else None
    return Account(properties, None if lists is None else [known.id for known in lists])


def parse_mappings(texts: Iterable[str]) -> dict[str, str]:
    """Read the values of ``--map``: ``COLUMN=TARGET``, split at the last ``=``."""
    mappings: dict[str, str] = {}
    for text in texts:
        column, equals, target = (part.strip() for part in text.rpartition("="))
        if not equals or not column:
            raise ColumnsRefused(f"--map {quote_name(text)} is not of the form COLUMN=TARGET")
        if column in mappings:
            raise ColumnsRefused(f"--map names the column {quote_name(column)} twice")
        mappings[column] = target
    return mappings


def resolve_columns(mappings: Mapping[str, str], headers: Sequence[str]) -> dict[str, str]:
    """``mappings`` by the names of the columns, also where they spell a name as messages show it.

    Messages escape a line break in a name, and cut a long name.
    """
    shown: dict[str, list[str]] = {}
    for header in headers:
        for spelling in (
            quote_name(header),
            quote_name(header, len(header)),
            " ".join(header.split()),
        ):
            shown.setdefault(spelling.strip('"'), []).append(header)
    resolved: dict[str, str] = {}
    for column, target in mappings.items():
        meant = set(shown.get(column, ())) if column not in headers else set[str]()
        name = meant.pop() if len(meant) == 1 else column
        if name in resolved:
            raise ColumnsRefused(f"--map names the column {quote_name(name)} twice")
        resolved[name] = target
    return resolved


def _own_name(column: str, headers: Sequence[str]) -> str:
    """``Notes`` for ``Notes#2``, the second column of that name."""
    name, mark, number = column.rpartition("#")
    return name if mark and number.isdigit() and name in headers else column


def plan_columns(
    headers: Sequence[str],
    account: Account,
    mappings: Mapping[str, str],
    *,
    allow_new: bool = False,
    nested: Collection[str] = (),
) -> ColumnPlan:
    """Decide where each column goes: as ``mappings`` specify, else by its name.

    A column that by its name means a target which a mapping has given to another column becomes
    unknown, so that it is reported and not silently dropped.

    Args:
        headers: The names of the columns, without duplicates.
        account: What Loops has.
        mappings: From column to target: a default field (``firstName`` or ``first_name``), a
            property's key, ``mailingLists.<id>``, or nothing to leave the column out. The key of a
            new property may be followed by its type: ``joined:date``. If the property exists with
            that type, it is used, so that the same mappings work again.
        allow_new: Take a target that Loops does not have as the key of a new property.
        nested: The columns with lists or objects, which no property can hold.

    Raises:
        ColumnsRefused: A mapping names a column or a target that does not exist, two columns have
            one target, or no column holds an email address or a user id.
    """
    draft = _Draft()
    mappings = resolve_columns(mappings, headers)
    for column, wanted in mappings.items():
        if column not in headers:
            raise ColumnsRefused(_no_such_column(column, headers))
        if not wanted:
            draft.left_out.append(column)
        elif target := _existing_target(wanted, account):
            draft.claim(column, target)
        elif column in nested:
            raise ColumnsRefused(
                f"--map sends {quote_name(column)} to {quote_name(wanted)}, which Loops does not "
                "have, and no property can be created for lists or objects: split the column into "
                f"columns of its own, or leave it out with {quote_mapping(column, '')}"
            )
        else:
            draft.claim_new(_new_property(column, wanted, account, allowed=allow_new))
    claimed = set(draft.targets)
    for column in headers:
        if column in mappings:
            continue
        if column == REASON_COLUMN:
            draft.left_out.append(column)
            continue
        matched = account.match(_own_name(column, headers), headers)
        if matched is None or matched in claimed:
            draft.unknown[column] = UnknownColumn(column)
        else:
            draft.claim(column, matched)
    return draft.finish(headers)


@attrs.define
class _Draft:
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

    def finish(self, headers: Sequence[str]) -> ColumnPlan:
        by_column = {column: target for target, column in self.targets.items()}
        columns = tuple(PlannedColumn(c, by_column[c]) for c in headers if c in by_column)
        if not any(planned.identifies for planned in columns):
            raise ColumnsRefused(
                "no column holds email addresses or user ids; name the one that does with "
                f'--map "COLUMN=email" (columns: {", ".join(map(quote_name, headers))})'
            )
        return ColumnPlan(
            columns=columns,
            unknown=tuple(self.unknown[c] for c in headers if c in self.unknown),
            left_out=tuple(c for c in headers if c in self.left_out),
        )


def _existing_target(wanted: str, account: Account) -> Target | None:
    """What ``--map`` spells as ``wanted``, if it exists with the type that is given."""
    key, colon, declared = (part.strip() for part in wanted.partition(":"))
    if not colon:
        return account.named(wanted)
    target = account.named(key)
    return target if target is not None and target.type == declared else None


def _new_property(column: str, wanted: str, account: Account, *, allowed: bool) -> UnknownColumn:
    """The new property that ``--map`` spells as ``wanted``, a key with or without a type."""
    key, colon, name = (part.strip() for part in wanted.partition(":"))
    quoted = quote_name(column)
    of_type = next((known for known in get_args(ValueType) if known == name), None)
    if colon and (target := account.named(key)):
        raise ColumnsRefused(
            f"--map gives {quoted} the type {quote_name(name)}, but {target} already exists and is "
            f"a {target.type}; leave out {quote_name(colon + name)}, or name another property"
        )
    if colon and of_type is None:
        raise ColumnsRefused(
            f"--map gives {quoted} the type {quote_name(name)}; a property is a string, a number, "
            "a boolean or a date"
        )
    could_be = camel_case(key) == key != "" and not account.has(key)
    if could_be and allowed:
        return UnknownColumn(column, key, of_type)
    if could_be and colon:
        raise ColumnsRefused(
            f"--map gives {quoted} a type, which only a new property can be given: add "
            "--create-properties"
        )
    meant = "; --create-properties would create it" if could_be else ""
    if nearest := account.nearest(key):
        meant += f"; did you mean {nearest}?"
    raise ColumnsRefused(
        f"--map sends {quoted} to {quote_name(key)}, which is not a default field, the key of a "
        f"property or {LIST_PREFIX}<id>{meant}"
    )


def _both(one: str, other: str, target: str) -> str:
    return (
        f"columns {quote_name(one)} and {quote_name(other)} both go to {target}; leave one out "
        f"with {quote_mapping(other, '')}"
    )


def _no_such_column(column: str, headers: Sequence[str]) -> str:
    folded = {name.casefold(): name for name in headers}
    close = difflib.get_close_matches(column.casefold(), folded, n=1)
    if close:
        meant = f"did you mean {quote_name(folded[close[0]])}?"
    else:
        meant = f"it has {', '.join(map(quote_name, headers))}"
    return f"--map names a column {quote_name(column)} that the file does not have; {meant}"


def _is_same(name: str, column: str) -> bool:
    return normalize(name) == normalize(column) != ""


def _field(name: str) -> Target:
    return Target("field", DEFAULT_FIELDS[name], default_type(name))


def _property(known: ContactProperty) -> Target:
    for declared in get_args(ValueType):
        if known.type == declared:
            return Target("property", known.key, declared)
    raise ColumnsRefused(
        f"Loops declares {known.key} as {known.type}, a type that this version cannot write; "
        'leave its column out with --map "COLUMN="'
    )
