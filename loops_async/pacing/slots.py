"""Slots, of which there are as many as Loops allows requests per second."""

import math
import time
from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

from loops_async.pacing.learning import (
    LIMIT_HEADER,
    LINGER,
    MAX_GRACE,
    MAX_LIMIT,
    OTHERS_MEMORY,
    SAMPLED_REPLIES,
    SAMPLING_PAUSE,
    GraceEstimator,
    RecentMaximum,
    plausible_others,
    read_hold,
    read_limit,
    read_remaining,
)
from loops_async.pacing.wait_queue import WaitQueue
from loops_async.pipeline.clock import loop_time
from loops_async.pipeline.messages import Lane, Reply

CATCH_UP = 0.1
"""Seconds by which bulk requests may be late and still catch up with their even spacing."""

SPACING = 0.95
"""The distance between bulk requests, as a share of even spacing; the rest is leeway."""


class SlotPermit:
    """The right to send one request now."""

    __slots__ = ("grace", "is_released", "sent", "slots", "waited")

    def __init__(self, slots: "Slots", sent: float, waited: bool = False) -> None:  # noqa: FBT001, FBT002 - faster than a keyword
        self.slots: Slots = slots
        self.sent: float = sent
        self.waited: bool = waited
        self.grace: float = MAX_GRACE
        self.is_released: bool = False

    def release(self, reply: Reply | None) -> None:
        """Report the reply to the request, or None if there was no reply.

        Reports may be late. Only the first one counts.
        """
        if not self.is_released:
            self.is_released = True
            slots = self.slots
            slots.finish(self, reply, slots.clock())


