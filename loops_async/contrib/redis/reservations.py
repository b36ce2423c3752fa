"""A process's view of one team's rate limit, and the data it exchanges with ``reserve.lua``."""

import hashlib
import math
import secrets
import time
from collections import deque
from collections.abc import Callable
from importlib.resources import files
from typing import Any, Final, NamedTuple

import attrs

from loops_async.pacing import learning
from loops_async.pacing.learning import (
    LINGER,
    MAX_GRACE,
    OTHERS_MEMORY,
    GraceEstimator,
    RecentMaximum,
    read_hold,
    read_limit,
    read_remaining,
)
from loops_async.pacing.slots import CATCH_UP, SPACING, SlotPermit, Slots
from loops_async.pipeline.messages import Lane, Reply

TIMEOUT: Final = 0.8
"""Seconds without a response after which Redis is treated as down."""

_MICRO: Final = 1_000_000
"""The script counts in microseconds."""

_LATE: Final = 0.005
"""If a request is sent this many seconds late, that is reported before its reply arrives."""

_BATCH: Final = 0.05
"""A process reserves this many seconds of its share at a time, if that is more than one slot."""

_PROCESS_COUNT_TTL: Final = 60.0
"""Seconds for which the last known number of processes remains valid."""

_MAX_REPORTS: Final = 1000
"""Maximum number of requests reported at a time."""

_CONSTANTS: Final = {
    "REFUSED_STEP": learning.REFUSED_STEP,
    # A 429 takes effect late, because processes hold reservations. With the full step, four
    # processes get 50% more 429s (measured with tests/benchmarks/pacing_redis.py).
    "ACCEPTED_STEP": learning.ACCEPTED_STEP / 2,
    "INITIAL_ACCEPTED_STEP": learning.INITIAL_ACCEPTED_STEP,
    "MIN_CONFIDENCE": learning.MIN_CONFIDENCE,
    "MAX_CONFIDENCE": learning.MAX_CONFIDENCE,
    "MAX_LIMIT": learning.MAX_LIMIT,
    "MIN_LIMIT": 0.001,
    "SPACING": SPACING,
    "MAX_GRACE": MAX_GRACE * _MICRO,
    "MAX_HOLD": learning.MAX_HOLD * _MICRO,
    "CATCH_UP": CATCH_UP * _MICRO,
    "LINGER": LINGER * _MICRO,
    # The in-process pacer forgets after between one and two times its memory.
    "OTHERS_MEMORY": 1.5 * OTHERS_MEMORY * _MICRO,
    # The precision with which a process knows the time of Redis.
    "CLOCK_ERROR": 0.001 * _MICRO,
    "CLOCK_JUMP": 0.1 * _MICRO,
    "RETENTION": 2 * _MICRO,
    "MAX_AHEAD": 10 * _MICRO,
    "TIMEOUT": TIMEOUT * _MICRO,
    "PROCESS_TTL": 30 * _MICRO,
    # Processes with waiting requests try to reconnect every half second.
    "REJOIN_TIME": 0.75 * _MICRO,
    "KEY_TTL": 600 * 1000,
}
SCRIPT: Final = (
    "\n".join(f"local {name} = {value:.10g}" for name, value in _CONSTANTS.items())
    + "\n"
    + (files("loops_async.contrib.redis") / "reserve.lua").read_text(encoding="utf-8")
)
DIGEST: Final = hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()


class Reservation(NamedTuple):
    """A slot that this process may use from a certain time on. Sorted by that time."""

    due: float
    """In the event loop's time."""
    number: int
    lane: str
    has_wait: bool
    """Whether the request has to wait for the slot."""


@attrs.define(eq=False)
class TeamPermit:
    """The right to send one request now, in a reserved or local slot."""

    number: int
    sent: float
    grace: float
    waited: bool
    slot: SlotPermit | None
    """The local slot; None if the slot is reserved in Redis."""
    on_release: Callable[["TeamPermit", Reply | None], None] | None = attrs.field(repr=False)

    def release(self, reply: Reply | None) -> None:
        """Report the reply to the request, or None if there was no reply.

        Reports may be late. Only the first one counts.
        """
        on_release, self.on_release = self.on_release, None
        if on_release is not None:
            on_release(self, reply)


