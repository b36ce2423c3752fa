"""Reading the rows of CSV, JSON Lines and workbooks, with their line numbers."""

import difflib
import errno
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

from loops_async.importer import csv_format
from loops_async.importer.csv_records import CsvLayout, Record, check_width
from loops_async.importer.errors import FileRefused, quote_path
from loops_async.importer.file_kind import decompressed, detect_form, is_workbook
from loops_async.importer.line_reader import LineReader, read_error
from loops_async.importer.options import ImportOptions
from loops_async.importer.text_encoding import UTF_8, DetectedEncoding, detect_encoding
from loops_async.importer.workbook import Sheet, open_sheet

MOST_COLUMNS: Final = 1_000

REASON_COLUMN: Final = "loops_error"
"""The column with the reason in a file of rejected rows; an import leaves it out."""

_SPOOL_IN_MEMORY: Final = 4 * 1024 * 1024
_PYTHON_KEY: Final = re.compile(r"\s*\{\s*'")


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
class FileLayout:
    """How a file is read.

    Attributes:
        encoding: Of its text.
        csv: The delimiter of CSV.
        headers: The column names of CSV and workbooks. Empty for JSON Lines, whose columns are
            found by reading all rows: see ``scan_file``.
        header_text: The header as it stands in the file; empty for JSON Lines.
        header_line: The line of the header.
        sheet: The sheet of a workbook.
        notes: What to tell the user of guesses and of what is left out.
    """

    encoding: DetectedEncoding
    csv: CsvLayout = attrs.field(factory=lambda: CsvLayout(","))
    headers: tuple[str, ...] = ()
    header_text: str = attrs.field(default="", repr=False)
    header_line: int = 1
    sheet: Sheet | None = None
    notes: tuple[str, ...] = ()


@attrs.define(eq=False)
class InputFile:
    """An opened file of contacts.

    Attributes:
        path: Its path; ``-`` for standard input.
        name: What messages call it.
        form: ``csv``, also for a workbook, or ``jsonl``.
        stream: Its bytes, seekable.
        content: Those bytes, decompressed.
        options: The options that change how it is read: ``delimiter``, ``encoding``,
            ``header_line`` and ``sheet``.
        is_on_disk: Whether files can be written next to it.
    """

    path: str
    name: str
    form: Literal["csv", "jsonl"]
    stream: BinaryIO = attrs.field(repr=False)
    content: BinaryIO = attrs.field(repr=False)
    options: ImportOptions = attrs.field(factory=ImportOptions, repr=False)
    is_on_disk: bool = False
    _layout: FileLayout | None = attrs.field(default=None, init=False, repr=False)

    @property
    def layout(self) -> FileLayout:
        """How it is read.

        Raises:
            FileRefused: Its header cannot be used, or an option does not fit the file.
            MissingExtra: It is a workbook, and the package that reads them is not installed.
        """
        if self._layout is None:
            self._layout = _detect_layout(self)
        return self._layout

    @property
    def headers(self) -> tuple[str, ...]:
        """The column names; see ``FileLayout``."""
        return self.layout.headers

    @property
    def header_text(self) -> str:
        """The header as it stands in the file; empty for JSON Lines."""
        return self.layout.header_text

    @property
    def delimiter(self) -> str:
        """The delimiter of CSV."""
        return self.layout.csv.delimiter

    def read_with(self, options: ImportOptions) -> "InputFile":
        """This file, read with other options.

        Args:
            options: Those of the import.
        """
        names = ("delimiter", "encoding", "header_line", "sheet", "mappings")
        if all(getattr(options, name) == getattr(self.options, name) for name in names):
            return self
        return attrs.evolve(self, options=options)

    def rows(self) -> Iterator[AnyRow]:
        """Read the rows from the start; one iteration at a time. Empty rows are skipped.

        Raises:
            FileRefused: While iterating, where the rest of the file cannot be trusted: text that
                cannot be decoded, a quote that is never closed, a read error.
        """
        if (sheet := self.layout.sheet) is not None:
            yield from self._rows_below_header(sheet.records())
            return
        lines = LineReader(self.content, self.name, self.layout.encoding.name)
        try:
            if self.form == "jsonl":
                yield from _json_rows(lines)
            else:
                yield from self._rows_below_header(self.layout.csv.records(lines))
        finally:
            lines.release()

    def close(self) -> None:
        """Close its streams, which ends a thread that reads it."""
        self.content.close()
        self.stream.close()

    def _rows_below_header(self, records: Iterator[Record]) -> Iterator[AnyRow]:
        headers, header_line = self.layout.headers, self.layout.header_line
        record: Record | None = None
        for following in records:
            if record is not None:
                yield _csv_row(headers, record, following)
            elif following.line <= header_line:
                continue
            record = following
        if record is not None:
            yield _csv_row(headers, record, None)