class Slots:
    """Tracks which slots are in use and when the next request may be sent.

    A slot becomes free a *period* after its request was sent (one second, for whole rates), plus
    a *grace*, because the time of arrival is unknown (see ``GraceEstimator``). Requests that use
    the same slot therefore arrive at least a second apart, so that no second at Loops contains
    more of them than there are slots, whatever kind of window Loops uses. After a pause, all
    slots may be used at once.

    Slots become free only over time. A reply that is slow or never arrives extends the use of a
    slot by at most ``MAX_GRACE``, so that slow requests do not block others. A 429 does not free
    its slot early, because it is not documented whether Loops counts refused requests.

    Args:
        rate: The limit in requests per second.
        grace: The estimator of each slot's grace.
        max_rate: Maximum requests per second, even if the limit is higher; None for no maximum.
        is_share: Whether the rate is only this process's share of the limit. If so, the headers
            about the limit are ignored, because they describe its use by all processes.
        clock: Returns the event loop's time in seconds.
        on_change: Called when the limit changes.
    """

    def __init__(
        self,
        rate: float,
        grace: GraceEstimator,
        max_rate: float | None = None,
        *,
        is_share: bool = False,
        clock: Callable[[], float] = loop_time,
        on_change: Callable[[], None] | None = None,
    ) -> None:
        self.grace: GraceEstimator = grace
        self.clock: Callable[[], float] = clock
        self._is_share = is_share
        self._on_change = on_change
        self._max_rate = max_rate if max_rate is not None else math.inf
        # Slots in use: those whose request has no reply yet, in the order of sending; the times at
        # which the others become free; and those times for requests that Loops refused.
        self._in_flight: dict[SlotPermit, None] = {}
        self._free_at: list[float] = []
        self._refused: list[float] = []
        self.in_use: int = 0
        self._freed: deque[float] = deque()
        self.promised: int = 0  # granted to tasks that have not resumed yet
        self._closed_until = -math.inf
        self._next_bulk = -math.inf
        self._limit_text = ""  # from the last reply, to notice changes cheaply
        self._set_limit(rate)

    def _set_limit(self, limit: float) -> None:
        self._limit = float(limit)
        self.rate: float = min(self._limit, self._max_rate)
        # Beyond the highest plausible limit, only spacing matters; more slots would waste memory.
        self._whole = min(math.ceil(limit), MAX_LIMIT)  # "remaining" in headers counts from this
        self._count = min(math.ceil(self.rate), MAX_LIMIT)
        # Replies to skip before the next one is read, until a certain time.
        self._skip, self._skip_until = 0, -math.inf
        self._skipped_waited = 0  # skipped replies whose requests had to wait
        self._period = self._count / self.rate
        self._max_use = self._period + MAX_GRACE
        self._check_overdue_at = -math.inf  # check at once, because a shorter period ends sooner
        self._others = RecentMaximum(OTHERS_MEMORY)
        # When slots became free. One window at Loops cannot contain more of them than this.
        self._freed = deque(self._freed, 2 * self._count)

    def for_new_loop(self, clock: Callable[[], float], on_change: Callable[[], None]) -> "Slots":
        """Return the same limit with all slots free, for an event loop with another clock."""
        # Permits of the old loop may still be released, but their reports no longer matter.
        grace, self.grace, self._on_change = self.grace, GraceEstimator(), None
        grace.forget_times()
        return Slots(self._limit, grace, self._max_rate, clock=clock, on_change=on_change)

    def due(self, lane: Lane, now: float) -> float:
        """Return when the next request of ``lane`` may be sent; at once if not after ``now``."""
        self._free(now)
        usable = self._usable(now)
        free = usable - self.in_use - self.promised
        if free <= 0:
            return max(self._closed_until, self._next_free(now))
        if lane is Lane.BULK and 2 * free <= usable:
            return max(self._closed_until, self._next_bulk)
        return self._closed_until

    def _next_free(self, now: float) -> float:
        """Return the earliest time at which a slot may become free."""
        times = self._free_at[:1]
        if self._in_flight:
            until = next(iter(self._in_flight)).sent + self._period
            times.append(until if until > now else until + MAX_GRACE)
        # If no slot is in use, all are promised and will be in use for a period.
        return min(times, default=now + self._period)

    def grant(self, queue: WaitQueue[Any], now: float) -> float | None:
        """Grant free slots to ``queue``. Return when the next request is due, if one waits."""
        while queue:
            due = self.due(queue.next_lane, now)
            if due > now:
                return due
            if queue.grant(self):
                self.promised += 1
                self._space(now)
        return None

    def take_free(self, lane: Lane, now: float) -> SlotPermit | None:
        """Take a slot if one is ``due`` now. Kept fast, because most requests need not wait."""
        free_at = self._free_at
        if (free_at and free_at[0] <= now) or self._check_overdue_at <= now:
            self._free(now)
        usable = self._usable(now) if self._others.has_values else self._count
        free = usable - self.in_use - self.promised
        if free <= 0 or self._closed_until > now:
            return None
        next_bulk = self._next_bulk
        if next_bulk > now:
            if lane is Lane.BULK and 2 * free <= usable:
                return None
            next_bulk = now
        elif next_bulk < now - CATCH_UP:
            next_bulk = now - CATCH_UP
        self._next_bulk = next_bulk + SPACING * (self._period + self.grace.typical) / usable
        permit, in_flight = SlotPermit(self, now), self._in_flight  # as in ``take``
        if not in_flight:
            self._check_overdue_at = now + self._max_use
        in_flight[permit] = None
        self.in_use += 1
        return permit

    def _space(self, now: float) -> None:
        """Schedule the next bulk request, one spacing after the current one."""
        spacing = SPACING * (self._period + self.grace.typical) / self._usable(now)
        next_bulk = self._next_bulk
        self._next_bulk = (now if next_bulk > now else max(next_bulk, now - CATCH_UP)) + spacing

    def take_promised(self, now: float) -> SlotPermit:
        """Take a slot that was granted to a waiting request."""
        self.promised -= 1
        permit = SlotPermit(self, now, True)  # noqa: FBT003 - faster than a keyword
        if not self._in_flight:
            self._check_overdue_at = now + self._max_use
        self._in_flight[permit] = None
        self.in_use += 1
        return permit

    def occupy(self, sent: float, grace: float) -> None:
        """Take a slot for a request that was sent at ``sent`` without this object."""
        heappush(self._free_at, sent + self._period + grace)
        self.in_use += 1

    def finish(self, permit: SlotPermit, reply: Reply | None, now: float) -> None:
        """Learn from the end of a request."""
        sent, status = permit.sent, 0 if reply is None else reply.status
        is_read = self._skip <= 0 or now >= self._skip_until or not 0 < status < 300
        if not is_read:
            self._skip -= 1
            self._skipped_waited += permit.waited
            grace = self.grace.typical
        elif reply is None:
            grace = min(MAX_GRACE, now - sent)
        else:
            waited, self._skipped_waited = self._skipped_waited + permit.waited, 0
            self._skip = self._count // SAMPLED_REPLIES - 1
            self._skip_until = now + SAMPLING_PAUSE
            grace = self.grace.update(status, now - sent, now, waited)
        permit.grace = grace
        if permit in self._in_flight:
            del self._in_flight[permit]
            free_at = sent + self._period
            # A reply that arrives after the period cannot shorten it.
            free_at += grace if free_at > now else MAX_GRACE
            heappush(self._free_at, free_at)
            if status == 429:
                heappush(self._refused, free_at)
        if is_read and reply is not None:
            self._read_headers(permit, reply, now)

    def _read_headers(self, permit: SlotPermit, reply: Reply, now: float) -> None:
        status, headers = reply.status, reply.headers
        if status == 429:
            self._closed_until = max(self._closed_until, now + read_hold(reply, time.time()))
        if self._is_share:
            return
        limit_text = headers.get(LIMIT_HEADER, "")
        if limit_text != self._limit_text:
            self._limit_text = limit_text
            limit = read_limit(headers)
            if limit is not None and limit != self._limit:
                self._set_limit(limit)
                if self._on_change is not None:
                    self._on_change()
                return
        remaining = read_remaining(headers, self._whole) if status != 429 else 0
        # Our own slots account for what most replies report.
        if remaining is not None and (
            status == 429 or self._whole - remaining > self.in_use - len(self._refused)
        ):
            self._note_others(permit, remaining, now, is_refused=status == 429)

    def _note_others(
        self, permit: SlotPermit, remaining: int, now: float, *, is_refused: bool
    ) -> None:
        """Estimate from a reply how much of the limit other processes use.

        For any kind of window, Loops has counted at most those of our requests that have a slot
        now, or had one when this request was sent, and were not refused. The rest is from others.
        """
        # If no use by others is known, a refusal usually means that our own requests were delayed
        # and counted later than expected.
        is_own = is_refused and self._others.at(now) <= 0
        since = permit.sent - (MAX_GRACE if is_own else LINGER)
        own = self.in_use - len(self._refused) + self.promised + sum(map(since.__le__, self._freed))
        others = plausible_others(
            self._whole - remaining - own, self._whole, self._count, is_refused=is_refused
        )
        if others:
            self._others.note(others, now)

    def _usable(self, now: float) -> int:
        """Return how many slots we may use in view of the use by others, at least one."""
        return max(1, min(self._count, self._whole - int(max(0.0, self._others.at(now)))))

    def _free(self, now: float) -> None:
        """Free the slots whose time has expired."""
        free_at, freed = self._free_at, self._freed
        while free_at and free_at[0] <= now:
            freed.append(heappop(free_at))
            self.in_use -= 1
        while self._refused and self._refused[0] <= now:
            heappop(self._refused)
        if self._check_overdue_at <= now:
            self._free_overdue(now)

    def _free_overdue(self, now: float) -> None:
        """Free the slots of requests whose reply is overdue."""
        self._check_overdue_at = math.inf
        while self._in_flight:
            oldest = next(iter(self._in_flight))
            overdue = oldest.sent + self._max_use
            if overdue > now:
                self._check_overdue_at = overdue
                break
            del self._in_flight[oldest]
            self._freed.append(overdue)
            self.in_use -= 1
