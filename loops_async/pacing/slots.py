"""The slots: as many as Loops takes requests per second, each of them in use for a while."""

import math
import time
from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush

from loops_async.pacing.learning import (
    HIGHEST_LIMIT,
    LIMIT,
    LINGER,
    LONGEST_GRACE,
    OTHERS_MEMORY,
    SAMPLED,
    UNREAD,
    Grace,
    Peak,
    credible_others,
    read_hold,
    read_limit,
    read_remaining,
)
from loops_async.pacing.permit import SlotPermit
from loops_async.pipeline.clock import loop_time
from loops_async.pipeline.messages import Lane, Reply

CATCH_UP = 0.1
"""Seconds by which bulk requests may lag behind their even spacing and still make up for it."""

SPACING = 0.95
"""Bulk requests are this part of an even spacing apart; the rest is room to manoeuvre."""


class Slots:
    """Which slots are in use, until when, and when the next request may go.

    A slot frees itself a *period* after its request was sent (one second, for whole rates) plus
    a *grace* for what is not known about the request's arrival (see ``Grace``). Requests that use
    one slot arrive a second apart then, so no second at Loops holds more of them than there are
    slots, whichever kind of window it counts in; and after a pause all slots may go at once.

    Time alone frees a slot. A reply that takes long, or never comes, keeps it ``LONGEST_GRACE``
    and no longer, so nothing stands still for slow requests. A 429 does not free it early:
    whether Loops counts what it refuses is not documented.

    Args:
        rate: The limit in requests per second.
        grace: What is known about the way to Loops.
        max_rate: Requests per second at the most, whatever the limit; None for no such bound.
        clock: The event loop's time; like ``wall``, the time since the epoch, in seconds.
        on_change: Called when the limit turns out to be another one.
    """

    def __init__(
        self,
        rate: float,
        grace: Grace,
        max_rate: float | None = None,
        *,
        clock: Callable[[], float] = loop_time,
        wall: Callable[[], float] = time.time,
        on_change: Callable[[], None] | None = None,
    ) -> None:
        self.grace: Grace = grace
        self.clock: Callable[[], float] = clock
        self._wall = wall
        self._on_change = on_change
        self._max_rate = max_rate if max_rate is not None else math.inf
        # Slots in use: those whose request has no reply yet, in the order of sending; and when
        # the others come free, once more for those whose request Loops refused.
        self._flying: dict[SlotPermit, None] = {}
        self._ends: list[float] = []
        self._refused: list[float] = []
        self.in_use: int = 0  # how many slots
        self._ended: deque[float] = deque()
        self.promised: int = 0  # turns, given to tasks that have not run since
        self._closed_until = -math.inf
        self._next_even = -math.inf
        self._said = ""  # of the limit, by the last reply: no news when the next says the same
        self._assume(rate)

    def _assume(self, limit: float) -> None:
        self._limit = float(limit)
        self.rate: float = min(self._limit, self._max_rate)
        # Beyond the greatest limit there is, spacing counts: a million slots are but memory.
        self._whole = min(math.ceil(limit), HIGHEST_LIMIT)  # which ``remaining`` is a part of
        self._count = min(math.ceil(self.rate), HIGHEST_LIMIT)
        # Of the replies up to a time, so many are passed over before the next one is read.
        self._unread, self._read_by = 0, -math.inf
        self._unread_pressed = 0  # those of them whose requests had waited
        self._period = self._count / self.rate
        self._keep = self._period + LONGEST_GRACE
        self._none_overdue = -math.inf  # to be looked at anew: a shorter period ends sooner
        self._others = Peak(OTHERS_MEMORY)
        # When slots came free. More of them than this cannot be in one window at Loops.
        self._ended = deque(self._ended, 2 * self._count)

    def anew(self, clock: Callable[[], float], on_change: Callable[[], None]) -> "Slots":
        """The same limit on another event loop, with all slots free: another clock, too."""
        # What permits of the old loop still report means nothing on the new one.
        grace, self.grace, self._on_change = self.grace, Grace(), None
        grace.forget_times()
        return Slots(
            self._limit, grace, self._max_rate, clock=clock, wall=self._wall, on_change=on_change
        )

    def due(self, lane: Lane, now: float) -> float:
        """The earliest time at which the next of ``lane`` may go; ``now`` or before: at once."""
        self._free(now)
        usable = self._usable(now)
        free = usable - self.in_use - self.promised
        if free <= 0:
            return max(self._closed_until, self._next_free(now))
        if lane is Lane.BULK and 2 * free <= usable:
            return max(self._closed_until, self._next_even)
        return self._closed_until

    def _next_free(self, now: float) -> float:
        """When a slot may come free, at the earliest; it is looked at once more then."""
        times = self._ends[:1]
        if self._flying:
            until = next(iter(self._flying)).sent + self._period
            times.append(until if until > now else until + LONGEST_GRACE)
        # Without a slot in use all are promised: whoever takes one keeps it for a period.
        return min(times, default=now + self._period)

    def take_free(self, lane: Lane, now: float) -> SlotPermit | None:
        """Take a slot if one is ``due`` now, with its ``space``: both at one look, for speed."""
        ends = self._ends
        if (ends and ends[0] <= now) or self._none_overdue <= now:
            self._free(now)
        usable = self._usable(now) if self._others.noted else self._count
        free = usable - self.in_use - self.promised
        if free <= 0 or self._closed_until > now:
            return None
        even = self._next_even
        if even > now:
            if lane is Lane.BULK and 2 * free <= usable:
                return None
            even = now
        elif even < now - CATCH_UP:
            even = now - CATCH_UP
        self._next_even = even + SPACING * (self._period + self.grace.usual) / usable
        permit, flying = SlotPermit(self, now), self._flying  # as ``take`` does
        if not flying:
            self._none_overdue = now + self._keep
        flying[permit] = None
        self.in_use += 1
        return permit

    def space(self, now: float) -> None:
        """Put the next bulk request one spacing after the one that goes now."""
        spacing = SPACING * (self._period + self.grace.usual) / self._usable(now)
        even = self._next_even
        self._next_even = (now if even > now else max(even, now - CATCH_UP)) + spacing

    def take(self, now: float, *, pressed: bool) -> SlotPermit:
        """Take a slot for a request that is sent now; ``pressed`` when it had to wait."""
        permit = SlotPermit(self, now, pressed)
        flying = self._flying
        if not flying:
            self._none_overdue = now + self._keep
        flying[permit] = None
        self.in_use += 1
        return permit

    def hold(self, sent: float, grace: float) -> None:
        """Take the slot of a request that was sent elsewhere, at ``sent``."""
        heappush(self._ends, sent + self._period + grace)
        self.in_use += 1

    def settle(self, permit: SlotPermit, reply: Reply | None, now: float) -> None:
        """Learn from how a request ended."""
        sent, status = permit.sent, 0 if reply is None else reply.status
        is_read = self._unread <= 0 or now >= self._read_by or not 0 < status < 300
        if not is_read:
            self._unread -= 1
            self._unread_pressed += permit.pressed
            grace = self.grace.usual
        elif reply is None:
            grace = min(LONGEST_GRACE, now - sent)
        else:
            pressed, self._unread_pressed = self._unread_pressed + permit.pressed, 0
            self._unread, self._read_by = self._count // SAMPLED - 1, now + UNREAD
            grace = self.grace.after(status, now - sent, now, pressed)
        permit.grace = grace
        if permit in self._flying:
            del self._flying[permit]
            end = sent + self._period
            # A reply that comes when the period is over is too late to make it any shorter.
            end += grace if end > now else LONGEST_GRACE
            heappush(self._ends, end)
            if status == 429:
                heappush(self._refused, end)
        if is_read and reply is not None:
            self._learn(permit, reply, now)

    def _learn(self, permit: SlotPermit, reply: Reply, now: float) -> None:
        """Take in what the headers say."""
        status, headers = reply.status, reply.headers
        if status == 429:
            self._closed_until = max(self._closed_until, now + read_hold(reply, self._wall()))
        said = headers.get(LIMIT, "")
        if said != self._said:
            self._said = said
            limit = read_limit(headers)
            if limit is not None and limit != self._limit:
                self._assume(limit)
                if self._on_change is not None:
                    self._on_change()
                return
        remaining = read_remaining(headers, self._whole) if status != 429 else 0
        # Most replies show what our own slots explain.
        if remaining is not None and (
            status == 429 or self._whole - remaining > self.in_use - len(self._refused)
        ):
            self._watch_others(permit, remaining, now, is_refused=status == 429)

    def _watch_others(
        self, permit: SlotPermit, remaining: int, now: float, *, is_refused: bool
    ) -> None:
        """Note how much of the limit somebody else uses, as far as a reply shows it.

        Whatever the kind of window, it holds no more of our own requests than have a slot now, or
        had one when this request was sent, and were not refused. What else it holds is others'.
        """
        # While nobody else was seen, a refusal mostly means that requests of ours were held up on
        # their way and are counted later than their slots say: we would yield to nobody.
        is_own = is_refused and self._others.at(now) <= 0
        since = permit.sent - (LONGEST_GRACE if is_own else LINGER)
        own = self.in_use - len(self._refused) + self.promised + sum(map(since.__le__, self._ended))
        others = credible_others(
            self._whole - remaining - own, self._whole, self._count, is_refused=is_refused
        )
        if others:
            self._others.note(others, now)

    def _usable(self, now: float) -> int:
        """How many slots are ours, after what others seem to use; never none."""
        return max(1, min(self._count, self._whole - int(max(0.0, self._others.at(now)))))

    def _free(self, now: float) -> None:
        """Free the slots whose time is up."""
        ends, ended = self._ends, self._ended
        while ends and ends[0] <= now:
            ended.append(heappop(ends))
            self.in_use -= 1
        while self._refused and self._refused[0] <= now:
            heappop(self._refused)
        if self._none_overdue <= now:
            self._free_overdue(now)

    def _free_overdue(self, now: float) -> None:
        """Free the slots of requests whose reply takes too long."""
        self._none_overdue = math.inf
        while self._flying:
            oldest = next(iter(self._flying))
            overdue = oldest.sent + self._keep
            if overdue > now:
                self._none_overdue = overdue
                break
            del self._flying[oldest]
            self._ended.append(overdue)
            self.in_use -= 1
