"""Checks of values that Loops accepts: addresses, strings, dates and lengths.

Most of the rules are from https://loops.so/docs/contacts/properties.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType

MAX_LENGTH = 500
"""How many characters a key or a value may have."""

TOO_LONG = "Some body key or value is longer than allowable"
INVALID_EMAIL = "Invalid email address."

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SMALLEST_TOO_LONG = 10**MAX_LENGTH

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


class Refusal(Exception):
    """A request that breaks a rule of the API. `middleware.explain` turns it into a response.

    Attributes:
        status: The HTTP status, 400 to 499.
        message: The `message` of the JSON body.
        fields: The other fields of the JSON body: some endpoints name the field that is wrong.
    """

    def __init__(self, status: int, message: str, **fields: object) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.fields: Mapping[str, object] = MappingProxyType(fields)


def check_lengths(body: Mapping[str, object]) -> None:
    """Refuse a body with a key or a value of more than 500 characters."""
    for key, value in body.items():
        long_text = isinstance(value, str) and len(value) > MAX_LENGTH
        long_number = isinstance(value, int) and abs(value) >= _SMALLEST_TOO_LONG
        if len(key) > MAX_LENGTH or long_text or long_number:
            raise Refusal(400, TOO_LONG)


def email_address(value: object) -> str:
    """Return an address that Loops accepts: ASCII, with a top-level domain of 2 letters or more."""
    if not isinstance(value, str) or len(value) > MAX_LENGTH or not _EMAIL.fullmatch(value):
        raise Refusal(400, INVALID_EMAIL)
    return value


def string(name: str, value: object) -> str:
    """Return a string; refuse other types, naming the field."""
    if not isinstance(value, str):
        raise Refusal(400, f"{name} must be a string.")
    return value


def date_text(name: str, value: object) -> str:
    """Return a date in the form Loops returns it in, such as `2024-01-17T10:21:11.000Z`.

    Args:
        name: The field, for the message.
        value: Epoch milliseconds as a number, or a string in one of the documented formats. Epoch
            seconds cannot be told from milliseconds and become a day in January 1970, as in Loops.
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
    return iso_text(moment)


def iso_text(moment: datetime) -> str:
    """Return a moment in UTC in the form Loops returns it in."""
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
