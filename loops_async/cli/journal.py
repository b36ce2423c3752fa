"""The journal of an import: which rows are over, in a file that outlives any kill.

The first line says what is imported, each later one what became of a row, by its place in the file.
There are no cells in it. A line is written with one call as soon as its row is over, so that a
killed process loses none of them; a line that is cut short is the last and is written again.
"""

import enum
import os
import re
from typing import BinaryIO, Final, Self

import attrs

from loops_async.cli.header import Damaged, Header, read_header, write_header
from loops_async.cli.refusals import FileRefused, shown
from loops_async.cli.writing import append, open_alone, remove

_LONGEST_PATH: Final = 4096
_LONGEST_RECORD: Final = 128
"""Bytes; more than any has, so that a file that is no journal does not fill the memory."""


class State(enum.IntEnum):
    """What became of a row."""

    OPEN = 0
    APPLIED = 1
    REJECTED = 2
    FAILED = 3


_SIGNS: Final = {State.OPEN: "~", State.APPLIED: "+", State.REJECTED: "-", State.FAILED: "!"}
_STATES: Final = {sign.encode(): state for state, sign in _SIGNS.items()}
_RECORD: Final = re.compile(rb"([~+!-])(\d{1,18})(?: (\d{1,18}) ([0-9a-f]{64}))?\n")


@attrs.frozen
class Mark:
    """How far the file of rejected rows had come.

    Attributes:
        size: Its bytes.
        sha256: Their digest.
    """

    size: int
    sha256: str


class Journal:
    """An open journal, which no other process can open until it is closed.

    Attributes:
        name: What messages call it.
        header: What it is the journal of; None as long as nothing was begun.
        states: The ``State`` of each row, a byte for each.
        mark: Where the file of rejected rows stood at the last of them; None without any.
    """

    def __init__(self, path: str, fd: int) -> None:
        self.name: str = shown(path, _LONGEST_PATH)
        self.header: Header | None = None
        self.states: bytearray = bytearray()
        self.mark: Mark | None = None
        self._path = path
        self._fd = fd
        self._broken = False

    @classmethod
    def open(cls, path: str, *, restart: bool = False) -> Self:
        """Open the journal at ``path``, or make one there, and read it.

        Args:
            path: Where it is.
            restart: Take one that was damaged for one that was never begun. It stays as it is
                until another is begun.

        Raises:
            FileRefused: It cannot be written, is in use, or is no journal.
        """
        name = shown(path, _LONGEST_PATH)
        try:
            journal = cls(path, open_alone(path))
        except BlockingIOError:
            problem = "another import uses it; let that one end, or stop it, and run this again"
            raise FileRefused(name, problem) from None
        except (OSError, ValueError) as error:
            said = getattr(error, "strerror", None) or "no file can have this name"
            problem = f"cannot be written: {said}; name a place for the journal with --journal PATH"
            raise FileRefused(name, problem) from None
        try:
            journal._read(restart=restart)
        except BaseException:
            os.close(journal._fd)
            raise
        return journal

    def counted(self, *states: State) -> int:
        """How many rows are in any of ``states``."""
        return sum(self.states.count(state) for state in states)

    @property
    def records(self) -> bool:
        """Whether the fate of any row is in it."""
        return self.counted(State.OPEN) < len(self.states)

    @property
    def complete(self) -> bool:
        """Whether every row is over for good."""
        return self.counted(State.APPLIED, State.REJECTED) == len(self.states)

    def begin(self, header: Header) -> None:
        """Begin anew; what was in it is gone.

        Raises:
            FileRefused: It cannot be written.
        """
        try:
            os.ftruncate(self._fd, 0)
        except OSError as error:
            raise self._unwritable(error) from error
        self._append(write_header(header))
        self.sync()
        self.header = header
        self.states = bytearray(header.rows)
        self.mark = None

    def note(self, row: int, state: State, mark: Mark | None = None) -> None:
        """Write down what became of a row.

        Args:
            row: Its place in the file, from 0.
            state: What became of it.
            mark: For a rejected row, where the file of rejected rows stands now.

        Raises:
            FileRefused: It cannot be written.
        """
        more = f" {mark.size} {mark.sha256}" if mark else ""
        self._append(f"{_SIGNS[state]}{row}{more}\n".encode())
        self.states[row] = state
        self.mark = mark or self.mark

    def sync(self) -> None:
        """Put all of it on the disk, so that a power cut loses none of it.

        Raises:
            FileRefused: The disk failed.
        """
        try:
            os.fsync(self._fd)
        except OSError as error:
            raise self._unwritable(error) from error

    def close(self) -> None:
        """Let go of it. It goes away if nothing was begun and nothing is in it.

        A complete one stays: were it removed, an import that is killed right after could not know
        that it is over, and would send every row again.
        """
        if self.header is None and not os.fstat(self._fd).st_size:
            remove(self._path, self._fd)
        else:
            os.close(self._fd)

    def _append(self, line: bytes) -> None:
        if self._broken:
            # Behind a line that is cut short, another would make no sense.
            raise FileRefused(self.name, "cannot be written since a write to it failed")
        try:
            append(self._fd, line)
        except OSError as error:
            self._broken = True
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> FileRefused:
        return FileRefused(self.name, f"cannot be written: {error.strerror or 'output error'}")

    def _read(self, *, restart: bool) -> None:
        try:
            with os.fdopen(os.dup(self._fd), "rb") as stream:
                stream.seek(0)
                self.header, whole = read_header(stream, self.name)
                if self.header is None:
                    return
                self.states = bytearray(self.header.rows)
                whole += self._take_records(stream)
            # What is behind is a line that is cut short, and another is not to begin in it.
            os.ftruncate(self._fd, whole)
        except Damaged:
            if not restart:
                raise
            self.header, self.states, self.mark = None, bytearray(), None
        except OSError as error:
            problem = f"cannot be read: {error.strerror or 'input error'}"
            raise FileRefused(self.name, problem) from error

    def _take_records(self, stream: BinaryIO) -> int:
        whole, number, is_cut = 0, 1, False
        while line := stream.readline(_LONGEST_RECORD):
            number += not is_cut
            if not line.endswith(b"\n"):
                # The last one, unless more lines follow.
                is_cut = True
            elif is_cut:
                raise Damaged(self.name, number)
            else:
                self._take(line, number)
                whole += len(line)
        return whole

    def _take(self, line: bytes, number: int) -> None:
        found = _RECORD.fullmatch(line)
        row = int(found[2]) if found else len(self.states)
        if found is None or row >= len(self.states):
            raise Damaged(self.name, number)
        self.states[row] = _STATES[found[1]]
        if found[3]:
            self.mark = Mark(int(found[3]), found[4].decode())
