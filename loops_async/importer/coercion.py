"""Converting a cell or a JSON value to the type of its column."""

import math
import re
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final, Literal, TypeAlias

import orjson

from loops_async.importer.errors import ValueRefused

ValueType: TypeAlias = Literal["string", "number", "boolean", "date"]
Value: TypeAlias = str | int | float | bool | date | datetime

BOOLEANS: Final = {
    **dict.fromkeys(("true", "t", "yes", "y", "on", "1"), True),
    **dict.fromkeys(("false", "f", "no", "n", "off", "0"), False),
}
"""The words for booleans, in lower case."""

_NUMBER: Final = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_WHOLE: Final = re.compile(r"[+-]?\d+", re.ASCII)
_WITH_COMMA: Final = re.compile(r"[+-]?[\d.]*,[\d.,]*", re.ASCII)

# JSON numbers are doubles to Loops: above this, neighbours become one, and so would two ids.
_LARGEST_WHOLE: Final = 2**53 - 1

_CLOCK: Final = (
    r"(?:(?:t|,? +)(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<part>\d+))?)?"
    r"(?: ?(?P<half>[ap]m))?(?: ?(?P<zone>z|utc|gmt|[+-]\d{2}(?::?\d{2})?))?)?"
)
_DATE_PATTERNS: Final = tuple(
    re.compile(day + _CLOCK, re.ASCII | re.IGNORECASE)
    for day in (
        r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})",
        r"(?P<one>\d{1,2})(?P<mark>[-/.])(?P<two>\d{1,2})(?P=mark)(?P<year>\d{4})",
        r"(?P<day>\d{1,2})(?:st|nd|rd|th)?[ -](?P<name>[a-z]{3,9})\.?,?[ -](?P<year>\d{4})",
        r"(?P<name>[a-z]{3,9})\.? (?P<day>\d{1,2})(?:st|nd|rd|th)?,? (?P<year>\d{4})",
    )
)
# Ten digits are seconds in nearly every export, and fourteen may be a date without separators.
_MILLISECONDS: Final = re.compile(r"\d{12,13}", re.ASCII)
_SECONDS: Final = re.compile(r"\d{9,10}", re.ASCII)
# Not from ``calendar``, whose names follow the machine's locale.
_MONTHS: Final = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_NOT_A_DATE: Final = "is not a date such as 2024-01-17, 2024-01-17 10:21:11 or 17 Jan 2024"
_NO_SUCH_TIME: Final = "is a date or time that does not exist"


def is_empty(value: object) -> bool:
    """Whether a cell is empty: only white space, or a JSON null."""
    return value is None or (isinstance(value, str) and not value.strip())


def coerce(value: object, declared: ValueType) -> Value:
    """Convert a JSON value to ``declared``.

    A number for a number and a boolean for a boolean stay as they are. Any other scalar is taken as
    the text that JSON writes it with and goes through ``parse_text``: ``1`` may become True, ``42``
    may become ``"42"``, and a number for a date is milliseconds.

    Raises:
        ValueRefused: Also for a list, an object or null.
    """
    if isinstance(value, str):
        return parse_text(value, declared)
    if isinstance(value, bool):
        return (
            value if declared == "boolean" else parse_text("true" if value else "false", declared)
        )
    if isinstance(value, int | float):
        if declared == "number":
            return _exact_number(value)
        if isinstance(value, float) and abs(value) > _LARGEST_WHOLE:
            # Reading JSON has already rounded it: its text here may not be the text in the file.
            raise ValueRefused("is a number too long to read exactly; write it as text, in quotes")
        return parse_text(orjson.dumps(value).decode(), declared)
    raise ValueRefused("contains a list or an object; a contact property is one plain value")


def parse_text(text: str, declared: ValueType) -> Value:
    """Convert the text of a cell to ``declared``; ambiguous text is refused.

    * ``string``: the text exactly as it stands.
    * ``number``: ``42``, ``-7``, ``3.14``, ``1e3``. A comma is refused, because ``1,234`` is one
      thing in London and another in Berlin.
    * ``boolean``: true, t, yes, y, on, 1 and their opposites, in any case.
    * ``date``: see ``parse_date``; a time without an offset is UTC.

    Surrounding white space is ignored, except for a string.

    Raises:
        ValueRefused: The reason does not include ``text``.
    """
    match declared:
        case "string":
            return text
        case "number":
            return _parse_number(text.strip())
        case "boolean":
            try:
                return BOOLEANS[text.strip().lower()]
            except KeyError:
                raise ValueRefused("is not a yes or a no (true, false, yes, no, 1, 0)") from None
        case "date":
            return parse_date(text)


