"""Which values Loops takes: addresses, texts, dates, lengths. Pure functions.

The page behind most of it is https://loops.so/docs/contacts/properties.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone

from loops_async.sandbox.errors import Refusal
from loops_async.sandbox.records import PropertyType, Value

LONGEST = 500
"""How many characters a key or a value may have."""

TOO_LONG = "Some body key or value is longer than allowable"
INVALID_EMAIL = "Invalid email address."

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SMALLEST_TOO_LONG = 10**LONGEST

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_EMAIL = re.compile(
    rf"{_ATOM}(?:\.{_ATOM})*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+"
    # The second form is a punycode top-level domain, the only way to write ".рф" in ASCII.
    r"(?:[A-Za-z]{2,63}|[Xx][Nn]--[A-Za-z0-9-]{1,59})"
)
_DATE = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[T ](?P<time>(?:[01][0-9]|2[0-3]):[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{3})?)?)"
    r"(?:Z|(?P<sign>[+-])(?P<hours>[0-9]{2}):?(?P<minutes>[0-9]{2}))?)?"
)


def check_lengths(body: Mapping[str, object]) -> None:
    """Refuse a body with a key or a value of more than 500 characters."""
    for key, value in body.items():
        long_text = isinstance(value, str) and len(value) > LONGEST
        long_number = isinstance(value, int) and abs(value) >= _SMALLEST_TOO_LONG
        if len(key) > LONGEST or long_text or long_number:
            raise Refusal(400, TOO_LONG)


def email_address(value: object) -> str:
    """Return an address Loops takes: ASCII, with a top-level domain of two letters or more."""
    if not isinstance(value, str) or len(value) > LONGEST or not _EMAIL.fullmatch(value):
        raise Refusal(400, INVALID_EMAIL)
    return value


def text(name: str, value: object) -> str:
    """Return a text; refuse all else, naming the field."""
    if not isinstance(value, str):
        raise Refusal(400, f"{name} must be a string.")
    return value


def date_text(name: str, value: object) -> str:
    """Return a date as Loops reads it back, such as `2024-01-17T10:21:11.000Z`.

    Args:
        name: The property, for the message.
        value: Epoch milliseconds as a number, or text in one of the documented formats. Epoch
            seconds cannot be told from milliseconds and land in January 1970, as with Loops.
    """
    try:
        if isinstance(value, str):
            moment = _parse_date(value)
        elif isinstance(value, bool) or not isinstance(value, int | float):
            moment = None
        else:
            moment = _EPOCH + timedelta(milliseconds=value)
    except (ValueError, OverflowError):
        moment = None
    if moment is None:
        raise Refusal(400, f"{name} must be a date, in epoch milliseconds or ISO 8601.")
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _parse_date(value: str) -> datetime | None:
    match = _DATE.fullmatch(value)
    if match is None:
        return None
    moment = datetime.fromisoformat(f"{match['day']}T{match['time'] or '00:00'}+00:00")
    if match["sign"] is None:
        return moment
    minutes = int(match["minutes"])
    if minutes > 59:
        return None
    offset = timedelta(hours=int(match["hours"]), minutes=minutes)
    zone = timezone(-offset if match["sign"] == "-" else offset)
    return moment.replace(tzinfo=zone).astimezone(UTC)


def property_value(key: str, kind: PropertyType, value: object) -> Value:
    """Return a value that fits a property's type, a date in its read-back form."""
    if kind == "date":
        return date_text(key, value)
    if kind == "string":
        return text(key, value)
    if kind == "boolean":
        if isinstance(value, bool):
            return value
        raise Refusal(400, f"{key} must be a boolean.")
    # bool is an int to Python, and not a number to JSON.
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise Refusal(400, f"{key} must be a number.")


def guess_type(key: str, value: object) -> PropertyType:
    """Guess the type of a property nobody has defined from its first JSON value."""
    if isinstance(value, str):
        return "string"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    raise Refusal(400, f"{key} must be a string, a number, a boolean or a date.")
