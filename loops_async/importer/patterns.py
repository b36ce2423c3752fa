"""The ways in which the values of a column can be read, and which of them fit all values."""

import re
from collections.abc import Callable, Iterable, Mapping
from itertools import combinations
from typing import Final

import attrs

from loops_async.importer.amounts import may_be_telephone, parse_number, split_unit
from loops_async.importer.coercion import Value
from loops_async.importer.dates import (
    describe_date_format,
    parse_date,
    parse_date_format,
    possible_orders,
    separator,
)
from loops_async.importer.errors import ValueRefused

DIGITS_AS_TEXT: Final = re.compile(r"\+|-?0\d")
"""Digits that are no number: postcodes, telephone numbers and the like."""

_COMPACT: Final = re.compile(r"(?:19|20)\d{6}", re.ASCII)
_CLOCK: Final = r"(?:(?:t|,? +)\d{1,2}[:.h]\d{2}.*)?"
_DATES: Final = re.compile(
    rf"(?:\d{{4}}([-/.])\d{{1,2}}\1\d{{1,2}}|\d{{1,2}}([-/.])\d{{1,2}}\2\d{{4}}"
    rf"|\d{{1,2}}/\d{{1,2}}/\d\d|\d\d\.\d\d\.\d\d"
    rf"|\d{{1,2}}\.?[ -](?:de )?[^\W\d_]{{3,10}}\.?[ -](?:de )?(?:\d{{4}}|\d\d)){_CLOCK}",
    re.IGNORECASE,
)
# Numbers that nobody reads otherwise: whole ones, and those without three decimals.
_PLAIN: Final = re.compile(r"(?:0|[1-9]\d{0,14})(\.(?:\d{1,2}|\d{4,15}))?", re.ASCII)
_GROUP: Final = r"[.,'\u2019 \u00a0\u202f]"
_NUMBERS: Final = re.compile(
    rf"[+-]?(?:\d{{1,3}}(?:{_GROUP}\d{{3}})+|\d{{1,15}})(?:[.,]\d*)?", re.ASCII
)


@attrs.define
class Family:
    """Patterns of which one reads all values of a kind, such as dates with slashes.

    Attributes:
        seen: How many values are of this kind.
        fits: How many values each pattern can read.
        misfit: The line of the first value that a pattern cannot read.
        differ: The pairs of patterns that read a value differently, with the line of the first.
    """

    seen: int = 0
    fits: dict[str, int] = attrs.field(factory=dict[str, int])
    misfit: dict[str, int] = attrs.field(factory=dict[str, int])
    differ: dict[frozenset[str], int] = attrs.field(factory=dict[frozenset[str], int])

    def note(
        self, readings: Mapping[str, Value | None], patterns: Iterable[str], line: int
    ) -> None:
        """Take a value into account: what each pattern that can read it reads."""
        for pattern in patterns:
            if pattern in readings:
                self.fits[pattern] = self.fits.get(pattern, 0) + 1
            else:
                self.misfit.setdefault(pattern, line)
        self.seen += 1
        if len(readings) < 2 or len(set(readings.values())) < 2:
            return
        for one, other in combinations(readings, 2):
            if readings[one] != readings[other]:
                self.differ.setdefault(frozenset((one, other)), line)

    def best(self) -> list[str]:
        """The patterns that can read most values."""
        most = max(self.fits.values(), default=0)
        return [pattern for pattern, count in self.fits.items() if count == most]

    def chosen(self) -> str | None:
        """The pattern for all values; None if several of the best read a value differently."""
        best = self.best()
        return best[0] if best and self.undecided() is None else None

    def undecided(self) -> int | None:
        """The line of the first value that several of the best patterns read differently."""
        pairs = map(frozenset, combinations(self.best(), 2))
        return min((self.differ[pair] for pair in pairs if pair in self.differ), default=None)