def parse_date(text: str) -> date | datetime:
    """Read a date, or a date with a time, that can be read in one way only.

    Accepts year-first dates (with ``-``, ``/`` or ``.``), dates with an English month name, and
    year-last dates in which a number above 12, or two equal numbers, leave no doubt. A time may
    follow, with AM or PM, and an offset. Twelve or thirteen digits are milliseconds since 1970.

    Returns:
        A ``date`` without a time, else a ``datetime`` in UTC. A time without an offset is taken as
        UTC, as Loops does.

    Raises:
        ValueRefused: ``text`` is not a date, or an impossible or ambiguous one.
    """
    text = text.strip()
    if _MILLISECONDS.fullmatch(text):
        return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=int(text))
    if _SECONDS.fullmatch(text):
        raise ValueRefused(
            "looks like epoch seconds; write a date, or milliseconds as Loops counts them"
        )
    for pattern in _DATE_PATTERNS:
        if found := pattern.fullmatch(text):
            return _moment(found.groupdict())
    raise ValueRefused(_NOT_A_DATE)


def _parse_number(text: str) -> int | float:
    if _WITH_COMMA.fullmatch(text):
        raise ValueRefused(
            "has a comma, which may separate thousands or decimals; write it without commas"
        )
    if not _NUMBER.fullmatch(text):
        raise ValueRefused("is not a number such as 42 or 3.14")
    if not _WHOLE.fullmatch(text):
        return _exact_number(float(text))
    # Python itself refuses to read whole numbers of several thousand digits.
    return _exact_number(int(text) if len(text.lstrip("+-0")) <= 16 else math.inf)


def _exact_number(number: float) -> int | float:
    if isinstance(number, float) and math.isfinite(number):
        return number
    if abs(number) <= _LARGEST_WHOLE:
        return number
    raise ValueRefused("is too long or too large for a number at Loops; keep it as text")


def _moment(parts: dict[str, str | None]) -> date | datetime:
    try:
        day = date(int(parts["year"] or 0), *_month_and_day(parts))
        if parts["hour"] is None:
            return day
        moment = datetime(
            day.year,
            day.month,
            day.day,
            _hour(int(parts["hour"]), parts["half"]),
            int(parts["minute"] or 0),
            int(parts["second"] or 0),
            int((parts["part"] or "0")[:6].ljust(6, "0")),
            tzinfo=_zone(parts["zone"]),
        )
        return moment.astimezone(UTC)
    except ValueRefused:
        raise
    except (OverflowError, ValueError):
        raise ValueRefused(_NO_SUCH_TIME) from None


def _month_and_day(parts: dict[str, str | None]) -> tuple[int, int]:
    if one := parts.get("one"):
        first, second = int(one), int(parts["two"] or 0)
        if first <= 12 and second <= 12 and first != second:
            raise ValueRefused("may be day first or month first; write it as YYYY-MM-DD")
        return (second, first) if first > 12 else (first, second)
    day = int(parts["day"] or 0)
    if (name := parts.get("name")) is None:
        return int(parts["month"] or 0), day
    name = name.lower()
    for number, month in enumerate(_MONTHS, 1):
        if name in (month, month[:3]) or name == month[:4] == "sept":
            return number, day
    raise ValueRefused(_NOT_A_DATE)


def _hour(hour: int, half: str | None) -> int:
    if half is None:
        return hour
    if not 1 <= hour <= 12:
        raise ValueRefused(_NO_SUCH_TIME)
    return hour % 12 + (12 if half.lower() == "pm" else 0)


def _zone(zone: str | None) -> timezone:
    if zone is None or zone[0] not in "+-":
        return UTC
    digits = zone[1:].replace(":", "")
    minutes = int(digits[2:] or 0)
    if minutes >= 60:
        raise ValueRefused(_NO_SUCH_TIME)
    offset = timedelta(hours=int(digits[:2]), minutes=minutes)
    return timezone(-offset if zone[0] == "-" else offset)
