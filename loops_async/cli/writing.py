"""Files that are written while a process may be killed, and that one process has to itself."""

import errno
import os
import stat
import sys
from pathlib import Path

if sys.platform != "win32":
    import fcntl


def open_alone(path: str) -> int:
    """Open a file to read it and to write behind its end, or make it; a descriptor.

    It is locked until it is closed. Where there are no locks, as on Windows and on some file
    systems of other machines, nothing keeps a second process off.

    Raises:
        BlockingIOError: Another process has it.
        OSError: It cannot be opened, or is no ordinary file.
        ValueError: No file can have this name.
    """
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | binary(), 0o600)
        try:
            _check_ordinary(fd)
            _lock(fd)
            if _is_at(path, fd):
                return fd
        except BaseException:
            os.close(fd)
            raise
        # Whoever had it removed it between our two looks.
        os.close(fd)


def append(fd: int, data: bytes) -> None:
    """Write all of ``data``; a write may take less than it was given.

    Raises:
        OSError: The disk is full, or failed; part of ``data`` may be written.
    """
    left = memoryview(data)
    while left:
        left = left[os.write(fd, left) :]


def remove(path: str, fd: int) -> None:
    """Remove what ``open_alone`` opened, and close it."""
    if sys.platform == "win32":
        os.close(fd)
        Path(path).unlink(missing_ok=True)
    else:
        # While it is locked: nobody can have begun to use it.
        Path(path).unlink(missing_ok=True)
        os.close(fd)


def binary() -> int:
    """The flag that keeps Windows from changing line ends."""
    return getattr(os, "O_BINARY", 0)


def _check_ordinary(fd: int) -> None:
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        raise OSError(errno.EINVAL, "it is no ordinary file")


def _lock(fd: int) -> None:
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
