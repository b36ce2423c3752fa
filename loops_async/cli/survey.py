"""A first pass over a file: every column, how often it is filled, and what its values look like."""

import re

import attrs

from loops_async.cli.looks import Looks, Resemblance
from loops_async.cli.refusals import FileRefused, ValueRefused
from loops_async.cli.rows import MOST_COLUMNS, Rejected, Row
from loops_async.cli.source import Source, read_rows
from loops_async.cli.values import ValueType, conform, is_empty

_DIGITS_AS_TEXT = re.compile(r"\+|-?0\d")


@attrs.frozen
class Column:
    """One column of a file.

    Attributes:
        name: Its header, or its key in JSON Lines.
        filled: How many rows have something in it.
        type: The narrowest type that every one of its values converts to; None without values, and
            where any of them is a list or an object, which converts to none.
        remark: For a string, what its values look like and what mends them, if they look like
            something else; None if they do not.
        may_be: The type that the values it remarks on can be read as; None where they cannot.
        nested: The line of the first list or object; None where there is none.
    """

    name: str
    filled: int
    type: ValueType | None
    remark: str | None = None
    may_be: ValueType | None = None
    nested: int | None = None


@attrs.frozen
class Survey:
    """What one pass over a file found.

    Attributes:
        columns: In the file's order; in JSON Lines, in the order they first appear.
        rows: How many rows can be read.
        rejected: How many cannot.
    """

    columns: tuple[Column, ...]
    rows: int
    rejected: int

    @property
    def headers(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.name for column in self.columns)

    @property
    def nested(self) -> dict[str, int]:
        """The columns that hold lists or objects, and the line of the first in each."""
        return {c.name: c.nested for c in self.columns if c.nested is not None}


@attrs.define
class Guess:
    """A running guess at the type of a column, from all its values.

    A CSV column of ones and zeros is taken for numbers, and digits with a leading zero or plus for
    text, since postcodes and telephone numbers lose their meaning as numbers. Text in JSON Lines
    is never taken for a number or a boolean: who wrote it could have written those.

    Args:
        written: Whether values are the text of cells, as in CSV.
    """

    written: bool = True
    filled: int = 0
    nested: int | None = attrs.field(default=None, init=False)
    _digits_as_text: bool = False
    _looks: Looks = attrs.field(
        default=attrs.Factory(lambda self: Looks(self.written), takes_self=True)
    )
    _open: list[ValueType] = attrs.field(factory=lambda: ["number", "boolean", "date"])
    _strays: dict[ValueType, int] = attrs.field(factory=dict["ValueType", int])

    def note(self, value: object, line: int = 0) -> None:
        """Take one more value into account, on ``line``; an empty one says nothing."""
        if is_empty(value):
            return
        self.filled += 1
        self._looks.note(value)
        for candidate in tuple(self._open):
            if not self._fits(value, candidate):
                self._open.remove(candidate)
                self._strays[candidate] = line
        if self.nested is None and isinstance(value, list | dict):
            self.nested = line

    @property
    def type(self) -> ValueType | None:
        """The guess so far; None without any value, and from the first list or object on."""
        if self.nested is not None or not self.filled:
            return None
        return self._open[0] if self._open else "string"

    @property
    def resemblance(self) -> Resemblance | None:
        """What speaks against a string, as far as the first values tell."""
        if self.type != "string":
            return None
        may_be_number = not self._digits_as_text
        return self._looks.remark(self.filled, self._strays, may_be_number=may_be_number)

    def column(self, name: str) -> Column:
        """What is known of the column that is called ``name``."""
        found = self.resemblance
        if found is None:
            return Column(name, self.filled, self.type, nested=self.nested)
        may_be = found.type if found.readable else None
        return Column(name, self.filled, self.type, found.said, may_be)

    def _fits(self, value: object, candidate: ValueType) -> bool:
        if isinstance(value, str):
            text = value.strip()
            if candidate != "date" and not self.written:
                return False
            if candidate == "number" and _DIGITS_AS_TEXT.match(text):
                self._digits_as_text = True
                return False
        elif (candidate == "boolean") is not isinstance(value, bool):
            return False
        try:
            conform(value, candidate)
        except ValueRefused:
            return False
        return True


def survey(source: Source) -> Survey:
    """Read all of ``source`` once and say what is in it.

    An import begins with this, so that a file with unreadable bytes or an unclosed quote at its end
    is refused before anything is sent, and so that a type is suggested from every value.

    Raises:
        FileRefused: If part of the file cannot be read, or there are no rows in it.
    """
    written = source.form == "csv"
    guesses = {name: Guess(written=written) for name in source.headers}
    rows = rejected = 0
    first_rejected: Rejected | None = None
    for reading in read_rows(source):
        if not isinstance(reading, Row):
            rejected += 1
            first_rejected = first_rejected or reading
            continue
        rows += 1
        for name, value in reading.cells.items():
            guess = guesses.get(name)
            if guess is None:
                if len(guesses) == MOST_COLUMNS:
                    problem = f"the rows have more than {MOST_COLUMNS:,} different keys"
                    raise FileRefused(source.name, problem, reading.line)
                guess = guesses[name] = Guess(written=written)
            guess.note(value, reading.line)
    if not rows and not rejected:
        raise FileRefused(source.name, "has column names and no rows below them")
    if not rows and first_rejected and source.form == "jsonl":
        raise _no_json(source.name, first_rejected)
    columns = tuple(guess.column(name) for name, guess in guesses.items())
    return Survey(columns=columns, rows=rows, rejected=rejected)


def _no_json(name: str, first: Rejected) -> FileRefused:
    if first.text.lstrip().startswith("{"):
        problem = f"this line {first.reason}, and none of the others is a JSON object"
    else:
        problem = "no line is a JSON object; if it is CSV, give it a name that ends in .csv"
    return FileRefused(name, problem, first.line)
