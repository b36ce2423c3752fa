"""The rejected rows of an import, in a file of the input's own shape, to be mended and imported."""

import codecs
import csv
import errno
import filecmp
import hashlib
import io
import os
from pathlib import Path
from typing import Final

import orjson

from loops_async.cli.journal import Mark
from loops_async.cli.refusals import FileRefused, shown
from loops_async.cli.rows import REASON_COLUMN, Reading, Row
from loops_async.cli.source import Source, told_delimiter
from loops_async.cli.writing import append, binary

_CHUNK: Final = 1024 * 1024
_LONGEST_PATH: Final = 4096

ASIDE: Final = ".old"
"""What the name of a file that was put aside ends in."""


def endings(source: Source) -> str:
    """What the name of such a file ends in."""
    return ".rejected.jsonl" if source.form == "jsonl" else ".rejected.csv"


class Rejects:
    """A file of rejected rows, which there is only once there is one.

    CSV gets one more column and JSON Lines one more key, ``loops_error``, with the reason; all else
    is as it stands in the input, in UTF-8. The column is the first, so that the reason stands in it
    whatever number of cells a row has. What an import leaves there, another does not write
    over: it is put aside under a name that ends in ``.old``, or in ``.old.2`` and so on where that
    is another file.

    Attributes:
        path: Where it is.
        name: What messages call it.

    Raises:
        FileRefused: No file can be there, or something that is none is.
    """

    def __init__(self, path: str, source: Source) -> None:
        self.path = path
        self.name: str = shown(path, _LONGEST_PATH)
        self._source = source
        # Now, for nobody may touch the input while its rows are read.
        self._marked = _is_marked(source)
        self._fd: int | None = None
        self._size = 0
        self._digest = hashlib.sha256()
        self._broken = False
        is_file = Path(path).is_file() and os.path.realpath(Path(path).parent) != "/dev"
        if os.path.lexists(path) and not is_file:
            # It would be moved, and it may be a folder, or /dev/null. With the output redirected,
            # /dev/stdout is a link to a file, and others need the link.
            raise self._unusable(OSError(errno.EINVAL, "it is no ordinary file"))
        # "r/" is no file either, though a path forgets how it was written.
        if not Path(path).parent.is_dir() or path.endswith(os.sep):
            raise self._unusable(OSError(errno.ENOENT, os.strerror(errno.ENOENT)))

    def begin(self, mark: Mark | None) -> str | None:
        """Go on where ``mark`` says, or put aside what is there.

        Returns:
            Where that is kept; None if nothing was put aside.

        Raises:
            FileRefused: There is something that cannot be read or moved.
        """
        try:
            if not os.path.lexists(self.path):
                return None
            if mark is not None and self._goes_on(mark):
                return None
            return _put_aside(self.path)
        except OSError as error:
            raise self._unusable(error) from error

    def add(self, reading: Reading, reason: str) -> Mark:
        """Write a row and why it was rejected; where the file stands then.

        Raises:
            FileRefused: It cannot be written.
        """
        if self._broken:
            # Behind a row that is cut short, another would become part of it.
            raise FileRefused(self.name, "cannot be written since a write to it failed")
        text = self._text(reading, " ".join(reason.split()))
        try:
            if self._fd is None:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
                # Personal data: for nobody else's eyes.
                self._fd = os.open(self.path, flags | binary(), 0o600)
                text = self._header() + text
            data = text.encode()
            append(self._fd, data)
        except OSError as error:
            self._broken = True
            raise self._unusable(error) from error
        self._size += len(data)
        self._digest.update(data)
        return Mark(self._size, self._digest.hexdigest())

    @property
    def is_there(self) -> bool:
        """Whether there is any rejected row."""
        return Path(self.path).exists()

    def sync(self) -> None:
        """Put all of it on the disk.

        Raises:
            FileRefused: The disk failed.
        """
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

    def _goes_on(self, mark: Mark) -> bool:
        digest = hashlib.sha256()
        left = mark.size
        with Path(self.path).open("rb") as written:
            while chunk := written.read(min(left, _CHUNK)):
                digest.update(chunk)
                left -= len(chunk)
        if left or digest.hexdigest() != mark.sha256:
            return False
        flags = os.O_WRONLY | os.O_APPEND | binary()
        self._fd, self._size, self._digest = os.open(self.path, flags), mark.size, digest
        # A row behind the mark is one that the journal knows nothing of: it comes again.
        os.ftruncate(self._fd, mark.size)
        return True

    def _header(self) -> str:
        source = self._source
        if source.form == "jsonl":
            return ""
        header, end = _parted(source.header_text)
        if REASON_COLUMN not in source.headers:
            header = REASON_COLUMN + source.delimiter + header
        first = io.StringIO(header, newline="").readline().strip(" \r\n")
        told = "" if told_delimiter(first) == source.delimiter else f"sep={source.delimiter}{end}"
        return ("\ufeff" if self._marked else "") + told + header + end

    def _text(self, reading: Reading, reason: str) -> str:
        if self._source.form == "jsonl":
            return _json_text(reading, reason)
        text, end = _parted(reading.text)
        if REASON_COLUMN not in self._source.headers:
            return self._cells([reason]) + self._source.delimiter + text + end
        if isinstance(reading, Row):
            return self._cells([*{**reading.cells, REASON_COLUMN: reason}.values()]) + end
        # It has the reason of the last time, and another cell could make its number of cells right.
        return text + end

    def _cells(self, cells: list[object]) -> str:
        written = io.StringIO(newline="")
        csv.writer(written, delimiter=self._source.delimiter).writerow(cells)
        return written.getvalue().removesuffix("\r\n")

    def _unusable(self, error: OSError) -> FileRefused:
        said = error.strerror or "output error"
        return FileRefused(
            self.name, f"cannot be written: {said}; name another place with --rejected PATH"
        )


def _put_aside(path: str) -> str:
    kept, number = path + ASIDE, 1
    while os.path.lexists(kept):
        if not Path(kept).is_symlink() and filecmp.cmp(path, kept, shallow=False):
            # The same rows again, as of an import that runs every night.
            Path(path).unlink()
            return kept
        number += 1
        kept = f"{path}{ASIDE}.{number}"
    Path(path).rename(kept)
    return kept


def _parted(text: str) -> tuple[str, str]:
    """A row without its line end, and that; only the last row of a file may have none."""
    bare = text.removesuffix("\n").removesuffix("\r")
    return bare, text[len(bare) :] or "\n"


def _json_text(reading: Reading, reason: str) -> str:
    text = reading.text.strip()
    said = orjson.dumps({REASON_COLUMN: reason}).decode()
    if not isinstance(reading, Row):
        # Nothing can be added to what is no object.
        return f"{said}\n{text}\n"
    if REASON_COLUMN in reading.cells:
        old = orjson.dumps({REASON_COLUMN: reading.cells[REASON_COLUMN]}).decode()
        text = text.removesuffix("," + old[1:]) + ("}" if text.endswith("," + old[1:]) else "")
    between = "," if text.removesuffix("}").rstrip() != "{" else ""
    return text.removesuffix("}") + between + said[1:] + "\n"


def _is_marked(source: Source) -> bool:
    """Whether the input begins with a byte order mark, without which Excel misreads UTF-8."""
    source.stream.seek(0)
    begins = source.stream.read(len(codecs.BOM_UTF8))
    return begins == codecs.BOM_UTF8 or begins[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
