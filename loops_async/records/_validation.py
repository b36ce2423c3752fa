"""Validation of identifiers, text and properties.

Each error names the field and the fix, and never contains the value.
"""

import functools
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any, Final, TypeAlias, TypeGuard, cast

from loops_async.errors import InvalidInput
from loops_async.records._types import UNSET, PropertyValue, Unset
from loops_async.records._value_descriptions import (
    conversion,
    id_conversion,
    is_missing_text,
    missing_value,
    type_name,
)

Lists: TypeAlias = Mapping[str, bool] | None | Unset
"""Mailing list ids, each with True (add) or False (remove)."""

MAX_LENGTH: Final = 500
"""Maximum number of characters that Loops accepts in a key or a value."""

RESERVED: Final = frozenset({"id", "listId", "softDeleteAt", "teamId", "updatedAt"})
"""Names that Loops reserves (https://loops.so/docs/contacts/properties#reserved-names)."""

DEFAULT_FIELDS: Final = {
    "email": "email",
    "firstName": "first_name",
    "lastName": "last_name",
    "source": "source",
    "subscribed": "subscribed",
    "userGroup": "user_group",
    "userId": "user_id",
    "mailingLists": "mailing_lists",
}
"""The default fields: name at Loops → name in this package."""

# Loops would accept ``first_name`` and create a property of that name, permanently.
_UNAVAILABLE: Final = {
    name: f"is a default field, not a custom property; pass {ours}=…, outside of properties"
    for theirs, ours in DEFAULT_FIELDS.items()
    for name in (theirs, ours)
} | {
    **dict.fromkeys(RESERVED, "is reserved by Loops; choose another name for this property"),
    "optInStatus": "is set by Loops alone; leave it out",
}
_LARGEST: Final = 10**MAX_LENGTH
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_ASCII_ADDRESS: Final = re.compile("[!-?A-~]+@[!-?A-~]+")
_ADDRESS: Final = re.compile(r"[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+")
_WORD: Final = re.compile(r"\S+")
_AT: Final = re.compile(r".(?:@|%40|&#64;|&#x40;|\\u0040).", re.IGNORECASE)


# Text for messages.


def masked(text: str) -> str:
    """Shorten ``text`` for a message and remove addresses and control characters."""
    # Word by word, because a reply may name a field with megabytes of text.
    printable = "".join(c if c.isprintable() else " " for c in text)
    shown = _WORD.sub(lambda word: "…@…" if _AT.search(word[0]) else word[0], printable)
    return shown if len(shown) <= 80 else shown[:79] + "…"


def invalid(name: str, what: str) -> InvalidInput:
    """The error for a property. Its name is masked, because it may contain an address."""
    shown = masked(name)
    return InvalidInput(f"{shown}: {what}", field=shown)


def wrong_type(
    name: str,
    expected: str,
    value: object,
    fix: str = "",
    *,
    if_missing: str = "leave it out to keep the value at Loops, or pass None to empty it",
) -> InvalidInput:
    """The error for a value of the wrong type, with the actual type and the fix."""
    missing = missing_value(value)
    if missing is not None:
        return invalid(name, f"is {missing}, a missing value; {if_missing}")
    return invalid(name, f"{expected}, not {type_name(value)}" + (f"; {fix}" if fix else ""))


# Fields.


def is_mapping(value: object) -> TypeGuard[Mapping[object, object]]:
    """Whether ``value`` is a mapping."""
    # isinstance() with an abstract class is ten times slower, and most mappings are dicts.
    return isinstance(value, dict) or isinstance(value, Mapping)  # noqa: SIM101


def check_unicode(name: str, text: str) -> None:
    """Raise InvalidInput if ``text``, of any length, is not valid Unicode."""
    if _SURROGATE.search(text):
        raise invalid(
            name,
            "contains a lone surrogate, which is not valid Unicode; decode the text with the "
            "right encoding",
        )


def check_text(name: str, text: str) -> None:
    """Raise InvalidInput if ``text`` is too long for Loops, or not valid Unicode."""
    if len(text) > MAX_LENGTH:
        raise invalid(name, f"has {len(text)} characters, Loops accepts {MAX_LENGTH}; shorten it")
    if not text.isascii():
        check_unicode(name, text)


