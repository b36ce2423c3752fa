"""What the records of a contact are made of: their fields, the checks, and typed properties."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import attrs

from loops_async.errors import InvalidCall, InvalidInput
from loops_async.records.checks import (
    optional_bool,
    optional_lists,
    optional_text,
    own_lists,
    own_mapping,
)
from loops_async.records.unset import UNSET, Unset
from loops_async.records.values import (
    PropertyValue,
    check_properties,
    check_property_name,
    check_property_value,
    check_user_id,
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
    kind: Any = record
    names, required = _names(kind)
    if not names.issuperset(fields):
        raise _unknown_field(record, next(name for name in fields if name not in names), names)
    for name in required:
        if name not in fields:
            raise InvalidCall(f"{record.__name__} needs {name}=")
    return record(**fields)


@functools.cache
def _names(record: Any) -> tuple[frozenset[str], tuple[str, ...]]:
    """The names of a record's fields as its constructor has them, and those that it needs."""
    fields = attrs.fields(record)
    needed = tuple(a.alias for a in fields if a.default is attrs.NOTHING)
    return frozenset(a.alias for a in fields), needed


def _unknown_field(record: type[object], name: object, names: frozenset[str]) -> InvalidCall:
    import difflib  # noqa: PLC0415 - wanted for this refusal alone

    close = difflib.get_close_matches(str(name), sorted(names), 1)
    hint = f"did you mean {close[0]}=? " if close else ""
    return InvalidCall(
        f"{record.__name__} has no field {masked(str(name))!r}; {hint}custom properties go "
        "into properties={…}"
    )


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


def check_each(holder: str, entries: Mapping[str, Any], check: Callable[[Any, Any], None]) -> None:
    """Have ``check`` look at each entry's name and value; a refusal names ``holder`` as well."""
    try:
        for name, value in entries.items():
            check(name, value)
    except InvalidInput as error:
        refusal = placed(error, holder)
    else:
        return
    raise refusal


def placed(error: InvalidInput, holder: str) -> InvalidInput:
    """``error``, which is about an entry of ``holder``, saying so."""
    name, text = error.field, str(error)
    if name in {None, holder, "properties"} or not text.startswith(f"{name}: "):
        return error
    return InvalidInput(f"{holder}[{name!r}]{text[len(name) :]}", field=name)


def masked_repr(record: Any) -> str:
    """A repr that says which fields are given and which are emptied, and shows no value."""
    parts: list[str] = []
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


def _check_fields(record: Any, _: object, __: object) -> None:
    """An attrs validator of the whole record: the fields that are given."""
    if (value := record.first_name) is not UNSET and value is not None:
        optional_text("first_name", value)
    if (value := record.last_name) is not UNSET and value is not None:
        optional_text("last_name", value)
    if (value := record.source) is not UNSET and value is not None:
        optional_text("source", value)
    if (value := record.subscribed) is not UNSET and value is not None:
        optional_bool("subscribed", value)
    if (value := record.user_group) is not UNSET and value is not None:
        optional_text("user_group", value)
    if (value := record.user_id) is not UNSET and value is not None:
        check_user_id("user_id", value)
    if (value := record.mailing_lists) is not UNSET and value is not None:
        optional_lists("mailing_lists", value)


FIELD_CHECKS: Final[Mapping[str, Callable[[str, Any], None]]] = {
    "first_name": optional_text,
    "last_name": optional_text,
    "source": optional_text,
    "subscribed": optional_bool,
    "user_group": optional_text,
}
"""The checks of the fields that an event may change as well."""


@attrs.frozen(kw_only=True, repr=False)
class ContactFields:
    """What create and update have in common. Every value stays out of the repr."""

    first_name: str | None | Unset = attrs.field(default=UNSET, repr=False)
    last_name: str | None | Unset = attrs.field(default=UNSET, repr=False)
    source: str | None | Unset = attrs.field(default=UNSET, repr=False)
    subscribed: bool | None | Unset = attrs.field(default=UNSET, repr=False)
    user_group: str | None | Unset = attrs.field(default=UNSET, repr=False)
    user_id: str | None | Unset = attrs.field(default=UNSET, repr=False)
    mailing_lists: Mapping[str, bool] | None | Unset = attrs.field(
        default=UNSET, repr=False, converter=own_lists
    )
    # One validator for all of them: one for each field is called for what is left out as well,
    # and costs as much as the rest of the record.
    properties: Mapping[str, PropertyValue] = attrs.field(
        factory=dict[str, PropertyValue],
        repr=False,
        converter=own_mapping,
        validator=_check_fields,
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
        refusal = None
        try:
            check_properties(self.properties)
        except InvalidInput as error:
            refusal = placed(error, "properties")
        if refusal is not None:
            raise refusal
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
