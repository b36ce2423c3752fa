"""What the records of a contact are made of: their fields, the checks, and typed properties."""

import difflib
import functools
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import attrs

from loops_async.errors import InvalidCall, InvalidInput
from loops_async.records.unset import UNSET, Unset
from loops_async.records.values import (
    PropertyValue,
    check_email,
    check_property_name,
    check_property_value,
    check_text,
    check_user_id,
    masked,
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


def property_key(attribute: "attrs.Attribute[Any]") -> str:
    """The name at Loops of a typed property: its own in camelCase, or ``metadata["key"]``."""
    given = attribute.metadata.get("key")
    if given is not None:
        return str(given)
    first, *rest = attribute.name.strip("_").split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)


@functools.cache
def typed_properties(cls: Any) -> tuple[tuple[str, str], ...]:
    """The custom properties that a subclass of a record declares: (attribute, name at Loops)."""
    record = next(c for c in cls.__mro__ if c.__module__ == _RECORDS)
    own = {attribute.name for attribute in attrs.fields(record)}
    pairs = tuple((a.name, property_key(a)) for a in attrs.fields(cls) if a.name not in own)
    for _, key in pairs:
        check_property_name(key)
    return pairs


def _optional_text(_: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    if value is UNSET or value is None:
        return
    if not isinstance(value, str):
        raise InvalidInput(
            f"{attribute.name}: must be text, None to empty it, or left out, not "
            f"{type(value).__name__}",
            field=attribute.name,
        )
    check_text(attribute.name, value)


def optional_email(_: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    """An attrs validator: an address, None, or left out."""
    if value is not UNSET and value is not None:
        check_email(attribute.name, value)


def required_email(_: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    """An attrs validator: an address."""
    check_email(attribute.name, value)


def _optional_user_id(_: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    if value is not UNSET and value is not None:
        check_user_id(attribute.name, value)


def _optional_bool(_: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    if value is not UNSET and value is not None and not isinstance(value, bool):
        raise InvalidInput(
            f"{attribute.name}: must be True, False, None or left out, not {type(value).__name__}",
            field=attribute.name,
        )


def _own_lists(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value


def _check_lists(_: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    if value is UNSET or value is None:
        return
    if not isinstance(value, dict) or not all(
        isinstance(key, str) and key and isinstance(joined, bool) for key, joined in value.items()
    ):
        raise InvalidInput(
            f"{attribute.name}: must map each mailing list's id to True (add) or False (remove)",
            field=attribute.name,
        )
    for key in value:
        check_text(attribute.name, key)


def _own_properties(value: Any) -> dict[str, PropertyValue]:
    if value is UNSET:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidInput(
            "properties: must map names to values, for example {'plan': 'pro'}; leave it out to "
            "send none",
            field="properties",
        )
    return dict(value)


@attrs.frozen(kw_only=True, repr=False)
class ContactFields:
    """What create and update have in common. Every value stays out of the repr."""

    first_name: str | None | Unset = attrs.field(default=UNSET, validator=_optional_text)
    last_name: str | None | Unset = attrs.field(default=UNSET, validator=_optional_text)
    source: str | None | Unset = attrs.field(default=UNSET, validator=_optional_text)
    subscribed: bool | None | Unset = attrs.field(default=UNSET, validator=_optional_bool)
    user_group: str | None | Unset = attrs.field(default=UNSET, validator=_optional_text)
    user_id: str | None | Unset = attrs.field(default=UNSET, validator=_optional_user_id)
    mailing_lists: Mapping[str, bool] | None | Unset = attrs.field(
        default=UNSET, converter=_own_lists, validator=_check_lists
    )
    properties: Mapping[str, PropertyValue] = attrs.field(factory=dict, converter=_own_properties)

    def __init_subclass__(cls) -> None:
        # attrs leaves a __repr__ alone that stands in the class itself: without this, a user's
        # subclass would get a generated one that shows every value.
        super().__init_subclass__()
        cls.__repr__ = ContactFields.__repr__  # type: ignore[method-assign]

    def __attrs_post_init__(self) -> None:
        self._check_custom()

    def _check_custom(self) -> None:
        for name, value in self.properties.items():
            check_property_name(name)
            check_property_value(name, value)
        cls: Any = type(self)
        for attribute, key in typed_properties(cls):
            value = getattr(self, attribute)
            if value is UNSET:
                continue
            if key in self.properties:
                raise InvalidInput(
                    f"{masked(key)}: is given twice, as {attribute}= and in properties; drop one",
                    field=key,
                )
            check_property_value(key, value)

    def __repr__(self) -> str:
        parts = []
        for attribute in attrs.fields(type(self)):
            value = getattr(self, attribute.name)
            if attribute.name == "properties":
                if value:
                    parts.append(f"properties={{{', '.join(masked(str(k)) for k in value)}}}")
            elif value is None:
                parts.append(f"{attribute.name}=None")
            elif value is not UNSET:
                parts.append(f"{attribute.name}=…")
        return f"{type(self).__name__}({', '.join(parts)})"
