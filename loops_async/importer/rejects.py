"""The rejected rows of an import, in a file of the input's format, to be fixed and imported."""

import csv
import errno
import filecmp
import hashlib
import io
import os
from pathlib import Path
from typing import Final

import orjson

from loops_async.importer.csv_format import is_clear
from loops_async.importer.errors import FileRefused, quote_path
from loops_async.importer.journal import RejectsMark, append, binary_flag, lock_file
from loops_async.importer.options import ImportOptions
from loops_async.importer.reading import REASON_COLUMN, AnyRow, InputFile, InputRow
from loops_async.importer.text_encoding import UTF_8

_CHUNK: Final = 1024 * 1024
_STANDARD_INPUT: Final = 0
_OLD: Final = ".old"
"""The ending of a file of rejected rows that was put aside."""


def output_paths(source: InputFile, options: ImportOptions) -> tuple[str | None, str | None]:
    """The paths of the journal and of the rejected rows; None if there is no such file.

    Call this before any file is created or moved: one file can have several names.

    Raises:
        FileRefused: Two of the files would be the same.
    """
    ending = ".rejected.jsonl" if source.form == "jsonl" else ".rejected.csv"
    journal, rejected = options.journal, options.rejected
    if source.is_on_disk:
        journal = journal or source.path + ".journal"
        rejected = rejected or source.path + ending
    old = None if rejected is None else rejected + _OLD
    for path, problem in (
        (journal, "cannot be its own journal; choose another place with --journal"),
        (rejected, "cannot take its own rejected rows; choose another place with --rejected"),
        (
            old,
            "cannot take its own rejected rows once they are renamed; choose another --rejected",
        ),
    ):
        if path is not None and _is_input(source, path):
            raise FileRefused(source.name, problem)
    for path in (rejected, old):
        if journal is not None and path is not None and _is_same(journal, path):
            raise FileRefused(
                quote_path(journal),
                "cannot be both the journal and the file of rejected rows; choose another place "
                "with --journal or --rejected",
            )
    return journal, rejected


