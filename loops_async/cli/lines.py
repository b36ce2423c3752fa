"""The lines of a file as a text editor numbers them, decoded or refused with their number."""

import codecs
import io
import re
from collections.abc import Iterator
from typing import BinaryIO

from loops_async.cli.refusals import FileRefused

# No contact comes near this, and an unclosed quote swallows all that follows: stop before memory
# does. Equal to the csv module's default for one cell, so that this limit is always the first met.
LONGEST_RECORD = 131_072

_UNDECODED = re.compile("[\ud800-\udfff]")
_SAVE_AS = "open it in your spreadsheet or editor and save it as UTF-8"


class Lines:
    """Iterates over the lines of ``stream`` from its start, line ends kept.

    UTF-8 with or without a byte order mark, and UTF-16 with one, which is what Excel calls
    "Unicode text". One iteration over a stream at a time; call ``release`` when done with it.

    Args:
        stream: A seekable stream of bytes; it stays open.
        name: What messages call the file.

    Raises:
        FileRefused: While iterating, at the first line that cannot be decoded or read, and when a
            record (see ``begin``) is longer than ``LONGEST_RECORD`` characters.
    """

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self.name = name
        self.number: int = 0
        """The number of the line last read, counted from 1."""
        self.start: int = 1
        """The number of the line the record began on."""
        self.ended: bool = False
        """Whether the end of the file was met."""
        self._held: list[str] = []
        self._size = 0
        try:
            stream.seek(0)
            mark = stream.read(len(codecs.BOM_UTF16_LE))
            stream.seek(0)
        except OSError as error:
            raise unreadable(name, error) from error
        wide = mark in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        self._wanted = "UTF-16" if wide else "UTF-8"
        # What does not decode is let through as lone surrogates, which no sound text decodes to:
        # a plain decoding error would name a byte of the buffer instead of a line of the file.
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
            raise unreadable(self.name, error) from error
        if not line:
            self.ended = True
            raise StopIteration
        self.number += 1
        self._held.append(line)
        self._size += len(line)
        if self._size > LONGEST_RECORD:
            raise self.refused(
                f"this row runs past {LONGEST_RECORD:,} characters, more than any contact has; "
                "look for a quote that is opened and never closed"
            )
        if _UNDECODED.search(line):
            raise self._undecodable(self.number)
        return line

    def begin(self) -> None:
        """The next line is the first of a new record."""
        self._held.clear()
        self._size = 0
        self.start = self.number + 1

    @property
    def record(self) -> str:
        """The text read since ``begin``, exactly as in the file."""
        return "".join(self._held)

    def refused(self, problem: str) -> FileRefused:
        """An error about the record being read."""
        return FileRefused(self.name, problem, self.start)

    def release(self) -> None:
        """Let go of the stream without closing it."""
        if not self._text.closed:
            self._text.detach()

    def _undecodable(self, line: int) -> FileRefused:
        return FileRefused(self.name, f"the text is not {self._wanted}; {_SAVE_AS}", line)


def unreadable(name: str, error: OSError) -> FileRefused:
    """The refusal for a file the operating system will not give."""
    return FileRefused(name, f"cannot be read: {error.strerror or 'input/output error'}")
