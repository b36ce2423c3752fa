"""How a CSV file is laid out: its delimiter, and the line of its column names."""

import io
import re
from collections.abc import Collection, Sequence
from typing import Final

import attrs

from loops_async.importer.column_names import default_field, known_spelling, own_field
from loops_async.importer.csv_records import ADDRESS, CsvLayout, Record, trimmed
from loops_async.importer.errors import FileRefused, quote_name
from loops_async.importer.line_reader import LineReader

DELIMITERS: Final = ",;\t|"
HEADER_WITHIN: Final = 50
"""How many rows may stand above the column names."""

_SAMPLE: Final = 100
"""Lines from which the layout is judged."""

_EVEN: Final = 0.9
_QUOTED: Final = re.compile(r'"[^"]*(?:"|$)')
_SEPARATOR: Final = re.compile(r'sep=([^\w\s"]|\t)', re.ASCII | re.IGNORECASE)
_NAMES: Final = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}


@attrs.frozen
class HeaderPlace:
    """Where the column names are.

    Attributes:
        index: The position of their record, counted from 0.
        note: What to tell the user of the lines above them; empty without any.
    """

    index: int
    note: str = ""


@attrs.frozen
class _Candidate:
    layout: CsvLayout
    width: int
    identifies: bool
    known: int
    even: float
    splits: bool
    others: bool

    @property
    def is_doubtful(self) -> bool:
        """Whether it does not split the rows, though something else may."""
        return self.even <= 1 - _EVEN and (self.others or not self.identifies)

    @property
    def rank(self) -> tuple[bool, bool, int, int]:
        return self.identifies, self.even >= _EVEN, self.known, self.width


def declared_delimiter(line: str) -> str | None:
    """The delimiter that a first line such as ``sep=;`` declares to Excel."""
    found = _SEPARATOR.fullmatch(line.rstrip("\r\n"))
    return found[1] if found else None


def is_clear(header: str, delimiter: str) -> bool:
    """Whether the line ``header`` alone shows that ``delimiter`` separates its cells."""
    bare = _QUOTED.sub("", header)
    return all(bare.count(other) < bare.count(delimiter) for other in DELIMITERS if
               other != delimiter) and delimiter in DELIMITERS  # fmt: skip


def has_identifier(names: Sequence[str], mapped: Collection[str] = ()) -> bool:
    """Whether one of ``names`` is a word for the email address or user id, or is in ``mapped``."""
    names = [name.strip() for name in names]
    return any(
        name in mapped
        or (default_field(name) or known_spelling(name, names)) in ("email", "userId")
        for name in names
    )


def sample_lines(lines: LineReader, header_line: int | None) -> list[str]:
    """The lines from which the layout of a file is judged."""
    sample: list[str] = []
    for line in lines:
        lines.begin_record()
        sample.append(line)
        if len(sample) >= _SAMPLE + (header_line or 0):
            break
    return sample


def detect_layout(
    name: str,
    sample: Sequence[str],
    delimiter: str | None,
    header_line: int | None,
    mapped: Collection[str] = (),
) -> CsvLayout:
    """How a file is laid out, judged by its first lines.

    The delimiter is ``delimiter`` or the one that a first line ``sep=;`` declares. Else it is the
    one that makes column names that are known, and that splits the rows evenly.

    Raises:
        FileRefused: Several characters could be the delimiter.
    """
    first = next((line for line in sample if line.strip()), "")
    if chosen := delimiter or declared_delimiter(first.strip(" \r\n")):
        return _judge(name, sample, chosen, header_line, mapped).layout
    candidates = [_judge(name, sample, one, header_line, mapped) for one in DELIMITERS]
    candidates = [one for one in candidates if one.splits]
    if not candidates:
        return _judge(name, sample, ",", header_line, mapped).layout
    best = max(one.rank for one in candidates)
    candidates = [one for one in candidates if one.rank == best]
    if len(candidates) > 1 or candidates[0].is_doubtful:
        could_be = " or ".join(_NAMES[one.layout.delimiter] for one in candidates)
        raise FileRefused(
            name,
            f"its cells may be separated by {could_be}, but the lines do not agree; name the "
            "character with --delimiter, or declare it on a first line such as sep=;",
        )
    return candidates[0].layout


