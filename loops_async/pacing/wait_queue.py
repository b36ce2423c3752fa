"""The queue of waiting requests, and a timer."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from contextvars import Context
from functools import partial
from typing import Generic, TypeVar

from loops_async.pipeline.messages import Lane

T = TypeVar("T")

TIMER_TOLERANCE = 1e-6
"""Seconds by which a timer may fire early, so that rounding does not make it fire twice."""


class WaitQueue(Generic[T]):
    """Requests that wait for a turn of type ``T``, in order of arrival, interactive ones first."""

    __slots__ = ("bulk", "interactive")

    def __init__(self) -> None:
        # Ordered dictionaries, because cancelled requests are removed from the middle.
        self.interactive: OrderedDict[asyncio.Future[T], None] = OrderedDict()
        self.bulk: OrderedDict[asyncio.Future[T], None] = OrderedDict()

    def __len__(self) -> int:
        return len(self.interactive) + len(self.bulk)

    def __str__(self) -> str:
        return f"waiting: {len(self.interactive)} interactive, {len(self.bulk)} bulk"

    def count(self, lane: Lane) -> int:
        """Return how many requests of ``lane`` are waiting."""
        return len(self.bulk if lane is Lane.BULK else self.interactive)

    @property
    def next_lane(self) -> Lane:
        """The lane of the next request."""
        return Lane.INTERACTIVE if self.interactive else Lane.BULK

    def join(self, loop: asyncio.AbstractEventLoop, lane: Lane) -> asyncio.Future[T]:
        """Add a request; its turn is the result of the returned future."""
        waiter: asyncio.Future[T] = loop.create_future()
        (self.bulk if lane is Lane.BULK else self.interactive)[waiter] = None
        return waiter

    def leave(self, waiter: asyncio.Future[T]) -> T | None:
        """Remove a request; return its turn if it was granted at the same moment."""
        self.interactive.pop(waiter, None)
        self.bulk.pop(waiter, None)
        if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
            return waiter.result()
        return None

    def grant(self, turn: T) -> bool:
        """Give ``turn`` to the next request; return False if none is waiting."""
        waiter = self._pop()
        if waiter is not None:
            waiter.set_result(turn)
        return waiter is not None

    def reject(self, error: type[Exception], message: str) -> None:
        """Raise ``error`` in all waiting requests."""
        while (waiter := self._pop()) is not None:
            waiter.set_exception(error(message))

    def _pop(self) -> asyncio.Future[T] | None:
        while queue := self.interactive or self.bulk:
            waiter, _ = queue.popitem(last=False)
            if not waiter.done():
                return waiter
        return None


class Timer:
    """At most one scheduled callback."""

    __slots__ = ("_handle", "due")

    def __init__(self) -> None:
        self._handle: asyncio.TimerHandle | None = None
        # Stored here, because uvloop's handles do not always provide it.
        self.due: float = 0.0

    @property
    def is_set(self) -> bool:
        """Whether a callback is scheduled."""
        return self._handle is not None

    def set(
        self,
        loop: asyncio.AbstractEventLoop,
        due: float,
        callback: Callable[[asyncio.AbstractEventLoop], None],
    ) -> None:
        """Call ``callback(loop)`` at ``due``, or earlier if a call is already scheduled."""
        if self._handle is not None and self.due <= due:
            return
        self.cancel()
        self.due = due
        # An empty context, because the callback does not belong to the request that set the timer.
        self._handle = loop.call_at(due, self._fire, partial(callback, loop), context=Context())

    def cancel(self) -> None:
        """Cancel the scheduled callback, if any."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _fire(self, callback: Callable[[], None]) -> None:
        self._handle = None
        callback()
