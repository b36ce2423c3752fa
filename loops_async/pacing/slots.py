"""The slots: as many as Loops takes requests per second, each of them in use for a while."""

import math
import time
from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Final, TypeAlias

from loops_async.pacing.learning import (
    HIGHEST_LIMIT,
    LIMIT,
    LONGEST_GRACE,
    Grace,
    Peak,
    read_hold,
    read_limit,
    read_remaining,
)
from loops_async.wire import Lane, Reply

CATCH_UP = 0.1
"""Seconds by which bulk requests may lag behind their even spacing and still make up for it."""

SPACING = 0.95
"""Bulk requests are this part of an even spacing apart; the rest is room to manoeuvre."""

OTHERS_MEMORY = 3.0
"""Seconds, at least, for which somebody else's use of the limit is reckoned with."""

LINGER = 0.01
"""Seconds for which Loops may still count the request whose slot has just become free."""

_GONE: Final = object()


class SlotPermit:
    """The right to send one request now."""

    __slots__ = ("_settle", "grace", "pressed", "sent", "slots")

    def __init__(self, slots: "Slots", settle: "_Settle", sent: float, pressed: bool) -> None:  # noqa: FBT001 - made by ``Slots.take`` alone
        self.slots: Slots = slots
        self._settle: _Settle | None = settle
        self.sent: float = sent
        self.pressed: bool = pressed
        self.grace: float = LONGEST_GRACE

    def release(self, reply: Reply | None) -> None:
        """Report how the request ended: its reply, or None where none came.

        It does no harm to be late, and only the first report counts.
        """
        settle = self._settle
        if settle is not None:
            self._settle = None
            settle(self, reply)


