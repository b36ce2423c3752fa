"""What Loops takes as a value: the rules for identifiers, text and custom properties.

Every refusal names the field and the fix and never repeats the value.
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Final, TypeAlias

from loops_async.errors import InvalidInput
from loops_async.records.unset import UNSET

PropertyValue: TypeAlias = str | int | float | bool | datetime | date | None
"""What a custom property may be sent as. A datetime must carry its time zone."""

LONGEST: Final = 500
"""Characters that Loops takes in a key or in a value."""

RESERVED: Final = frozenset({"id", "listId", "softDeleteAt", "teamId", "updatedAt"})
"""Names that Loops keeps to itself (https://loops.so/docs/contacts/properties#reserved-names)."""

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
"""Loops' own name of each default field, and ours."""

_LARGEST: Final = 10**LONGEST
_MOST_NAMES: Final = 1024
# Names that check_property_name has nothing to say to: a run's rows share theirs.
_usual_names: Final[set[str]] = set()
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_OUR_NAMES: Final = frozenset(DEFAULT_FIELDS.values()) - DEFAULT_FIELDS.keys()
_READ_ONLY: Final = frozenset({"optInStatus"})
_ADDRESS: Final = re.compile(r"[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+")
_WORD: Final = re.compile(r"\S+")
_AT: Final = re.compile(r".(?:@|%40|&#64;|&#x40;|\\u0040).", re.IGNORECASE)


def masked(text: str) -> str:
    """``text`` fit for a message: addresses taken out, control characters gone, and short."""
    # Word by word, because a reply may name a field with megabytes of text.
    printable = "".join(c if c.isprintable() else " " for c in text)
    shown = _WORD.sub(lambda word: "…@…" if _AT.search(word[0]) else word[0], printable)
    return shown if len(shown) <= 80 else shown[:79] + "…"


def refused(name: str, what: str) -> InvalidInput:
    """The error for what a property holds; its name is the caller's and may be an address."""
    shown = masked(name)
    return InvalidInput(f"{shown}: {what}", field=shown)


def check_text(field: str, value: str) -> None:
    """Refuse text that Loops would refuse, or that cannot be sent at all.

    Raises:
        InvalidInput: Too long, or not valid Unicode.
    """
    if len(value) > LONGEST:
        raise refused(field, f"has {len(value)} characters, Loops takes {LONGEST}; shorten it")
    if not value.isascii() and _SURROGATE.search(value):
        raise refused(
            field,
            "holds a lone surrogate, which is not valid Unicode; decode the text with the right "
            "encoding",
        )


def check_email(field: str, value: object) -> None:
    """Refuse what no mail system takes for an address; Loops judges the rest.

    Raises:
        InvalidInput: Not text, empty, or not of the form ``name@domain``.
    """
    if not isinstance(value, str):
        raise InvalidInput(
            f"{field}: must be text such as 'ada@example.com', not {type(value).__name__}",
            field=field,
        )
    # Most addresses, for a quarter of what the rest costs. What is printable holds no lone
    # surrogate and no white space but the blank.
    is_plain = len(value) <= LONGEST and value.isprintable() and " " not in value
    if is_plain and value.count("@") == 1 and value[0] != "@" and value[-1] != "@":
        return
    check_text(field, value)
    if not _ADDRESS.fullmatch(value):
        raise InvalidInput(
            f"{field}: must be one address of the form name@domain without spaces; check for a "
            "missing '@' and for stray white space",
            field=field,
        )


def check_user_id(field: str, value: object) -> None:
    """Refuse what is not an identifier.

    Raises:
        InvalidInput: Not text, or empty.
    """
    if not isinstance(value, str):
        raise InvalidInput(
            f"{field}: must be text, not {type(value).__name__}; pass str({field})", field=field
        )
    if not value.strip():
        raise InvalidInput(f"{field}: is empty; give the contact's id or leave it out", field=field)
    check_text(field, value)


def check_properties(_: str, properties: Mapping[str, object]) -> None:
    """Refuse custom properties that a contact cannot have.

    Raises:
        InvalidInput: As ``check_property_name`` and ``check_property_value`` do.
    """
    for name, value in properties.items():
        # Names seen before, short text and small numbers are most of what there is.
        if name not in _usual_names:
            _check_new_name(name)
        if type(value) is str:
            if len(value) > LONGEST or not value.isascii():
                check_property_value(name, value)
        elif type(value) is not int or not -1_000_000_000 < value < 1_000_000_000:
            check_property_value(name, value)


def _check_new_name(name: object) -> None:
    check_property_name(name)
    if type(name) is str and name.isascii():
        if len(_usual_names) >= _MOST_NAMES:
            _usual_names.clear()
        _usual_names.add(name)


def _named(name: object) -> str:
    if isinstance(name, str) and name:
        return name
    kind = "" if isinstance(name, str) else f", not {type(name).__name__}"
    raise InvalidInput(
        f"properties: a property's name must be non-empty text{kind}", field="properties"
    )


def check_property_name(name: object) -> None:
    """Refuse a name that a custom property cannot have.

    Raises:
        InvalidInput: Not text, empty, too long, reserved, or the name of a default field.
    """
    name = _named(name)
    check_text(name, name)
    if name in RESERVED:
        raise InvalidInput(
            f"{name}: is reserved by Loops; choose another name for this property", field=name
        )
    if name in DEFAULT_FIELDS:
        raise InvalidInput(
            f"{name}: is a default field, not a custom property; pass {DEFAULT_FIELDS[name]}=…",
            field=name,
        )
    if name in _READ_ONLY:
        raise InvalidInput(f"{name}: is set by Loops alone; leave it out", field=name)
    if name in _OUR_NAMES:
        # Loops would take it, and make a property of that name for good.
        raise InvalidInput(
            f"{name}: is a default field, not a custom property; pass {name}=…, beside properties",
            field=name,
        )


def check_property_value(name: str, value: object) -> None:
    """Refuse a value that a custom property cannot have.

    Raises:
        InvalidInput: Nested, not finite, a datetime without a time zone, or of another type.
    """
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, int):
        if abs(value) >= _LARGEST:
            raise refused(name, f"has more than {LONGEST} digits, Loops takes {LONGEST}; send less")
        return
    if isinstance(value, str):
        check_text(name, value)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise refused(
                name,
                "is not a finite number, which JSON cannot carry; send None to empty it or leave "
                "it out",
            )
    elif isinstance(value, datetime):
        _check_moment(name, value)
    elif not isinstance(value, date):
        raise _unfit(name, value)


