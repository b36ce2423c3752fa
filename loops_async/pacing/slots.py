"""The slots: as many as Loops takes requests per second, each of them in use for a while."""

import heapq
import math
import time
from collections.abc import Callable
from typing import TypeAlias

from loops_async.pacing.learning import (
    HIGHEST_LIMIT,
    LIMIT,
    LONGEST_GRACE,
    Grace,
    Lately,
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


class SlotPermit:
    """The right to send one request now."""

    __slots__ = (
        "_settle",
        "freed_before",
        "freed_long_before",
        "grace",
        "holds_slot",
        "pressed",
        "refused",
        "sent",
        "slots",
    )

    def __init__(  # noqa: PLR0917 - cheaper so
        self,
        slots: "Slots",
        settle: "_Settle",
        sent: float,
        freed_before: int,
        freed_long_before: int,
        pressed: bool,  # noqa: FBT001 - made by ``Slots.take`` alone
    ) -> None:
        self.slots: Slots = slots
        self._settle: _Settle | None = settle
        self.sent: float = sent
        self.freed_before: int = freed_before
        self.freed_long_before: int = freed_long_before
        self.pressed: bool = pressed
        self.grace: float = LONGEST_GRACE
        self.holds_slot: bool = True
        self.refused: bool = False

    def release(self, reply: Reply | None) -> None:
        """Report how the request ended: its reply, or None where none came.

        It does no harm to be late, and only the first report counts.
        """
        settle, self._settle = self._settle, None
        if settle is not None:
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
    """

    def __init__(self, rate: float, grace: Grace, max_rate: float | None = None) -> None:
        self.grace = grace
        self._max_rate = max_rate if max_rate is not None else math.inf
        self._in_use: list[tuple[float, int, SlotPermit]] = []
        self._taken = 0
        self._freed = 0
        self._just_freed = Lately(LINGER)
        self._lately_freed = Lately(LONGEST_GRACE)
        self._refused = 0  # slots in use by requests that Loops refused
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
        self._others = Peak(OTHERS_MEMORY)

    def anew(self) -> "Slots":
        """The same limit on another event loop, with all slots free: another clock, too."""
        self.grace.forget_times()
        return Slots(self._limit, self.grace, self._max_rate)

    def due(self, lane: Lane, now: float) -> float:
        """The earliest time at which the next of ``lane`` may go; ``now`` or before: at once."""
        in_use = self._in_use
        if in_use and in_use[0][0] <= now:
            self._free(now)
        usable = self._usable(now)
        free = usable - len(in_use) - self.promised
        if free <= 0:
            # Without a slot in use all are promised: whoever takes one keeps it for a period.
            next_free = in_use[0][0] if in_use else now + self._period
            return max(self._closed_until, next_free)
        if lane is Lane.BULK and 2 * free <= usable:
            return max(self._closed_until, self._next_even)
        return self._closed_until

    def take_free(self, lane: Lane, settle: _Settle, now: float) -> SlotPermit | None:
        """Take a slot if one is ``due`` now, with its ``space``: both at one look, for speed."""
        in_use = self._in_use
        if in_use and in_use[0][0] <= now:
            self._free(now)
        usable = self._usable(now) if self._others.noted else self._count
        free = usable - len(in_use) - self.promised
        even = self._next_even
        if free <= 0 or self._closed_until > now:
            return None
        if even > now:
            if lane is Lane.BULK and 2 * free <= usable:
                return None
            even = now
        elif even < now - CATCH_UP:
            even = now - CATCH_UP
        grace = self.grace
        usual = self._period + (1 - grace.boldness) * grace.mean
        self._next_even = even + SPACING * usual / usable
        return self.take(settle, now, pressed=False)

    def space(self, now: float) -> None:
        """Put the next bulk request one spacing after the one that goes now."""
        spacing = SPACING * (self._period + self.grace.usual) / self._usable(now)
        even = self._next_even
        self._next_even = (now if even > now else max(even, now - CATCH_UP)) + spacing

    def take(self, settle: _Settle, now: float, *, pressed: bool) -> SlotPermit:
        """Take a slot for a request that is sent now; ``pressed`` when it had to wait."""
        just, lately, freed = self._just_freed, self._lately_freed, self._freed
        before = freed - just.count(now) if just.times else freed
        long_before = freed - lately.count(now) if lately.times else freed
        permit = SlotPermit(self, settle, now, before, long_before, pressed)
        self._taken += 1
        heapq.heappush(self._in_use, (now + self._period, self._taken, permit))
        return permit

    def settle(self, permit: SlotPermit, reply: Reply | None, now: float) -> bool:
        """Learn from how a request ended; whether the limit turned out to be another one."""
        trip = now - permit.sent
        if reply is None:
            permit.grace = min(permit.grace, trip)
            return False
        status = reply.status
        grace = self.grace.after(status, trip, now, pressed=permit.pressed)
        if grace < permit.grace:  # noqa: PLR1730 - a call less
            permit.grace = grace
        if status == 429:
            self._closed_until = max(self._closed_until, now + read_hold(reply, time.time()))
            permit.refused = permit.holds_slot
            self._refused += permit.holds_slot
        said = reply.headers.get(LIMIT, "")
        if said != self._said:
            self._said = said
            if (limit := read_limit(reply)) is not None and limit != self._limit:
                self._assume(limit)
                return True
        remaining = read_remaining(reply, self._whole)
        # Most replies show what our own slots explain.
        if remaining is not None and (
            status == 429 or self._whole - remaining > len(self._in_use) - self._refused
        ):
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
        own = len(self._in_use) + self.promised - self._refused + self._freed
        own -= permit.freed_long_before if is_own else permit.freed_before
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
        """Free the slots whose time is up.

        A slot is looked at after its period, and where it has a grace, once more after that: so
        a reply changes nothing but its own permit, and no heap has to be searched.
        """
        in_use = self._in_use
        while in_use and in_use[0][0] <= now:
            until, order, permit = in_use[0]
            if permit.grace > 0:
                heapq.heapreplace(in_use, (until + permit.grace, order, permit))
                permit.grace = 0.0
                continue
            heapq.heappop(in_use)
            self._just_freed.times.append(until)
            self._lately_freed.times.append(until)
            permit.holds_slot = False
            self._freed += 1
            self._refused -= permit.refused
