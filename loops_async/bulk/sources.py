"""Sources of rows: data in memory, async iterables, and blocking iterables, read in a thread."""

import asyncio
import contextlib
import contextvars
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Generator,
    Iterable,
    Iterator,
    MappingView,
    Sequence,
    Sized,
)
from collections.abc import Set as AbstractSet
from typing import Final, cast

from loops_async.bulk.outcomes import Row, Source
from loops_async.pipeline.observing import LOG

_IN_MEMORY: Final = (Sequence, AbstractSet, MappingView)
"""Types that only hold data. A length is not a sufficient criterion: that of Django's QuerySet
queries the database."""


class RowSource(ABC):
    """The rows of a source, in order, for use in the event loop.

    Attributes:
        length: The number of rows, or None if it is unknown.
    """

    def __init__(self, length: int | None) -> None:
        self.length: int | None = length
        self._stopped = False

    def take_ready(self, room: int) -> list[Row]:
        """Return up to ``room`` rows that are available without waiting.

        An empty list does not mean the end. Errors of the source are raised by ``take``.
        """
        return []

    @abstractmethod
    async def take(self, room: int) -> list[Row]:
        """Wait for at least one row and return up to ``room``; an empty list means the end."""

    def set_room(self, room: int) -> None:  # noqa: B027 - only for sources that read ahead
        """Change how many rows may be read ahead, while ``take`` waits."""

    def stop(self) -> None:
        """Stop reading rows. Rows that were read, or are being read, are still returned.

        May be called from a signal handler or another thread.
        """
        self._stopped = True

    def abandon(self) -> list[Row]:
        """Stop reading, and return the rows that were already read."""
        self._stopped = True
        return []

    @abstractmethod
    async def aclose(self) -> None:
        """Close the source if it is a generator. Call ``abandon`` first."""


def open_source(source: Source) -> RowSource:
    """Return a reader for ``source``. Nothing is read yet."""
    if isinstance(source, AsyncIterable):
        return _AsyncRows(source)
    if isinstance(source, _IN_MEMORY):
        return _InMemoryRows(source)
    return _ThreadedRows(source)


def _length_of(source: object) -> int | None:
    if isinstance(source, Sized):
        # Proxy objects may define __len__ without having a length.
        with contextlib.suppress(Exception):
            return len(source)
    return None


class _InMemoryRows(RowSource):
    """Rows in memory, read one at a time in the event loop."""

    def __init__(self, source: Iterable[Row]) -> None:
        super().__init__(_length_of(source))
        self._source = source
        self._rows: Iterator[Row] | None = None
        self._error: BaseException | None = None

    def take_ready(self, room: int) -> list[Row]:
        if self._stopped or room < 1:
            return []
        try:
            if self._rows is None:
                self._rows = iter(self._source)
            for row in self._rows:
                return [row]
        except BaseException as error:  # noqa: BLE001 - raised by ``take``
            self._stopped, self._error = True, error
        return []

    async def take(self, room: int) -> list[Row]:
        rows = self.take_ready(max(1, room))
        if self._error is not None:
            raise self._error
        return rows

    async def aclose(self) -> None:
        self._rows = None


class _AsyncRows(RowSource):
    """Rows of an async iterable."""

    def __init__(self, source: AsyncIterable[Row]) -> None:
        super().__init__(_length_of(source))
        self._source = source
        self._rows: AsyncIterator[Row] | None = None

    async def take(self, room: int) -> list[Row]:
        del room  # nothing is read ahead
        if self._stopped:
            return []
        if self._rows is None:
            self._rows = aiter(self._source)
        try:
            return [await anext(self._rows)]
        except StopAsyncIteration:
            return []

    async def aclose(self) -> None:
        rows = self._rows
        if isinstance(rows, AsyncGenerator):
            await cast("AsyncGenerator[Row, None]", rows).aclose()


