"""The journal of an import: which rows are done, in a file that survives any kill.

The first line says what is imported; each later line records what became of a row, by its position
in the file. It contains no cells. Each line is written with one call as soon as its row is done;
only the last line can be cut short, and its row is sent again.
"""

import enum
import errno
import os
import re
import stat
import sys
from pathlib import Path
from typing import Any, BinaryIO, Final, Self, get_args

import attrs
import orjson

from loops_async.importer.coercion import ValueType
from loops_async.importer.column_names import DEFAULT_FIELDS, default_type
from loops_async.importer.errors import FileRefused, quote_path

if sys.platform != "win32":
    import fcntl

FORMAT: Final = 1
"""The version of the file format. An option that a journal lacks does not need a new one: see
``OptionSpec.before``."""

_BEGINS: Final = b'{"loops_async_journal"'
# Longer than any, so that a file that is not a journal does not fill the memory.
_LONGEST_HEADER: Final = 64 * 1024 * 1024
_LONGEST_RECORD: Final = 128
_MOST_ROWS: Final = 1_000_000_000

_FIELDS: Final = {(ours, default_type(theirs)) for theirs, ours in DEFAULT_FIELDS.items()}
_STYLES: Final = {
    "number": re.compile(r"[.,]\S*"),
    "date": re.compile(r"(?:dmy|mdy|ymd)[-/.](?: (?:dmy|mdy|ymd)[-/.])*"),
}
_DIGEST: Final = attrs.validators.matches_re("[0-9a-f]{64}")


class RowState(enum.IntEnum):
    """What became of a row."""

    OPEN = 0
    APPLIED = 1
    REJECTED = 2
    FAILED = 3
    SKIPPED = 4


_SIGNS: Final = {
    RowState.OPEN: "~",
    RowState.APPLIED: "+",
    RowState.REJECTED: "-",
    RowState.FAILED: "!",
    RowState.SKIPPED: "=",
}
DONE_STATES: Final = (RowState.APPLIED, RowState.REJECTED, RowState.SKIPPED)
_STATES: Final = {sign.encode(): state for state, sign in _SIGNS.items()}
_RECORD: Final = re.compile(rb"([~+!=-])(\d{1,18})(?: (\d{1,18}) ([0-9a-f]{64}))?\n")


class JournalDamaged(FileRefused):
    """A journal cannot be read from a line on; ``restart`` replaces it."""

    def __init__(self, name: str, line: int) -> None:
        problem = (
            "was damaged here; start over with --restart, which may send rows twice but loses none"
        )
        super().__init__(name, problem, line)


@attrs.frozen
class RejectsMark:
    """The size of the file of rejected rows in bytes, and the digest of those bytes."""

    size: int
    sha256: str


def _check_rows(_: object, __: object, value: Any) -> None:
    # Not isinstance: True would be a number of rows.
    if type(value) is not int or not 0 <= value <= _MOST_ROWS:
        raise ValueError("not a number of rows")


def _check_planned(_: object, __: object, value: object) -> None:
    match value:
        case [str(), "field", str() as name, str() as declared] if (name, declared) in _FIELDS:
            pass
        case [str(), "field", "!subscribed", "boolean"] | [str(), "list", str(), "boolean"]:
            pass
        case [str(), "property", str(), str() as declared] if declared in get_args(ValueType):
            pass
        case [str(), "property", str(), str() as declared, str() as style] if (
            declared in _STYLES and _STYLES[declared].fullmatch(style)
        ):
            pass
        case _:
            raise ValueError("not a column and its target")


