"""The first pass over a file: its columns, how many values each has, and the type they suggest."""

from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Final

import attrs

from loops_async.importer.coercion import (
    ValueType,
    coerce,
    is_empty,
    is_null_word,
)
from loops_async.importer.errors import FileRefused, ValueRefused
from loops_async.importer.options import ImportOptions
from loops_async.importer.patterns import (
    DatePatterns,
    NumberPatterns,
    given_formats,
    looks_like_date,
    looks_like_number,
)
from loops_async.importer.reading import MOST_COLUMNS, InputFile, UnreadableRow

SAMPLE: Final = 1_000
"""Values of a column from which ``TypeSampler`` judges what they look like."""

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
        styles: How its values are read as dates and as numbers; see ``CellFormat``.
        null_words: The words for nothing in it, with how often each occurs.
    """

    name: str
    filled: int
    type: ValueType | None
    remark: str | None = None
    may_be: ValueType | None = None
    nested: int | None = None
    styles: Mapping[ValueType, str] = attrs.field(factory=dict[ValueType, str])
    null_words: Mapping[str, int] = attrs.field(factory=dict[str, int])


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


def scan_file(source: InputFile, options: ImportOptions | None = None) -> FileScan:
    """Read all rows once; ``options`` say how dates, numbers and booleans are written.

    An import begins with this, so that a file that cannot be decoded to its end is refused before
    anything is sent, and so that a type is suggested by all values.

    Raises:
        FileRefused: Part of the file cannot be read, or it has no rows.
    """
    is_text = source.form == "csv"
    new_guess = partial(TypeGuess, is_text=is_text, options=options or ImportOptions())
    guesses = {name: new_guess() for name in source.headers}
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
                guess = guesses[name] = new_guess()
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

    A column has a type if all its values have it, read in one way. A CSV column of ones and zeros
    counts as numbers, and digits with a leading zero or plus as text, since postcodes and telephone
    numbers lose their meaning as numbers. Text in JSON Lines never counts as a number or a boolean,
    which JSON could have written as such.
    """

    is_text: bool = True
    options: ImportOptions = attrs.field(factory=ImportOptions)
    filled: int = attrs.field(default=0, init=False)
    nested: int | None = attrs.field(default=None, init=False)
    null_words: Counter[str] = attrs.field(factory=Counter[str], init=False)
    dates: DatePatterns = attrs.field(init=False)
    numbers: NumberPatterns = attrs.field(init=False)
    _booleans: Mapping[str, bool] = attrs.field(init=False)
    _fit: dict[ValueType, int] = attrs.field(factory=lambda: dict.fromkeys(_NOUNS, 0), init=False)
    _first_misfit: dict[ValueType, int] = attrs.field(factory=dict["ValueType", int], init=False)
    _looks: dict[ValueType, int] = attrs.field(factory=lambda: dict.fromkeys(_NOUNS, 0), init=False)
    _letters: Counter[str] = attrs.field(factory=Counter[str], init=False)
    _text: bool | None = attrs.field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self.dates = DatePatterns(given_formats(self.options.date_formats))
        self.numbers = NumberPatterns(self.options.decimal_mark)
        self._booleans = self.options.booleans

    def note(self, value: object, line: int = 0) -> None:
        """Take one more value, on ``line``, into account; empty values are ignored."""
        if is_empty(value, keep_null_words=self.options.keep_null_words):
            if isinstance(value, str) and is_null_word(value):
                self.null_words[value.strip()] += 1
            return
        self.filled += 1
        if isinstance(value, list | dict):
            self.nested = self.nested or line
            looks = fits = frozenset[ValueType]()
        elif self.filled > SAMPLE and self._is_text():
            return
        elif isinstance(value, str):
            looks, fits = self._note_text(value, line)
        else:
            looks = fits = self._fitting(value)
        for kind in _NOUNS:
            if kind in fits:
                self._fit[kind] += 1
            else:
                self._first_misfit.setdefault(kind, line)
            if self.filled <= SAMPLE and kind in looks:
                self._looks[kind] += 1

    @property
    def type(self) -> ValueType | None:
        """The guess so far; None without values, and from the first list or object on."""
        if self.nested is not None or not self.filled:
            return None
        kinds: tuple[ValueType, ...] = ("number", "boolean", "date")
        for kind in kinds:
            if self._has(kind):
                return kind
        return "string"

    def column(self, name: str) -> ScannedColumn:
        """What is known of the column called ``name``."""
        column = ScannedColumn(
            name,
            self.filled,
            self.type,
            nested=self.nested,
            styles={kind: style for kind, style in self._styles().items() if style},
            null_words=dict(self.null_words),
        )
        if self.type != "string":
            return column
        remark, may_be = self._remark()
        return attrs.evolve(column, remark=remark, may_be=may_be)

    def _styles(self) -> dict[ValueType, str]:
        return {"date": self.dates.style(), "number": self.numbers.style()}

    def _note_text(
        self, value: str, line: int
    ) -> tuple[frozenset[ValueType], frozenset[ValueType]]:
        """What a person takes a value for, and the types to which it converts."""
        fits: set[ValueType] = set()
        looks: set[ValueType] = set()
        text = value.strip()
        # A type that none of the first values has is not the column's.
        is_sampled = self.filled <= SAMPLE
        if (is_sampled or self._fit["date"]) and self.dates.note(text, line):
            fits.add("date")
        if (is_sampled or self._fit["number"]) and self.numbers.note(text, line) and self.is_text:
            fits.add("number")
        word = text.lower()
        if word in self._booleans and self.is_text:
            fits.add("boolean")
            self._letters[word] += word in ("t", "f")
        if ("date" in fits and not text.isdigit()) or looks_like_date(text):
            looks.add("date")
        elif self.is_text:
            looks |= fits - {"date"}
            if looks_like_number(text):
                looks.add("number")
        return frozenset(looks), frozenset(fits)

    @staticmethod
    def _fitting(value: object) -> frozenset[ValueType]:
        if isinstance(value, bool):
            return frozenset(("boolean",))
        return frozenset(kind for kind in ("number", "date") if _converts(value, kind))

    def _has(self, kind: ValueType) -> bool:
        """Whether all values have the type, and there is one way to read them."""
        if self._fit[kind] < self.filled:
            return False
        if kind == "boolean":
            return not self._letters["f"] or self._letters["t"] > 0
        if kind == "date":
            is_compact = self.dates.compact == self.filled
            return not (is_compact or self.dates.misfit() or self.dates.question())
        numbers = self.numbers
        return (
            not numbers.digits_as_text
            and numbers.misfit() is None
            and numbers.question() is None
            and self._which() is None
        )

    def _which(self) -> str | None:
        """What numbers may be as well; None if they are surely numbers."""
        if self.dates.compact == self.filled:
            return "may be dates such as 20240117 as well, which :date reads"
        if self.numbers.telephone == self.filled:
            return "may be telephone numbers"
        return None

    def _count(self, kind: ValueType) -> int:
        # "f" without any "t" means other things, such as female.
        is_letter = kind == "boolean" and not self._letters["t"]
        return self._looks[kind] - (self._letters["f"] if is_letter else 0)

    def _is_text(self) -> bool:
        """Whether the sampled values have no type in common and look like none."""
        if self._text is None:
            has_type = any(count >= SAMPLE for count in self._fit.values())
            self._text = not has_type and self._likely() is None
        return self._text

    def _likely(self) -> ValueType | None:
        """What most of the first values look like; None if they look like text."""
        kinds: list[ValueType] = [
            kind for kind in _NOUNS if kind != "number" or not self.numbers.digits_as_text
        ]
        kind = max(kinds, key=self._count)
        count = self._count(kind)
        # If a third is something else, it is text that happens to contain a "y" or a 5.
        return kind if count and 3 * count >= 2 * min(self.filled, SAMPLE) else None

    def _remark(self) -> tuple[str | None, ValueType | None]:
        """Why text may be another type, and that type if most values can be read as it."""
        kind = self._likely()
        if kind is None:
            return None, None
        nouns, spelling = _NOUNS[kind]
        count, seen = self._count(kind), min(self.filled, SAMPLE)
        of = f"{seen}" if self.filled == seen else f"the first {SAMPLE:,}"
        looks = f"{count} of {of} values look like {nouns}"
        if kind == "number" and (which := self._which()):
            return f"{looks}, but {which}", kind
        question = {"date": self.dates.question, "number": self.numbers.question}.get(kind)
        if question is not None and (decide := question()):
            return f"{looks}, {decide}", None
        rest = "" if count == self.filled else " and leave the others empty"
        remark = f"{looks}; write them as {spelling}{rest} to get a {kind}"
        if (line := self._to_fix(kind)) is not None:
            remark += f"; the first to fix is on line {line}"
        may_be = kind if 2 * self._fit[kind] >= count else None
        return remark, may_be

    def _to_fix(self, kind: ValueType) -> int | None:
        misfits = {"date": self.dates.misfit, "number": self.numbers.misfit}
        found = [self._first_misfit.get(kind), misfits[kind]() if kind in misfits else None]
        return min((line for line in found if line is not None), default=None)


def _converts(value: object, declared: ValueType) -> bool:
    try:
        coerce(value, declared)
    except ValueRefused:
        return False
    return True
