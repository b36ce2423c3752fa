"""The pacer: a queue for each lane in front of the slots, and one timer while somebody waits."""

import asyncio
from collections import OrderedDict
from functools import partial
from typing import TypeAlias

from loops_async.errors import ConfigurationError, InvalidCall, WrongEventLoop
from loops_async.pacing.learning import Grace
from loops_async.pacing.permit import SlotPermit
from loops_async.pacing.slots import Slots
from loops_async.pipeline.messages import Lane

_SLOWEST, _FASTEST = 0.001, 1e9

_EARLY = 1e-6
"""Seconds by which a timer may ring early: float rounding must not make it ring again."""

_Queue: TypeAlias = OrderedDict[asyncio.Future[None], None]
"""Waiters in the order they came; a dictionary, because a cancelled one leaves from the middle."""


class Pacer:
    """Lets requests go at the pace of one Loops team, interactive ones ahead of bulk ones.

    A second's worth of requests may go at once, after which each takes the slot of one that was
    sent a good second before (see ``Slots``). Interactive requests take the next slot there is.
    Bulk requests keep a spacing as well, so that slots come free all through the second; only
    while more than half of the slots are free do they go at once. Where replies show that somebody
    else uses the limit, be it this program's last run a moment ago, it leaves them as much for
    three to six seconds and goes slower than ``rate`` says.

    Use one pacer per event loop and API key. It starts no task, there is nothing to close, and it
    sets a timer only while somebody waits. It may serve another event loop once the first has
    stopped using it; it then knows the limit still, but not what was sent a moment ago.

    Args:
        rate: Requests per second, assumed until a reply's ``x-ratelimit-limit`` says otherwise.
            May be a fraction: 0.5 is one request every two seconds.
        max_rate: Requests per second at the most, whatever Loops says: leaves the rest of the
            team's limit to others. None for no such bound.

    Raises:
        InvalidCall: A rate is not a number.
        ConfigurationError: A rate is below 0.001 or above a billion.
    """

    def __init__(self, rate: float = 10.0, *, max_rate: float | None = None) -> None:
        check_rate("rate", rate)
        if max_rate is not None:
            check_rate("max_rate", max_rate)
        self._slots = Slots(rate, Grace(), max_rate)  # of no loop yet
        self._interactive: _Queue = OrderedDict()
        self._bulk: _Queue = OrderedDict()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = 0.0

    @property
    def rate(self) -> float:
        """Requests per second: what Loops said last, or what was assumed; see ``max_rate``."""
        return self._slots.rate

    def waiting(self, lane: Lane) -> int:
        """How many requests of ``lane`` wait for their turn."""
        return len(self._bulk if lane is Lane.BULK else self._interactive)

    def __repr__(self) -> str:
        waiting = ", ".join(f"{self.waiting(lane)} {lane.value}" for lane in Lane)
        return f"<Pacer rate={self.rate:g} waiting: {waiting}>"

    def acquire_nowait(self, lane: Lane = Lane.INTERACTIVE) -> SlotPermit | None:
        """The turn of one request of ``lane`` if it has come already, or else None.

        Raises:
            WrongEventLoop: Another event loop still uses this pacer.
        """
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._move_to(loop)
        if self._interactive or (self._bulk and lane is Lane.BULK):
            return None
        return self._slots.take_free(lane, loop.time())

    async def acquire(self, lane: Lane = Lane.INTERACTIVE) -> SlotPermit:
        """Wait for the turn of one request of ``lane``; release the permit when it has ended.

        Raises:
            WrongEventLoop: Another event loop still uses this pacer.
        """
        permit = self.acquire_nowait(lane)
        if permit is not None:
            return permit
        loop, slots = asyncio.get_running_loop(), self._slots
        queue = self._bulk if lane is Lane.BULK else self._interactive
        turn = loop.create_future()
        queue[turn] = None
        self._serve(loop)
        try:
            await turn
        except BaseException:  # cancelled, or a coroutine that is closed while it waits
            if slots is self._slots and not loop.is_closed():
                self._give_back(loop, turn, queue)
            raise
        slots.promised -= 1
        return slots.take(loop.time(), pressed=True)

    def _give_back(
        self, loop: asyncio.AbstractEventLoop, turn: asyncio.Future[None], queue: _Queue
    ) -> None:
        """Undo the wait for ``turn``, which may have come in the very same moment."""
        if turn.done() and not turn.cancelled():
            self._slots.promised -= 1
        else:
            queue.pop(turn, None)
        self._serve(loop)

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give every turn that has come, and set the timer for the next one."""
        now = loop.time() + _EARLY
        while queue := self._interactive or self._bulk:
            lane = Lane.BULK if queue is self._bulk else Lane.INTERACTIVE
            due = self._slots.due(lane, now)
            if due > now:
                self._set_timer(loop, due)
                return
            turn, _ = queue.popitem(last=False)
            if not turn.done():
                self._slots.promised += 1
                self._slots.space(now)
                turn.set_result(None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set_timer(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        """Ring at ``due`` or before: an early bell only looks again."""
        if self._timer is not None:
            if self._rings_at <= due:
                return
            self._timer.cancel()
        # The timer cannot be asked: uvloop's knows no time when it is due at once.
        self._rings_at = due
        self._timer = loop.call_at(due, self._ring, loop)

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        self._serve(loop)

    def _move_to(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start afresh on ``loop``: the waiters and the times of another mean nothing here."""
        old = self._loop
        if old is not None and not old.is_closed():
            is_awaited = self._slots.promised or self._interactive or self._bulk
            if is_awaited or old.is_running():
                raise WrongEventLoop(
                    "this Pacer is in use by another event loop; make one Pacer for each loop"
                )
        self._loop = loop
        self._slots = self._slots.anew(loop.time, partial(self._serve, loop))
        self._interactive, self._bulk = OrderedDict(), OrderedDict()
        self._timer = None


def check_rate(name: str, rate: object) -> None:
    """Refuse what cannot be a rate.

    Raises:
        InvalidCall: Not a number.
        ConfigurationError: Below 0.001 or above a billion.
    """
    if isinstance(rate, bool) or not isinstance(rate, int | float):
        raise InvalidCall(f"{name} is requests per second, a number such as 10.0, not {rate!r}")
    if not _SLOWEST <= rate <= _FASTEST:  # nan, too, is outside
        raise ConfigurationError(
            f"{name} is requests per second, from {_SLOWEST:g} to {_FASTEST:g}, not {rate!r}"
        )