def check_name(field: str, value: object) -> None:
    """Raise InvalidInput unless ``value`` is non-empty text."""
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput(f"{field}: must be non-empty text", field=field)
    check_text(field, value)


def check_email(field: str, value: object) -> None:
    """Raise InvalidInput unless ``value`` has the form ``name@domain``; Loops checks the rest."""
    if isinstance(value, str) and len(value) <= MAX_LENGTH and _ASCII_ADDRESS.fullmatch(value):
        return
    if not isinstance(value, str):
        expected = "must be text such as 'ada@example.com'"
        raise wrong_type(field, expected, value, if_missing="pass an address, or leave it out")
    if len(value) > MAX_LENGTH or not value.isascii():
        check_text(field, value)
    if not _ADDRESS.fullmatch(value):
        raise InvalidInput(
            f"{field}: must be one address of the form name@domain without spaces; check for a "
            "missing '@' and for stray white space",
            field=field,
        )


def check_user_id(field: str, value: object) -> None:
    """Raise InvalidInput unless ``value`` can be a user id."""
    if not isinstance(value, str):
        fix = id_conversion(field, value)
        if_missing = "pass the contact's id, or leave it out"
        raise wrong_type(field, "must be text", value, fix, if_missing=if_missing)
    if not value.strip():
        raise InvalidInput(f"{field}: is empty; pass the contact's id or leave it out", field=field)
    if is_missing_text(value):
        # Loops would merge all contacts without an id into one.
        raise InvalidInput(
            f"{field}: is the text of a missing value, such as 'None' or 'nan'; pass the "
            "contact's id, or leave it out if there is none",
            field=field,
        )
    check_text(field, value)


def check_nullable_text(field: str, value: object) -> None:
    """Raise InvalidInput unless ``value`` is text or None."""
    if value is None:
        return
    if not isinstance(value, str):
        raise wrong_type(field, "must be text, None to empty it, or left out", value)
    if len(value) > MAX_LENGTH or not value.isascii():
        check_text(field, value)


def check_nullable_bool(field: str, value: object) -> None:
    """Raise InvalidInput unless ``value`` is a boolean or None."""
    if value is not None and not isinstance(value, bool):
        fix = conversion(value) if type(value).__name__.startswith("bool") else ""
        raise wrong_type(field, "must be True, False, None or left out", value, fix)


def check_lists(field: str, value: object) -> None:
    """Raise InvalidInput unless ``value`` maps mailing list ids to booleans."""
    expected = "must map each mailing list's id to True (add) or False (remove)"
    if not is_mapping(value):
        raise wrong_type(field, expected, value)
    for key, joined in value.items():
        if not isinstance(key, str) or not key:
            raise InvalidInput(f"{field}: {expected}; an id must be non-empty text", field=field)
        if not isinstance(joined, bool):
            fix = conversion(joined) if type(joined).__name__.startswith("bool") else ""
            raise wrong_type(field, expected, joined, fix, if_missing="pass True or False")
        check_text(field, key)


# Custom properties.


@functools.lru_cache
def check_property_name(name: object) -> None:
    """Raise InvalidInput unless ``name`` can be the name of a custom contact property."""
    if not isinstance(name, str) or not name:
        raise _no_name(name)
    check_text(name, name)
    if name in _UNAVAILABLE:
        raise InvalidInput(f"{name}: {_UNAVAILABLE[name]}", field=name)


def _no_name(name: object) -> InvalidInput:
    kind = "" if isinstance(name, str) else f", not {type(name).__name__}"
    return InvalidInput(
        f"properties: a property's name must be non-empty text{kind}", field="properties"
    )


