"""What replies teach the pacer: the team's limit, who else spends it, how steady the way there is.

Headers come from outside. What is not a plain number within reason is passed over, never obeyed.
"""

import functools
import math
from collections.abc import Mapping
from typing import Final

from multidict import istr

from loops_async.pipeline.messages import Reply
from loops_async.pipeline.retry_policy import parse_retry_after

# Such a name is not folded to lower case anew for every reply.
LIMIT: Final = istr("x-ratelimit-limit")
_REMAINING: Final = istr("x-ratelimit-remaining")

HIGHEST_LIMIT = 10_000
"""Requests per second. A greater limit in a header is taken for a mistake."""

LONGEST_HOLD = 60.0
"""Seconds the pacer stands still for one ``Retry-After``, however much it asks for."""

LONGEST_GRACE = 0.25
"""Seconds beyond its period after which a slot is free, whatever became of its request."""

OTHERS_MEMORY = 3.0
"""Seconds, at least, for which somebody else's use of the limit is reckoned with."""

LINGER = 0.01
"""Seconds for which Loops may still count the request whose slot has just become free."""

SAMPLED = 128
"""Replies per second that are enough to read, where a limit allows for more."""

UNREAD = 0.25
"""Seconds for which replies may be passed over: where they come seldom, each of them is read."""

_MEMORY = 30.0
"""Seconds for which the least round trip counts, at least; a new route may be a longer one."""

_OWN_SHARE = 0.7
"""How much of a slot's grace follows its own round trip; the rest follows the mean.

Part of a slow round trip is the way back, which does not matter: at the same efficiency, 0.7 costs
a third fewer 429s than 1 (measured with tests/benchmarks/pacing_virtual.py).
"""

# How boldness grows and shrinks, and within what bounds. One refused request in 300, at most, is
# what the pacer pays to know where the limit is.
REFUSED = 0.25
TAKEN = 0.0008
TAKEN_AT_FIRST = 0.003
TIMID, BOLD = -0.25, 1.0


def read_limit(headers: Mapping[str, str]) -> int | None:
    """The team's limit in requests per second, where a reply names a credible one."""
    text = headers.get(LIMIT, "")
    limit = _whole_number(text) if len(text) < 10 else None
    return limit if limit is not None and 1 <= limit <= HIGHEST_LIMIT else None


def read_remaining(headers: Mapping[str, str], limit: int) -> int | None:
    """What was left of ``limit`` after a request that was not refused."""
    text = headers.get(_REMAINING, "")
    remaining = _whole_number(text) if len(text) < 10 else None
    return remaining if remaining is not None and remaining <= limit else None


@functools.lru_cache(1024)  # one second's figures are the next one's
def _whole_number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None


def read_hold(reply: Reply, wall: float) -> float:
    """For how many seconds a 429 asks everybody to stay away; 0.0 when it does not say.

    ``wall`` is now, in seconds since the epoch.
    """
    asked = parse_retry_after(reply, wall) if reply.status == 429 else None
    return min(asked, LONGEST_HOLD) if asked is not None else 0.0


def credible_others(unexplained: int, whole: int, count: int, *, is_refused: bool) -> int:
    """How much of a limit somebody else uses, where a reply shows more use than we can explain.

    Args:
        unexplained: What of the limit was used and not by us.
        whole: The limit.
        count: What of it may be ours.
        is_refused: Whether the reply was a refusal.
    """
    if not is_refused:
        # A wrong header alone must not bring us to a halt; only refusals may.
        unexplained = min(unexplained, whole - count + count * 3 // 4)
    # A refusal may as well mean that we were early ourselves, at high rates by a few requests.
    return unexplained if unexplained > whole // 40 + is_refused else 0


class Peak:
    """The greatest value noted in the last ``span`` seconds, or up to twice that long ago.

    Attributes:
        noted: Whether there was ever a value.
        latest: The greatest since the last turn.
        greatest: The peak, until the next turn.
        turns_at: When what is older counts no more.
    """

    __slots__ = ("_before", "_span", "greatest", "latest", "noted", "turns_at")

    def __init__(self, span: float) -> None:
        self._span = span
        self.turns_at: float = -math.inf
        self._before = -math.inf
        self.latest: float = -math.inf
        self.greatest: float = -math.inf
        self.noted: bool = False

    def note(self, value: float, now: float) -> float:
        """Take ``value`` into account, as of ``now``; the peak with it."""
        self.at(now)
        self.noted = True
        self.latest = max(self.latest, value)
        self.greatest = max(self.greatest, value)
        return self.greatest

    def at(self, now: float) -> float:
        """The peak as of ``now``; minus infinity when nothing was noted for long."""
        if now >= self.turns_at:
            self._before = self.latest if now - self.turns_at < self._span else -math.inf
            self.latest = -math.inf
            self.greatest = self._before
            self.turns_at = now + self._span
        return self.greatest


class Grace:
    """How many seconds beyond its period a slot stays taken.

    Loops counts a request when it arrives, and nobody here knows when that was: at some time
    between sending and reply. Were every way there as long as every other, a slot could be used
    again one period after it was last used. What is longer than the shortest round trip is
    uncertain, and the slot is kept by a share of it: ``1 - boldness``. Boldness grows with every
    request that had to wait for its slot and was taken, and shrinks with every 429, so it settles
    where about one request in 300 is refused, or at 1 where the kind of window forgives it all.
    """

    __slots__ = ("_least", "_step", "boldness", "mean", "usual")

    def __init__(self) -> None:
        self.boldness: float = 0.0
        self._step = TAKEN_AT_FIRST
        self.forget_times()

    def forget_times(self) -> None:
        """Keep what was learnt, but for the round trips: another event loop, another clock."""
        self._least = Peak(_MEMORY)
        """The least round trip, negated to be a peak."""
        self.mean: float = 0.0
        """Of what round trips take beyond the least."""
        self.usual: float = 0.0
        """The grace of a mean round trip, in seconds."""

    def become(self, boldness: float) -> None:
        """Be as bold as somebody else has learnt to be."""
        self.boldness = boldness
        self.usual = (1 - boldness) * self.mean

    def after(self, status: int, trip: float, now: float, pressed: int) -> float:
        """Learn from a reply; the grace of its slot in seconds.

        Args:
            status: The reply's HTTP status.
            trip: How long the request took, there and back, in seconds.
            now: The event loop's time.
            pressed: How many requests it stands for that waited for their slots. Those that
                did not wait prove nothing.
        """
        far = status < 500  # a proxy nearby may have sent the others
        if status == 429:
            far = False
            self.boldness = max(TIMID, self.boldness - REFUSED)
            self._step = TAKEN
        elif pressed:
            self.boldness = min(BOLD, self.boldness + self._step * pressed)
        least = self._least
        if now < least.turns_at and (not far or -trip <= least.latest):
            late = trip + least.greatest  # nearly always: nothing new
        else:
            late = trip + (least.note(-trip, now) if far else least.at(now))
        if not 0.0 <= late <= LONGEST_GRACE:
            late = 0.0 if late < 0.0 else LONGEST_GRACE
        mean, timidity = self.mean, 1 - self.boldness
        if far:
            self.mean = mean = mean + (late - mean) / 50
        self.usual = usual = timidity * mean
        grace = _OWN_SHARE * timidity * late + (1 - _OWN_SHARE) * usual
        return grace if grace < LONGEST_GRACE else LONGEST_GRACE  # noqa: FURB136 - a call less
