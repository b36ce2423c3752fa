"""Three kinds of rate limit, because Loops does not document which kind it uses.

Times are monotonic seconds, passed in by the caller. A request that is turned away is not charged.
See https://loops.so/docs/api-reference/intro#rate-limiting.
"""

from abc import ABC, abstractmethod
from collections import deque
from math import floor, isfinite
from typing import Literal, TypeAlias

import attrs

Window: TypeAlias = Literal["fixed", "sliding", "bucket"]
"""How a rate is counted: each second anew, over the last second, or as a bucket that refills."""

# The level of a bucket is a sum of floats: 0.3 and 0.7 must make a whole request.
_ROUNDING = 1e-9


@attrs.frozen
class LimitDecision:
    """Whether a request was admitted, and how many more would be at the same moment."""

    admitted: bool
    remaining: int


class RequestLimit(ABC):
    """A limit on requests.

    Attributes:
        size: How many requests may come at once: the value of `x-ratelimit-limit`.
        seconds: The time over which `size` requests are allowed.
    """

    def __init__(self, size: int, seconds: float) -> None:
        self.size = size
        self.seconds = seconds

    def decide(self, now: float) -> LimitDecision:
        """Admit and charge a request that arrives at `now`, or turn it away."""
        remaining = self.remaining(now)
        if not remaining:
            return LimitDecision(admitted=False, remaining=0)
        self._charge(now)
        return LimitDecision(admitted=True, remaining=remaining - 1)

    @abstractmethod
    def remaining(self, now: float) -> int:
        """Return how many requests would be admitted at `now`."""

    @abstractmethod
    def _charge(self, now: float) -> None: ...


class FixedWindow(RequestLimit):
    """At most `size` requests in each span of `seconds`, counted from the clock's zero."""

    _window: int = 0
    _used: int = 0

    def remaining(self, now: float) -> int:
        """Return what is left of the window that `now` is in."""
        window = floor(now / self.seconds)
        if window != self._window:
            self._window, self._used = window, 0
        return self.size - self._used

    def _charge(self, now: float) -> None:
        self._used += 1


class SlidingLog(RequestLimit):
    """At most `size` requests in any span of `seconds`."""

    def __init__(self, size: int, seconds: float) -> None:
        super().__init__(size, seconds)
        self._admitted_at: deque[float] = deque()

    def remaining(self, now: float) -> int:
        """Return what is left of the span that ends at `now`."""
        while self._admitted_at and self._admitted_at[0] + self.seconds <= now:
            self._admitted_at.popleft()
        return self.size - len(self._admitted_at)

    def _charge(self, now: float) -> None:
        self._admitted_at.append(now)


class TokenBucket(RequestLimit):
    """A bucket of `size` requests that refills evenly, from empty to full in `seconds`."""

    def __init__(self, size: int, seconds: float) -> None:
        super().__init__(size, seconds)
        self._level = float(size)
        self._filled_at: float | None = None

    def remaining(self, now: float) -> int:
        """Return how many whole requests are in the bucket at `now`."""
        if self._filled_at is not None:
            refill = (now - self._filled_at) * self.size / self.seconds
            self._level = min(float(self.size), self._level + refill)
        self._filled_at = now
        return floor(self._level + _ROUNDING)

    def _charge(self, now: float) -> None:
        self._level -= 1


_KINDS: dict[Window, type[RequestLimit]] = {
    "fixed": FixedWindow,
    "sliding": SlidingLog,
    "bucket": TokenBucket,
}


def make_limit(rate: float | None, window: Window) -> RequestLimit | None:
    """Return the limit for a rate.

    Args:
        rate: Requests per second, None for no limit. A whole number is counted over one second;
            other rates are counted over the span that meets them exactly: 2.5 is two requests in
            0.8 seconds, 0.5 is one in two seconds.
        window: The kind of limit.

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
