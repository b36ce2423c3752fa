"""Reading the rows of CSV and JSON Lines files in constant memory, with their line numbers."""

import codecs
import csv
import difflib
import errno
import io
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, Final, Literal, TextIO, TypeAlias, cast

import attrs
import orjson

from loops_async.importer.errors import FileRefused, count_noun, quote_name, quote_path

MOST_COLUMNS: Final = 1_000
LONGEST_RECORD: Final = 131_072
"""Characters. No contact comes near this, and an unclosed quote swallows all that follows: stop
before memory does. Equal to the csv module's limit for one cell, so that this one is met first."""

REASON_COLUMN: Final = "loops_error"
"""The column with the reason in a file of rejected rows; an import leaves it out."""

_JSON_ENDINGS: Final = (".jsonl", ".ndjson")
_DELIMITERS: Final = ",;\t"
_ZIP: Final = b"PK\x03\x04"
_SPOOL_IN_MEMORY: Final = 4 * 1024 * 1024
_SAVE_AS: Final = "open it in your spreadsheet or editor and save it as UTF-8"
_UNDECODED: Final = re.compile("[\ud800-\udfff]")
_QUOTED: Final = re.compile(r'"[^"]*(?:"|$)')
_ADDRESS: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_SEPARATOR: Final = re.compile(r'sep=([^\w\s"]|\t)', re.ASCII | re.IGNORECASE)
# A byte order mark inside the text is left where two exports were pasted together.
_AROUND_NAMES: Final = " \t\r\n\u00a0\ufeff"


@attrs.frozen
class InputRow:
    """One readable row.

    Attributes:
        line: The line it begins on, counted from 1.
        cells: By column name, in the file's order: text in CSV; any JSON value in JSON Lines,
            where a row has only its own keys.
        text: The row as it stands in the file, line end included.
    """

    line: int
    cells: Mapping[str, object] = attrs.field(repr=False)
    text: str = attrs.field(repr=False)


@attrs.frozen
class UnreadableRow:
    """One row that cannot be read; the rows around it can.

    ``line`` and ``text`` are as for ``InputRow``; ``reason`` does not contain its values.
    """

    line: int
    reason: str
    text: str = attrs.field(repr=False)


AnyRow: TypeAlias = InputRow | UnreadableRow


@attrs.frozen
class InputFile:
    """An opened file of contacts.

    Attributes:
        path: Its path; ``-`` for standard input.
        name: What messages call it.
        form: ``csv`` or ``jsonl``.
        delimiter: The delimiter of CSV: a comma, a semicolon, a tab, or what the file declares.
        headers: The column names of CSV. Empty for JSON Lines, whose columns are found by reading
            all rows: see ``scan_file``.
        header_text: The header of CSV as it stands in the file; empty for JSON Lines.
        stream: Its bytes, seekable.
        is_on_disk: Whether files can be written next to it.
    """

    path: str
    name: str
    form: Literal["csv", "jsonl"]
    delimiter: str
    headers: tuple[str, ...]
    header_text: str = attrs.field(repr=False)
    stream: BinaryIO = attrs.field(repr=False)
    is_on_disk: bool = False

    def rows(self) -> Iterator[AnyRow]:
        """Read the rows from the start; one iteration at a time. Empty rows are skipped.

        Raises:
            FileRefused: While iterating, where the rest of the file cannot be trusted: text that
                is not UTF-8, a quote that is never closed, a read error.
        """
        lines = LineReader(self.stream, self.name)
        try:
            if self.form == "jsonl":
                yield from _json_rows(lines)
            else:
                _csv_header(lines, self.delimiter)
                yield from _csv_rows(lines, self.delimiter, self.headers)
        finally:
            lines.release()


