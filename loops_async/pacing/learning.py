"""What the pacer learns from replies: the limit, its use by others, and the variation in latency.

Headers are untrusted input: values that are not plain, plausible numbers are ignored.
"""

import functools
import math
from collections.abc import Mapping
from typing import Final

from multidict import istr

from loops_async.pipeline.messages import Reply
from loops_async.pipeline.retry_policy import parse_retry_after

# istr: a plain string would be lower-cased again for every reply.
LIMIT_HEADER: Final = istr("x-ratelimit-limit")
_REMAINING_HEADER: Final = istr("x-ratelimit-remaining")

MAX_LIMIT = 10_000
"""Requests per second. A higher limit in a header is ignored as a mistake."""

MAX_HOLD = 60.0
"""Longest pause due to one ``Retry-After``, in seconds."""

MAX_GRACE = 0.25
"""Longest time that a slot stays in use beyond its period, in seconds."""

OTHERS_MEMORY = 3.0
"""Minimum time for which requests of other processes are taken into account, in seconds."""

LINGER = 0.01
"""Seconds for which Loops may still count the request of a slot that has just become free."""

SAMPLED_REPLIES = 128
"""Number of replies to read per second, at higher limits."""

SAMPLING_PAUSE = 0.25
"""Longest time for which replies are skipped, in seconds."""

_ROUND_TRIP_MEMORY = 30.0
"""Minimum time for which the shortest round trip is remembered, in seconds."""

_OWN_SHARE = 0.7
"""The share of a slot's grace that depends on its own round trip; the rest depends on the mean.

Part of a slow round trip is the way back, which does not matter: at the same efficiency, 0.7 costs
a third fewer 429s than 1 (measured with tests/benchmarks/pacing_virtual.py).
"""

# Steps and bounds of the confidence in the latency estimate. In the long run, at most one request
# in 300 is refused to find out where the limit is.
REFUSED_STEP = 0.25
ACCEPTED_STEP = 0.0008
INITIAL_ACCEPTED_STEP = 0.003
MIN_CONFIDENCE, MAX_CONFIDENCE = -0.25, 1.0


def read_limit(headers: Mapping[str, str]) -> int | None:
    """Return the team's limit in requests per second, if the headers give a plausible one."""
    text = headers.get(LIMIT_HEADER, "")
    limit = _whole_number(text) if len(text) < 10 else None
    return limit if limit is not None and 1 <= limit <= MAX_LIMIT else None


def read_remaining(headers: Mapping[str, str], limit: int) -> int | None:
    """Return how much of ``limit`` is left after a request that was not refused."""
    text = headers.get(_REMAINING_HEADER, "")
    remaining = _whole_number(text) if len(text) < 10 else None
    return remaining if remaining is not None and remaining <= limit else None


@functools.lru_cache(1024)  # the same values recur every second
def _whole_number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None


def read_hold(reply: Reply, wall: float) -> float:
    """Return for how many seconds a 429 asks all requests to wait, or 0.0.

    ``wall`` is the current time, in seconds since the epoch.
    """
    wait = parse_retry_after(reply, wall) if reply.status == 429 else None
    return min(wait, MAX_HOLD) if wait is not None else 0.0


