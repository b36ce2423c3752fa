"""One row of an import, out of CSV or JSON Lines, good or rejected, with where it stood."""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import attrs
import orjson

from loops_async.cli.lines import Lines
from loops_async.cli.refusals import FileRefused, shown
from loops_async.records._types import JsonValue

MOST_COLUMNS = 1_000
REASON_COLUMN = "loops_error"
"""What the column is called that says why a row was rejected; an import leaves it out."""

_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_SEPARATOR = re.compile(r'sep=([^\w\s"]|\t)', re.ASCII | re.IGNORECASE)
# A byte order mark inside the text is left where two exports were pasted together.
_AROUND_NAMES = " \t\r\n\u00a0\ufeff"


@attrs.frozen
class Row:
    """One readable row.

    Attributes:
        line: The line it begins on, counted from 1.
        cells: By column name, in the file's order. Text in CSV; any JSON value in JSON Lines,
            where a row has only the keys it was written with.
        text: The row as it stands in the file, line end included, for writing it out again.
    """

    line: int
    cells: Mapping[str, object] = attrs.field(repr=False)
    text: str = attrs.field(repr=False)


@attrs.frozen
class Rejected:
    """One row that cannot be read; the rows around it can.

    Attributes:
        line: The line it begins on, counted from 1.
        reason: What is wrong with it, without its values.
        text: The row as it stands in the file.
    """

    line: int
    reason: str
    text: str = attrs.field(repr=False)


Reading: TypeAlias = Row | Rejected


def named_delimiter(line: str) -> str | None:
    """The delimiter that ``line``, the first of a file, tells Excel to use; None for any other."""
    found = _SEPARATOR.fullmatch(line.rstrip("\r\n"))
    return found[1] if found else None


def csv_header(lines: Lines, delimiter: str) -> tuple[str, ...]:
    """The column names: the first row that is not blank, nor Excel's ``sep=;``.

    A column without a name is called after its place, ``column 3``; that of an import's own
    reasons does not count, so that it is called the same in the file of rejected rows.

    Raises:
        FileRefused: If there is none, if a name is there twice, or if it looks like a contact.
    """
    for number, cells in enumerate(_records(lines, delimiter)):
        if number == 0 and named_delimiter(lines.record):
            continue
        if isinstance(cells, Rejected):
            raise lines.refused(f"the column names cannot be read: the row {cells.reason}")
        if "\0" in lines.record:
            raise lines.refused("holds NUL characters; save the file as UTF-8")
        names = [cell.strip(_AROUND_NAMES) for cell in cells]
        if any(_ADDRESS.fullmatch(name) for name in names):
            raise lines.refused("holds a contact where the column names should be; put them first")
        if len(names) > MOST_COLUMNS:
            raise lines.refused(f"has more than {MOST_COLUMNS:,} columns")
        before = names.index(REASON_COLUMN) if REASON_COLUMN in names else len(names)
        names = [name or f"column {place + (place <= before)}" for place, name in enumerate(names)]
        for place, name in enumerate(names):
            if name in names[:place]:
                places = f"columns {names.index(name) + 1} and {place + 1}"
                raise lines.refused(f"{places} are both called {shown(name)}; rename one")
        return tuple(names)
    raise FileRefused(lines.name, "is empty")


def csv_rows(lines: Lines, delimiter: str, headers: Sequence[str]) -> Iterator[Reading]:
    """The rows that follow the header; rows without any text are passed over."""
    for cells in _records(lines, delimiter):
        if isinstance(cells, Rejected):
            yield cells
        elif "\0" in lines.record:
            yield _rejected(lines, "holds a NUL character")
        elif len(cells) != len(headers):
            noun = "cell" if len(cells) == 1 else "cells"
            reason = f"has {len(cells)} {noun} where the header has {len(headers)}"
            yield _rejected(lines, reason)
        else:
            cut = dict(zip(headers, cells, strict=True))
            yield Row(line=lines.start, cells=cut, text=lines.record)


def json_rows(lines: Lines) -> Iterator[Reading]:
    """The objects, one a line; blank lines, and those with a reason alone, are passed over."""
    lines.begin()
    for text in lines:
        if text.strip():
            reading = _json_row(lines, text)
            if isinstance(reading, Rejected) or {*reading.cells} != {REASON_COLUMN}:
                yield reading
        lines.begin()


def _json_row(lines: Lines, text: str) -> Reading:
    try:
        value: JsonValue = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return _rejected(lines, f"is not valid JSON, at character {error.pos + 1}")
    if not isinstance(value, dict):
        return _rejected(lines, "is not a JSON object")
    if len(value) > MOST_COLUMNS:
        return _rejected(lines, f"has more than {MOST_COLUMNS:,} keys")
    return Row(line=lines.start, cells=value, text=text)


def _records(lines: Lines, delimiter: str) -> Iterator[list[str] | Rejected]:
    # Strict: lenient reading drops a stray quote and quietly moves text to the wrong column.
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            if lines.ended:
                raise lines.refused("this row opens a quote that is never closed") from None
            yield _rejected(lines, _quoting(lines))
        else:
            if any(cell.strip() for cell in cells):
                yield cells


def _quoting(lines: Lines) -> str:
    reason = 'has a quote inside a quoted cell, which must be doubled ("")'
    if lines.number == lines.start:
        return reason
    # An unclosed quote ends at the next one in the file, with whole rows in between.
    return f"{reason}, or one left open: lines {lines.start} to {lines.number} were read as one row"


def _rejected(lines: Lines, reason: str) -> Rejected:
    return Rejected(line=lines.start, reason=reason, text=lines.record)