def find_header(
    name: str,
    records: Sequence[Record],
    header_line: int | None = None,
    mapped: Collection[str] = (),
) -> HeaderPlace:
    """Find the column names among the first records of a file.

    They are on ``header_line``, or on the first record, unless a later one names an email address
    or user id, or the first ones are titles of one cell. The lines above must be plain: without an
    address, and with fewer cells than there are column names.

    Raises:
        FileRefused: There is no row on ``header_line``, or the lines above are not plain.
    """
    if header_line is not None:
        for index, record in enumerate(records):
            if record.line == header_line:
                return HeaderPlace(index, _note(name, records, index) if index else "")
        raise FileRefused(name, f"no row begins on line {header_line}, which --header-line names")
    if not records or records[0].problem or has_identifier(records[0].cells, mapped):
        return HeaderPlace(0)
    near = records[:HEADER_WITHIN]
    for index, record in enumerate(near):
        if has_identifier(record.cells, mapped) and not record.has_address:
            if _is_plain(near[:index], record):
                return HeaderPlace(index, _note(name, records, index))
            if _known(record.cells) > 1:
                raise FileRefused(
                    name,
                    f"the column names may be on line {record.line}, below other rows; name their "
                    f"line with --header-line {record.line}, or --header-line {records[0].line}",
                )
            return HeaderPlace(0)
    return _below_titles(name, near)


def _below_titles(name: str, records: Sequence[Record]) -> HeaderPlace:
    """The first row with several cells, if only titles of one cell stand above it."""
    if len(records) > 2 and records[0].filled == 1:
        for index, record in enumerate(records):
            if record.filled > 1 and not record.has_address:
                names = trimmed(record.cells)
                is_header = all(any(map(str.isalpha, one)) for one in names)
                if is_header and _is_plain(records[:index], record):
                    return HeaderPlace(index, _note(name, records, index))
                break
    return HeaderPlace(0)


def column_names(name: str, header: Record, reason_column: str, most: int) -> tuple[str, ...]:
    """The names of the columns.

    A column without a name is called by its position, ``column 3``; the column of rejection reasons
    is not counted, so that the name is the same in a file of rejected rows. A name that an earlier
    column has gets a number: ``Notes#2``.

    Raises:
        FileRefused: These are not column names.
    """
    if header.problem:
        problem = f"the column names cannot be read: the row {header.problem}"
        raise FileRefused(name, problem, header.line)
    if "\0" in header.text:
        problem = "contains NUL characters; save the file as UTF-8, or name its --encoding"
        raise FileRefused(name, f"{problem}, such as utf-16-le", header.line)
    # A byte order mark inside the text is left where two exports were pasted together.
    names = [cell.strip(" \t\r\n\u00a0\ufeff") for cell in header.cells]
    while len(names) > most and not names[-1]:
        names.pop()
    if any(ADDRESS.fullmatch(one) for one in names):
        what = "is a list of addresses without a column name; add a first line with the word email"
        if len(names) > 1:
            what = (
                "has a contact where the column names should be; add a first line with the column "
                "names"
            )
        raise FileRefused(name, what, header.line)
    if len(names) == 1:
        _check_only_column(name, names[0], header)
    if len(names) > most:
        raise FileRefused(name, f"has more than {most:,} columns", header.line)
    before = names.index(reason_column) if reason_column in names else len(names)
    names = [one or f"column {place + (place <= before)}" for place, one in enumerate(names)]
    unique: list[str] = []
    for one in names:
        number, own = 1, one
        while own in unique or (number > 1 and own in names):
            number += 1
            own = f"{one}#{number}"
        unique.append(own)
    return tuple(unique)