def check_property_value(name: str, value: object) -> None:
    """Raise InvalidInput unless ``value`` can be the value of a custom property."""
    if isinstance(value, str):
        if len(value) > MAX_LENGTH or not value.isascii():
            check_text(name, value)
    elif value is None or isinstance(value, bool):
        return
    elif isinstance(value, int):
        if not -_LARGEST < value < _LARGEST:
            raise invalid(
                name, f"has more than {MAX_LENGTH} digits, Loops accepts {MAX_LENGTH}; send fewer"
            )
    elif isinstance(value, float):
        _check_float(name, value)
    elif isinstance(value, datetime) and missing_value(value) is None:
        _check_datetime(name, value)
    elif not isinstance(value, date) or isinstance(value, datetime):
        raise _not_a_property(name, value)


def _check_float(name: str, value: float) -> None:
    if math.isnan(value):
        raise _not_a_property(name, value)
    if math.isinf(value):
        raise invalid(
            name,
            "is not a finite number, which JSON cannot represent; send None to empty it or leave "
            "it out",
        )


def check_property(name: Any, value: object) -> None:
    """Raise InvalidInput unless name and value are valid for a custom contact property."""
    check_property_name(name)
    check_property_value(name, value)


def check_event_property(name: object, value: object) -> None:
    """Raise InvalidInput unless name and value are valid for an event property.

    The checks are those of contact properties, except that names such as ``id`` are allowed, and
    the length of text is not limited, because Loops documents no limit.
    """
    if not isinstance(name, str) or not name:
        raise _no_name(name)
    if not isinstance(value, str):
        check_property_value(name, value)
    elif not value.isascii():
        check_unicode(name, value)
    if not name.isascii():
        check_unicode(name, name)


def _check_datetime(name: str, value: Any) -> None:
    try:
        aware = value.utcoffset() is not None
        fits = not aware or isinstance(value.astimezone(UTC), datetime)
    except (ValueError, OverflowError):
        aware, fits = True, False
    if not aware:
        raise invalid(
            name,
            "is a datetime without a time zone; pass one with tzinfo, for example "
            "datetime(…, tzinfo=UTC)",
        )
    if not fits:
        raise invalid(
            name, "is not a moment in the years 1 to 9999 in UTC; pass another date, or None"
        )


def _not_a_property(name: str, value: object) -> InvalidInput:
    if value is UNSET:
        return invalid(
            name,
            "is UNSET; leave its name out to keep the value at Loops, or pass None to empty it",
        )
    fix = conversion(value) or "convert it to text or to a number first"
    if _is_nested(value):
        fix = "flatten it into several properties"
    return wrong_type(name, "a property is text, a number, a boolean, a date or None", value, fix)


def _is_nested(value: object) -> bool:
    is_collection = isinstance(value, Mapping | list | tuple | set | frozenset)
    return is_collection or type(value).__name__ in {"ndarray", "Series"}


# Mappings.


def copy_lists(value: Lists) -> Lists:
    """An attrs converter that copies the mapping, so that the caller cannot change it later."""
    if value is UNSET or value is None or not is_mapping(value):
        return value
    return dict(cast("Mapping[str, bool]", value))


def copy_properties(value: Mapping[str, PropertyValue]) -> Mapping[str, PropertyValue]:
    """An attrs converter that copies the mapping, so that the caller cannot change it later."""
    return copy_mapping(value, "properties")


def copy_mapping(value: Any, field: str) -> dict[str, Any]:
    """Copy the mapping ``value``; an empty dict for ``UNSET``.

    Raises:
        InvalidInput: It is not a mapping.
    """
    entries: Mapping[str, Any] = value
    if isinstance(value, dict):
        return dict(entries)
    if value is UNSET:
        return {}
    if not isinstance(value, Mapping):
        expected = "must map names to values, for example {'plan': 'pro'}"
        fix = "leave it out to send none"
        raise wrong_type(field, expected, value, fix, if_missing=fix)
    return dict(entries)


def check_each(
    field: str, entries: Mapping[Any, object], check: Callable[[Any, Any], None]
) -> None:
    """Call ``check`` with each name and value, and prefix its errors with ``field``."""
    try:
        for name, value in entries.items():
            check(name, value)
    except InvalidInput as error:
        found = error
    else:
        return
    name, text = found.field, str(found)
    if name in {field, "properties"} or not text.startswith(f"{name}: "):
        raise found
    raise InvalidInput(f"{field}[{name!r}]{text[len(name) :]}", field=name)