class RejectsFile:
    """A file of rejected rows, created with the first of them.

    CSV gets one more column and JSON Lines one more key, ``loops_error``, with the reason;
    everything else is as it stands in the input, in UTF-8. The column is the first one, so that it
    has the reason no matter how many cells a row has. The file of an earlier import is not
    overwritten: it is put aside under a name that ends in ``.old``, or ``.old.2`` and so on. A file
    that another import is writing is left alone: this one is then called ``.2`` and so on.

    Raises:
        FileRefused: From every method: the file cannot be there, be read or be written.
    """

    def __init__(self, path: str, source: InputFile) -> None:
        self.path: str = path
        self.name: str = quote_path(path)
        self._wanted = path
        self._source = source
        # Now, since the input must not be touched while its rows are read.
        self._has_mark = _needs_byte_order_mark(source)
        self._fd: int | None = None
        self._size = 0
        self._digest = hashlib.sha256()
        self._broken = False
        is_file = Path(path).is_file() and os.path.realpath(Path(path).parent) != "/dev"
        if os.path.lexists(path) and not is_file:
            # It would be moved, and it may be a folder, or /dev/null. With the output redirected,
            # /dev/stdout is a link to a file, and other programs need the link.
            raise self._unusable(OSError(errno.EINVAL, "it is not an ordinary file"))
        # "r/" is not a file either, though ``Path`` forgets the slash.
        if not Path(path).parent.is_dir() or path.endswith(os.sep):
            raise self._unusable(OSError(errno.ENOENT, os.strerror(errno.ENOENT)))

    def begin(self, mark: RejectsMark | None) -> str | None:
        """Continue the file that ``mark`` describes, or put aside what is there; its new name."""
        try:
            if not os.path.lexists(self.path):
                return None
            if _is_locked(self.path):
                self._use_another_name()
                return None
            if mark is not None and self._continues(mark):
                return None
            return _put_aside(self.path)
        except OSError as error:
            raise self._unusable(error) from error

    def add(self, row: AnyRow, reason: str) -> RejectsMark:
        """Write a row and why it was rejected."""
        if self._broken:
            # After a row that is cut short, another would become part of it.
            raise FileRefused(self.name, "cannot be written since a write to it failed")
        text = self._text(row, " ".join(reason.split()))
        try:
            if self._fd is None:
                self._fd = self._create()
                text = self._header() + text
            data = text.encode()
            append(self._fd, data)
        except OSError as error:
            self._broken = True
            raise self._unusable(error) from error
        self._size += len(data)
        self._digest.update(data)
        return RejectsMark(self._size, self._digest.hexdigest())

    @property
    def exists(self) -> bool:
        """Whether there is any rejected row."""
        return Path(self.path).exists()

    def sync(self) -> None:
        """Flush it to the disk."""
        try:
            if self._fd is not None:
                os.fsync(self._fd)
        except OSError as error:
            raise self._unusable(error) from error

    def close(self) -> None:
        """Close it."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _create(self) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        while True:
            try:
                # Personal data: readable by the owner alone.
                fd = os.open(self.path, flags | binary_flag(), 0o600)
            except FileExistsError:
                # Another import has created it since ``begin``.
                self._use_another_name()
                continue
            lock_file(fd)
            return fd

    def _use_another_name(self) -> None:
        number = 2
        while os.path.lexists(f"{self._wanted}.{number}"):
            number += 1
        self.path = f"{self._wanted}.{number}"
        self.name = quote_path(self.path)

    def _continues(self, mark: RejectsMark) -> bool:
        digest = hashlib.sha256()
        left = mark.size
        with Path(self.path).open("rb") as written:
            while chunk := written.read(min(left, _CHUNK)):
                digest.update(chunk)
                left -= len(chunk)
        if left or digest.hexdigest() != mark.sha256:
            return False
        flags = os.O_WRONLY | os.O_APPEND | binary_flag()
        self._fd, self._size, self._digest = os.open(self.path, flags), mark.size, digest
        lock_file(self._fd)
        # The journal does not know of a row after the mark, so that row is rejected again.
        os.ftruncate(self._fd, mark.size)
        return True

    def _header(self) -> str:
        source = self._source
        if source.form == "jsonl":
            return ""
        header, end = _split_line_end(source.header_text)
        if REASON_COLUMN not in source.headers:
            header = REASON_COLUMN + source.delimiter + header
        first = io.StringIO(header, newline="").readline().strip(" \r\n")
        declared = "" if is_clear(first, source.delimiter) else f"sep={source.delimiter}{end}"
        return ("\ufeff" if self._has_mark else "") + declared + header + end

    def _text(self, row: AnyRow, reason: str) -> str:
        if self._source.form == "jsonl":
            return _json_text(row, reason)
        text, end = _split_line_end(row.text)
        if REASON_COLUMN not in self._source.headers:
            return self._cells([reason]) + self._source.delimiter + text + end
        if isinstance(row, InputRow):
            empty = dict.fromkeys(self._source.headers, "")
            return self._cells([*{**empty, **row.cells, REASON_COLUMN: reason}.values()]) + end
        # It has the earlier reason, and one more cell could make its number of cells right.
        return text + end

    def _cells(self, cells: list[object]) -> str:
        written = io.StringIO(newline="")
        csv.writer(written, delimiter=self._source.delimiter).writerow(cells)
        return written.getvalue().removesuffix("\r\n")

    def _unusable(self, error: OSError) -> FileRefused:
        why = error.strerror or "output error"
        problem = f"cannot be written: {why}; choose another place with --rejected PATH"
        return FileRefused(self.name, problem)


def _is_input(source: InputFile, path: str) -> bool:
    if source.path != "-":
        return _is_same(source.path, path)
    try:
        # Standard input is a file as well in ``import - < contacts.csv``.
        return os.path.samestat(os.fstat(_STANDARD_INPUT), Path(path).stat())
    except OSError:
        return False


def _is_same(one: str, other: str) -> bool:
    try:
        return Path(one).samefile(other)
    except OSError:
        # One of them does not exist yet.
        return os.path.realpath(one) == os.path.realpath(other)


def _is_locked(path: str) -> bool:
    fd = os.open(path, os.O_RDONLY | binary_flag())
    try:
        lock_file(fd)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def _put_aside(path: str) -> str:
    kept, number = path + _OLD, 1
    while os.path.lexists(kept):
        if not Path(kept).is_symlink() and filecmp.cmp(path, kept, shallow=False):
            # The same rows again, as from an import that runs every night.
            Path(path).unlink()
            return kept
        number += 1
        kept = f"{path}{_OLD}.{number}"
    Path(path).rename(kept)
    return kept


def _split_line_end(text: str) -> tuple[str, str]:
    """A row and its line end; only the last row of a file may have none."""
    bare = text.removesuffix("\n").removesuffix("\r")
    return bare, text[len(bare) :] or "\n"


def _json_text(row: AnyRow, reason: str) -> str:
    text = row.text.strip()
    new = orjson.dumps({REASON_COLUMN: reason}).decode()
    if not isinstance(row, InputRow):
        # Nothing can be added to what is not an object.
        return f"{new}\n{text}\n"
    if REASON_COLUMN in row.cells:
        old = orjson.dumps({REASON_COLUMN: row.cells[REASON_COLUMN]}).decode()
        text = text.removesuffix("," + old[1:]) + ("}" if text.endswith("," + old[1:]) else "")
    between = "," if text.removesuffix("}").rstrip() != "{" else ""
    return text.removesuffix("}") + between + new[1:] + "\n"


def _needs_byte_order_mark(source: InputFile) -> bool:
    """Whether rejected rows begin with a byte order mark, without which Excel misreads UTF-8.

    They are UTF-8, whatever the input was; the mark also outweighs an ``--encoding``.
    """
    encoding = source.layout.encoding
    return encoding.marked or encoding.name != UTF_8 or source.layout.sheet is not None
