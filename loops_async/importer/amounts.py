"""Reading numbers: plain ones, amounts with a currency, per cent, and those of other locales."""

import math
import re
import unicodedata
from functools import lru_cache
from typing import Final

from loops_async.importer.errors import ValueRefused
from loops_async.importer.languages import currencies

_NUMBER: Final = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_WHOLE: Final = re.compile(r"[+-]?\d+", re.ASCII)
_WITH_COMMA: Final = re.compile(r"[+-]?[\d.]*,[\d.,]*", re.ASCII)
_AMOUNT: Final = re.compile(
    r"([+-]?)([^\d+.,-]*?)\s*([+-]?[\d.,][\d.,' ]*(?:e[+-]?\d+)?)\s*(\D*)", re.IGNORECASE
)
# Thousands in groups of three, and in India of two before the last three.
_GROUPED: Final = {
    ".": re.compile(
        r"(?:[1-9]\d{0,2}(?:([,' ])\d{3})(?:\1\d{3})*|[1-9]\d?(?:,\d{2})+,\d{3})(\.\d*)?"
    ),
    ",": re.compile(r"[1-9]\d{0,2}(?:([.' ])\d{3})(?:\1\d{3})*(,\d*)?"),
}
_TELEPHONE: Final = re.compile(r"\d{2,3}(?: \d{3})+", re.ASCII)

# JSON numbers are doubles to Loops: above this, neighbours become one, and so would two ids.
LARGEST_WHOLE: Final = 2**53 - 1


def parse_number(text: str, style: str = "") -> int | float:
    """Read a number.

    Args:
        text: The number.
        style: The decimal mark and the unit, such as ``,€`` or ``.%``; if empty, only numbers such
            as 42 and 3.14 are read. Per cent are read as their number: 12 % is 12.

    Raises:
        ValueRefused: ``text`` is not such a number.
    """
    text = text.strip()
    if not style:
        return _plain(text)
    unit, number = split_unit(text)
    wanted = style[1:]
    if unit != wanted and (unit or wanted == "%"):
        raise ValueRefused(f"is not an amount in {wanted}" if wanted else "is not a plain number")
    return _localized(number, style[0])


def split_unit(text: str) -> tuple[str, str]:
    """The currency or per cent sign of an amount, empty without one, and the number beside it."""
    return _split(" ".join(text.split()))


def may_be_telephone(text: str) -> bool:
    """Whether ``text`` is in groups that may be a telephone number's as well."""
    return _TELEPHONE.fullmatch(text.strip()) is not None


def exact_number(number: float) -> int | float:
    """``number`` if Loops can store it exactly.

    Raises:
        ValueRefused: It cannot.
    """
    if isinstance(number, float) and math.isfinite(number):
        return number
    if abs(number) <= LARGEST_WHOLE:
        return number
    raise ValueRefused("is too long or too large for a number at Loops; keep it as text")


@lru_cache(4096)
def _split(text: str) -> tuple[str, str]:
    text = text.replace("\u2212", "-").replace("’", "'")  # noqa: RUF001
    found = _AMOUNT.fullmatch(text)
    if found is None:
        return "", text
    sign, before, number, after = (part.strip() for part in found.groups())
    unit = before or after
    if (before and after) or (sign and number[0] in "+-") or (unit and not _is_unit(unit)):
        return "", text
    return unit.rstrip(".").upper(), sign + number


def _is_unit(unit: str) -> bool:
    if unit == "%" or (len(unit) == 1 and unicodedata.category(unit) == "Sc"):
        return True
    return unit.rstrip(".").upper() in {known.upper() for known in currencies()}


def _localized(text: str, decimal: str) -> int | float:
    sign, digits = (text[0], text[1:]) if text[:1] in ("+", "-") else ("", text)
    if grouped := _GROUPED[decimal].fullmatch(digits):
        whole, mark, rest = digits.partition(decimal) if grouped[2] else (digits, "", "")
        digits = re.sub(r"\D", "", whole) + ("." + rest if mark else "")
    elif decimal == ",":
        if "." in digits:
            raise ValueRefused("is not a number with a decimal comma")
        digits = digits.replace(",", ".", 1)
    return _plain(sign + digits)


def _plain(text: str) -> int | float:
    if _WITH_COMMA.fullmatch(text):
        raise ValueRefused(
            "has a comma, which may separate thousands or decimals; write it without commas"
        )
    if not _NUMBER.fullmatch(text):
        raise ValueRefused("is not a number such as 42 or 3.14")
    if not _WHOLE.fullmatch(text):
        return exact_number(float(text))
    # Python itself refuses to read whole numbers of several thousand digits.
    return exact_number(int(text) if len(text.lstrip("+-0")) <= 16 else math.inf)