def _check_only_column(name: str, only: str, header: Record) -> None:
    """Refuse a single column whose name looks like several."""
    if has_identifier([only]):
        return
    for separator in (*DELIMITERS, *":^~#/ "):
        if separator not in only or not any(has_identifier([p]) for p in only.split(separator)):
            continue
        what = f"has one column, {quote_name(only)}"
        named = _NAMES.get(separator, "blanks" if separator == " " else separator)
        if separator in DELIMITERS and header.text.lstrip().startswith('"'):
            problem = (
                f"{what}: each line is one cell in quotes. Remove the quotes around the lines, or "
                f"export it again with cells separated by {named}"
            )
        else:
            problem = (
                f"{what}; if its cells are separated by {named}, give that character with "
                "--delimiter"
            )
        raise FileRefused(name, problem, header.line)


def _judge(
    name: str,
    sample: Sequence[str],
    delimiter: str,
    header_line: int | None,
    mapped: Collection[str],
) -> _Candidate:
    records = sample_records(name, sample, CsvLayout(delimiter))
    try:
        place = find_header(name, records, header_line, mapped)
    except FileRefused:
        named = (i for i, one in enumerate(records) if has_identifier(one.cells, mapped))
        place = HeaderPlace(next(named, 0))
    below = records[place.index :]
    header, rows = (below[0].cells if below else []), below[1:]
    width = len(trimmed(header))
    fitting = sum(len(row.cells) > 1 and len(trimmed(row.cells)) <= width for row in rows)
    return _Candidate(
        layout=CsvLayout(delimiter, _has_blanks(sample, below, delimiter)),
        width=width,
        identifies=has_identifier(header, mapped) or "mail" in "".join(header).casefold(),
        known=_known(header),
        even=fitting / len(rows) if rows else 1,
        splits=len(header) > 1,
        others=any(
            all(other in row.text for row in rows) for other in DELIMITERS if other != delimiter
        ),
    )


def sample_records(name: str, sample: Sequence[str], layout: CsvLayout) -> list[Record]:
    """The records of the first lines of a file, without ``sep=;``."""
    lines = LineReader(io.BytesIO("".join(sample).encode("utf-8", "replace")), name)
    records: list[Record] = []
    try:
        for number, record in enumerate(layout.records(lines)):
            if number or not declared_delimiter(record.text):
                records.append(record)
    except FileRefused:
        # The sample may end within a quoted cell.
        pass
    return records


def _has_blanks(sample: Sequence[str], records: Sequence[Record], delimiter: str) -> bool:
    """Whether a blank after a delimiter belongs to the delimiter."""
    if delimiter == " ":
        return False
    pattern = re.compile(re.escape(delimiter) + r' +"')
    if any(pattern.search(_QUOTED.sub('"', line)) for line in sample):
        return True
    rows = [[cell for cell in record.cells[1:] if cell] for record in records]
    header, cells = (rows[0] if rows else []), [cell for row in rows[1:] for cell in row]
    return any(
        bool(some) and all(cell.startswith(" ") for cell in some) for some in (header, cells)
    )


def _is_plain(above: Sequence[Record], header: Record) -> bool:
    return not any(
        record.problem or record.has_address or record.filled >= header.filled for record in above
    )


def _note(name: str, records: Sequence[Record], index: int) -> str:
    first, last = records[0].line, records[index - 1].line
    lines = f"line {first} stands" if first == last else f"lines {first} to {last} stand"
    return (
        f"{name}: {lines} above the column names on line {records[index].line} and "
        f"{'is' if first == last else 'are'} left out; --header-line names another line."
    )


def _known(names: Sequence[str]) -> int:
    return sum(
        bool(default_field(name) or known_spelling(name, names) or own_field(name))
        for name in names
        if name.strip()
    )