class _ThreadedRows(RowSource):
    """Rows of an iterable that may block, such as a database query, read ahead in a thread.

    One thread reads all rows, because some sources, such as sqlite3 connections, must be used in
    only one thread. It is not from the event loop's pool, because it may hang. A hanging thread is
    abandoned: it ends when the source returns, and does not keep the process alive.
    """

    def __init__(self, source: Iterable[Row]) -> None:
        super().__init__(None)  # determining the length may block, too
        self._source = source
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._changed = asyncio.Event()
        # Everything below is shared with the thread, under this lock.
        self._lock = threading.Lock()
        self._may_continue = threading.Condition(self._lock)
        self._rows: deque[Row] = deque()
        self._room = 0
        self._thread_waits = False
        self._reading = False
        self._loop_waits = False
        self._abandoned = False
        self._ended = False
        self._error: BaseException | None = None

    def take_ready(self, room: int) -> list[Row]:
        """Return rows already read, up to half of ``room``; the other half is for reading ahead."""
        with self._lock:
            self._room = room
            return self._pop((room + 1) // 2)

    async def take(self, room: int) -> list[Row]:
        """Wait for rows; ``room`` includes those that the thread reads meanwhile."""
        with self._lock:
            self._room = room
            self._may_continue.notify()
        if self._thread is None and not self._start():
            return []
        while (rows := self._poll()) is None:
            await self._changed.wait()
        if not rows:
            self._join()
            if self._error is not None:
                raise self._error
        return rows

    def set_room(self, room: int) -> None:
        with self._lock:
            self._room = room
            if self._thread_waits and len(self._rows) < room:
                self._may_continue.notify()

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            self._may_continue.notify()

    def abandon(self) -> list[Row]:
        with self._lock:
            self._stopped = self._abandoned = True
            self._may_continue.notify()
            return self._pop(len(self._rows))

    async def aclose(self) -> None:
        """Wait until the source is closed, unless it blocks the thread."""
        # A thread that waits for room only needs to close the source. A source that blocks may
        # block forever.
        while self._thread is not None and not self._reading and self._poll() is None:
            await self._changed.wait()
        if self._ended:
            self._join()

    def _start(self) -> bool:
        if self._stopped:
            return False
        self._loop = asyncio.get_running_loop()
        self._reading = True
        context = contextvars.copy_context()
        self._thread = threading.Thread(
            target=context.run, args=(self._read,), name="loops-async source", daemon=True
        )
        self._thread.start()
        return True

    def _join(self) -> None:
        """Wait until the thread has ended, so that it does not outlive the run."""
        if self._thread is not None:
            self._thread.join()

    def _poll(self) -> list[Row] | None:
        """Return the rows already read, or an empty list at the end; None to wait for a change."""
        with self._lock:
            if self._rows or self._ended:
                return self._pop(len(self._rows))
            self._loop_waits = True
            self._changed.clear()
        return None

    def _pop(self, count: int) -> list[Row]:
        """Remove and return up to ``count`` rows. Requires the lock."""
        rows = self._rows
        popped = [rows.popleft() for _ in range(min(count, len(rows)))]
        self._room -= len(popped)
        if self._thread_waits and len(rows) < self._room:
            self._may_continue.notify()
        return popped

    def _read(self) -> None:
        """Read the source. Runs in the thread."""
        error: BaseException | None = None
        iterator: Iterator[Row] | None = None
        try:
            self.length = _length_of(self._source)
            iterator = iter(self._source)
            with self._lock:
                may_read = self._wait_for_room()
            if may_read:
                for row in iterator:
                    if not self._hand_over(row):
                        break
        except BaseException as raised:  # noqa: BLE001 - raised by ``take``
            error = raised
        try:
            if isinstance(iterator, Generator):
                iterator.close()
        except BaseException as raised:  # noqa: BLE001 - raised by ``take``
            error = error or raised
        with self._lock:
            self._error = error
            self._ended, self._reading = True, False
            self._wake_loop()
            is_unreported = self._abandoned and error is not None
        if is_unreported:
            # The error's text is omitted, because it may contain personal data.
            LOG.warning(
                "the source of a bulk run raised %s after the run had ended", type(error).__name__
            )

    def _hand_over(self, row: Row) -> bool:
        """Pass ``row`` to the event loop; return whether to read another."""
        with self._lock:
            if not self._abandoned:
                self._rows.append(row)
            if self._loop_waits:
                self._wake_loop()
            if len(self._rows) < self._room and not self._stopped:
                return True
            return self._wait_for_room()

    def _wait_for_room(self) -> bool:
        """Wait until there is room for a row; return False to stop reading. Requires the lock."""
        while len(self._rows) >= self._room and not self._stopped:
            self._reading, self._thread_waits = False, True
            self._may_continue.wait()
        self._thread_waits = False
        self._reading = not self._stopped
        return self._reading

    def _wake_loop(self) -> None:
        """Wake the event loop if it waits. Requires the lock."""
        if self._loop_waits and self._loop is not None:
            self._loop_waits = False
            # The loop may be closed already.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._changed.set)
