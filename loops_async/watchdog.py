"""Time limits on what a task awaits, many of them for the price of one timer of the event loop."""

import asyncio
import math
from types import TracebackType
from typing import Any, Self


class Limit:
    """A time by which a block must have ended, as ``asyncio.timeout`` sets one; may be moved.

    Raises:
        TimeoutError: On leaving the block, when its time was up.
    """

    __slots__ = ("_cancelling", "_expired", "_task", "_watchdog", "due", "last")

    def __init__(self, watchdog: "Watchdog", due: float) -> None:
        self.due = self.last = due
        self._watchdog = watchdog
        self._task: asyncio.Task[Any] | None = None
        self._expired = False

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a time limit needs a task")
        self._task = task
        self._cancelling = task.cancelling()
        self._watchdog.watch(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._watchdog.leave(self)
        if self._expired:
            assert self._task is not None  # noqa: S101 - set on entering
            # Somebody else's cancellation goes on; only our own becomes a TimeoutError.
            if self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
                raise TimeoutError from error

    def shorten(self, seconds: float) -> None:
        """End it in ``seconds`` from now, but never later than it was set for at first."""
        self.due = min(asyncio.get_running_loop().time() + seconds, self.last)
        self._watchdog.look(self.due)

    def expire(self) -> None:
        """Cancel the task; its cancellation leaves the block as a ``TimeoutError``."""
        self._expired = True
        if self._task is not None:
            self._task.cancel()


class Watchdog:
    """Sees to the limits of one event loop, with a timer that is set for the earliest of them.

    ``asyncio.timeout`` sets and cancels a timer for each block, which is a few percent of what an
    HTTP request costs. Here, entering and leaving is a set's ``add`` and ``discard``: the timer
    stays as it is, and when it rings, it looks which limit comes next.
    """

    def __init__(self) -> None:
        self._limits: set[Limit] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._rings = math.inf

    def within(self, seconds: float) -> Limit:
        """A limit in ``seconds`` from now, for a ``with`` block."""
        return Limit(self, asyncio.get_running_loop().time() + seconds)

    def until(self, due: float) -> Limit:
        """A limit at ``due``, on the event loop's clock, for a ``with`` block."""
        return Limit(self, due)

    def watch(self, limit: Limit) -> None:
        """Begin to watch a limit."""
        self._limits.add(limit)
        self.look(limit.due)

    def leave(self, limit: Limit) -> None:
        """Watch a limit no more."""
        self._limits.discard(limit)

    def look(self, due: float) -> None:
        """Be there at ``due``."""
        if due < self._rings:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = asyncio.get_running_loop().call_at(due, self._ring)
            self._rings = due

    def _ring(self) -> None:
        self._timer, self._rings = None, math.inf
        now = asyncio.get_running_loop().time()
        for limit in [limit for limit in self._limits if limit.due <= now]:
            self._limits.discard(limit)
            limit.expire()
        if self._limits:
            self.look(min(limit.due for limit in self._limits))
