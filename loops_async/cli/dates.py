"""The spellings of a date that exports use, and the ones nobody can read for certain."""

import re
from datetime import UTC, date, datetime, timedelta, timezone

from loops_async.cli.refusals import ValueRefused

_CLOCK = (
    r"(?:(?:t|,? +)(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<part>\d+))?)?"
    r"(?: ?(?P<half>[ap]m))?(?: ?(?P<zone>z|utc|gmt|[+-]\d{2}(?::?\d{2})?))?)?"
)
_YEAR_FIRST = r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})"
_YEAR_LAST = r"(?P<one>\d{1,2})(?P<mark>[-/.])(?P<two>\d{1,2})(?P=mark)(?P<year>\d{4})"
_DAY_NAME = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?[ -](?P<name>[a-z]{3,9})\.?,?[ -](?P<year>\d{4})"
_NAME_DAY = r"(?P<name>[a-z]{3,9})\.? (?P<day>\d{1,2})(?:st|nd|rd|th)?,? (?P<year>\d{4})"
_SPELLINGS = tuple(
    re.compile(day + _CLOCK, re.ASCII | re.IGNORECASE)
    for day in (_YEAR_FIRST, _YEAR_LAST, _DAY_NAME, _NAME_DAY)
)
# Ten digits are seconds in nearly every export, and fourteen may be a date run together.
_MILLISECONDS = re.compile(r"\d{12,13}", re.ASCII)
_SECONDS = re.compile(r"\d{9,10}", re.ASCII)
# Not from ``calendar``, whose names follow the machine's locale.
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)

_UNKNOWN = "is not a date such as 2024-01-17, 2024-01-17 10:21:11 or 17 Jan 2024"
_MISSING = "names a day or a time that does not exist"
_EITHER = "may be day first or month first; write it as YYYY-MM-DD"
_IN_SECONDS = "looks like epoch seconds; write a date, or milliseconds as Loops counts them"


def read_date(text: str) -> date | datetime:
    """Read a date, or a date with a time, that can be read in one way only.

    Year-first dates (``-``, ``/`` or ``.`` between the numbers), dates with an English month name,
    and dates with the year last where a number above 12 or two equal ones leave no doubt. A time
    may follow, with AM or PM, and an offset. Twelve or thirteen digits are milliseconds since 1970.

    Returns:
        A ``date`` where there is no time, else a ``datetime`` in UTC. A time without an offset is
        taken as UTC, which is how Loops takes it.

    Raises:
        ValueRefused: If ``text`` is no date, an impossible one or an ambiguous one.
    """
    text = text.strip()
    if _MILLISECONDS.fullmatch(text):
        return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=int(text))
    if _SECONDS.fullmatch(text):
        raise ValueRefused(_IN_SECONDS)
    for spelling in _SPELLINGS:
        if found := spelling.fullmatch(text):
            return _moment(found.groupdict())
    raise ValueRefused(_UNKNOWN)


def _moment(parts: dict[str, str | None]) -> date | datetime:
    try:
        day = date(int(parts["year"] or 0), *_month_and_day(parts))
        if parts["hour"] is None:
            return day
        clock = datetime(
            day.year,
            day.month,
            day.day,
            _hour(int(parts["hour"]), parts["half"]),
            int(parts["minute"] or 0),
            int(parts["second"] or 0),
            int((parts["part"] or "0")[:6].ljust(6, "0")),
            tzinfo=_zone(parts["zone"]),
        )
        return clock.astimezone(UTC)
    except ValueRefused:
        raise
    except (OverflowError, ValueError):
        raise ValueRefused(_MISSING) from None


def _month_and_day(parts: dict[str, str | None]) -> tuple[int, int]:
    if one := parts.get("one"):
        first, second = int(one), int(parts["two"] or 0)
        if first <= 12 and second <= 12 and first != second:
            raise ValueRefused(_EITHER)
        return (second, first) if first > 12 else (first, second)
    day = int(parts["day"] or 0)
    if (name := parts.get("name")) is None:
        return int(parts["month"] or 0), day
    name = name.lower()
    for number, month in enumerate(_MONTHS, 1):
        if name in (month, month[:3]) or name == month[:4] == "sept":
            return number, day
    raise ValueRefused(_UNKNOWN)


def _hour(hour: int, half: str | None) -> int:
    if half is None:
        return hour
    if not 1 <= hour <= 12:
        raise ValueRefused(_MISSING)
    return hour % 12 + (12 if half.lower() == "pm" else 0)


def _zone(zone: str | None) -> timezone:
    if zone is None or zone[0] not in "+-":
        return UTC
    digits = zone[1:].replace(":", "")
    minutes = int(digits[2:] or 0)
    if minutes >= 60:
        raise ValueRefused(_MISSING)
    offset = timedelta(hours=int(digits[:2]), minutes=minutes)
    return timezone(-offset if zone[0] == "-" else offset)
