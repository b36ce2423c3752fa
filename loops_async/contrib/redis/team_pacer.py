"""The pacer of one team in this process: waiting requests, reserved slots and local slots."""

import asyncio
import random
from contextvars import Context
from functools import partial
from heapq import heappop, heappush
from typing import TypeAlias

from loops_async.contrib.redis.connection import RedisConnection
from loops_async.contrib.redis.reservations import Reservation, TeamBudget, TeamPermit
from loops_async.errors import SessionClosed
from loops_async.pacing.slots import Slots
from loops_async.pacing.wait_queue import TIMER_TOLERANCE, Timer, WaitQueue
from loops_async.pipeline.messages import Lane, Reply

_Turn: TypeAlias = Reservation | Slots
"""A reserved slot, or the local ``Slots`` of which one was promised."""

_STALE = 0.5
"""Seconds after which a reservation expires if the event loop was blocked and did not use it."""


class TeamPacer:
    """Paces one team's requests together with other processes; see ``RedisPacer.for_team``.

    While requests wait, this process reserves one slot in advance, or a few if the rate is high.
    Interactive requests use it before bulk requests. A task runs only during exchanges with Redis,
    and no slots are held while no request waits.
    """

    def __init__(
        self,
        connection: RedisConnection,
        keys: tuple[str, ...],
        *,
        rate: float,
        max_rate: float,
        processes: int,
    ) -> None:
        self._connection = connection
        self._keys = keys
        self._max_rate, self._processes = max_rate, processes
        self._start(None, rate)

    def _start(self, loop: asyncio.AbstractEventLoop | None, limit: float) -> None:
        """Reset for ``loop``: waiting requests and times belong to the previous event loop."""
        now = loop.time() if loop is not None else 0.0
        self._budget = TeamBudget(limit, self._max_rate, self._processes, now)
        self._loop = loop
        self._epoch = 0 if loop is None else self._connection.epoch
        self._queue: WaitQueue[_Turn] = WaitQueue()
        self._timer = Timer()
        self._reserved: list[Reservation] = []
        self._local: Slots | None = None
        """Slots of the own share, in use from a failure of Redis until the process has rejoined."""
        self._exchange_task: asyncio.Task[None] | None = None
        self._ask_at = self._closed_until = 0.0

    @property
    def rate(self) -> float:
        """Requests per second of all processes; of this process only while Redis is down."""
        return self._budget.rate if self._local is None else self._local.rate

    def waiting(self, lane: Lane) -> int:
        """Return how many requests of ``lane`` are waiting in this process."""
        return self._queue.count(lane)

    def __repr__(self) -> str:
        alone = " without Redis" if self._connection.is_down else ""
        return f"<TeamPacer rate={self.rate:g}{alone} {self._queue}>"

    async def acquire(self, lane: Lane = Lane.INTERACTIVE) -> TeamPermit:
        """Wait until one request of ``lane`` may be sent. Release the permit when it has ended.

        Raises:
            SessionClosed: The ``RedisPacer`` was closed.
            WrongEventLoop: Another event loop still uses it.
        """
        loop = self._connection.enter()
        if self._epoch != self._connection.epoch:
            self._start(loop, self._budget.limit)
        budget = self._budget
        waiter = self._queue.join(loop, lane)
        self._serve(loop)
        try:
            turn = await waiter
        except BaseException:  # cancelled, or the coroutine was closed while it waited
            if budget is self._budget and not loop.is_closed():
                self._give_back(self._queue.leave(waiter))
                self._serve(loop)
            raise
        return self._permit(budget, turn, loop.time())

    def _give_back(self, turn: _Turn | None) -> None:
        if isinstance(turn, Slots):
            turn.promised -= 1
        elif turn is not None:
            heappush(self._reserved, turn)

    def _permit(self, budget: TeamBudget, turn: _Turn, now: float) -> TeamPermit:
        if isinstance(turn, Slots):
            number, waited, due, slot = budget.next_number(), True, now, turn.take_promised(now)
        else:
            number, waited, due, slot = turn.number, turn.has_wait, turn.due, None
        on_release = partial(self._finish, budget)
        permit = TeamPermit(number, now, budget.grace.typical, waited, slot, on_release)
        budget.note_sent(permit, due)
        return permit

    def _finish(self, budget: TeamBudget, permit: TeamPermit, reply: Reply | None) -> None:
        """Learn from the end of a request."""
        loop = self._loop
        if budget is not self._budget or loop is None or loop.is_closed():
            return
        now, limit = loop.time(), budget.limit
        local = self._local
        if permit.slot is not None and local is not None and local is permit.slot.slots:
            local.finish(permit.slot, reply, now)
            permit.grace = permit.slot.grace
        budget.note_reply(permit, reply, now)
        if budget.hold:
            self._closed_until = max(self._closed_until, now + budget.hold)
            self._return_reserved()
        if self._local is not None and limit != budget.limit:
            self._local = budget.local_slots(now)
        if budget.is_urgent():
            self._serve(loop)

    def _return_reserved(self) -> None:
        self._budget.returned += [reservation.number for reservation in self._reserved]
        self._reserved.clear()

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        """Grant every turn that is due, ask for more, and set the timer for the next step."""
        now = loop.time() + TIMER_TOLERANCE
        if self._connection.is_down:
            times = [self._serve_local(now), self._connection.retry_at]
        else:
            times = [self._serve_reserved(now), self._ask_at]
        self._ask(loop, now)
        later = [at for at in times if at > now]
        if later and self._queue:
            self._timer.set(loop, min(later), self._serve)
        else:
            self._timer.cancel()

    def _serve_reserved(self, now: float) -> float:
        """Grant due reservations and give back surplus ones; return when the next is due."""
        reserved, returned = self._reserved, self._budget.returned
        while reserved and max(reserved[0].due, self._closed_until) <= now:
            first = heappop(reserved)
            if now - first.due > _STALE:
                continue  # another process may be using the slot by now
            if not self._queue.grant(first):
                returned.append(first.number)
        while len(reserved) > len(self._queue):
            last = max(reserved)
            reserved.remove(last)
            returned.append(last.number)
        return max(reserved[0].due, self._closed_until) if reserved else 0.0

    def _serve_local(self, now: float) -> float:
        """Grant local slots; return when the next one is due."""
        if self._local is None:
            self._reserved.clear()
            self._local = self._budget.local_slots(now)
        return self._local.grant(self._queue, now) or 0.0

    def _ask(self, loop: asyncio.AbstractEventLoop, now: float) -> None:
        """Start an exchange with Redis if slots are needed or something is urgent."""
        if self._exchange_task is not None:
            return
        lane, wanted = self._missing()
        is_down = self._connection.is_down
        if is_down:
            if not self._queue or now < self._connection.retry_at:
                return
            wanted = 0  # only check whether Redis is back
        elif now < self._ask_at:
            wanted = 0
        if wanted or is_down or self._budget.returned or self._budget.is_urgent():
            # Uses an empty context, because the task does not belong to a particular call.
            self._exchange_task = loop.create_task(
                self._exchange(loop, lane, wanted), context=Context()
            )

    def _missing(self) -> tuple[Lane, int]:
        """Return the lane that needs reservations, and how many could be used."""
        if interactive := self.waiting(Lane.INTERACTIVE):
            is_served = any(one.lane == Lane.INTERACTIVE.value for one in self._reserved)
            return Lane.INTERACTIVE, 0 if is_served else interactive
        return Lane.BULK, 0 if self._reserved else self.waiting(Lane.BULK)

    async def _exchange(self, loop: asyncio.AbstractEventLoop, lane: Lane, wanted: int) -> None:
        """Report to Redis and reserve slots."""
        budget, called, was_alone = self._budget, loop.time(), self._local is not None
        arguments, first = budget.arguments(lane, min(wanted, 200), called, rejoining=was_alone)

        def parse(reply: object) -> tuple[list[Reservation], float]:
            return budget.parse(reply, lane, first, called, loop.time())

        try:
            reply = await self._connection.run(self._keys, arguments, parse, budget.describe_share)
        finally:
            if budget is self._budget:
                self._exchange_task = None
        if budget is not self._budget:
            return
        if reply is not None:
            if was_alone:
                self._local = None
            reservations, retry_in = reply
            if budget.is_forgotten:
                self._reserved.clear()
            for reservation in reservations:
                heappush(self._reserved, reservation)
            if retry_in:
                self._ask_at = loop.time() + retry_in * random.uniform(0.5, 1.5)  # noqa: S311
        self._serve(loop)

    async def leave(self) -> None:
        """Reject waiting requests, and remove this process from the list in Redis."""
        self._timer.cancel()
        self._queue.reject(SessionClosed, "this RedisPacer was closed")
        if self._exchange_task is not None:
            await asyncio.wait({self._exchange_task})
        loop, budget = self._loop, self._budget
        if loop is None or self._epoch != self._connection.epoch or self._connection.is_down:
            return
        self._return_reserved()
        arguments = budget.leave_arguments(loop.time())
        await self._connection.run(self._keys, arguments, lambda _: None, budget.describe_share)