@contextmanager
def open_input(
    path: str | os.PathLike[str], stream: BinaryIO | None = None
) -> Generator[InputFile, None, None]:
    """Open a file of contacts and detect its format.

    It is JSON Lines if its name ends in .jsonl or .ndjson or its text begins with ``{``, else CSV
    with the delimiter that the header uses, or that Excel's first line ``sep=;`` declares. The file
    is read more than once, so input that cannot be rewound, such as a pipe, is first copied to a
    temporary file.

    Args:
        path: A file name, or ``-`` for standard input.
        stream: Read this instead, for example an uploaded file; ``path`` then names it.

    Raises:
        FileRefused: It cannot be opened, is empty, or its header cannot be used.
    """
    path, is_stream = os.fspath(path), stream is not None
    name = "standard input" if path == "-" else quote_path(path)
    with ExitStack() as opened:
        try:
            if stream is None:
                stream = _standard_input() if path == "-" else opened.enter_context(_open(path))
            if path == "-" or not stream.seekable():
                spool = opened.enter_context(tempfile.SpooledTemporaryFile(_SPOOL_IN_MEMORY))
                shutil.copyfileobj(stream, spool)
                stream = cast(BinaryIO, spool)
        except FileNotFoundError as error:
            raise FileRefused(name, f"cannot be read: {_suggest_path(path)}") from error
        except OSError as error:
            raise _read_error(name, error) from error
        source = _detect_format(path, name, stream)
        yield attrs.evolve(source, is_on_disk=not is_stream and is_on_disk(path))


def is_on_disk(path: str) -> bool:
    """Whether ``path`` is an ordinary file; not standard input, a pipe or a device."""
    # With the input redirected, /dev/stdin is an ordinary file; but nothing is written next to it.
    is_device = Path(path).absolute().parts[1:2] in {("dev",), ("proc",)}
    return path != "-" and Path(path).is_file() and not is_device


def detect_delimiter(line: str) -> str:
    """The delimiter of CSV whose first line is ``line``."""
    bare = _QUOTED.sub("", line)
    return _declared_delimiter(line) or max(_DELIMITERS, key=bare.count)


class LineReader:
    """Iterates over the lines of a seekable stream from its start, line ends kept.

    Reads UTF-8 with or without a byte order mark, and UTF-16 with one, which is what Excel calls
    "Unicode text". ``number`` is that of the last line read, ``start`` that of the first one of the
    current record. One iteration over a stream at a time; call ``release`` when done.

    Raises:
        FileRefused: While iterating, at the first line that cannot be decoded or read, and when a
            record (see ``begin_record``) is longer than ``LONGEST_RECORD`` characters.
    """

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self.name = name
        self.number: int = 0
        self.start: int = 1
        self.ended: bool = False
        self._held: list[str] = []
        self._size = 0
        try:
            stream.seek(0)
            mark = stream.read(len(codecs.BOM_UTF16_LE))
            stream.seek(0)
        except OSError as error:
            raise _read_error(name, error) from error
        wide = mark in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        self._encoding = "UTF-16" if wide else "UTF-8"
        # Bytes that do not decode come through as lone surrogates, which valid text never decodes
        # to: a decoding error would name a byte of the buffer instead of a line of the file.
        self._text = io.TextIOWrapper(
            stream,
            encoding="utf-16" if wide else "utf-8-sig",
            errors="surrogatepass" if wide else "surrogateescape",
            newline="",
        )

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        try:
            line = self._text.readline(LONGEST_RECORD + 1)
        except UnicodeError:
            raise self._undecodable(self.number + 1) from None
        except OSError as error:
            raise _read_error(self.name, error) from error
        if not line:
            self.ended = True
            raise StopIteration
        self.number += 1
        self._held.append(line)
        self._size += len(line)
        if self._size > LONGEST_RECORD:
            raise self.refuse(
                f"this row is longer than {LONGEST_RECORD:,} characters; look for a quote that is "
                "opened and never closed"
            )
        if _UNDECODED.search(line):
            raise self._undecodable(self.number)
        return line

    def begin_record(self) -> None:
        """Start a new record at the next line."""
        self._held.clear()
        self._size = 0
        self.start = self.number + 1

    @property
    def record(self) -> str:
        """The text read since ``begin_record``, exactly as in the file."""
        return "".join(self._held)

    def refuse(self, problem: str) -> FileRefused:
        """An error about the current record."""
        return FileRefused(self.name, problem, self.start)

    def unreadable(self, reason: str) -> UnreadableRow:
        """The current record as a row that cannot be read."""
        return UnreadableRow(line=self.start, reason=reason, text=self.record)

    def release(self) -> None:
        """Detach from the stream without closing it."""
        if not self._text.closed:
            self._text.detach()

    def _undecodable(self, line: int) -> FileRefused:
        return FileRefused(self.name, f"the text is not {self._encoding}; {_SAVE_AS}", line)