class TeamBudget:
    """One process's view of a team's rate limit, in one event loop."""

    def __init__(self, rate: float, max_rate: float, processes: int, now: float) -> None:
        self.grace: GraceEstimator = GraceEstimator()
        self.limit: float = rate
        self.recent: deque[TeamPermit] = deque()
        """Requests sent within the last period and grace."""
        self.returned: list[int] = []
        """Numbers of reserved slots that are not needed."""
        self.hold: float = 0.0
        """Seconds to stop sending; not yet reported to Redis."""
        self.new_limit: float = 0
        """A changed limit that is not yet reported to Redis."""
        self.was_refused: bool = False
        """Whether there was a 429 that is not yet reported to Redis."""
        self.is_forgotten: bool = False
        """Whether Redis has lost its data, so that recent requests must be reported again."""
        self._max_rate = max_rate
        self._assumed_processes = processes
        self._token = secrets.token_hex(6)
        self._number = 0
        self._reports: deque[tuple[object, ...]] = deque(maxlen=_MAX_REPORTS)
        self._offset = RecentMaximum(30.0)
        self._least_offset = now - time.time()
        """The event loop's time minus Redis' time; a guess until the first reply."""
        self._live, self._live_since = 0, -math.inf
        self._trip = 0.0
        self._epoch = 0
        """When the data in Redis was created; 0 until the first reply."""
        self._told_epoch = 0
        """The epoch in the latest call; 0 if that call reported all recent requests."""

    @property
    def rate(self) -> float:
        """Requests per second of all processes together."""
        return min(self.limit, self._max_rate)

    @property
    def period(self) -> float:
        """Seconds for which a slot is in use, without its grace."""
        return math.ceil(self.rate) / self.rate

    def processes(self, now: float) -> int:
        """Return the known or assumed number of processes that share the limit."""
        return self._live if self._knows_processes(now) else self._assumed_processes

    def _knows_processes(self, now: float) -> bool:
        return now - self._live_since < _PROCESS_COUNT_TTL

    def share(self, now: float) -> float:
        """Return the requests per second of this process while Redis is down."""
        count = self.processes(now)
        return self.rate / count if self.rate < count else float(self.rate // count)

    def describe_share(self, now: float) -> str:
        """Describe the process's share for the log."""
        share = f"{self.share(now):g} requests per second"
        if self._knows_processes(now):
            return share
        return (
            f"{share} (the number of processes is unknown, {self._assumed_processes} are assumed; "
            "see RedisPacer's processes=)"
        )

    def next_number(self, count: int = 1) -> int:
        """Allocate ``count`` new request numbers and return the first."""
        self._number += count
        return self._number - count + 1

    def local_slots(self, now: float) -> Slots:
        """Return slots for this process's share, for use while Redis is down.

        In any second, the shares of all processes add up to at most the limit. Slots of recently
        sent requests are already in use.
        """
        slots = Slots(self.share(now), self.grace, is_share=True)
        self._forget_old(now)
        for permit in self.recent:
            slots.occupy(permit.sent, permit.grace)
        return slots

    def note_sent(self, permit: TeamPermit, due: float) -> None:
        """Record that a request is sent now that was due at ``due``."""
        self._forget_old(permit.sent)
        self.recent.append(permit)
        if permit.slot is None and permit.sent - due > _LATE:
            self._report(permit, "", -1, permit.sent)

    def note_reply(self, permit: TeamPermit, reply: Reply | None, now: float) -> None:
        """Learn from the end of a request, and prepare a report about it."""
        outcome, remaining = "", -1
        if reply is None:
            permit.grace = min(MAX_GRACE, now - permit.sent)
        else:
            outcome = "refused" if reply.status == 429 else "accepted" if permit.waited else ""
            if permit.slot is None:
                permit.grace = self.grace.update(
                    reply.status, now - permit.sent, now, permit.waited
                )
                self.was_refused |= outcome == "refused"
                self.hold = max(self.hold, read_hold(reply, time.time()))
            limit = read_limit(reply.headers)
            if limit is not None and limit != self.limit:
                self.limit = self.new_limit = float(limit)
            else:
                found = read_remaining(reply.headers, math.ceil(self.limit))
                remaining = 0 if reply.status == 429 else -1 if found is None else found
        if permit.slot is None:
            self._report(permit, outcome, remaining, now)

    def is_urgent(self) -> bool:
        """Whether something must be reported at once, without waiting for the next reservation."""
        return bool(self.hold or self.new_limit or self.was_refused)

    def arguments(
        self, lane: Lane, wanted: int, now: float, *, rejoining: bool
    ) -> tuple[list[object], int]:
        """Return the script's arguments, and the number of the first slot it may reserve."""
        self._told_epoch = self._epoch
        if rejoining or self.is_forgotten:
            self._told_epoch = 0
            self._reports.clear()
            self._forget_old(now)
            for permit in list(self.recent)[-_MAX_REPORTS:]:
                self._report(permit, "", -1, permit.sent)
        first = self.next_number(wanted)
        returned, reports = self.returned, self._reports
        arguments: list[object] = [
            self._token, lane.value, wanted, first, self.limit, self.new_limit,
            min(self._max_rate, 1e9), round(self.grace.typical * _MICRO), round(self.hold * _MICRO),
            round(max(_BATCH, min(2 * self._trip, 0.5)) * _MICRO),
            self.processes(now) if rejoining or self._epoch else 0, self._told_epoch,
            round((now - self._least_offset) * _MICRO) if self._epoch else 0,
            len(returned), *returned,
        ]  # fmt: skip
        for report in reports:
            arguments += report
        self.returned, self._reports = [], deque(maxlen=_MAX_REPORTS)
        self.hold, self.new_limit, self.was_refused, self.is_forgotten = 0.0, 0, False, False
        return arguments, first

    def parse(
        self, reply: Any, lane: Lane, first: int, called: float, now: float
    ) -> tuple[list[Reservation], float]:
        """Parse the script's reply to a call made at ``called``.

        Returns:
            The reserved slots in order of time, and the seconds after which to ask again if no
            slot was available (0.0 otherwise).

        Raises:
            ValueError: The reply is malformed.
            TypeError: The reply is malformed.
        """
        at, live, limit, confidence, epoch, retry_in, *waits = (int(part) for part in reply)
        self._live, self._live_since = max(1, live), now
        if not self.new_limit:
            self.limit = limit / _MICRO
        self.grace.set_confidence(confidence / _MICRO)
        self.is_forgotten |= self._told_epoch not in {0, epoch}
        self._epoch = epoch
        self._trip += (min(now - called, 1.0) - self._trip) / 10
        redis_now = at / _MICRO
        # The fastest reply gives the best estimate of the clocks' difference, and never too early.
        self._offset.note(redis_now - now, now)
        self._least_offset = -self._offset.at(now)
        reservations: list[Reservation] = []
        for index, wait in enumerate(waits):
            seconds = wait / _MICRO
            due = redis_now + seconds + self._least_offset
            due = min(max(due, called + seconds), now + seconds)
            reservations.append(Reservation(due, first + index, lane.value, wait > 1000))
        return reservations, retry_in / _MICRO

    def leave_arguments(self, now: float) -> list[object]:
        """Return the script's arguments that remove this process from the list of processes."""
        arguments, _ = self.arguments(Lane.BULK, 0, now, rejoining=False)
        arguments[1] = "leave"
        return arguments

    def _report(self, permit: TeamPermit, outcome: str, remaining: int, replied: float) -> None:
        offset = self._least_offset
        self._reports.append((
            permit.number, round((permit.sent - offset) * _MICRO), round(permit.grace * _MICRO),
            outcome, remaining, round((replied - offset) * _MICRO),
        ))  # fmt: skip

    def _forget_old(self, now: float) -> None:
        recent, since = self.recent, now - self.period - MAX_GRACE
        while recent and recent[0].sent < since:
            recent.popleft()