def check_event_value(name: object, value: object) -> None:
    """Refuse an event property that Loops could not take.

    The rules are a contact property's, but for the names (an event may call a property ``id``)
    and the length (no limit is documented).

    Raises:
        InvalidInput: A name that is not text, or a value of another kind.
    """
    name = _named(name)
    if not isinstance(value, str):
        check_property_value(name, value)


def _check_moment(name: str, value: Any) -> None:
    try:
        aware = value.utcoffset() is not None
        fits = not aware or isinstance(value.astimezone(UTC), datetime)
    except (ValueError, OverflowError):
        # Also what only looks like a datetime, such as the "not a time" of data frames.
        aware, fits = True, False
    if not aware:
        raise refused(
            name,
            "is a datetime without a time zone, so nobody knows which moment it is; pass one with "
            "tzinfo, for example datetime(…, tzinfo=UTC)",
        )
    if not fits:
        raise refused(
            name, "is no moment in the years 1 to 9999 in UTC; choose another date, or None"
        )


def _unfit(name: str, value: object) -> InvalidInput:
    if value is UNSET:
        return refused(
            name,
            "is UNSET; leave its name out to keep what Loops holds, or pass None to empty it",
        )
    kind = type(value).__name__
    fix = (
        "flatten it into properties of its own"
        if isinstance(value, Mapping | list | tuple | set | frozenset)
        else "convert it to text or to a number first"
    )
    return refused(
        name,
        f"a property is text, a number, a boolean, a date or None, not {kind}; {fix}",
    )
