"""Who waits for a turn: a queue for each lane, the interactive one first; and the timer."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from contextvars import Context
from typing import Final, Generic, TypeVar

from loops_async.pipeline.messages import Lane

T = TypeVar("T")

_ORDER: Final = (Lane.INTERACTIVE, Lane.BULK)


class Waiters(Generic[T]):
    """Tasks that wait for a turn of kind ``T``, in the order they came."""

    def __init__(self) -> None:
        # Dictionaries, because a cancelled one leaves from the middle.
        self._queues: dict[Lane, OrderedDict[asyncio.Future[T], None]] = {
            lane: OrderedDict() for lane in _ORDER
        }

    def __len__(self) -> int:
        return sum(map(len, self._queues.values()))

    def count(self, lane: Lane) -> int:
        """How many wait in ``lane``."""
        return len(self._queues[lane])

    @property
    def lane(self) -> Lane:
        """The lane of whoever is next."""
        return Lane.INTERACTIVE if self._queues[Lane.INTERACTIVE] else Lane.BULK

    def join(self, loop: asyncio.AbstractEventLoop, lane: Lane) -> asyncio.Future[T]:
        """Wait in ``lane``: the future is set when the turn comes."""
        turn: asyncio.Future[T] = loop.create_future()
        self._queues[lane][turn] = None
        return turn

    def leave(self, turn: asyncio.Future[T], lane: Lane) -> None:
        """Wait no more."""
        self._queues[lane].pop(turn, None)

    def give(self, turn: T) -> bool:
        """Give a turn to whoever is next; whether there was anybody."""
        waiter = self._next()
        if waiter is not None:
            waiter.set_result(turn)
        return waiter is not None

    def refuse(self, error: type[Exception], why: str) -> None:
        """Let nobody wait any longer."""
        while (waiter := self._next()) is not None:
            waiter.set_exception(error(why))

    def _next(self) -> asyncio.Future[T] | None:
        for queue in self._queues.values():
            while queue:
                waiter, _ = queue.popitem(last=False)
                if not waiter.done():
                    return waiter
        return None


class Bell:
    """At most one timer."""

    def __init__(self, ring: Callable[[asyncio.AbstractEventLoop], None]) -> None:
        self._ring = ring
        self._timer: asyncio.TimerHandle | None = None
        # Kept here: the timers of uvloop cannot all be asked for it.
        self._due = 0.0

    @property
    def is_set(self) -> bool:
        """Whether it will ring."""
        return self._timer is not None

    def set(self, loop: asyncio.AbstractEventLoop, due: float | None) -> None:
        """Ring at ``due`` and at no other time; None for not at all."""
        if self._timer is not None and self._due == due:
            return
        self.silence()
        if due is not None:
            self._due = due
            # A context of its own: it is nobody's call in particular.
            self._timer = loop.call_at(due, self._rings, loop, context=Context())

    def silence(self) -> None:
        """Do not ring."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _rings(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        self._ring(loop)
