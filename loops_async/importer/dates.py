"""Reading dates and times, in the spellings of several languages and tools."""

import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final

from loops_async.importer.errors import ValueRefused
from loops_async.importer.languages import fold, months, weekdays

ORDERS: Final = ("dmy", "mdy", "ymd")
"""The orders in which the numbers of a date may be written."""

_WEEKDAY: Final = (
    r"(?:(?:den|le|el) )?(?:(?P<weekday>[^\W\d_]{2,9}(?:-feira)?)\.?,? )?(?:(?:den|le|el) )?"
)
_OFFSET: Final = r"(?P<zone>z|(?:utc|gmt)?[+-]\d{1,2}(?::?\d{2})?|[a-z]{2,5})"
_PLACE: Final = r"(?: ?[(\[][^()\[\]]*[)\]])?"
_TIME: Final = (
    r"(?P<hour>\d{1,2})[:.h](?P<minute>\d{2})(?:[:.](?P<second>\d{2})(?:[.,](?P<part>\d+))?)?"
    r"(?: ?(?P<half>[ap])\.? ?m\.?)?(?: uhr)?"
)
_CLOCK: Final = (
    rf"(?:(?:t|:|,? (?:(?:at|um|à|om|kl\.?|às|as|alle|alle ore|a las) )?){_TIME}"
    rf"(?: ?{_OFFSET}{_PLACE})?)?"
)
_NAME: Final = r"(?P<name>[^\W\d_]{3,10})\.?"
_DAY: Final = r"(?P<day>\d{1,2})(?:st|nd|rd|th|er|\.|º|ª)?"
# ASCII matters for the digits alone; names may have any letters.
_PATTERNS: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"{_WEEKDAY}(?P<year>\d{{4}})(?P<mark>[-/.])(?P<month>\d{{1,2}})(?P=mark)(?P<day>\d{{1,2}})"
        + _CLOCK,
        (
            rf"{_WEEKDAY}(?P<one>\d{{1,2}})(?P<mark>[-/]|\. ?)(?P<two>\d{{1,2}})(?P=mark)"
            rf"(?P<three>\d{{4}}|\d{{2}}){_CLOCK}"
        ),
        rf"{_WEEKDAY}{_DAY}(?: de | of |[ /-]){_NAME},?(?: del? |[ /-])'?(?P<year>\d{{4}}|\d{{2}})"
        + _CLOCK,
        rf"{_WEEKDAY}{_NAME}[ -](?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?[ -](?P<year>\d{{4}}){_CLOCK}",
        rf"(?P<year>\d{{4}})[ -]{_NAME}[ -](?P<day>\d{{1,2}}){_CLOCK}",
        # As the Unix command ``date``, Ruby and Java write them.
        rf"{_WEEKDAY}{_NAME} (?P<day>\d{{1,2}}) {_TIME}(?: {_OFFSET})? (?P<year>\d{{4}})",
        (
            r"(?P<year>(?:19|20)\d{2})(?P<month>\d{2})(?P<day>\d{2})"
            r"(?:[t ](?P<hour>\d{2})(?P<minute>\d{2})(?P<second>\d{2})?(?:\.(?P<part>\d+))?"
            rf"{_OFFSET}?)?"
        ),
        r"(?P<year>\d{4})[年년] ?(?P<month>\d{1,2})[月월] ?(?P<day>\d{1,2})[日일]" + _CLOCK,
    )
)
# Most dates; the interpreter reads them ten times as fast.
_ISO: Final = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d:\d\d(?:\.\d{6})?(?:Z|[+-]\d\d:[0-5]\d)?)?", re.ASCII
)
# Ten digits are seconds in nearly every export, and fourteen may be a date without separators.
_MILLISECONDS: Final = re.compile(r"\d{12,13}", re.ASCII)
_SECONDS: Final = re.compile(r"\d{9,10}", re.ASCII)
# RFC 2822, and those of Europe and Japan. IST, CST in China and the like have several meanings.
_ZONES: Final = {
    **dict.fromkeys(("z", "ut", "utc", "gmt", "wet"), 0),
    **dict.fromkeys(("west", "bst", "cet", "met", "mez"), 1),
    **dict.fromkeys(("cest", "mest", "mesz", "eet"), 2),
    "eest": 3,
    "jst": 9,
    "pst": -8,
    **dict.fromkeys(("mst", "pdt"), -7),
    **dict.fromkeys(("cst", "mdt"), -6),
    **dict.fromkeys(("est", "cdt"), -5),
    "edt": -4,
}
# Up to here every tool takes a year of two digits for 20xx, and from here on for 19xx.
_LAST_OF_2000S: Final = 29
_FIRST_OF_1900S: Final = 69
_NOT_A_DATE: Final = "is not a date such as 2024-01-17, 2024-01-17 10:21:11 or 17 Jan 2024"
_NO_SUCH_TIME: Final = "is a date or time that does not exist"
_AMBIGUOUS: Final = (
    "may be day first or month first; write it as YYYY-MM-DD, or add --date-format DD/MM/YYYY or "
    "the like"
)
_TWO_DIGITS: Final = (
    "has a year of two digits, which may be more than one day; write it as YYYY-MM-DD"
)


