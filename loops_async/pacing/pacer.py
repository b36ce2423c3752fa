"""The pacer, which keeps requests within one team's rate limit."""

import asyncio
from functools import partial

from loops_async.errors import ConfigurationError, InvalidCall, WrongEventLoop
from loops_async.pacing.learning import GraceEstimator
from loops_async.pacing.slots import SlotPermit, Slots
from loops_async.pacing.wait_queue import TIMER_TOLERANCE, Timer, WaitQueue
from loops_async.pipeline.messages import Lane

_MIN_RATE, _MAX_RATE = 0.001, 1e9


class Pacer:
    """Keeps requests within the rate limit of one Loops team. Interactive requests go first.

    As many requests as the limit allows per second may be sent at once. After that, each request
    takes the slot of one that was sent a little more than a second ago. Interactive requests take
    the next free slot. Bulk requests are also spaced evenly, so that slots become free throughout
    the second; while more than half of the slots are free, bulk requests are sent at once.
    If replies show that other processes use the limit, including an earlier run of this program
    that has just ended, the pacer leaves that much of the limit to them for three to six seconds
    and sends more slowly than ``rate``.

    Use one pacer per event loop and API key. It starts no tasks, does not need to be closed, and
    sets a timer only while requests wait. It can be used in another event loop when the first one
    no longer uses it; it then keeps the limit, but forgets which requests were sent recently.

    Args:
        rate: Requests per second to assume until a reply's ``x-ratelimit-limit`` gives the limit.
            May be a fraction: 0.5 is one request every two seconds.
        max_rate: Maximum requests per second, even if the limit is higher, to leave the rest of the
            team's limit to others. None for no maximum.

    Raises:
        InvalidCall: A rate is not a number.
        ConfigurationError: A rate is below 0.001 or above a billion.
    """

    def __init__(self, rate: float = 10.0, *, max_rate: float | None = None) -> None:
        check_rate("rate", rate)
        if max_rate is not None:
            check_rate("max_rate", max_rate)
        self._slots = Slots(rate, GraceEstimator(), max_rate)
        self._queue: WaitQueue[Slots] = WaitQueue()
        self._timer = Timer()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def rate(self) -> float:
        """Requests per second: the limit from Loops or the assumed one, up to ``max_rate``."""
        return self._slots.rate

    def waiting(self, lane: Lane) -> int:
        """Return how many requests of ``lane`` are waiting."""
        return self._queue.count(lane)

    def __repr__(self) -> str:
        return f"<Pacer rate={self.rate:g} {self._queue}>"

    def acquire_nowait(self, lane: Lane = Lane.INTERACTIVE) -> SlotPermit | None:
        """Return a permit for one request of ``lane`` if it may be sent now, otherwise None.

        Raises:
            WrongEventLoop: Another event loop still uses this pacer.
        """
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._move_to(loop)
        queue = self._queue
        if queue.interactive or (queue.bulk and lane is Lane.BULK):
            return None
        return self._slots.take_free(lane, loop.time())

    async def acquire(self, lane: Lane = Lane.INTERACTIVE) -> SlotPermit:
        """Wait until one request of ``lane`` may be sent. Release the permit when it has ended.

        Raises:
            WrongEventLoop: Another event loop still uses this pacer.
        """
        permit = self.acquire_nowait(lane)
        if permit is not None:
            return permit
        loop, slots = asyncio.get_running_loop(), self._slots
        waiter = self._queue.join(loop, lane)
        self._serve(loop)
        try:
            await waiter
        except BaseException:  # cancelled, or the coroutine was closed while it waited
            if slots is self._slots and not loop.is_closed():
                if self._queue.leave(waiter) is not None:
                    slots.promised -= 1
                self._serve(loop)
            raise
        return slots.take_promised(loop.time())

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        """Grant every turn that is due, and set the timer for the next one."""
        due = self._slots.grant(self._queue, loop.time() + TIMER_TOLERANCE)
        if due is None:
            self._timer.cancel()
        else:
            self._timer.set(loop, due, self._serve)

    def _move_to(self, loop: asyncio.AbstractEventLoop) -> None:
        """Reset for ``loop``: waiting requests and times belong to the previous event loop."""
        old = self._loop
        if old is not None and not old.is_closed():
            is_needed = self._slots.promised or self._queue
            if is_needed or old.is_running():
                raise WrongEventLoop(
                    "this Pacer is in use by another event loop; create one Pacer per event loop"
                )
        self._loop = loop
        self._slots = self._slots.for_new_loop(loop.time, partial(self._serve, loop))
        self._queue, self._timer = WaitQueue(), Timer()


def check_rate(name: str, rate: object) -> None:
    """Raise an error unless ``rate`` is a number of requests per second within bounds.

    Raises:
        InvalidCall: It is not a number.
        ConfigurationError: It is below 0.001 or above a billion.
    """
    if isinstance(rate, bool) or not isinstance(rate, int | float):
        raise InvalidCall(f"{name} is requests per second, a number such as 10.0, not {rate!r}")
    if not _MIN_RATE <= rate <= _MAX_RATE:  # also false for nan
        raise ConfigurationError(
            f"{name} is requests per second, from {_MIN_RATE:g} to {_MAX_RATE:g}, not {rate!r}"
        )
