"""Rows of an iterator that may block in ``next``, for a database or a disk: read in a thread.

It is one thread from first to last, because some things (a connection of sqlite3, say) must not
change theirs; and not one of the event loop's pool, because it may hang.
"""

import asyncio
import contextlib
import contextvars
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sized

from loops_async.bulk.outcomes import Row
from loops_async.pipeline.observing import LOG


def length_of(source: object) -> int | None:
    """How many rows ``source`` says that it has."""
    if isinstance(source, Sized):
        # A proxy may have the method without having a length.
        with contextlib.suppress(Exception):
            return len(source)
    return None


class ThreadedRows:
    """Rows of an iterator that may block, read ahead in a thread as far as there is room.

    The thread knows nothing of the run. One that hangs in the source is left behind: it ends when
    the source lets it, what it then has goes nowhere, and it keeps no process alive.
    """

    def __init__(self, source: Iterable[Row]) -> None:
        self.length: int | None = None
        self._source = source
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._news = asyncio.Event()
        # What follows is shared with the thread, under this lock.
        self._lock = threading.Lock()
        self._wanted = threading.Condition(self._lock)
        self._rows: deque[Row] = deque()
        self._room = 0
        self._waits = False
        self._reading = False
        self._awaited = False
        self._stopped = False
        self._abandoned = False
        self._over = False
        self._error: BaseException | None = None

    def at_hand(self, room: int) -> list[Row]:
        """Take what was read, up to half of ``room``: the rest is for reading ahead meanwhile."""
        with self._lock:
            self._room = room
            return self._taken((room + 1) // 2)

    async def take(self, room: int) -> list[Row]:
        """Wait for a row, and take what was read; ``room`` is how many may be held and read."""
        with self._lock:
            self._room = room
            self._wanted.notify()
        if self._thread is None and not self._start():
            return []
        while (rows := self._so_far()) is None:
            await self._news.wait()
        if not rows:
            self._join()
            if self._error is not None:
                raise self._error
        return rows

    def allow(self, room: int) -> None:
        """Tell how many rows may be held and read by now."""
        with self._lock:
            self._room = room
            if self._waits and len(self._rows) < room:
                self._wanted.notify()

    def stop(self) -> None:
        """Ask the source for no further row. What it gave already, and is giving, is taken."""
        with self._lock:
            self._stopped = True
            self._wanted.notify()

    def abandon(self) -> list[Row]:
        """Take what was read, and nothing from here on."""
        with self._lock:
            self._stopped = self._abandoned = True
            self._wanted.notify()
            return self._taken(len(self._rows))

    async def aclose(self) -> None:
        """Wait until the source is closed, unless the thread is in it."""
        # A thread that waits for room has only to close the source. One that is in the source may
        # be there for good.
        while self._thread is not None and not self._reading and self._so_far() is None:
            await self._news.wait()
        if self._over:
            self._join()

    def _start(self) -> bool:
        if self._stopped:
            return False
        self._loop = asyncio.get_running_loop()
        self._reading = True
        context = contextvars.copy_context()
        self._thread = threading.Thread(
            target=context.run, args=(self._run,), name="loops-async source", daemon=True
        )
        self._thread.start()
        return True

    def _join(self) -> None:
        """Wait for the thread's very last step, so that it is gone when the run is."""
        if self._thread is not None:
            self._thread.join()

    def _so_far(self) -> list[Row] | None:
        """What the thread has read, nothing once it is over; None where there will be news."""
        with self._lock:
            if self._rows or self._over:
                return self._taken(len(self._rows))
            self._awaited = True
            self._news.clear()
        return None

    def _taken(self, most: int) -> list[Row]:
        """Up to ``most`` of the rows; to be called under the lock."""
        rows = self._rows
        taken = [rows.popleft() for _ in range(min(most, len(rows)))]
        self._room -= len(taken)
        if self._waits and len(rows) < self._room:
            self._wanted.notify()
        return taken

    def _run(self) -> None:
        error: BaseException | None = None
        iterator: Iterator[Row] | None = None
        try:
            self.length = length_of(self._source)
            iterator = iter(self._source)
            if self._may_begin():
                for row in iterator:
                    if not self._hand_over(row):
                        break
        except BaseException as raised:  # noqa: BLE001 - it belongs to whoever iterates the run
            error = raised
        try:
            if isinstance(iterator, Generator):
                iterator.close()
        except BaseException as raised:  # noqa: BLE001 - the same
            error = error or raised
        self._end(error)

    def _may_begin(self) -> bool:
        with self._lock:
            return self._may_read()

    def _hand_over(self, row: Row) -> bool:
        """Give ``row``; whether another shall be read."""
        with self._lock:
            if not self._abandoned:
                self._rows.append(row)
            if self._awaited:
                self._tell()
            if len(self._rows) < self._room and not self._stopped:
                return True
            return self._may_read()

    def _may_read(self) -> bool:
        """Wait until there is room for a row; False where no more shall be read. Under the lock."""
        while len(self._rows) >= self._room and not self._stopped:
            self._reading, self._waits = False, True
            self._wanted.wait()
        self._waits = False
        self._reading = not self._stopped
        return self._reading

    def _end(self, error: BaseException | None) -> None:
        with self._lock:
            self._error = error
            self._over, self._reading = True, False
            self._tell()
            unheard = self._abandoned and error is not None
        if unheard:
            # Not its text, which may hold anything.
            LOG.warning("the source of a bulk run that is over raised %s", type(error).__name__)

    def _tell(self) -> None:
        """Wake the loop if it waits; to be called under the lock."""
        if self._awaited and self._loop is not None:
            self._awaited = False
            # The loop may be closed: then nobody wants to know.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._news.set)
