"""One team's requests in this process: who waits, which slots are ours, whose turn it is."""

import asyncio
import random
from contextlib import suppress
from contextvars import Context
from functools import partial
from heapq import heappop, heappush
from typing import TypeAlias

import attrs

from loops_async.contrib.redis.ledger import Answer, Ledger, Reservation
from loops_async.contrib.redis.link import Link, Unreachable
from loops_async.contrib.redis.permit import Sent, SharedPermit
from loops_async.contrib.redis.waiters import Bell, Waiters
from loops_async.errors import SessionClosed
from loops_async.pacing.slots import Slots
from loops_async.pipeline.messages import Lane, Reply

_Turn: TypeAlias = Reservation | Slots
"""A reserved slot, or the local slots of which one was promised."""

_EARLY = 1e-6
"""Seconds by which a timer may ring early: float rounding must not make it ring again."""

_STALE = 0.5
"""Seconds after which a turn that the event loop was too busy to give is given no more."""


class SharedPacer:
    """Paces one team's requests together with other processes; made by ``RedisPacer.for_team``.

    While somebody waits, this process holds one reserved slot ahead of its time, or a few where
    the rate is high; an interactive request takes it before a bulk one does. It starts a task only
    to ask Redis, and holds nothing while nobody waits.
    """

    def __init__(
        self, link: Link, keys: tuple[str, ...], *, rate: float, max_rate: float, processes: int
    ) -> None:
        self._link = link
        self._keys = keys
        self._start = (rate, max_rate, processes)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ledger = Ledger(keys, rate, max_rate, processes, 0.0)
        self._begin(None)

    def _begin(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Start afresh: the waiters and the times of another event loop mean nothing here."""
        limit, (_, max_rate, processes) = self._ledger.limit, self._start
        now = loop.time() if loop is not None else 0.0
        self._ledger = Ledger(self._keys, limit, max_rate, processes, now)
        self._loop = loop
        self._epoch = 0 if loop is None else self._link.epoch
        self._waiters: Waiters[_Turn] = Waiters()
        self._reserved: list[Reservation] = []
        self._local: Slots | None = None
        """The own share of the limit, from when Redis is lost until it has been told of it."""
        self._asking: asyncio.Task[None] | None = None
        self._ask_at = self._closed_until = 0.0
        self._bell = Bell(self._serve)

    @property
    def rate(self) -> float:
        """Requests per second of all processes, or of this one alone while Redis is gone."""
        return self._ledger.rate if self._local is None else self._local.rate

    def waiting(self, lane: Lane) -> int:
        """How many of this process's requests of ``lane`` wait for their turn."""
        return self._waiters.count(lane)

    def __repr__(self) -> str:
        waiting = ", ".join(f"{self.waiting(lane)} {lane.value}" for lane in Lane)
        alone = " without Redis" if self._link.is_down else ""
        return f"<SharedPacer rate={self.rate:g}{alone} waiting: {waiting}>"

    async def acquire(self, lane: Lane = Lane.INTERACTIVE) -> SharedPermit:
        """Wait for the turn of one request of ``lane``; release the permit when it has ended.

        Raises:
            SessionClosed: The ``RedisPacer`` was closed.
            WrongEventLoop: Another event loop still uses it.
        """
        loop = self._link.enter()
        if self._epoch != self._link.epoch:
            self._begin(loop)
        ledger, waiters = self._ledger, self._waiters
        turn = waiters.join(loop, lane)
        self._serve(loop)
        try:
            given = await turn
        except BaseException:  # cancelled, or a coroutine that is closed while it waits
            if ledger is self._ledger and not loop.is_closed():
                waiters.leave(turn, lane)
                self._give_back(loop, turn)
            raise
        sent = self._sent(ledger, given, loop.time())
        return SharedPermit(sent, partial(self._settle, ledger))

    def _sent(self, ledger: Ledger, given: _Turn, now: float) -> Sent:
        if isinstance(given, Slots):
            given.promised -= 1
            slot = given.take(now, pressed=True)
            sent = Sent(ledger.next_number(), now, ledger.grace.usual, pressed=True, slot=slot)
            ledger.note(sent, now)
        else:
            sent = Sent(given.number, now, ledger.grace.usual, given.pressed)
            ledger.note(sent, given.due)
        return sent

    def _settle(self, ledger: Ledger, sent: Sent, reply: Reply | None) -> None:
        loop = self._loop
        if ledger is not self._ledger or loop is None or loop.is_closed():
            return
        now, limit = loop.time(), ledger.limit
        local = self._local
        if sent.slot is not None and local is not None and local is sent.slot.slots:
            # Its limit is a share of what Loops speaks of.
            told = {"retry-after": reply.headers.get("retry-after", "")} if reply else {}
            local.settle(sent.slot, attrs.evolve(reply, headers=told) if reply else None, now)
            sent.grace = sent.slot.grace
        ledger.settle(sent, reply, now)
        if ledger.hold:
            self._closed_until = max(self._closed_until, now + ledger.hold)
            ledger.returned += [reserved.number for reserved in self._reserved]
            self._reserved.clear()
        if self._local is not None and limit != ledger.limit:
            self._local = ledger.local_slots(now)
        if ledger.is_news():
            self._serve(loop)

    def _give_back(self, loop: asyncio.AbstractEventLoop, turn: asyncio.Future[_Turn]) -> None:
        """Undo a wait whose turn may have come in the very same moment."""
        if turn.done() and not turn.cancelled() and turn.exception() is None:
            given = turn.result()
            if isinstance(given, Slots):
                given.promised -= 1
            else:
                heappush(self._reserved, given)
        self._serve(loop)

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give every turn that has come, ask for more, and set the timer for what comes next."""
        now = loop.time() + _EARLY
        if self._link.is_down:
            times = [self._serve_alone(now), self._link.retry_at]
        else:
            times = [self._serve_reserved(now), self._ask_at]
        self._ask(loop, now)
        later = [at for at in times if at > now]
        self._bell.set(loop, min(later) if later and self._waiters else None)

    def _serve_reserved(self, now: float) -> float:
        reserved = self._reserved
        while reserved and max(reserved[0].due, self._closed_until) <= now:
            first = heappop(reserved)
            if now - first.due > _STALE:
                continue  # somebody else may use the slot by now
            if not self._waiters.give(first):
                self._ledger.returned.append(first.number)
        while len(reserved) > len(self._waiters):
            last = max(reserved)
            reserved.remove(last)
            self._ledger.returned.append(last.number)
        return max(reserved[0].due, self._closed_until) if reserved else 0.0

    def _serve_alone(self, now: float) -> float:
        if self._local is None:
            self._reserved.clear()
            self._local = self._ledger.local_slots(now)
        slots = self._local
        while self._waiters:
            due = slots.due(self._waiters.lane, now)
            if due > now:
                return due
            if self._waiters.give(slots):
                slots.promised += 1
                slots.space(now)
        return 0.0

    def _ask(self, loop: asyncio.AbstractEventLoop, now: float) -> None:
        """Ask Redis, where there is something to ask or to tell that cannot wait."""
        if self._asking is not None:
            return
        lane, wanted = self._lack()
        if self._link.is_down:
            if not self._waiters or now < self._link.retry_at:
                return
            wanted = 0  # first see whether it is there
        elif now < self._ask_at:
            wanted = 0
        if wanted or self._link.is_down or self._ledger.returned or self._ledger.is_news():
            # A context of its own: it is nobody's call in particular.
            self._asking = loop.create_task(self._exchange(loop, lane, wanted), context=Context())

    def _lack(self) -> tuple[Lane, int]:
        """The lane in which a slot has to be reserved, and how many there could use one."""
        interactive, bulk = self.waiting(Lane.INTERACTIVE), self.waiting(Lane.BULK)
        if interactive:
            is_served = any(one.lane == Lane.INTERACTIVE.value for one in self._reserved)
            return Lane.INTERACTIVE, 0 if is_served else interactive
        return Lane.BULK, 0 if self._reserved else bulk

    async def _exchange(self, loop: asyncio.AbstractEventLoop, lane: Lane, wanted: int) -> None:
        ledger, called, was_alone = self._ledger, loop.time(), self._local is not None
        arguments, first = ledger.arguments(lane, min(wanted, 200), called, returning=was_alone)

        def read(reply: object) -> Answer:
            return ledger.read(reply, lane, first, called, loop.time())

        answer = None
        try:
            answer = await self._link.run(self._keys, arguments, read, ledger.alone)
        except Unreachable:
            pass
        finally:
            if ledger is self._ledger:
                self._asking = None
        if ledger is not self._ledger:
            return
        if answer is not None:
            if was_alone:
                self._local = None
            for reserved in answer.reserved:
                heappush(self._reserved, reserved)
            if answer.again:
                self._ask_at = loop.time() + answer.again * random.uniform(0.5, 1.5)  # noqa: S311
        self._serve(loop)

    async def leave(self) -> None:
        """Let nobody wait any longer, and take this process off the list in Redis."""
        self._bell.silence()
        self._waiters.refuse(SessionClosed, "this RedisPacer was closed")
        if self._asking is not None:
            await asyncio.wait({self._asking})
        loop, ledger = self._loop, self._ledger
        if loop is None or self._epoch != self._link.epoch or self._link.is_down:
            return
        ledger.returned += [reserved.number for reserved in self._reserved]
        self._reserved.clear()
        with suppress(Unreachable):
            told = ledger.farewell(loop.time())
            await self._link.run(self._keys, told, lambda _: None, ledger.alone)
