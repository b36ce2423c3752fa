"""The records of a CSV file, and whether they fit its column names."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import attrs

from loops_async.importer.errors import count_noun
from loops_async.importer.line_reader import LineReader

ADDRESS: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_FORMULA_TEXT: Final = re.compile(r'="([^"]*)"')
_BLANK_AND_QUOTE: Final = re.compile(r'[ \t]+"')


@attrs.define
class Record:
    """One record as it stands in the file.

    Attributes:
        line: The line it begins on, counted from 1.
        text: Its text, line end included.
        cells: Its cells; none if it cannot be parsed.
        problem: Why it cannot be parsed; else empty.
    """

    line: int
    text: str = attrs.field(repr=False)
    cells: list[str] = attrs.field(factory=list[str], repr=False)
    problem: str = ""

    @property
    def filled(self) -> int:
        """How many cells are not empty."""
        return sum(bool(cell.strip()) for cell in self.cells)

    @property
    def has_address(self) -> bool:
        """Whether a cell is an email address."""
        return any(ADDRESS.fullmatch(cell.strip()) for cell in self.cells)


@attrs.frozen
class CsvLayout:
    """How a CSV file is laid out.

    Attributes:
        delimiter: What separates its cells.
        skip_blanks: Whether blanks after a delimiter are not part of the cell.
    """

    delimiter: str
    skip_blanks: bool = False

    def records(self, lines: LineReader) -> Iterator[Record]:
        """The records that are not empty."""
        # Strict: lenient reading drops a stray quote and quietly moves text to the wrong column.
        reader = self._reader(lines)
        while True:
            lines.begin_record()
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error:
                if lines.ended:
                    raise lines.refuse("this row opens a quote that is never closed") from None
                yield self._repaired(lines, self._without_blanks(lines.record))
            else:
                text = lines.record
                if (' "' in text or '\t"' in text) and any(map(_BLANK_AND_QUOTE.match, cells)):
                    yield self._repaired(lines, self._without_tabs(text))
                elif any(map(str.strip, cells)):
                    yield Record(lines.start, text, _plain(cells) if '="' in text else cells)

    def _reader(self, lines: Iterable[str], *, skip_blanks: bool = False) -> Iterator[list[str]]:
        skip = skip_blanks or self.skip_blanks
        return csv.reader(lines, delimiter=self.delimiter, strict=True, skipinitialspace=skip)

    def _without_blanks(self, text: str) -> str:
        """``text`` without the blanks between quotes and delimiters."""
        mark, blanks = re.escape(self.delimiter), " " if self.delimiter == "\t" else " \t"
        text = re.sub(rf'"[{blanks}]+(?={mark}|[\r\n]*$)', '"', text)
        return re.sub(rf'({mark})[{blanks}]+(?=")', r"\1", text)

    def _without_tabs(self, text: str) -> str:
        """``text`` without tabs between delimiters and quotes, which csv does not skip."""
        if self.delimiter == "\t":
            return text
        return re.sub(rf'({re.escape(self.delimiter)}) *\t[ \t]*(?=")', r"\1", text)

    def _repaired(self, lines: LineReader, bare: str) -> Record:
        """The record parsed from ``bare``, without blanks around quotes, if that is all."""
        try:
            (cells,) = self._reader([bare], skip_blanks=True)
        except (csv.Error, ValueError):
            reason = 'has a quote inside a quoted cell, which must be doubled ("")'
            if lines.number > lines.start:
                # An unclosed quote ends at the next one in the file, with whole rows in between.
                read = f"lines {lines.start} to {lines.number} were read as one row"
                reason = f"{reason}, or one left open: {read}"
            return Record(lines.start, lines.record, problem=reason)
        return Record(lines.start, lines.record, _plain(cells))


def check_width(
    record: Record, headers: Sequence[str], following: Record | None, reason_column: str
) -> str:
    """Why a record does not fit below ``headers``; empty if it does.

    Empty cells at the end may be missing, and there may be more of them.
    """
    if len(record.cells) == len(headers):
        return ""
    cells = trimmed(record.cells)
    if len(cells) > len(headers):
        return f"has {count_noun(len(cells), 'cell')} where the header has {len(headers)}"
    missing = len(headers) - len(record.cells)
    if missing > 0 and headers[0] == reason_column and " " not in (record.cells[0].strip() or " "):
        # A reason is a sentence, so the cell for it is missing, and the others would move.
        return f"has {count_noun(len(record.cells), 'cell')} where the header has {len(headers)}"
    if missing > 0 and following is not None and not following.problem:
        # Two parts of one row, parted by a line end without quotes.
        rest = len(following.cells)
        is_rest = rest == missing + 1 and rest < len(headers) and not following.has_address
        if is_rest and (record.has_address or _shape(record) != _shape(following)):
            return (
                f"has {count_noun(len(cells), 'cell')} where the header has {len(headers)}, and "
                f"line {following.line} may be the rest of it; put a cell with a line break in "
                "quotes"
            )
    return ""


def _shape(record: Record) -> str:
    """The kinds of characters in the first cell of a record, such as ``a-0`` for ``user-17``."""
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "0", record.cells[0].strip()))


def trimmed(cells: Sequence[str]) -> Sequence[str]:
    """``cells`` without the empty ones at the end."""
    length = len(cells)
    while length and not cells[length - 1].strip():
        length -= 1
    return cells[:length]


def _plain(cells: list[str]) -> list[str]:
    """``cells`` with ``="01234"``, which keeps a spreadsheet from reading a number, as 01234."""
    return [found[1] if (found := _FORMULA_TEXT.fullmatch(cell)) else cell for cell in cells]
