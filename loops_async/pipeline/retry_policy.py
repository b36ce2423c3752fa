"""When to try again, and how long to wait first. Pure: nothing here sleeps or sends."""

import enum
import re
from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

import attrs

from loops_async import errors
from loops_async.pipeline.messages import Replay, Reply

REFUND: Final = 0.5
"""Retries that a success gives back to the budget."""


class Nature(enum.Enum):
    """What a failure says about the request behind it."""

    NEVER_LEFT = "no connection was made"
    NOT_NOW = "the rate limit is used up"
    DOUBT = "it may have taken effect"
    FINAL = "Loops said no"


def nature(failure: errors.LoopsError) -> Nature:
    """What ``failure`` says about the request: did it leave, did it count, is it over?"""
    if isinstance(failure, errors.ConnectFailed):
        return Nature.NEVER_LEFT
    if isinstance(failure, errors.RateLimited):
        return Nature.NOT_NOW
    if isinstance(failure, errors.LinkError | errors.ServerError | errors.InvalidReply):
        return Nature.DOUBT
    return Nature.FINAL


def _positive(_: object, attribute: "attrs.Attribute[float]", value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9:
        raise errors.ConfigurationError(
            f"RetryPolicy({attribute.name}=…): must be a number of seconds greater than 0"
        )


def _count(_: object, attribute: "attrs.Attribute[int]", value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise errors.ConfigurationError(
            f"RetryPolicy({attribute.name}=…): must be a whole number of at least 1"
        )


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """How often and how long to retry. ``RetryPolicy(attempts=1)`` retries only a 429.

    Attributes:
        attempts: Requests for one call at the most, the first included; those answered with 429
            do not count here.
        rate_limited_attempts: Requests answered with 429 for one call at the most.
        base: Seconds that the first wait may last at the most; each further one may be twice as
            long.
        cap: Seconds that no wait exceeds, unless the server asks for a longer one.
        max_retry_after: Seconds of ``Retry-After`` that are obeyed; when the server asks for
            more, the error is raised at once and carries ``retry_after``.
        budget: Retries in reserve for the whole client; each one takes 1 and each success
            gives 0.5 back, so that a service that is down is not hammered.

    Raises:
        ConfigurationError: A number out of its range.
    """

    attempts: int = attrs.field(default=4, validator=_count)
    rate_limited_attempts: int = attrs.field(default=20, validator=_count)
    base: float = attrs.field(default=0.5, validator=_positive)
    cap: float = attrs.field(default=8.0, validator=_positive)
    max_retry_after: float = attrs.field(default=60.0, validator=_positive)
    budget: int = attrs.field(default=100, validator=_count)

    def delay(self, failures: int, random: Callable[[], float]) -> float:
        """Seconds to wait after the ``failures``-th failure: full jitter below the capped curve.

        The jitter comes after the cap; the other way round everybody who has reached the cap
        would wait the same time and return together. ``random`` draws from 0 to 1.
        """
        # Beyond 2**60 times the base the cap has long been reached, and floats overflow later.
        return random() * min(self.cap, self.base * 2.0 ** min(failures - 1, 60))


@attrs.define
class RetryBudget:
    """The retries that a client has in reserve."""

    capacity: int
    left: float = attrs.field(default=attrs.Factory(lambda self: self.capacity, takes_self=True))

    def take(self) -> bool:
        """Take one retry; False where none is left."""
        if self.left < 1:
            return False
        self.left -= 1
        return True

    def refund(self) -> None:
        """Give back what a success is worth."""
        self.left = min(self.capacity, self.left + REFUND)


@attrs.frozen
class Wait:
    """Try again after ``seconds``."""

    seconds: float
    why: str


@attrs.frozen
class GiveUp:
    """Raise what there is."""

    why: str


@attrs.frozen
class Failures:
    """What went wrong so far in one call, the present failure included.

    Attributes:
        latest: The present failure.
        refused: How many attempts were answered with 429.
        others: How many attempts failed in another way.
    """

    latest: errors.LoopsError
    refused: int
    others: int


def decide(
    policy: RetryPolicy,
    replay: Replay,
    failures: Failures,
    *,
    take: Callable[[], bool],
    random: Callable[[], float],
) -> Wait | GiveUp:
    """What to do after a failed attempt.

    Args:
        policy: How often and how long.
        replay: How the endpoint's requests may be sent again after doubt.
        failures: What went wrong so far.
        take: Takes one retry of the client's budget, or says that there is none.
        random: A number from 0 up to, not including, 1.
    """
    latest = failures.latest
    kind = nature(latest)
    if kind is Nature.FINAL:
        return GiveUp(kind.value)
    if kind is Nature.DOUBT and replay is Replay.ONCE:
        return GiveUp("a second copy could do harm")
    if kind is Nature.NOT_NOW:
        spent, allowed = failures.refused, policy.rate_limited_attempts
    else:
        spent, allowed = failures.others, policy.attempts
    if spent >= allowed:
        return GiveUp(f"{spent} attempts were made")
    asked: float | None = getattr(latest, "retry_after", None)
    if asked is not None and asked > policy.max_retry_after:
        return GiveUp(f"the server asked for {asked:.0f} s")
    if kind is not Nature.NOT_NOW and not take():
        return GiveUp("the retry budget is used up")
    if asked is not None:
        return Wait(asked, f"{kind.value}; the server asked for {asked:g} s")
    return Wait(policy.delay(spent, random), kind.value)


_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_LONGEST_DATE = 64
_ABSURD_WAIT = 1e9
"""Seconds; what takes more than the nine digits that ``_SECONDS`` reads."""


def retry_after(reply: Reply, wall: float) -> float | None:
    """The seconds that ``Retry-After`` asks for; ``wall`` is now, in seconds since the epoch.

    Both forms of the header are read, and anything else counts as no header. So does a wait of
    more than 30 years, which only a mistake asks for.
    """
    text = reply.headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    if len(text) > _LONGEST_DATE or not text.isascii():
        return None
    try:
        when = parsedate_to_datetime(text)
        if when.tzinfo is None:
            when = when.replace(tzinfo=UTC)
        wait = max(0.0, when.timestamp() - wall)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
    return wait if wait < _ABSURD_WAIT else None
