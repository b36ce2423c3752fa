"""The first pass over a file: its columns, how many values each has, and the type they suggest."""

import re
from typing import Final

import attrs

from loops_async.importer.coercion import BOOLEANS, ValueType, coerce, is_empty, parse_date
from loops_async.importer.errors import FileRefused, ValueRefused
from loops_async.importer.reading import MOST_COLUMNS, InputFile, UnreadableRow

SAMPLE: Final = 1_000
"""Values of a column from which ``TypeSampler`` judges what they look like."""

_DIGITS_AS_TEXT: Final = re.compile(r"\+|-?0\d")
_CLOCK: Final = r"(?:(?:t|,? +)\d{1,2}[:.h]\d{2}.*)?"
_DATES: Final = re.compile(
    rf"(?:\d{{4}}([-/.])\d{{1,2}}\1\d{{1,2}}|\d{{1,2}}([-/.])\d{{1,2}}\2\d{{4}}"
    rf"|\d{{1,2}}/\d{{1,2}}/\d\d|\d\d\.\d\d\.\d\d"
    rf"|\d{{1,2}}\.? (?:de )?[^\W\d_]{{3,10}}\.? (?:de )?\d{{4}}){_CLOCK}",
    re.IGNORECASE,
)
_GROUP: Final = r"[.,'\u2019 \u00a0\u202f]"
_NUMBERS: Final = re.compile(
    rf"[+-]?(?:\d{{1,3}}(?:{_GROUP}\d{{3}})+|\d{{1,15}})(?:[.,]\d*)?", re.ASCII
)
_NOTHING: Final = frozenset(
    ("n/a", "#n/a", "na", "n.a.", "null", "none", "nil", "-", "--", "–", "—")  # noqa: RUF001
)
_NOUNS: Final[dict[ValueType, tuple[str, str]]] = {
    "date": ("dates", "YYYY-MM-DD"),
    "number": ("numbers", "1234.56"),
    "boolean": ("booleans", "true or false"),
}


@attrs.frozen
class ScannedColumn:
    """What one pass found in a column.

    Attributes:
        name: Its header, or its key in JSON Lines.
        filled: How many rows have a value in it.
        type: The narrowest type to which all its values convert; None without values, and if any
            of them is a list or an object.
        remark: For text that looks like another type: what it looks like and how to fix it.
        may_be: The type that the text looks like, if those values can be read as it.
        nested: The line of the first list or object; None without any.
    """

    name: str
    filled: int
    type: ValueType | None
    remark: str | None = None
    may_be: ValueType | None = None
    nested: int | None = None


@attrs.frozen
class FileScan:
    """What one pass found in a file.

    Attributes:
        columns: In the file's order; in JSON Lines, in order of first appearance.
        readable: How many rows can be read.
        unreadable: How many rows cannot be read.
    """

    columns: tuple[ScannedColumn, ...]
    readable: int
    unreadable: int

    @property
    def rows(self) -> int:
        """How many rows the file has."""
        return self.readable + self.unreadable

    @property
    def headers(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.name for column in self.columns)

    @property
    def nested(self) -> dict[str, int]:
        """The columns with lists or objects, and the line of the first in each."""
        return {c.name: c.nested for c in self.columns if c.nested is not None}


def scan_file(source: InputFile) -> FileScan:
    """Read all rows once.

    An import begins with this, so that a file that cannot be decoded to its end is refused before
    anything is sent, and so that a type is suggested by all values.

    Raises:
        FileRefused: Part of the file cannot be read, or it has no rows.
    """
    is_text = source.form == "csv"
    guesses = {name: TypeGuess(is_text=is_text) for name in source.headers}
    readable = unreadable = 0
    first: UnreadableRow | None = None
    for row in source.rows():
        if isinstance(row, UnreadableRow):
            unreadable += 1
            first = first or row
            continue
        readable += 1
        for name, value in row.cells.items():
            guess = guesses.get(name)
            if guess is None:
                if len(guesses) == MOST_COLUMNS:
                    problem = f"the rows have more than {MOST_COLUMNS:,} different keys"
                    raise FileRefused(source.name, problem, row.line)
                guess = guesses[name] = TypeGuess(is_text=is_text)
            guess.note(value, row.line)
    if not readable and not unreadable:
        raise FileRefused(source.name, "has column names but no rows below them")
    if not readable and first and not is_text:
        raise _not_json_lines(source.name, first)
    columns = tuple(guess.column(name) for name, guess in guesses.items())
    return FileScan(columns, readable, unreadable)


def _not_json_lines(name: str, first: UnreadableRow) -> FileRefused:
    if first.text.lstrip().startswith("{"):
        problem = f"this line {first.reason}, and no other line is a JSON object"
    else:
        problem = "no line is a JSON object; if it is CSV, give it a name that ends in .csv"
    return FileRefused(name, problem, first.line)