@attrs.frozen
class JournalHeader:
    """What a journal is the journal of.

    Attributes:
        sha256: The digest of the file.
        rows: How many rows it has.
        team: ``LoopsClient.fingerprint``.
        settings: The options that change what is sent; see ``ImportOptions.recorded``.
        plan: For each column that is sent: its name, its target's kind, name and type, and for
            dates and numbers the style in which they are written, if it is known.
    """

    sha256: str = attrs.field(validator=_DIGEST)
    rows: int = attrs.field(validator=_check_rows)
    team: str = attrs.field(validator=_DIGEST)
    settings: dict[str, object] = attrs.field(validator=attrs.validators.instance_of(dict))
    plan: list[list[str]] = attrs.field(
        validator=attrs.validators.deep_iterable(_check_planned, attrs.validators.instance_of(list))
    )


class ImportJournal:
    """An open journal, which no other process can open until it is closed.

    ``header`` is None if nothing was begun; ``states`` has a byte for the ``RowState`` of each row;
    ``mark`` is that of the last rejected row.
    """

    def __init__(self, path: str, fd: int) -> None:
        self.name: str = quote_path(path)
        self.header: JournalHeader | None = None
        self.states: bytearray = bytearray()
        self.mark: RejectsMark | None = None
        self._path = path
        self._fd = fd
        self._broken = False

    @classmethod
    def open(cls, path: str, *, restart: bool = False) -> Self:
        """Open the journal at ``path``, or create it, and read it.

        With ``restart``, a damaged journal counts as never begun; it stays until another is begun.

        Raises:
            FileRefused: It cannot be written, is in use, or is not a journal.
        """
        name = quote_path(path)
        try:
            journal = cls(path, open_exclusive(path))
        except BlockingIOError:
            problem = "another import is using it; wait for it to end, or stop it, and try again"
            raise FileRefused(name, problem) from None
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "no file can have this name"
            problem = f"cannot be written: {why}; choose another place with --journal PATH"
            raise FileRefused(name, problem) from None
        try:
            journal._read(restart=restart)
        except BaseException:
            os.close(journal._fd)
            raise
        return journal

    def count(self, *states: RowState) -> int:
        """How many rows are in any of ``states``."""
        return sum(self.states.count(state) for state in states)

    @property
    def has_records(self) -> bool:
        """Whether it records what became of any row."""
        return self.count(RowState.OPEN) < len(self.states)

    @property
    def complete(self) -> bool:
        """Whether every row was applied, rejected or skipped."""
        return self.count(*DONE_STATES) == len(self.states)

    def is_done(self, row: int) -> bool:
        """Whether the row at this position was applied, rejected or skipped."""
        return self.states[row] in DONE_STATES

    def begin(self, header: JournalHeader) -> None:
        """Begin a new journal; all earlier records are removed."""
        try:
            os.ftruncate(self._fd, 0)
        except OSError as error:
            raise self._unwritable(error) from error
        self._append(orjson.dumps({"loops_async_journal": FORMAT, **attrs.asdict(header)}) + b"\n")
        self.sync()
        self.header = header
        self.states = bytearray(header.rows)
        self.mark = None

    def note(self, row: int, state: RowState, mark: RejectsMark | None = None) -> None:
        """Record what became of the row at a position, counted from 0.

        Raises:
            FileRefused: The journal cannot be written.
        """
        more = f" {mark.size} {mark.sha256}" if mark else ""
        self._append(f"{_SIGNS[state]}{row}{more}\n".encode())
        self.states[row] = state
        self.mark = mark or self.mark

    def sync(self) -> None:
        """Flush it to the disk, so that a power cut loses none of it."""
        try:
            os.fsync(self._fd)
        except OSError as error:
            raise self._unwritable(error) from error

    def close(self) -> None:
        """Close it, and remove it if nothing was begun.

        A complete journal stays: without it, an import that is killed right after could not know
        that it is complete, and would send every row again.
        """
        is_unused = self.header is None and not os.fstat(self._fd).st_size
        if is_unused and sys.platform != "win32":
            # While it is locked, so that no other process can have begun to use it.
            Path(self._path).unlink(missing_ok=True)
        os.close(self._fd)
        if is_unused and sys.platform == "win32":
            Path(self._path).unlink(missing_ok=True)

    def _append(self, line: bytes) -> None:
        if self._broken:
            # After a line that is cut short, another could not be read.
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
                self.header, whole = _read_header(stream, self.name)
                if self.header is None:
                    return
                self.states = bytearray(self.header.rows)
                whole += self._read_records(stream)
            # The rest is a line that was cut short; the next one must not begin in it.
            os.ftruncate(self._fd, whole)
        except JournalDamaged:
            if not restart:
                raise
            self.header, self.states, self.mark = None, bytearray(), None
        except OSError as error:
            problem = f"cannot be read: {error.strerror or 'input error'}"
            raise FileRefused(self.name, problem) from error

    def _read_records(self, stream: BinaryIO) -> int:
        whole, number, is_cut = 0, 1, False
        while line := stream.readline(_LONGEST_RECORD):
            number += not is_cut
            if not line.endswith(b"\n"):
                # The last one, unless more lines follow.
                is_cut = True
                continue
            found = None if is_cut else _RECORD.fullmatch(line)
            if found is None or (row := int(found[2])) >= len(self.states):
                raise JournalDamaged(self.name, number)
            self.states[row] = _STATES[found[1]]
            if found[3]:
                self.mark = RejectsMark(int(found[3]), found[4].decode())
            whole += len(line)
        return whole