def _read_error(name: str, error: OSError) -> FileRefused:
    return FileRefused(name, f"cannot be read: {error.strerror or 'input/output error'}")


def _standard_input() -> BinaryIO:
    # A process may be started with its standard input closed; Python then has none.
    process_input = cast(TextIO | None, sys.stdin)
    if process_input is None:
        raise OSError(errno.EBADF, "there is no standard input")
    return process_input.buffer


def _open(path: str) -> BinaryIO:
    if "\0" in path:
        raise OSError(errno.EINVAL, "a file name cannot contain a NUL character")
    return Path(path).open("rb")


def _suggest_path(path: str) -> str:
    """That there is no such file, with the one in its folder that was probably meant."""
    folder = Path(path).parent
    try:
        names = {entry.name.casefold(): entry.name for entry in folder.iterdir()}
    except OSError:
        return f"No such file or directory; check the folder {quote_path(str(folder))}"
    # One name, not a list of all others: file names may be personal data.
    for close in difflib.get_close_matches(Path(path).name.casefold(), names, n=1):
        meant = quote_path(str(folder / names[close]))
        return f"No such file or directory; did you mean {meant}?"
    return "No such file or directory"


def _detect_format(path: str, name: str, stream: BinaryIO) -> InputFile:
    _refuse_workbook(name, stream)
    first = _first_line(name, stream)
    text = first.strip()
    json_lines = path.lower().endswith(_JSON_ENDINGS)
    if text.startswith("[") and (json_lines or text[1:].lstrip()[:1] in ("", "{")):
        raise FileRefused(
            name, "is one JSON array; write one object a line instead (jq -c '.[]' does)"
        )
    if json_lines or text.startswith("{"):
        return InputFile(path, name, "jsonl", "", (), "", stream)
    delimiter = detect_delimiter(first)
    lines = LineReader(stream, name)
    try:
        headers = _csv_header(lines, delimiter)
        return InputFile(path, name, "csv", delimiter, headers, lines.record, stream)
    finally:
        lines.release()


def _refuse_workbook(name: str, stream: BinaryIO) -> None:
    try:
        stream.seek(0)
        begins = stream.read(len(_ZIP))
    except OSError as error:
        raise _read_error(name, error) from error
    if begins == _ZIP:
        raise FileRefused(name, "is an Excel workbook (or another zip file); save it as CSV")


def _first_line(name: str, stream: BinaryIO) -> str:
    lines = LineReader(stream, name)
    try:
        for line in lines:
            if line.strip():
                # A tab at the end of ``sep=`` is the delimiter.
                return line.strip(" \r\n")
            lines.begin_record()
    finally:
        lines.release()
    raise FileRefused(name, "is empty")


def _declared_delimiter(line: str) -> str | None:
    """The delimiter that a first line such as ``sep=;`` declares to Excel."""
    found = _SEPARATOR.fullmatch(line.rstrip("\r\n"))
    return found[1] if found else None


