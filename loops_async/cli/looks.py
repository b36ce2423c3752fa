"""What the values of a column look like to a person, where they are too unlike to be a type."""

import re
from collections.abc import Mapping

import attrs

from loops_async.cli.dates import read_date
from loops_async.cli.refusals import ValueRefused
from loops_async.cli.values import BOOLEANS, ValueType, conform

SAMPLE = 1_000
"""Values of a column that are looked at."""

_CLOCK = r"(?:(?:t|,? +)\d{1,2}[:.h]\d{2}.*)?"
_DATES = re.compile(
    rf"(?:\d{{4}}([-/.])\d{{1,2}}\1\d{{1,2}}|\d{{1,2}}([-/.])\d{{1,2}}\2\d{{4}}"
    rf"|\d{{1,2}}/\d{{1,2}}/\d\d|\d\d\.\d\d\.\d\d"
    rf"|\d{{1,2}}\.? (?:de )?[^\W\d_]{{3,10}}\.? (?:de )?\d{{4}}){_CLOCK}",
    re.IGNORECASE,
)
_GROUP = r"[.,'\u2019 \u00a0\u202f]"
_NUMBERS = re.compile(rf"[+-]?(?:\d{{1,3}}(?:{_GROUP}\d{{3}})+|\d{{1,15}})(?:[.,]\d*)?", re.ASCII)
_NOTHING = frozenset(("n/a", "#n/a", "na", "n.a.", "null", "none", "nil", "-", "--", "–", "—"))  # noqa: RUF001
_NOUNS: dict[ValueType, tuple[str, str]] = {
    "date": ("dates", "YYYY-MM-DD"),
    "number": ("numbers", "1234.56"),
    "boolean": ("booleans", "true or false"),
}


@attrs.frozen
class Resemblance:
    """What a column of text looks like.

    Attributes:
        type: What most values look like.
        said: How many do, and how to get that type, in words.
        readable: Whether all of those can be read as that type, as they are.
    """

    type: ValueType
    said: str
    readable: bool


@attrs.define
class Looks:
    """Counts what the first values of a column look like.

    Ambiguous values and those of another language or locale count as what a person sees in them;
    words for "nothing", such as n/a, count neither for nor against.

    Args:
        written: Whether values are the text of cells, as in CSV. In JSON, text is no number.
    """

    written: bool
    seen: int = 0
    _nothing: int = 0
    _counts: dict[ValueType, int] = attrs.field(factory=lambda: dict.fromkeys(_NOUNS, 0))
    _unreadable: set[ValueType] = attrs.field(factory=set[ValueType])
    _letters: dict[str, int] = attrs.field(factory=lambda: {"t": 0, "f": 0})

    def note(self, value: object) -> None:
        """Look at one more value that is not empty."""
        if self.seen == SAMPLE:
            return
        self.seen += 1
        if isinstance(value, bool):
            self._count("boolean", value)
        elif isinstance(value, int | float):
            self._count("number", value)
        elif isinstance(value, str):
            self._note_text(value.strip())

    def remark(
        self, filled: int, strays: Mapping[ValueType, int], *, may_be_number: bool
    ) -> Resemblance | None:
        """What most values look like and how to get that type; None if they look like text.

        Args:
            filled: Values of the column in all.
            strays: The line of the first value that is not of a type, as far as there is one.
            may_be_number: False for digits that are no numbers, such as postcodes.
        """
        counts = dict(self._counts)
        if not self._letters["t"]:
            # Alone it means other things, such as female.
            counts["boolean"] -= self._letters["f"]
        kinds: list[ValueType] = [kind for kind in _NOUNS if kind != "number" or may_be_number]
        kind = max(kinds, key=counts.__getitem__)
        count = counts[kind]
        # Where a third of them is something else, it is text that happens to hold a "y" or a 5.
        if not count or 3 * count < 2 * (self.seen - self._nothing):
            return None
        nouns, spelling = _NOUNS[kind]
        those = (
            f"{count} of {self.seen}" if filled == self.seen else f"{count} of the first {SAMPLE:,}"
        )
        rest = "" if count == filled else " and leave the others empty"
        said = f"{those} values look like {nouns}; write them as {spelling}{rest} to get a {kind}"
        if kind in strays:
            said += f"; the first to mend is on line {strays[kind]}"
        return Resemblance(kind, said, kind not in self._unreadable)

    def _count(self, kind: ValueType, value: object) -> None:
        self._counts[kind] += 1
        try:
            conform(value, kind)
        except ValueRefused:
            self._unreadable.add(kind)

    def _note_text(self, text: str) -> None:
        word = text.lower()
        if word in _NOTHING:
            self._nothing += 1
        elif _is_date(text):
            self._count("date", text)
        elif self.written:
            if _NUMBERS.fullmatch(text):
                self._count("number", text)
            if word in BOOLEANS:
                self._counts["boolean"] += 1
            if word in self._letters:
                self._letters[word] += 1


def _is_date(text: str) -> bool:
    if _DATES.fullmatch(text):
        return True
    if not 6 <= len(text) <= 50 or text.isdigit() or not any(map(str.isdigit, text)):
        return False
    try:
        read_date(text)
    except ValueRefused:
        return False
    return True