def _read_header(stream: BinaryIO, name: str) -> tuple[JournalHeader | None, int]:
    """Read the first line of a journal and its length; None and 0 if it is cut short."""
    first = stream.readline(_LONGEST_HEADER)
    is_whole = first.endswith(b"\n")
    if not is_whole and _BEGINS.startswith(first[: len(_BEGINS)]) and not stream.read(1):
        # Nothing is sent before the whole line is written.
        return None, 0
    try:
        read: Any = orjson.loads(first)
        version = read.pop("loops_async_journal")
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
        if first.startswith(_BEGINS):
            raise JournalDamaged(name, 1) from None
        problem = (
            "is not the journal of an import; move it away, or choose another place with "
            "--journal PATH"
        )
        raise FileRefused(name, problem) from None
    if version != FORMAT:
        raise FileRefused(
            name,
            "was written by another version of loops-async; finish that import with the version "
            "that began it, or move it away",
        )
    try:
        return JournalHeader(**read), len(first)
    except (TypeError, ValueError):
        raise JournalDamaged(name, 1) from None


def open_exclusive(path: str) -> int:
    """Open a file to read it and append to it, or create it, and lock it until it is closed.

    Where there are no locks, as on Windows and some network file systems, others can open it too.

    Raises:
        BlockingIOError: Another process has it.
        OSError: It cannot be opened, or is not an ordinary file.
        ValueError: No file can have this name.
    """
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | binary_flag(), 0o600)
        try:
            _check_ordinary(fd)
            lock_file(fd)
            if _is_at(path, fd):
                return fd
        except BaseException:
            os.close(fd)
            raise
        # Its last owner removed it between opening and locking.
        os.close(fd)


def append(fd: int, data: bytes) -> None:
    """Write all of ``data``; if it fails, a part of it may be written."""
    left = memoryview(data)
    while left:
        left = left[os.write(fd, left) :]


def binary_flag() -> int:
    """The flag of ``os.open`` that keeps Windows from changing line ends."""
    return getattr(os, "O_BINARY", 0)


def _check_ordinary(fd: int) -> None:
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        raise OSError(errno.EINVAL, "it is not an ordinary file")


def lock_file(fd: int) -> None:
    """Lock an open file until it is closed; where there are no locks, do nothing.

    Raises:
        BlockingIOError: Another process has it.
    """
    if sys.platform == "win32":
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL):
            raise


def _is_at(path: str, fd: int) -> bool:
    try:
        return os.path.samestat(Path(path).stat(), os.fstat(fd))
    except FileNotFoundError:
        return False
