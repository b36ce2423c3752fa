"""The file of an import, opened so that it can be read more than once in constant memory."""

import difflib
import errno
import re
import shutil
import sys
import tempfile
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, Literal, TextIO, cast

import attrs

from loops_async.cli.lines import Lines, unreadable
from loops_async.cli.refusals import FileRefused, shown
from loops_async.cli.rows import Reading, csv_header, csv_rows, json_rows, named_delimiter

_JSON_ENDINGS = (".jsonl", ".ndjson")
_DELIMITERS = ",;\t"
_ZIP = b"PK\x03\x04"
_QUOTED = re.compile(r'"[^"]*(?:"|$)')
_LONGEST_PATH = 4096
_SPOOL_IN_MEMORY = 4 * 1024 * 1024


@attrs.frozen
class Source:
    """An opened import file.

    Attributes:
        name: What messages call it.
        form: ``csv`` or ``jsonl``.
        delimiter: What parts the cells of CSV: a comma, a semicolon or a tab.
        headers: The column names of CSV. Empty for JSON Lines, which has none until its rows are
            read: see ``survey``.
        header_text: The header of CSV as it stands in the file; empty for JSON Lines.
        stream: Its bytes, seekable.
    """

    name: str
    form: Literal["csv", "jsonl"]
    delimiter: str
    headers: tuple[str, ...]
    header_text: str = attrs.field(repr=False)
    stream: BinaryIO = attrs.field(repr=False)


@contextmanager
def open_source(path: str, stdin: BinaryIO | None = None) -> Generator[Source, None, None]:
    """Open ``path``, or standard input for ``-``, and find out what it is.

    It is JSON Lines if its name ends in .jsonl or .ndjson or its text begins with ``{``, else CSV,
    whose delimiter the header tells, or a line ``sep=;`` above it as Excel writes it. An import
    reads its file twice, first to see every column and whether all of it can be read, so what
    cannot be rewound, such as standard input or a pipe, is first copied to a temporary file, which
    goes away by itself.

    Args:
        path: A file name, or ``-``.
        stdin: What to read for ``-``; the process's standard input when left out.

    Raises:
        FileRefused: If it cannot be opened, is empty, or its header cannot be used.
    """
    name = "standard input" if path == "-" else shown(path, _LONGEST_PATH)
    with ExitStack() as opened:
        try:
            stream = _standard_input(stdin) if path == "-" else opened.enter_context(_open(path))
            if path == "-" or not stream.seekable():
                spool = opened.enter_context(tempfile.SpooledTemporaryFile(_SPOOL_IN_MEMORY))
                shutil.copyfileobj(stream, spool)
                stream = cast(BinaryIO, spool)
        except FileNotFoundError as error:
            raise FileRefused(name, f"cannot be read: {_not_there(path)}") from error
        except OSError as error:
            raise unreadable(name, error) from error
        yield _recognised(name, path, stream)


def read_rows(source: Source) -> Iterator[Reading]:
    """Read the rows of ``source`` from the start, one at a time.

    A row that cannot be read comes as ``Rejected`` in its place. Rows without any text are left
    out. One reading of a source at a time.

    Raises:
        FileRefused: While iterating, where the rest of the file cannot be trusted: text that is
            not UTF-8, a quote that is never closed, a disk that fails.
    """
    lines = Lines(source.stream, source.name)
    try:
        if source.form == "jsonl":
            yield from json_rows(lines)
        else:
            csv_header(lines, source.delimiter)
            yield from csv_rows(lines, source.delimiter, source.headers)
    finally:
        lines.release()


def told_delimiter(line: str) -> str:
    """What parts the cells of CSV that begins with ``line``."""
    bare = _QUOTED.sub("", line)
    return named_delimiter(line) or max(_DELIMITERS, key=bare.count)


def _standard_input(given: BinaryIO | None) -> BinaryIO:
    if given is not None:
        return given
    # A process may be started with its standard input closed; Python then has none.
    process_input = cast(TextIO | None, sys.stdin)
    if process_input is None:
        raise OSError(errno.EBADF, "there is no standard input")
    return process_input.buffer


def _open(path: str) -> BinaryIO:
    if "\0" in path:
        raise OSError(errno.EINVAL, "a file name cannot hold a NUL character")
    return Path(path).open("rb")


def _not_there(path: str) -> str:
    """That there is no such file, and the one in its folder that was probably meant."""
    folder = Path(path).parent
    try:
        names = {entry.name.casefold(): entry.name for entry in folder.iterdir()}
    except OSError:
        return f"No such file or directory; look at the folder, {shown(str(folder), _LONGEST_PATH)}"
    # One name, and no list of what else is there: file names may be personal data.
    for close in difflib.get_close_matches(Path(path).name.casefold(), names, n=1):
        meant = shown(str(folder / names[close]), _LONGEST_PATH)
        return f"No such file or directory; did you mean {meant}?"
    return "No such file or directory"


def _recognised(name: str, path: str, stream: BinaryIO) -> Source:
    _refuse_workbook(name, stream)
    first = _first_line(name, stream)
    text = first.strip()
    json_lines = path.lower().endswith(_JSON_ENDINGS)
    if text.startswith("[") and (json_lines or text[1:].lstrip()[:1] in ("", "{")):
        raise FileRefused(
            name, "is one JSON array; write one object a line instead (jq -c '.[]' does)"
        )
    if json_lines or text.startswith("{"):
        return Source(name, "jsonl", "", (), "", stream)
    delimiter = told_delimiter(first)
    lines = Lines(stream, name)
    try:
        headers = csv_header(lines, delimiter)
        return Source(name, "csv", delimiter, headers, lines.record, stream)
    finally:
        lines.release()


def _refuse_workbook(name: str, stream: BinaryIO) -> None:
    try:
        stream.seek(0)
        begins = stream.read(len(_ZIP))
    except OSError as error:
        raise unreadable(name, error) from error
    if begins == _ZIP:
        raise FileRefused(name, "is an Excel workbook (or another zip file); save it as CSV")


def _first_line(name: str, stream: BinaryIO) -> str:
    lines = Lines(stream, name)
    try:
        for line in lines:
            if line.strip():
                # A tab at the end of ``sep=`` says something.
                return line.strip(" \r\n")
            lines.begin()
    finally:
        lines.release()
    raise FileRefused(name, "is empty")