def parse_date(text: str, formats: Collection[str] = ()) -> date | datetime:
    """Read a date, or a date with a time, that can be read in one way only.

    Accepts year-first dates (with ``-``, ``/`` or ``.``), dates with the name of a month, dates
    with dots, which are day first, and other year-last dates in which a number above 12, or two
    equal numbers, leave no doubt. A time may follow, with AM or PM, and an offset or the name of a
    time zone. Twelve or thirteen digits are milliseconds since 1970.

    Args:
        text: The date.
        formats: The order of the numbers with each separator, such as ``dmy/``.

    Returns:
        A ``date`` without a time, else a ``datetime`` in UTC. A time without an offset is taken as
        UTC, as Loops does.

    Raises:
        ValueRefused: ``text`` is not a date, or an impossible or ambiguous one.
    """
    if (found_at_once := _iso(text)) is not None:
        return found_at_once
    text = " ".join(text.split())
    if _MILLISECONDS.fullmatch(text):
        return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=int(text))
    if _SECONDS.fullmatch(text):
        raise ValueRefused(
            "looks like epoch seconds; write a date, or milliseconds as Loops counts them"
        )
    parts = _match(text)
    if parts is None:
        raise ValueRefused(_NOT_A_DATE)
    if parts.get("one") is None:
        return _moment(parts, _full_year(parts["year"] or ""), *_month_and_day(parts))
    return _in_order(text, parts, formats)


def _in_order(
    text: str, parts: Mapping[str, str | None], formats: Collection[str]
) -> date | datetime:
    """The date whose numbers are in the order that ``formats`` or the numbers themselves show."""
    mark = (parts["mark"] or "").strip()
    order = next((known[:3] for known in formats if known[3:] == mark), None)
    if order is not None:
        return _numeric(parts, order)
    found: set[date | datetime] = set()
    refused: list[ValueRefused] = []
    for possible in possible_orders(text):
        try:
            found.add(_numeric(parts, possible))
        except ValueRefused as error:
            refused.append(error)
    if len(found) == 1:
        return found.pop()
    if found:
        raise ValueRefused(_AMBIGUOUS if len(parts["three"] or "") == 4 else _TWO_DIGITS)
    raise refused[0] if refused else ValueRefused(_NO_SUCH_TIME)


def separator(text: str) -> str | None:
    """The separator of a date whose numbers may be in several orders; None for other text."""
    if _ISO.fullmatch(text):
        return None
    parts = _match(" ".join(text.split()))
    if parts is None or parts.get("one") is None:
        return None
    return (parts["mark"] or "").strip()


def possible_orders(text: str) -> list[str]:
    """The orders in which the numbers of a date can be day, month and year.

    The day may still not exist, such as 31 February.
    """
    parts = _match(" ".join(text.split()))
    if parts is None or parts.get("one") is None:
        return []
    if (parts["mark"] or "").strip() == ".":
        return ["dmy"]
    orders = ORDERS if len(parts["three"] or "") == 2 else ORDERS[:2]
    found: list[str] = []
    for order in orders:
        numbers = _ordered(parts, order)
        if 0 < int(numbers["m"]) <= 12 and 0 < int(numbers["d"]) <= 31:
            found.append(order)
    return found


