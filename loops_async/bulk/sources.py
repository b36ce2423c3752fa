"""Where the rows of a run come from, read so that they never hold the event loop."""

from abc import ABC, abstractmethod
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Iterable,
    Iterator,
    MappingView,
    Sequence,
)
from collections.abc import Set as AbstractSet
from typing import Final, Protocol, cast

from loops_async.bulk.outcomes import Row, Source
from loops_async.bulk.threaded import ThreadedRows, length_of

_IN_MEMORY: Final = (Sequence, AbstractSet, MappingView)
"""What says of itself that it is no more than data. A length alone does not: Django's QuerySet has
one, and asks the database for it."""


class Rows(Protocol):
    """The rows of a source, in its order, for the event loop alone."""

    length: int | None
    """How many rows the source says that it has."""

    def at_hand(self, room: int) -> list[Row]:
        """Take what needs no waiting, ``room`` rows at the most; often none.

        None is no sign of the end, and nothing is raised: ``take`` tells of either.
        """
        ...

    async def take(self, room: int) -> list[Row]:
        """Wait for a row, and take what there is, ``room`` rows at the most; none at the end."""
        ...

    def allow(self, room: int) -> None:
        """Tell a source that is read ahead, and waited for, how many rows there is room for."""
        ...

    def stop(self) -> None:
        """Ask the source for no further row. What it gave already, and is giving, is taken.

        Safe in a signal handler and in another thread.
        """
        ...

    def abandon(self) -> list[Row]:
        """Take what was read, and nothing from here on."""
        ...

    async def aclose(self) -> None:
        """Close the source if it is a generator; to be called after ``abandon``."""
        ...


def rows_of(source: Source) -> Rows:
    """The rows of ``source``; nothing of it is touched yet but its length."""
    if isinstance(source, AsyncIterable):
        return _AsyncRows(source)
    if isinstance(source, _IN_MEMORY):
        return _HeldRows(source)
    return ThreadedRows(source)


class _OnLoop(ABC):
    """Rows that are read on the event loop, one at a time, and never ahead of who takes them."""

    def __init__(self, source: object) -> None:
        self.length = length_of(source)
        self._stopped = False

    @abstractmethod
    def at_hand(self, room: int) -> list[Row]: ...

    @abstractmethod
    async def take(self, room: int) -> list[Row]: ...

    def allow(self, room: int) -> None:
        del room  # nothing is read ahead

    def stop(self) -> None:
        self._stopped = True

    def abandon(self) -> list[Row]:
        self._stopped = True
        return []

    @abstractmethod
    async def aclose(self) -> None: ...


class _HeldRows(_OnLoop):
    """Rows that are in memory."""

    def __init__(self, source: Iterable[Row]) -> None:
        super().__init__(source)
        self._source = source
        self._rows: Iterator[Row] | None = None
        self._error: BaseException | None = None

    def at_hand(self, room: int) -> list[Row]:
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
        rows = self.at_hand(max(1, room))
        if self._error is not None:
            raise self._error
        return rows

    async def aclose(self) -> None:
        self._rows = None


class _AsyncRows(_OnLoop):
    """Rows that have to be awaited."""

    def __init__(self, source: AsyncIterable[Row]) -> None:
        super().__init__(source)
        self._source = source
        self._rows: AsyncIterator[Row] | None = None

    def at_hand(self, room: int) -> list[Row]:
        return []

    async def take(self, room: int) -> list[Row]:
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
