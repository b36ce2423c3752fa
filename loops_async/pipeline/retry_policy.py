"""The retry policy: which failures are retried, how often, and after which delay."""

import enum
import re
from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

import attrs

from loops_async import errors
from loops_async.pipeline.deadlines import check_seconds
from loops_async.pipeline.messages import Replay, Reply

REFUND: Final = 0.5
"""Retries that each success returns to the budget."""


class FailureKind(enum.Enum):
    """What a failure implies about the request. The values are used as ``Attempt.reason``."""

    NOT_SENT = "no connection was made"
    RATE_LIMITED = "rate limited"
    IN_DOUBT = "it may have taken effect"
    FINAL = "not retryable"


def failure_kind(failure: errors.LoopsError) -> FailureKind:
    """Classify ``failure`` by what it implies about the request."""
    if isinstance(failure, errors.ConnectFailed):
        return FailureKind.NOT_SENT
    if isinstance(failure, errors.RateLimited):
        return FailureKind.RATE_LIMITED
    if isinstance(failure, errors.LinkError | errors.ServerError | errors.InvalidReply):
        return FailureKind.IN_DOUBT
    return FailureKind.FINAL


def _positive(_: object, attribute: "attrs.Attribute[float]", value: object) -> None:
    check_seconds(f"RetryPolicy({attribute.name}=…)", value)


def _count(_: object, attribute: "attrs.Attribute[int]", value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise errors.ConfigurationError(
            f"RetryPolicy({attribute.name}=…): must be a whole number of at least 1"
        )


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """How often and how long to retry. ``RetryPolicy(attempts=1)`` retries only a 429.

    Attributes:
        attempts: Maximum number of requests for one call, including the first. Requests answered
            with 429 are counted separately.
        rate_limited_attempts: Maximum number of requests answered with 429 for one call.
        base: Maximum length of the first delay, in seconds. The maximum doubles with each
            further failure.
        cap: Maximum length of any delay, in seconds, unless the server asks for a longer one.
        max_retry_after: Longest ``Retry-After`` to obey, in seconds. If the server asks for more,
            the error is raised at once and carries ``retry_after``.
        budget: Retries available to the client as a whole. Each retry takes 1 and each success
            returns 0.5, so that a service that is down does not get more traffic than usual.

    Raises:
        ConfigurationError: A number is out of range.
    """

    attempts: int = attrs.field(default=4, validator=_count)
    rate_limited_attempts: int = attrs.field(default=20, validator=_count)
    base: float = attrs.field(default=0.5, validator=_positive)
    cap: float = attrs.field(default=8.0, validator=_positive)
    max_retry_after: float = attrs.field(default=60.0, validator=_positive)
    budget: int = attrs.field(default=100, validator=_count)

    def delay(self, failures: int, random: Callable[[], float]) -> float:
        """Return the seconds to wait after the ``failures``-th failure (full jitter).

        ``random`` returns a number from 0 up to, but not including, 1. Jitter is applied after
        the cap; otherwise all clients that have reached the cap would retry at the same time.
        """
        # The exponent is bounded, because floats overflow long after the cap is reached.
        return random() * min(self.cap, self.base * 2.0 ** min(failures - 1, 60))


@attrs.define
class RetryBudget:
    """The retries still available to a client."""

    capacity: int
    left: float = attrs.field(default=attrs.Factory(lambda self: self.capacity, takes_self=True))

    def take(self) -> bool:
        """Take one retry; return False if none is left."""
        if self.left < 1:
            return False
        self.left -= 1
        return True

    def refund(self) -> None:
        """Add to the budget after a success."""
        self.left = min(self.capacity, self.left + REFUND)


@attrs.frozen
class RetryDecision:
    """What to do after an attempt.

    Attributes:
        wait: Seconds until the next attempt; None to make no further attempt.
        reason: The reason for the decision; None after a success.
    """

    wait: float | None
    reason: str | None


def decide(
    policy: RetryPolicy,
    replay: Replay,
    failure: errors.LoopsError,
    *,
    rate_limited: int,
    others: int,
    take: Callable[[], bool],
    random: Callable[[], float],
) -> RetryDecision:
    """Decide whether to retry after a failed attempt.

    Args:
        policy: How often and how long to retry.
        replay: Whether the endpoint's requests may be repeated when their outcome is unknown.
        failure: The failure of the latest attempt.
        rate_limited: Attempts of the call answered with 429, including the latest.
        others: Attempts that failed in another way, including the latest.
        take: Takes one retry from the client's budget; returns False if none is left.
        random: Returns a number from 0 up to, but not including, 1.
    """
    kind = failure_kind(failure)
    if kind is FailureKind.FINAL:
        return RetryDecision(None, kind.value)
    if kind is FailureKind.IN_DOUBT and replay is Replay.ONCE:
        return RetryDecision(None, "it may have taken effect and is not safe to repeat")
    if kind is FailureKind.RATE_LIMITED:
        made, allowed = rate_limited, policy.rate_limited_attempts
    else:
        made, allowed = others, policy.attempts
    if made >= allowed:
        return RetryDecision(None, f"all attempts used ({made})")
    requested: float | None = getattr(failure, "retry_after", None)
    if requested is not None and requested > policy.max_retry_after:
        return RetryDecision(None, f"the server asked for a wait of {requested:.0f} s")
    if kind is not FailureKind.RATE_LIMITED and not take():
        return RetryDecision(None, "retry budget exhausted")
    if requested is not None:
        return RetryDecision(
            requested, f"{kind.value}; the server asked for a wait of {requested:g} s"
        )
    return RetryDecision(policy.delay(made, random), kind.value)


_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_MAX_DATE_LENGTH = 64
_MAX_WAIT = 1e9
"""In seconds: the smallest value with more than the nine digits that ``_SECONDS`` matches."""


def parse_retry_after(reply: Reply, wall: float) -> float | None:
    """Return the seconds in the ``Retry-After`` header, or None if it is missing or not usable.

    Both forms of the header are supported. A wait of more than 30 years is ignored as a mistake.
    ``wall`` is the current time, in seconds since the epoch.
    """
    text = reply.headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    if len(text) > _MAX_DATE_LENGTH or not text.isascii():
        return None
    try:
        when = parsedate_to_datetime(text)
        if when.tzinfo is None:
            when = when.replace(tzinfo=UTC)
        wait = max(0.0, when.timestamp() - wall)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
    return wait if wait < _MAX_WAIT else None