@attrs.define
class DatePatterns:
    """Which orders of day, month and year fit the dates of a column, for each separator.

    Attributes:
        formats: The orders that are given, such as ``dmy/``.
        families: The dates of each separator.
        compact: How many values are eight digits.
    """

    formats: tuple[str, ...] = ()
    families: dict[str, Family] = attrs.field(factory=dict[str, Family])
    compact: int = 0

    def note(self, text: str, line: int) -> bool:
        """Take a value into account; whether some pattern reads it as a date."""
        self.compact += _COMPACT.fullmatch(text.strip()) is not None
        mark = separator(text)
        if mark is None or mark == ".":
            return _reads(lambda: parse_date(text))
        given = [known[:3] for known in self.formats if known[3:] == mark]
        readings: dict[str, Value | None] = {}
        orders = [order for order in possible_orders(text) if not given or order in given]
        for order in orders:
            try:
                readings[order] = parse_date(text, (order + mark,))
            except ValueRefused:
                continue
        found = bool(readings)
        # A day that does not exist still shows the order, such as 31/02/2024.
        readings = readings or dict.fromkeys(orders)
        if readings:
            family = self.families.setdefault(mark, Family())
            family.note(readings, given or ("dmy", "mdy", "ymd"), line)
        return found

    def style(self) -> str:
        """The orders to read the dates with; separators whose order is not known are left out."""
        found = {known[3:]: known for known in self.formats}
        for mark, family in self.families.items():
            if mark not in found and (order := family.chosen()):
                found[mark] = order + mark
        return " ".join(found.values())

    def misfit(self) -> int | None:
        """The line of the first date that the best order cannot read."""
        lines = [
            family.misfit[family.best()[0]]
            for family in self.families.values()
            if family.fits and family.best()[0] in family.misfit
        ]
        return min(lines, default=None)

    def question(self) -> str | None:
        """What has to be decided to read the dates; None if nothing."""
        for mark, family in self.families.items():
            if (line := family.undecided()) is not None:
                best = family.best()
                ways = " or ".join(
                    f"--date-format {describe_date_format(order + mark)}" for order in best
                )
                parts = {"dmy": "day", "mdy": "month", "ymd": "year"}
                may_be = " or ".join(f"{parts[order]} first" for order in best)
                return f"which may be {may_be}, as on line {line}; {ways} decides"
        return None


@attrs.define
class NumberPatterns:
    """Which decimal mark and which unit fit the numbers of a column.

    Attributes:
        decimal: The decimal mark that is given; empty if none is.
        marks: The numbers, with the marks that fit.
        units: The units, with the line of the first amount of each.
        digits_as_text: Whether a value has digits that are no number.
        telephone: How many values may be telephone numbers.
        localized: Whether some values are written otherwise than 1234.56.
    """

    decimal: str = ""
    marks: Family = attrs.field(factory=Family)
    units: dict[str, tuple[int, int]] = attrs.field(factory=dict[str, tuple[int, int]])
    digits_as_text: bool = False
    telephone: int = 0
    localized: bool = False

    def note(self, text: str, line: int) -> bool:
        """Take a value into account; whether some pattern reads it as a number."""
        if DIGITS_AS_TEXT.match(text.strip()):
            self.digits_as_text = True
        if not self.decimal and (plain := _PLAIN.fullmatch(text)):
            count, first = self.units.get("", (0, line))
            self.units[""] = count + 1, first
            self.marks.note({".": text, ",": text} if plain[1] is None else {".": text}, ".,", line)
            return True
        readings: dict[str, Value | None] = {}
        unit, number = split_unit(text)
        for mark in self.decimal or ".,":
            try:
                readings[mark] = parse_number(number, mark)
            except ValueRefused:
                continue
        if not readings:
            return False
        self.localized |= bool(unit) or not {" ", "'", ","}.isdisjoint(number)
        self.telephone += may_be_telephone(text)
        count, first = self.units.get(unit, (0, line))
        self.units[unit] = count + 1, first
        self.marks.note(readings, self.decimal or ".,", line)
        return True

    def style(self) -> str:
        """The decimal mark and the unit to read the numbers with; empty if that is not known."""
        mark = self.decimal or self.marks.chosen()
        if not mark or (mark == "." and not self.localized):
            return ""
        return mark + self._unit()

    def misfit(self) -> int | None:
        """The line of the first number that the best decimal mark or unit cannot read."""
        best, unit = self.marks.best(), self._unit()
        lines = [self.marks.misfit[best[0]]] if best and best[0] in self.marks.misfit else []
        lines += [
            first
            for other, (_, first) in self.units.items()
            if other != unit and (other or unit == "%")
        ]
        return min(lines, default=None)

    def question(self) -> str | None:
        """What has to be decided to read the numbers; None if nothing."""
        if (line := self.marks.undecided()) is not None:
            return (
                "whose comma or point may separate thousands or decimals, as on line "
                f"{line}; --decimal , or --decimal . decides"
            )
        return None

    def _unit(self) -> str:
        named = {unit: count for unit, (count, _) in self.units.items() if unit}
        return max(named, key=lambda unit: named[unit]) if named else ""


def looks_like_date(text: str) -> bool:
    """Whether a person would take ``text`` for a date, also if it cannot be read."""
    return _DATES.fullmatch(text) is not None


def looks_like_number(text: str) -> bool:
    """Whether a person would take ``text`` for a number, also if it cannot be read."""
    return _NUMBERS.fullmatch(text) is not None


def given_formats(texts: Iterable[str]) -> tuple[str, ...]:
    """The orders that the values of ``--date-format`` mean."""
    return tuple(parse_date_format(text) for text in texts)


def _reads(read: Callable[[], Value]) -> bool:
    try:
        read()
    except ValueRefused:
        return False
    return True
