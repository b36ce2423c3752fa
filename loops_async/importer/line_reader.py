"""Reading the lines of a text file with their numbers."""

import io
import re
from collections.abc import Iterator
from typing import BinaryIO, Final

from loops_async.importer.errors import FileRefused
from loops_async.importer.text_encoding import UTF_8

LONGEST_RECORD: Final = 131_072
"""Characters. No contact comes near this, and an unclosed quote swallows all that follows: stop
before memory does. Equal to the csv module's limit for one cell, so that this one is met first."""

_SAVE_AS: Final = "open it in your spreadsheet or editor and save it as UTF-8"
_UNDECODED: Final = re.compile("[\ud800-\udfff]")


class LineReader:
    """Iterates over the lines of a seekable stream from its start, line ends kept.

    A byte order mark is removed. ``number`` is that of the last line read, ``start`` that of the
    first one of the current record. One iteration over a stream at a time; call ``release`` when
    done.

    Args:
        stream: The bytes.
        name: What messages call the file.
        encoding: Of the text, as ``detect_encoding`` finds it.

    Raises:
        FileRefused: While iterating, at the first line that cannot be decoded or read, and when a
            record (see ``begin_record``) is longer than ``LONGEST_RECORD`` characters.
    """

    def __init__(self, stream: BinaryIO, name: str, encoding: str = UTF_8) -> None:
        self.name = name
        self.number: int = 0
        self.start: int = 1
        self.ended: bool = False
        self._held: list[str] = []
        self._size = 0
        self._encoding = encoding
        try:
            stream.seek(0)
        except OSError as error:
            raise read_error(name, error) from error
        # Bytes that do not decode come through as lone surrogates, which valid text never decodes
        # to: a decoding error would name a byte of the buffer instead of a line of the file.
        is_wide = encoding.startswith(("utf-16", "utf-32"))
        self._text = io.TextIOWrapper(
            stream,
            encoding="utf-8-sig" if encoding == UTF_8 else encoding,
            errors="surrogatepass" if is_wide else "surrogateescape",
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
            raise read_error(self.name, error) from error
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

    def release(self) -> None:
        """Detach from the stream without closing it."""
        if not self._text.closed:
            self._text.detach()

    def _undecodable(self, line: int) -> FileRefused:
        name = self._encoding.upper() if self._encoding.startswith("utf") else self._encoding
        return FileRefused(
            self.name, f"the text is not {name}; {_SAVE_AS}, or name its --encoding", line
        )


def read_error(name: str, error: OSError) -> FileRefused:
    """The error for a file that cannot be read."""
    return FileRefused(name, f"cannot be read: {error.strerror or 'input/output error'}")
