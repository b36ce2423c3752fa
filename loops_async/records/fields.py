"""What the records of a contact are made of: their fields, the checks, and typed properties."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import attrs

from loops_async.errors import InvalidCall, InvalidInput
from loops_async.records.checks import (
    is_mapping,
    optional_bool,
    optional_lists,
    optional_text,
    own_lists,
    own_properties,
)
from loops_async.records.unset import UNSET, Unset
from loops_async.records.values import (
    PropertyValue,
    check_email,
    check_properties,
    check_property_name,
    check_property_value,
    check_user_id,
    masked,
    refused,
)

R = TypeVar("R")

_RECORDS: Final = "loops_async.records.contacts"

# Kept for each class; functools.cache takes three times as long to look into.
_typed: Final[dict[Any, tuple[tuple[str, str], ...]]] = {}


def built(record: type[R], fields: Mapping[str, Any]) -> R:
    """A record of the given fields.

    Raises:
        InvalidCall: A field that the record has not.
        InvalidInput: A value that Loops could not take.
    """
    kind: Any = record
    try:
        made: R = kind(**fields)
    except TypeError:
        # Nearly every row of a run names its fields right, so they are looked at only now that
        # they may be wrong: Python refuses a name before any value is looked at.
        if (refusal := _misnamed(kind, fields)) is None:
            raise
    else:
        return made
    raise refusal


def _misnamed(record: Any, fields: Mapping[str, Any]) -> InvalidCall | None:
    """The error for fields that the record has not, or lacks; None if neither is so."""
    own = attrs.fields(record)
    names = frozenset(a.alias for a in own)
    if not names.issuperset(fields):
        return _unknown_field(record, next(name for name in fields if name not in names), names)
    for attribute in own:
        if attribute.default is attrs.NOTHING and attribute.alias not in fields:
            return InvalidCall(f"{record.__name__} needs {attribute.alias}=")
    return None


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


def typed_properties(cls: Any) -> tuple[tuple[str, str], ...]:
    """The custom properties that a subclass of a record declares: (attribute, name at Loops)."""
    if (known := _typed.get(cls)) is not None:
        return known
    record = next(c for c in cls.__mro__ if c.__module__ == _RECORDS)
    own = {attribute.name for attribute in attrs.fields(record)}
    pairs = tuple((a.name, property_key(a)) for a in attrs.fields(cls) if a.name not in own)
    taken: dict[str, str] = {}
    for name, key in pairs:
        check_property_name(key)
        if key in taken:
            raise refused(key, f"is declared twice, as {taken[key]} and as {name}; rename one")
        taken[key] = name
    _typed[cls] = pairs
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
    for attribute in attrs.fields(record.__class__):
        value = getattr(record, attribute.name)
        if value is None:
            parts.append(f"{attribute.name}=None")
        elif is_mapping(value) and value:
            names = ", ".join(masked(str(name)) for name in value)
            parts.append(f"{attribute.name}={{{names}}}")
        elif value is not UNSET and value not in ({}, ()):
            parts.append(f"{attribute.name}=…")
    return f"{type(record).__name__}({', '.join(parts)})"


def _check_fields(record: Any) -> None:
    # One by one, because this is every record's: a loop takes three times as long.
    if (value := record.first_name) is not UNSET:
        optional_text("first_name", value)
    if (value := record.last_name) is not UNSET:
        optional_text("last_name", value)
    if (value := record.source) is not UNSET:
        optional_text("source", value)
    if (value := record.subscribed) is not UNSET:
        optional_bool("subscribed", value)
    if (value := record.user_group) is not UNSET:
        optional_text("user_group", value)
    if (value := record.user_id) is not UNSET and value is not None:
        check_user_id("user_id", value)
    if (value := record.mailing_lists) is not UNSET:
        optional_lists("mailing_lists", value)
    if (value := record.email) is not UNSET and value is not None:
        check_email("email", value)
    else:
        record._check_without_email()  # noqa: SLF001 - each kind of record has its own


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
    properties: Mapping[str, PropertyValue] = attrs.field(
        factory=dict[str, PropertyValue], repr=False, converter=own_properties
    )

    def __init_subclass__(cls) -> None:
        # attrs leaves a __repr__ alone that stands in the class itself: without this, a user's
        # subclass would get a generated one that shows every value.
        super().__init_subclass__()
        cls.__repr__ = ContactFields.__repr__  # type: ignore[method-assign]

    def __attrs_post_init__(self) -> None:
        self.check()

    # All checks in one place: attrs would call a field's validator for what is left out as well.
    def check(self) -> None:
        """Refuse what Loops could not take.

        Raises:
            InvalidInput: A field or a custom property that cannot be, or nothing that says which
                contact it is about.
        """
        _check_fields(self)
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
