"""The contact properties an account has, looked up in the spellings of a file."""

import difflib
from collections.abc import Collection, Iterable
from typing import Literal, Protocol, get_args

import attrs

from loops_async.cli.refusals import ColumnsRefused, shown
from loops_async.cli.spellings import (
    DEFAULT_FIELDS,
    NOT_BY_API,
    RESERVED,
    default_field,
    default_type,
    known_spelling,
    own_field,
    plain,
)
from loops_async.cli.values import ValueType

LIST_PREFIX = "mailingLists."


class KnownProperty(Protocol):
    """A contact property as Loops lists it."""

    @property
    def key(self) -> str:
        """Its name in requests."""
        ...

    @property
    def label(self) -> str:
        """Its name on the screen."""
        ...

    @property
    def type(self) -> str:
        """string, number, boolean or date."""
        ...


@attrs.frozen
class Target:
    """Where the values of a column go.

    Attributes:
        kind: A default field, a custom property or a mailing list.
        name: The field's name as a keyword argument (``first_name``), the property's key, or the
            list's id.
        type: What its values must be.
    """

    kind: Literal["field", "property", "list"]
    name: str
    type: ValueType

    def __str__(self) -> str:
        """The target as ``--map`` spells it."""
        return LIST_PREFIX + self.name if self.kind == "list" else self.name


class Account:
    """Looks up targets by the names users and tools give them.

    Args:
        properties: What Loops lists, with or without the default ones.
    """

    def __init__(self, properties: Iterable[KnownProperty]) -> None:
        self._custom = {
            known.key: known
            for known in properties
            if known.key not in DEFAULT_FIELDS and known.key not in RESERVED
        }

    def match(self, column: str, beside: Collection[str] = ()) -> Target | None:
        """The target a column means by its name alone; None if Loops has nothing like it.

        A default field's own name comes first, then a property's key, then its label, then other
        tools' words for a default field.

        Args:
            column: Its name.
            beside: The names of all columns, which may settle what one of them means.

        Raises:
            ColumnsRefused: If two properties fit equally well.
        """
        if field := default_field(column):
            return _field(field)
        matching = [known for known in self._custom.values() if known.key not in NOT_BY_API]
        for found in (
            [known for known in matching if known.key == column],
            [known for known in matching if _same(known.key, column)],
            [known for known in matching if _same(known.label, column)],
        ):
            if len(found) > 1:
                keys = " and ".join(sorted(known.key for known in found))
                raise ColumnsRefused(
                    f"column {shown(column)} fits the properties {keys}; choose with "
                    f"--map {shown(f'{column}={found[0].key}')}"
                )
            if found:
                return _property(found[0])
        field = known_spelling(column, beside)
        return _field(field) if field else None

    def named(self, target: str) -> Target | None:
        """The target that ``--map`` spells as ``target``; None if Loops has no such property.

        Raises:
            ColumnsRefused: If Loops keeps the name for itself, or a list's id is missing.
        """
        if target in RESERVED:
            raise ColumnsRefused(f"{target} is a name Loops keeps for itself; nothing can be sent")
        if target.startswith(LIST_PREFIX):
            if not (list_id := target.removeprefix(LIST_PREFIX).strip()):
                raise ColumnsRefused(f"{LIST_PREFIX} needs a mailing list's id behind the dot")
            return Target("list", list_id, "boolean")
        for field, argument in DEFAULT_FIELDS.items():
            if target in (field, argument):
                return _field(field)
        return _property(self._custom[target]) if target in self._custom else None

    def custom(self, key: str) -> Target | None:
        """The account's own property called ``key``, if it is one that can be written."""
        known = self._custom.get(key)
        if known is None or key in NOT_BY_API or known.type not in get_args(ValueType):
            return None
        return _property(known)

    def nearest(self, target: str) -> str | None:
        """A target that someone who wrote ``target`` may have meant."""
        if field := default_field(target) or known_spelling(target):
            return field
        names = {plain(known.label): key for key, known in self._custom.items()}
        names |= {plain(key): key for key in (*self._custom, *DEFAULT_FIELDS)}
        close = difflib.get_close_matches(plain(target), names, n=1)
        return names[close[0]] if close else None

    def has(self, name: str) -> bool:
        """Whether a new property called ``name`` would be, or look like, one that is there."""
        taken = {plain(key) for key in (*self._custom, *DEFAULT_FIELDS)}
        return plain(name) in taken or own_field(name) is not None


def _same(name: str, column: str) -> bool:
    return plain(name) == plain(column) != ""


def _field(name: str) -> Target:
    return Target("field", DEFAULT_FIELDS[name], default_type(name))


def _property(known: KnownProperty) -> Target:
    for declared in get_args(ValueType):
        if known.type == declared:
            return Target("property", known.key, declared)
    raise ColumnsRefused(
        f"Loops declares {known.key} as {known.type}, a type this version cannot write; "
        'leave its column out with --map "COLUMN="'
    )
