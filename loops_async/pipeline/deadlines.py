"""Time limits of calls and of blocks of code."""

import asyncio
import math
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import attrs

from loops_async import errors


class Limit:
    """A block that must end by a certain time, as in ``asyncio.timeout_at``.

    Args:
        watchdog: Enforces the limit.
        due: The time, on the event loop's clock.
        silence: Maximum seconds without data from the other side, for ``shorten``.

    Raises:
        TimeoutError: On leaving the block, if the limit was exceeded.
    """

    __slots__ = (
        "_cancelling", "_expired", "_task", "_watchdog", "due", "is_shortened", "last", "silence",
    )  # fmt: skip

    def __init__(self, watchdog: "Watchdog", due: float, silence: float = math.inf) -> None:
        self.due: float = due
        self.last: float = due
        self.silence: float = silence
        self.is_shortened: bool = False
        self._watchdog = watchdog
        self._expired = False

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a time limit needs a task")
        self._task: asyncio.Task[Any] = task
        self._cancelling = task.cancelling()
        watchdog = self._watchdog
        watchdog.limits.add(self)
        if self.due < watchdog.rings_at:
            watchdog.look(self.due)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._watchdog.limits.discard(self)
        # Only the watchdog's cancellation becomes a TimeoutError; others propagate.
        if (
            self._expired
            and self._task.uncancel() <= self._cancelling
            and kind is asyncio.CancelledError
        ):
            raise TimeoutError from error

    def shorten(self, seconds: float) -> None:
        """End the block ``seconds`` from now, but no later than ``due`` when it was entered."""
        watchdog = self._watchdog
        self.is_shortened = True
        due = watchdog.now() + seconds
        self.due = due if due < self.last else self.last  # noqa: FURB136 - faster than min()
        if self.due < watchdog.rings_at:
            watchdog.look(self.due)

    def expire(self) -> None:
        """Cancel the task. The block converts the cancellation to a ``TimeoutError``."""
        self._expired = True
        self._task.cancel()


class Watchdog:
    """Enforces the limits of one event loop with a single timer, set for the earliest of them.

    ``asyncio.timeout`` and aiohttp's ``ClientTimeout`` set and cancel timers for each request,
    which costs a sixth of the whole request. Here, entering and leaving a block are ``add`` and
    ``discard`` on a set. When the timer fires, it is set again for the limit that is due next.

    Args:
        now: The event loop's time.

    Attributes:
        limits: The limits of the blocks that tasks are in.
        rings_at: When the timer fires; infinity if it is not set.
        now: The event loop's time.
    """

    __slots__ = ("_timer", "limits", "now", "rings_at")

    def __init__(self, now: Callable[[], float]) -> None:
        self._timer: asyncio.TimerHandle | None = None
        self.now: Callable[[], float] = now
        self.limits: set[Limit] = set()
        self.rings_at: float = math.inf

    def look(self, due: float) -> None:
        """Set the timer for ``due``, which must be earlier than ``rings_at``."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(due, self._ring)
        self.rings_at = due

    def _ring(self) -> None:
        self._timer, self.rings_at = None, math.inf
        now = self.now()
        for limit in [limit for limit in self.limits if limit.due <= now]:
            self.limits.discard(limit)
            limit.expire()
        if self.limits:
            self.look(min(limit.due for limit in self.limits))


@attrs.frozen(kw_only=True)
class Timeouts:
    """Time limits for one attempt and for one call, in seconds.

    Attributes:
        connect: For establishing a connection, including the wait for a free connection.
        read: For waiting for data from the server. A complete response may take ``connect`` plus
            ``read``.
        total: For the whole call: the wait for the rate limit, every attempt, and every pause
            between attempts. None for no limit.

    Raises:
        ConfigurationError: A value is not a number greater than 0.
    """

    connect: float = 5.0
    read: float = 30.0
    total: float | None = 60.0

    def __attrs_post_init__(self) -> None:
        check_seconds("connect", self.connect)
        check_seconds("read", self.read)
        check_seconds("total", self.total, allow_none=True)


def check_seconds(name: str, value: object, *, allow_none: bool = False) -> None:
    """Raise ``ConfigurationError`` unless ``value`` is a positive number of seconds.

    Args:
        name: The name of the setting, for the message.
        value: The value given, in seconds.
        allow_none: Whether None is accepted as well.

    Raises:
        ConfigurationError: The value is not a number greater than 0.
    """
    if value is None and allow_none:
        return
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 < value < 1e9:  # type: ignore[operator] # pyright: ignore[reportOperatorIssue]
        raise errors.ConfigurationError(
            f"{name}: must be a number of seconds greater than 0"
            + (", or None for no limit" if allow_none else "")
        )