_Settle: TypeAlias = Callable[[SlotPermit, Reply | None], None]


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
        wall: Seconds since the epoch; only an HTTP date in ``Retry-After`` needs it.
    """

    def __init__(
        self,
        rate: float,
        grace: Grace,
        max_rate: float | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.grace = grace
        self._wall = wall
        self._max_rate = max_rate if max_rate is not None else math.inf
        # Slots in use: those whose request has no reply yet, in the order of sending; and when
        # the others come free, once more for those whose request Loops refused.
        self._flying: dict[SlotPermit, None] = {}
        self._ends: list[float] = []
        self._refused: list[float] = []
        self.in_use = 0
        """How many slots are taken."""
        # No slot comes free before this time.
        self._none_ends = math.inf
        self._ended: deque[float] = deque()
        self.promised = 0
        """Turns given to tasks that have not run since."""
        self._closed_until = -math.inf
        self._next_even = -math.inf
        self._said = ""  # of the limit, by the last reply: no news when the next says the same
        self._assume(rate)

    def _assume(self, limit: float) -> None:
        self._limit = float(limit)
        self.rate: float = min(self._limit, self._max_rate)
        # Beyond the greatest limit that anybody has, it is the spacing that counts, not the burst:
        # a million slots would be memory for nothing.
        self._whole = min(math.ceil(limit), HIGHEST_LIMIT)  # which ``remaining`` is a part of
        self._count = min(math.ceil(self.rate), HIGHEST_LIMIT)
        self._period = self._count / self.rate
        self._keep = self._period + LONGEST_GRACE
        self._others = Peak(OTHERS_MEMORY)
        # When slots came free. More of them than this cannot be in one window at Loops.
        self._ended = deque(self._ended, 2 * self._count)

    def anew(self) -> "Slots":
        """The same limit on another event loop, with all slots free: another clock, too."""
        self.grace.forget_times()
        return Slots(self._limit, self.grace, self._max_rate, self._wall)

    def due(self, lane: Lane, now: float) -> float:
        """The earliest time at which the next of ``lane`` may go; ``now`` or before: at once."""
        if self._none_ends <= now:
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

    def take_free(self, lane: Lane, settle: _Settle, now: float) -> SlotPermit | None:
        """Take a slot if one is ``due`` now, with its ``space``: both at one look, for speed."""
        if self._none_ends <= now:
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
        return self.take(settle, now, pressed=False)

    def space(self, now: float) -> None:
        """Put the next bulk request one spacing after the one that goes now."""
        spacing = SPACING * (self._period + self.grace.usual) / self._usable(now)
        even = self._next_even
        self._next_even = (now if even > now else max(even, now - CATCH_UP)) + spacing

    def take(self, settle: _Settle, now: float, *, pressed: bool) -> SlotPermit:
        """Take a slot for a request that is sent now; ``pressed`` when it had to wait."""
        permit = SlotPermit(self, settle, now, pressed)
        self._flying[permit] = None
        self.in_use += 1
        overdue = now + self._keep
        self._none_ends = min(self._none_ends, overdue)
        return permit

    def hold(self, sent: float, grace: float) -> None:
        """Take the slot of a request that was sent elsewhere, at ``sent``."""
        heappush(self._ends, sent + self._period + grace)
        self.in_use += 1
        self._none_ends = min(self._none_ends, self._ends[0])

    def settle(self, permit: SlotPermit, reply: Reply | None, now: float) -> bool:
        """Learn from how a request ended; whether the limit turned out to be another one."""
        sent = permit.sent
        if reply is None:
            status, grace = 0, min(LONGEST_GRACE, now - sent)
        else:
            status = reply.status
            grace = self.grace.after(status, now - sent, now, pressed=permit.pressed)
        permit.grace = grace
        if self._flying.pop(permit, _GONE) is None:
            end = sent + self._period
            # A reply that comes when the period is over is too late to make it any shorter.
            end += grace if end > now else LONGEST_GRACE
            heappush(self._ends, end)
            self._none_ends = min(self._none_ends, end)
            if status == 429:
                heappush(self._refused, end)
        return reply is not None and self._learn(permit, reply, now)

    def _learn(self, permit: SlotPermit, reply: Reply, now: float) -> bool:
        """Take in what the headers say; whether the limit is another one for it."""
        status = reply.status
        if status == 429:
            self._closed_until = max(self._closed_until, now + read_hold(reply, self._wall()))
        said = reply.headers.get(LIMIT, "")
        if said != self._said:
            self._said = said
            if (limit := read_limit(reply)) is not None and limit != self._limit:
                self._assume(limit)
                return True
        remaining = read_remaining(reply, self._whole)
        # Most replies show what our own slots explain.
        own = self.in_use - len(self._refused)
        if remaining is not None and (status == 429 or self._whole - remaining > own):
            self._watch_others(permit, remaining, now, is_refused=status == 429)
        return False

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
        own = self.in_use - len(self._refused) + self.promised
        for ended in reversed(self._ended):
            if ended < since:
                break
            own += 1
        others = self._whole - remaining - own
        if not is_refused:
            # A wrong header alone must not bring us to a halt; only refusals may.
            others = min(others, self._whole - self._count + self._count * 3 // 4)
        # A refusal may as well mean that we were early ourselves, at high rates by a few requests.
        if others > self._whole // 40 + is_refused:
            self._others.note(others, now)

    def _usable(self, now: float) -> int:
        """How many slots are ours, after what others seem to use; never none."""
        return max(1, min(self._count, self._whole - int(max(0.0, self._others.at(now)))))

    def _free(self, now: float) -> None:
        """Free the slots whose time is up."""
        ends, refused, flying = self._ends, self._refused, self._flying
        while ends and ends[0] <= now:
            self._ended.append(heappop(ends))
            self.in_use -= 1
        while refused and refused[0] <= now:
            heappop(refused)
        none_ends = ends[0] if ends else math.inf
        while flying:
            oldest = next(iter(flying))
            overdue = oldest.sent + self._keep
            if overdue > now:
                none_ends = min(none_ends, overdue)
                break
            del flying[oldest]
            self._ended.append(overdue)
            self.in_use -= 1
        self._none_ends = none_ends