def parse_date_format(text: str) -> str:
    """The order and the separator that a format such as ``DD/MM/YYYY`` or ``%d/%m/%Y`` means.

    Raises:
        ValueError: It is not such a format.
    """
    found = re.fullmatch(r"(\W?[dmy]+)([-/.])(\W?[dmy]+)\2(\W?[dmy]+)", text.strip().lower())
    if found is None:
        raise ValueError(text)
    order = "".join(found[number].lstrip("%")[:1] for number in (1, 3, 4))
    if sorted(order) != sorted("dmy"):
        raise ValueError(text)
    return order + found[2]


def describe_date_format(known: str) -> str:
    """``DD/MM/YYYY`` for ``dmy/``."""
    return known[3:].join({"d": "DD", "m": "MM", "y": "YYYY"}[part] for part in known[:3])


def _iso(text: str) -> date | datetime | None:
    if not _ISO.fullmatch(text):
        return None
    with suppress(ValueError, OverflowError):
        if len(text) == len("2024-01-17"):
            return date.fromisoformat(text)
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None


@lru_cache(4096)
def _match(text: str) -> Mapping[str, str | None] | None:
    if not 6 <= len(text) <= 100 or not any(map(str.isdigit, text)) or not _has_ascii_digits(text):
        return None
    for pattern in _PATTERNS:
        if found := pattern.fullmatch(text):
            parts = found.groupdict()
            if (day := parts.get("weekday")) and fold(day) not in weekdays():
                continue
            if (name := parts.get("name")) and fold(name) not in months():
                continue
            return parts
    return None


def _has_ascii_digits(text: str) -> bool:
    return all(c.isascii() for c in text if c.isdigit())


def _ordered(parts: Mapping[str, str | None], order: str) -> dict[str, str]:
    return dict(zip(order, (parts[name] or "" for name in ("one", "two", "three")), strict=True))


def _numeric(parts: Mapping[str, str | None], order: str) -> date | datetime:
    numbers = _ordered(parts, order)
    if len(numbers["d"]) > 2 or len(numbers["m"]) > 2:
        raise ValueRefused(_NO_SUCH_TIME)
    return _moment(parts, _full_year(numbers["y"]), int(numbers["m"]), int(numbers["d"]))


def _full_year(year: str) -> int:
    if len(year) == 4:
        return int(year)
    number = int(year)
    if number <= _LAST_OF_2000S:
        return 2000 + number
    if number >= _FIRST_OF_1900S:
        return 1900 + number
    raise ValueRefused("has a year that may be 19xx or 20xx; write it with four digits")


def _month_and_day(parts: Mapping[str, str | None]) -> tuple[int, int]:
    name = parts.get("name")
    month = int(parts.get("month") or 0) if name is None else months()[fold(name)]
    return month, int(parts["day"] or 0)


def _moment(parts: Mapping[str, str | None], year: int, month: int, day: int) -> date | datetime:
    try:
        if (hour := parts["hour"]) is None:
            return date(year, month, day)
        moment = datetime(
            year,
            month,
            day,
            _hour(int(hour), parts.get("half")),
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


def _hour(hour: int, half: str | None) -> int:
    if half is None:
        return hour
    if not 1 <= hour <= 12:
        raise ValueRefused(_NO_SUCH_TIME)
    return hour % 12 + (12 if half.lower() == "p" else 0)


def _zone(zone: str | None) -> timezone:
    if zone is None:
        return UTC
    name = zone.lower()
    if name in _ZONES:
        return timezone(timedelta(hours=_ZONES[name]))
    offset = re.fullmatch(r"(?:utc|gmt)?([+-])(\d{1,2}):?(\d{2})?", name)
    if offset is None:
        raise ValueRefused("has a time zone that is not known; write the offset, such as +02:00")
    minutes = int(offset[3] or 0)
    if minutes >= 60:
        raise ValueRefused(_NO_SUCH_TIME)
    ahead = timedelta(hours=int(offset[2]), minutes=minutes)
    return timezone(-ahead if offset[1] == "-" else ahead)
