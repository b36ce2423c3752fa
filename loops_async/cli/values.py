"""From the text of a cell, or a JSON value, to the type Loops has declared for its column."""

import math
import re
from datetime import date, datetime
from typing import Final, Literal, TypeAlias

import orjson

from loops_async.cli.dates import read_date
from loops_async.cli.refusals import ValueRefused

ValueType: TypeAlias = Literal["string", "number", "boolean", "date"]
Value: TypeAlias = str | int | float | bool | date | datetime

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
_WITH_COMMA = re.compile(r"[+-]?[\d.]*,[\d.,]*", re.ASCII)
BOOLEANS: Final = {
    **dict.fromkeys(("true", "t", "yes", "y", "on", "1"), True),
    **dict.fromkeys(("false", "f", "no", "n", "off", "0"), False),
}
"""What is taken for a boolean, in small letters."""

# JSON numbers are doubles to Loops: above this, neighbours become one and an id turns into another.
_LARGEST_WHOLE = 2**53 - 1


def convert(text: str, declared: ValueType) -> Value:
    """Turn the text of a cell into ``declared``, or refuse it; never guess.

    * ``string``: the text exactly as it stands.
    * ``number``: ``42``, ``-7``, ``3.14``, ``1e3``. A comma is refused, because ``1,234`` is one
      thing in London and another in Berlin.
    * ``boolean``: true, t, yes, y, on, 1 and their opposites, in any case.
    * ``date``: see ``read_date``; a time without an offset is UTC, as Loops takes it.

    Space around anything but a string does not count.

    Raises:
        ValueRefused: With a reason that does not hold ``text``.
    """
    match declared:
        case "string":
            return text
        case "number":
            return _number(text.strip())
        case "boolean":
            return _boolean(text.strip())
        case "date":
            return read_date(text)


def conform(value: object, declared: ValueType) -> Value:
    """Turn a JSON value into ``declared``.

    A number for a number and a boolean for a boolean stay as they are. Any other scalar is taken
    as the text JSON writes it with and follows ``convert``: ``1`` may become True, ``42`` may
    become ``"42"``, and a number for a date is milliseconds.

    Raises:
        ValueRefused: Also for a list, an object or null, which have no place in a contact.
    """
    if isinstance(value, str):
        return convert(value, declared)
    if isinstance(value, bool):
        return value if declared == "boolean" else convert("true" if value else "false", declared)
    if isinstance(value, int | float):
        if declared == "number":
            return _exact(value)
        if isinstance(value, float) and abs(value) > _LARGEST_WHOLE:
            # Reading JSON has already rounded it: its text here may not be the text in the file.
            raise ValueRefused("is a number too long to read exactly; write it as text, in quotes")
        return convert(orjson.dumps(value).decode(), declared)
    raise ValueRefused("holds a list or an object; a contact property is one plain value")


def is_empty(value: object) -> bool:
    """Whether a cell holds nothing: no text but space, or a JSON null."""
    return value is None or (isinstance(value, str) and not value.strip())


def _number(text: str) -> int | float:
    if _WITH_COMMA.fullmatch(text):
        raise ValueRefused(
            "has a comma, which may part thousands or decimals; write it without commas"
        )
    if not _NUMBER.fullmatch(text):
        raise ValueRefused("is not a number such as 42 or 3.14")
    if not _WHOLE.fullmatch(text):
        return _exact(float(text))
    # Python itself refuses to read whole numbers of several thousand digits.
    return _exact(int(text) if len(text.lstrip("+-0")) <= 16 else math.inf)


def _exact(number: float) -> int | float:
    if isinstance(number, float) and math.isfinite(number):
        return number
    if abs(number) <= _LARGEST_WHOLE:
        return number
    raise ValueRefused("is too long or too large for a number at Loops; keep it as text")


def _boolean(text: str) -> bool:
    try:
        return BOOLEANS[text.lower()]
    except KeyError:
        raise ValueRefused("is not a yes or a no (true, false, yes, no, 1, 0)") from None