def plausible_others(unexplained: int, whole: int, count: int, *, is_refused: bool) -> int:
    """Return how much of a limit others use, given the use not explained by our own requests.

    Args:
        unexplained: The part of the limit that was used, but not by us.
        whole: The limit.
        count: The part of it that we may use.
        is_refused: Whether the reply was a 429.
    """
    if not is_refused:
        # Only 429s may stop us completely; a wrong header alone must not.
        unexplained = min(unexplained, whole - count + count * 3 // 4)
    # A 429 may also mean that our own request was early, at high rates several of them.
    return unexplained if unexplained > whole // 40 + is_refused else 0


class RecentMaximum:
    """The maximum of the values added in the last ``span`` seconds, or up to twice as many.

    Attributes:
        has_values: Whether a value was ever added.
        current: The maximum since the last rotation.
        maximum: The maximum until the next rotation.
        rotates_at: When older values are dropped.
    """

    __slots__ = ("_previous", "_span", "current", "has_values", "maximum", "rotates_at")

    def __init__(self, span: float) -> None:
        self._span = span
        self.rotates_at: float = -math.inf
        self._previous = -math.inf
        self.current: float = -math.inf
        self.maximum: float = -math.inf
        self.has_values: bool = False

    def note(self, value: float, now: float) -> float:
        """Add ``value`` and return the maximum."""
        self.at(now)
        self.has_values = True
        self.current = max(self.current, value)
        self.maximum = max(self.maximum, value)
        return self.maximum

    def at(self, now: float) -> float:
        """Return the maximum at ``now``, or minus infinity without recent values."""
        if now >= self.rotates_at:
            self._previous = self.current if now - self.rotates_at < self._span else -math.inf
            self.current = -math.inf
            self.maximum = self._previous
            self.rotates_at = now + self._span
        return self.maximum


class GraceEstimator:
    """Estimates the *grace* of slots: for how long a slot stays in use beyond its period.

    Loops counts a request when it arrives, at an unknown time between sending and reply. If every
    request took equally long to arrive, a slot could be used again exactly one period after it
    was last used. The part of a round trip that exceeds the shortest one is uncertain, and the
    grace is a share of it: ``1 - confidence``. Confidence grows with every request that had to
    wait for its slot and was accepted, and shrinks with every 429. It settles where about one
    request in 300 is refused, or at 1 if Loops' kind of window tolerates it.
    """

    __slots__ = ("_shortest", "_step", "confidence", "mean_delay", "typical")

    def __init__(self) -> None:
        self.confidence: float = 0.0
        self._step = INITIAL_ACCEPTED_STEP
        self.forget_times()

    def forget_times(self) -> None:
        """Forget the round trips, which depend on the event loop's clock; keep the confidence."""
        self._shortest = RecentMaximum(_ROUND_TRIP_MEMORY)
        """The shortest round trip, negated."""
        self.mean_delay: float = 0.0
        """The mean time by which round trips exceed the shortest one, in seconds."""
        self.typical: float = 0.0
        """The grace of a mean round trip, in seconds."""

    def set_confidence(self, confidence: float) -> None:
        """Set the confidence to the one that all processes share."""
        self.confidence = confidence
        self.typical = (1 - confidence) * self.mean_delay

    def update(self, status: int, trip: float, now: float, waited: int) -> float:
        """Learn from a reply and return the grace of its slot in seconds.

        Args:
            status: The reply's HTTP status.
            trip: Duration of the round trip, in seconds.
            now: The event loop's time.
            waited: The number of requests that this reply represents and that had to wait for a
                slot. Requests that did not wait provide no evidence.
        """
        is_complete = status < 500  # other replies may come from a proxy nearby
        if status == 429:
            is_complete = False
            self.confidence = max(MIN_CONFIDENCE, self.confidence - REFUSED_STEP)
            self._step = ACCEPTED_STEP
        elif waited:
            self.confidence = min(MAX_CONFIDENCE, self.confidence + self._step * waited)
        shortest = self._shortest
        if now < shortest.rotates_at and (not is_complete or -trip <= shortest.current):
            delay = trip + shortest.maximum  # the usual case: no new shortest round trip
        else:
            delay = trip + (shortest.note(-trip, now) if is_complete else shortest.at(now))
        if not 0.0 <= delay <= MAX_GRACE:
            delay = 0.0 if delay < 0.0 else MAX_GRACE
        mean, doubt = self.mean_delay, 1 - self.confidence
        if is_complete:
            self.mean_delay = mean = mean + (delay - mean) / 50
        self.typical = typical = doubt * mean
        grace = _OWN_SHARE * doubt * delay + (1 - _OWN_SHARE) * typical
        return grace if grace < MAX_GRACE else MAX_GRACE  # noqa: FURB136 - faster than min