@attrs.define
class TypeGuess:
    """A running guess at the type of a column, from all its values.

    A CSV column of ones and zeros counts as numbers, and digits with a leading zero or plus as
    text, since postcodes and telephone numbers lose their meaning as numbers. Text in JSON Lines
    never counts as a number or a boolean, which JSON could have written as such.
    """

    is_text: bool = True
    filled: int = 0
    nested: int | None = attrs.field(default=None, init=False)
    _digits_as_text: bool = attrs.field(default=False, init=False)
    _sampler: "TypeSampler" = attrs.field(
        default=attrs.Factory(lambda self: TypeSampler(self.is_text), takes_self=True), init=False
    )
    _candidates: list[ValueType] = attrs.field(
        factory=lambda: ["number", "boolean", "date"], init=False
    )
    _first_misfit: dict[ValueType, int] = attrs.field(factory=dict["ValueType", int], init=False)

    def note(self, value: object, line: int = 0) -> None:
        """Take one more value, on ``line``, into account; empty values are ignored."""
        if is_empty(value):
            return
        self.filled += 1
        self._sampler.note(value)
        for candidate in tuple(self._candidates):
            if not self._fits(value, candidate):
                self._candidates.remove(candidate)
                self._first_misfit[candidate] = line
        if self.nested is None and isinstance(value, list | dict):
            self.nested = line

    @property
    def type(self) -> ValueType | None:
        """The guess so far; None without values, and from the first list or object on."""
        if self.nested is not None or not self.filled:
            return None
        return self._candidates[0] if self._candidates else "string"

    def column(self, name: str) -> ScannedColumn:
        """What is known of the column called ``name``."""
        column = ScannedColumn(name, self.filled, self.type, nested=self.nested)
        likely = self._sampler.likely_type(is_number=not self._digits_as_text)
        if self.type != "string" or likely is None:
            return column
        remark = self._sampler.remark(likely, self.filled)
        if likely in self._first_misfit:
            remark += f"; the first to fix is on line {self._first_misfit[likely]}"
        may_be = None if likely in self._sampler.unreadable else likely
        return attrs.evolve(column, remark=remark, may_be=may_be)

    def _fits(self, value: object, candidate: ValueType) -> bool:
        if isinstance(value, str):
            if candidate != "date" and not self.is_text:
                return False
            if candidate == "number" and _DIGITS_AS_TEXT.match(value.strip()):
                self._digits_as_text = True
                return False
        elif (candidate == "boolean") is not isinstance(value, bool):
            return False
        return _converts(value, candidate)


@attrs.define
class TypeSampler:
    """Counts what the first values of a column look like to a person.

    Ambiguous values and those of another locale count as what they look like; words for "nothing",
    such as n/a, are not counted. Types in ``unreadable`` have values that do not convert.
    """

    is_text: bool
    seen: int = 0
    _nothing: int = 0
    _counts: dict[ValueType, int] = attrs.field(factory=lambda: dict.fromkeys(_NOUNS, 0))
    unreadable: set[ValueType] = attrs.field(factory=set["ValueType"])
    _letters: dict[str, int] = attrs.field(factory=lambda: {"t": 0, "f": 0})

    def note(self, value: object) -> None:
        """Look at one more value, which is not empty."""
        if self.seen == SAMPLE:
            return
        self.seen += 1
        if isinstance(value, bool):
            self._count("boolean", value)
        elif isinstance(value, int | float):
            self._count("number", value)
        elif isinstance(value, str):
            self._note_text(value.strip())

    def likely_type(self, *, is_number: bool) -> ValueType | None:
        """What most values look like; None if they look like text.

        Args:
            is_number: False if digits are not numbers, such as postcodes.
        """
        kinds: list[ValueType] = [kind for kind in _NOUNS if kind != "number" or is_number]
        kind = max(kinds, key=self._counted)
        count = self._counted(kind)
        # If a third is something else, it is text that happens to contain a "y" or a 5.
        return kind if count and 3 * count >= 2 * (self.seen - self._nothing) else None

    def remark(self, kind: ValueType, filled: int) -> str:
        """How many of ``filled`` values look like ``kind``, and how to get that type."""
        nouns, spelling = _NOUNS[kind]
        count = self._counted(kind)
        of = f"{self.seen}" if filled == self.seen else f"the first {SAMPLE:,}"
        rest = "" if count == filled else " and leave the others empty"
        return (
            f"{count} of {of} values look like {nouns}; write them as {spelling}{rest} to get a "
            f"{kind}"
        )

    def _counted(self, kind: ValueType) -> int:
        # "f" without any "t" means other things, such as female.
        is_letter = kind == "boolean" and not self._letters["t"]
        return self._counts[kind] - (self._letters["f"] if is_letter else 0)

    def _count(self, kind: ValueType, value: object) -> None:
        self._counts[kind] += 1
        if not _converts(value, kind):
            self.unreadable.add(kind)

    def _note_text(self, text: str) -> None:
        word = text.lower()
        if word in _NOTHING:
            self._nothing += 1
        elif _looks_like_date(text):
            self._count("date", text)
        elif self.is_text:
            if _NUMBERS.fullmatch(text):
                self._count("number", text)
            if word in BOOLEANS:
                self._counts["boolean"] += 1
            if word in self._letters:
                self._letters[word] += 1


def _converts(value: object, declared: ValueType) -> bool:
    try:
        coerce(value, declared)
    except ValueRefused:
        return False
    return True


def _looks_like_date(text: str) -> bool:
    if _DATES.fullmatch(text):
        return True
    if not 6 <= len(text) <= 50 or text.isdigit() or not any(map(str.isdigit, text)):
        return False
    try:
        parse_date(text)
    except ValueRefused:
        return False
    return True