@contextmanager
def open_input(
    path: str | os.PathLike[str],
    stream: BinaryIO | None = None,
    options: ImportOptions | None = None,
) -> Generator[InputFile, None, None]:
    """Open a file of contacts and detect its format.

    It is JSON Lines if its name ends in .jsonl or .ndjson or its text begins with ``{``, an Excel
    workbook if its bytes say so, else CSV; each may be compressed with gzip. The file is read more
    than once, so input that cannot be rewound, such as a pipe, is first copied to a temporary file.

    Args:
        path: A file name, or ``-`` for standard input.
        stream: Read this instead, for example an uploaded file; ``path`` then names it.
        options: Those of the import, some of which change how the file is read.

    Raises:
        FileRefused: It cannot be opened, is empty, or its header cannot be used.
        MissingExtra: It is a workbook, and the package that reads them is not installed.
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
            content = decompressed(stream, name, opened)
            form = detect_form(path, name, content)
        except FileNotFoundError as error:
            raise FileRefused(name, f"cannot be read: {_suggest_path(path)}") from error
        except OSError as error:
            raise read_error(name, error) from error
        source = InputFile(
            path,
            name,
            form,
            stream,
            content,
            options or ImportOptions(),
            is_on_disk=not is_stream and is_on_disk(path),
        )
        if not source.options.resume:
            # A resumed import may be given its options by the journal, which is read later.
            _ = source.layout
        yield source


def is_on_disk(path: str) -> bool:
    """Whether ``path`` is an ordinary file; not standard input, a pipe or a device."""
    # With the input redirected, /dev/stdin is an ordinary file; but nothing is written next to it.
    is_device = Path(path).absolute().parts[1:2] in {("dev",), ("proc",)}
    return path != "-" and Path(path).is_file() and not is_device


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


def _detect_layout(source: InputFile) -> FileLayout:
    name, options, content = source.name, source.options, source.content
    mapped = options.identifier_columns
    sheet: Sheet | None = None
    encoding, layout = DetectedEncoding(UTF_8), CsvLayout(",")
    if is_workbook(content):
        sheet = open_sheet(content, name, options.sheet, mapped)
    elif options.sheet is not None:
        raise FileRefused(name, "is not a workbook, so it has no sheet to choose with --sheet")
    else:
        encoding = detect_encoding(content, name, options.encoding)
    if source.form == "jsonl":
        _check_not_empty(source, encoding)
        return FileLayout(encoding, notes=tuple(filter(None, [encoding.note])))
    if sheet is not None:
        records = list(_first_records(sheet.records(), options.header_line))
    else:
        lines = LineReader(content, name, encoding.name)
        try:
            sample = csv_format.sample_lines(lines, options.header_line)
        finally:
            lines.release()
        layout = csv_format.detect_layout(
            name, sample, options.cell_delimiter, options.header_line, mapped
        )
        records = csv_format.sample_records(name, sample, layout)
    if not records:
        raise FileRefused(name, "is empty")
    place = csv_format.find_header(name, records, options.header_line, mapped)
    header = records[place.index]
    headers = csv_format.column_names(name, header, REASON_COLUMN, MOST_COLUMNS)
    notes = (encoding.note, sheet.note if sheet else "", place.note)
    return FileLayout(
        encoding, layout, headers, header.text, header.line, sheet, tuple(filter(None, notes))
    )


def _first_records(records: Iterator[Record], header_line: int | None) -> Iterator[Record]:
    for number, record in enumerate(records):
        yield record
        if number > csv_format.HEADER_WITHIN and record.line > (header_line or 0):
            return


def _check_not_empty(source: InputFile, encoding: DetectedEncoding) -> None:
    lines = LineReader(source.content, source.name, encoding.name)
    try:
        for line in lines:
            if line.strip():
                return
            lines.begin_record()
    finally:
        lines.release()
    raise FileRefused(source.name, "is empty")


def _csv_row(headers: Sequence[str], record: Record, following: Record | None) -> AnyRow:
    reason = record.problem
    if not reason and "\0" in record.text:
        reason = "contains a NUL character"
    reason = reason or check_width(record, headers, following, REASON_COLUMN)
    if reason:
        return UnreadableRow(line=record.line, reason=reason, text=record.text)
    # Cells that are missing at the end stay missing: they must not clear a field.
    by_column = dict(zip(headers, record.cells, strict=False))
    return InputRow(line=record.line, cells=by_column, text=record.text)


def _json_rows(lines: LineReader) -> Iterator[AnyRow]:
    """One object a line; blank lines, and objects with nothing but a reason, are skipped."""
    lines.begin_record()
    for text in lines:
        if text.strip():
            row = _json_row(lines, text)
            if isinstance(row, UnreadableRow) or {*row.cells} != {REASON_COLUMN}:
                yield row
        lines.begin_record()


def _unreadable(lines: LineReader, reason: str) -> UnreadableRow:
    return UnreadableRow(line=lines.start, reason=reason, text=lines.record)


def _not_quite_json(text: str) -> str | None:
    """What a line is that other programs take for a JSON object."""
    found: list[str] = []
    try:
        json.loads(text, parse_constant=found.append, parse_float=str, parse_int=str)
    except json.JSONDecodeError as error:
        rest = text[error.pos :].lstrip(", ")
        if error.msg == "Extra data" and rest.startswith("{"):
            return "has several objects; write one object a line"
        if _PYTHON_KEY.match(text):
            return "is written as Python prints it, with single quotes; write it with json.dumps"
    except (ValueError, RecursionError):
        return None
    if found:
        return (
            f"contains {found[0]}, which Python writes and JSON does not have; write null instead"
        )
    return None


def _json_row(lines: LineReader, text: str) -> AnyRow:
    try:
        value: object = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if reason := _not_quite_json(text):
            return _unreadable(lines, reason)
        return _unreadable(lines, f"is not valid JSON, at character {error.pos + 1}")
    if not isinstance(value, dict):
        return _unreadable(lines, "is not a JSON object")
    cells = cast("dict[str, object]", value)
    if len(cells) > MOST_COLUMNS:
        return _unreadable(lines, f"has more than {MOST_COLUMNS:,} keys")
    return InputRow(line=lines.start, cells=cells, text=text)
