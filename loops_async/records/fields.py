"""What the records of a contact are made of: their fields, the checks, and typed properties."""

import difflib
import functools
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import attrs

from loops_async.errors import InvalidCall
from loops_async.records.checks import (
    check_lists,
    optional_bool,
    optional_text,
    optional_user_id,
    own_lists,
    own_mapping,
)
from loops_async.records.unset import UNSET, Unset
from loops_async.records.values import (
    PropertyValue,
    check_properties,
    check_property_name,
    check_property_value,
    masked,
    refused,
)

R = TypeVar("R")

_RECORDS: Final = "loops_async.records.contacts"


def built(record: type[R], fields: Mapping[str, Any]) -> R:
    """A record of the given fields.

    Raises:
        InvalidCall: A field that the record has not.
        InvalidInput: A value that Loops could not take.
    """
    names = {attribute.alias for attribute in attrs.fields(record)}  # type: ignore[arg-type]
    for name in fields:
        if name not in names:
            close = difflib.get_close_matches(str(name), [str(n) for n in names], 1)
            hint = f"did you mean {close[0]}=? " if close else ""
            raise InvalidCall(
                f"{record.__name__} has no field {masked(str(name))!r}; {hint}custom properties go "
                "into properties={…}"
            )
    missing = [
        a.alias
        for a in attrs.fields(record)  # type: ignore[arg-type]
        if a.default is attrs.NOTHING and a.alias not in fields
    ]
    if missing:
        raise InvalidCall(f"{record.__name__} needs {missing[0]}=")
    return record(**fields)


def record_from(kind: type[R], given: object, fields: Mapping[str, Any]) -> R:
    """The record that a call was given, whole or as its fields.

    Raises:
        InvalidCall: Both, a record of another kind, or a field that the record has not.
        InvalidInput: A value that Loops could not take.
    """
    if given is None:
        return built(kind, fields)
    if fields:
        raise InvalidCall(f"give a {kind.__name__} or its fields as keyword arguments, not both")
    if not isinstance(given, kind):
        raise InvalidCall(
            f"expected a {kind.__name__}, not {type(given).__name__}; build one of what shall be "
            "sent, or give its fields as keyword arguments"
        )
    return given


def property_key(attribute: "attrs.Attribute[Any]") -> str:
    """The name at Loops of a typed property: its own in camelCase, or ``metadata["key"]``."""
    given = attribute.metadata.get("key")
    if given is not None:
        return str(given)
    return camel_case(attribute.name)


def camel_case(name: str) -> str:
    """``trial_ends`` as ``trialEnds``."""
    first, *rest = name.strip("_").split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)


@functools.cache
def typed_properties(cls: Any) -> tuple[tuple[str, str], ...]:
    """The custom properties that a subclass of a record declares: (attribute, name at Loops)."""
    record = next(c for c in cls.__mro__ if c.__module__ == _RECORDS)
    own = {attribute.name for attribute in attrs.fields(record)}
    pairs = tuple((a.name, property_key(a)) for a in attrs.fields(cls) if a.name not in own)
    taken: dict[str, str] = {}
    for name, key in pairs:
        check_property_name(key)
        if key in taken:
            raise refused(key, f"is declared twice, as {taken[key]} and as {name}; rename one")
        taken[key] = name
    return pairs


def masked_repr(record: Any) -> str:
    """A repr that says which fields are given and which are emptied, and shows no value."""
    parts = []
    for attribute in attrs.fields(type(record)):
        value = getattr(record, attribute.name)
        if value is None:
            parts.append(f"{attribute.name}=None")
        elif isinstance(value, Mapping) and value:
            names = ", ".join(masked(str(name)) for name in value)
            parts.append(f"{attribute.name}={{{names}}}")
        elif value is not UNSET and value not in ({}, ()):
            parts.append(f"{attribute.name}=…")
    return f"{type(record).__name__}({', '.join(parts)})"


@attrs.frozen(kw_only=True, repr=False)
class ContactFields:
    """What create and update have in common. Every value stays out of the repr."""

    first_name: str | None | Unset = attrs.field(default=UNSET, repr=False, validator=optional_text)
    last_name: str | None | Unset = attrs.field(default=UNSET, repr=False, validator=optional_text)
    source: str | None | Unset = attrs.field(default=UNSET, repr=False, validator=optional_text)
    subscribed: bool | None | Unset = attrs.field(
        default=UNSET, repr=False, validator=optional_bool
    )
    user_group: str | None | Unset = attrs.field(default=UNSET, repr=False, validator=optional_text)
    user_id: str | None | Unset = attrs.field(default=UNSET, repr=False, validator=optional_user_id)
    mailing_lists: Mapping[str, bool] | None | Unset = attrs.field(
        default=UNSET, repr=False, converter=own_lists, validator=check_lists
    )
    properties: Mapping[str, PropertyValue] = attrs.field(
        factory=dict, repr=False, converter=own_mapping
    )

    def __init_subclass__(cls) -> None:
        # attrs leaves a __repr__ alone that stands in the class itself: without this, a user's
        # subclass would get a generated one that shows every value.
        super().__init_subclass__()
        cls.__repr__ = ContactFields.__repr__  # type: ignore[method-assign]

    def __attrs_post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        """Refuse what Loops could not take.

        Raises:
            InvalidInput: A custom property that cannot be.
        """
        check_properties(self.properties)
        cls: Any = type(self)
        for attribute, key in typed_properties(cls):
            value = getattr(self, attribute)
            if value is UNSET:
                continue
            if key in self.properties:
                raise refused(key, f"is given twice, as {attribute}= and in properties; drop one")
            check_property_value(key, value)

    def __repr__(self) -> str:
        return masked_repr(self)