def _csv_header(lines: LineReader, delimiter: str) -> tuple[str, ...]:
    """The column names: the first row that is neither blank nor Excel's ``sep=;``.

    A column without a name is called by its position, ``column 3``; the column of rejection reasons
    is not counted, so that the name is the same in a file of rejected rows.
    """
    for number, cells in enumerate(_csv_records(lines, delimiter)):
        if number == 0 and _declared_delimiter(lines.record):
            continue
        if isinstance(cells, UnreadableRow):
            raise lines.refuse(f"the column names cannot be read: the row {cells.reason}")
        if "\0" in lines.record:
            raise lines.refuse("contains NUL characters; save the file as UTF-8")
        names = [cell.strip(_AROUND_NAMES) for cell in cells]
        if any(_ADDRESS.fullmatch(name) for name in names):
            raise lines.refuse("has a contact where the column names should be; add a first line "
                               "with the column names")  # fmt: skip
        if len(names) > MOST_COLUMNS:
            raise lines.refuse(f"has more than {MOST_COLUMNS:,} columns")
        before = names.index(REASON_COLUMN) if REASON_COLUMN in names else len(names)
        names = [name or f"column {place + (place <= before)}" for place, name in enumerate(names)]
        for place, name in enumerate(names):
            if name in names[:place]:
                places = f"columns {names.index(name) + 1} and {place + 1}"
                raise lines.refuse(f"{places} are both called {quote_name(name)}; rename one")
        return tuple(names)
    raise FileRefused(lines.name, "is empty")


def _csv_rows(lines: LineReader, delimiter: str, headers: Sequence[str]) -> Iterator[AnyRow]:
    for cells in _csv_records(lines, delimiter):
        if isinstance(cells, UnreadableRow):
            yield cells
        elif "\0" in lines.record:
            yield lines.unreadable("contains a NUL character")
        elif len(cells) != len(headers):
            has = count_noun(len(cells), "cell")
            yield lines.unreadable(f"has {has} where the header has {len(headers)}")
        else:
            by_column = dict(zip(headers, cells, strict=True))
            yield InputRow(line=lines.start, cells=by_column, text=lines.record)


def _csv_records(lines: LineReader, delimiter: str) -> Iterator[list[str] | UnreadableRow]:
    # Strict: lenient reading drops a stray quote and quietly moves text to the wrong column.
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.begin_record()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            if lines.ended:
                raise lines.refuse("this row opens a quote that is never closed") from None
            reason = 'has a quote inside a quoted cell, which must be doubled ("")'
            if lines.number > lines.start:
                # An unclosed quote ends at the next one in the file, with whole rows in between.
                read = f"lines {lines.start} to {lines.number} were read as one row"
                reason = f"{reason}, or one left open: {read}"
            yield lines.unreadable(reason)
        else:
            if any(cell.strip() for cell in cells):
                yield cells


def _json_rows(lines: LineReader) -> Iterator[AnyRow]:
    """One object a line; blank lines, and objects with nothing but a reason, are skipped."""
    lines.begin_record()
    for text in lines:
        if text.strip():
            row = _json_row(lines, text)
            if isinstance(row, UnreadableRow) or {*row.cells} != {REASON_COLUMN}:
                yield row
        lines.begin_record()


def _no_number(text: str) -> str | None:
    """The first of NaN, Infinity and -Infinity in what would otherwise be a JSON object."""
    found: list[str] = []
    try:
        json.loads(text, parse_constant=found.append, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        return None
    return found[0] if found else None


def _json_row(lines: LineReader, text: str) -> AnyRow:
    try:
        value: object = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if name := _no_number(text):
            return lines.unreadable(
                f"contains {name}, which Python writes and JSON does not have; write null instead"
            )
        return lines.unreadable(f"is not valid JSON, at character {error.pos + 1}")
    if not isinstance(value, dict):
        return lines.unreadable("is not a JSON object")
    cells = cast("dict[str, object]", value)
    if len(cells) > MOST_COLUMNS:
        return lines.unreadable(f"has more than {MOST_COLUMNS:,} keys")
    return InputRow(line=lines.start, cells=cells, text=text)
