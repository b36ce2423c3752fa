"""Three kinds of request limit, because Loops does not say which kind its own is.

Each is told the time by its caller and never asks a clock. A request that is turned away is not
charged. See https://loops.so/docs/api-reference/intro#rate-limiting.
"""

from collections import deque
from math import floor, isfinite
from typing import Literal, Protocol, TypeAlias

import attrs

Window: TypeAlias = Literal["fixed", "sliding", "bucket"]
"""Counted anew each second, counted over the last second, or a bucket that refills."""

# A bucket's level is a sum of floats: three tenths and seven tenths must make a whole request.
_CRUMB = 1e-9


@attrs.frozen
class Verdict:
    """What became of one request.

    Attributes:
        admitted: False means 429.
        remaining: How many more requests would be admitted at this moment.
    """

    admitted: bool
    remaining: int


class Limit(Protocol):
    """A limit on requests. `size` requests may come at once."""

    @property
    def size(self) -> int:
        """What `x-ratelimit-limit` says."""
        ...

    def decide(self, now: float) -> Verdict:
        """Admit and charge a request arriving at `now` (monotonic seconds), or turn it away."""
        ...

    def remaining(self, now: float) -> int:
        """How many requests would be admitted at `now`, charging none."""
        ...


class FixedWindow:
    """At most `size` requests in each span of `seconds`, counted from the clock's zero."""

    def __init__(self, size: int, seconds: float) -> None:
        self.size = size
        self._seconds = seconds
        self._window: int = 0
        self._used = 0

    def decide(self, now: float) -> Verdict:
        """Admit and charge, or turn away."""
        remaining = self.remaining(now)
        if not remaining:
            return Verdict(admitted=False, remaining=0)
        self._used += 1
        return Verdict(admitted=True, remaining=remaining - 1)

    def remaining(self, now: float) -> int:
        """Return what is left of the window that `now` is in."""
        window: int = floor(now / self._seconds)
        if window != self._window:
            self._window, self._used = window, 0
        return self.size - self._used


class SlidingLog:
    """At most `size` requests in any span of `seconds`, wherever it begins."""

    def __init__(self, size: int, seconds: float) -> None:
        self.size = size
        self._seconds = seconds
        self._admitted_at: deque[float] = deque()

    def decide(self, now: float) -> Verdict:
        """Admit and charge, or turn away."""
        remaining = self.remaining(now)
        if not remaining:
            return Verdict(admitted=False, remaining=0)
        self._admitted_at.append(now)
        return Verdict(admitted=True, remaining=remaining - 1)

    def remaining(self, now: float) -> int:
        """Return what is left of the span that ends at `now`."""
        while self._admitted_at and self._admitted_at[0] + self._seconds <= now:
            self._admitted_at.popleft()
        return self.size - len(self._admitted_at)


class TokenBucket:
    """A bucket of `size` requests that refills evenly, from empty to full in `seconds`."""

    def __init__(self, size: int, seconds: float) -> None:
        self.size = size
        self._rate = size / seconds
        self._level = float(size)
        self._filled_at: float | None = None

    def decide(self, now: float) -> Verdict:
        """Admit and charge, or turn away."""
        remaining = self.remaining(now)
        if not remaining:
            return Verdict(admitted=False, remaining=0)
        self._level -= 1
        return Verdict(admitted=True, remaining=remaining - 1)

    def remaining(self, now: float) -> int:
        """Return how many whole requests are in the bucket at `now`."""
        if self._filled_at is not None:
            refill = (now - self._filled_at) * self._rate
            self._level = min(float(self.size), self._level + refill)
        self._filled_at = now
        return floor(self._level + _CRUMB)


_KINDS: dict[Window, type[FixedWindow | SlidingLog | TokenBucket]] = {
    "fixed": FixedWindow,
    "sliding": SlidingLog,
    "bucket": TokenBucket,
}


def make_limit(rate: float | None, window: Window) -> Limit | None:
    """Make the limit for a rate.

    Args:
        rate: Requests per second, or None for no limit. A whole rate is counted over one second;
            a broken one over a little less or more, so that the rate is met exactly: 2.5 is two
            requests in 0.8 seconds, 0.5 is one in two seconds.
        window: The kind.

    Raises:
        ValueError: The rate is not a positive number, or there is no such kind.
    """
    if window not in _KINDS:
        raise ValueError(f"window must be one of {', '.join(_KINDS)}, not {window!r}")
    if rate is None:
        return None
    if not isfinite(rate) or rate <= 0:
        raise ValueError(f"rate must be a positive number of requests per second, not {rate!r}")
    size = max(1, floor(rate))
    return _KINDS[window](size, size / rate)
