"""A look at the account: whose key it is, what limit it has, and how far the clock is."""

import os
import time
from email.utils import parsedate_to_datetime
from typing import Final

import attrs

from loops_async.cli.options import needs_key
from loops_async.cli.refusals import shown
from loops_async.cli.talking import Talk
from loops_async.client import LoopsClient
from loops_async.connection import checked_base_url
from loops_async.errors import ConfigurationError, Unauthorized
from loops_async.pacing.learning import read_limit, read_remaining
from loops_async.pacing.pacer import Pacer
from loops_async.pipeline.messages import Lane, Permit, Reply
from loops_async.pipeline.observing import Attempt
from loops_async.pipeline.retry_policy import RetryPolicy
from loops_async.settings import checked_dry_run

WRONG_CLOCK: Final = 30.0
"""Seconds of difference that are worth a warning."""

_TIMEOUT: Final = 20.0
"""Seconds for the question, retries included: somebody sits in front of it."""


@attrs.frozen
class ClockDifference:
    """How far this machine's clock is from the server's.

    Attributes:
        ahead: Seconds; negative where this clock is behind.
        uncertainty: Seconds by which ``ahead`` may be wrong, either way.
    """

    ahead: float
    uncertainty: float

    def __str__(self) -> str:
        """``0.3 s behind Loops', ± 0.6 s``."""
        way = "ahead of" if self.ahead >= 0 else "behind"
        return f"{abs(self.ahead):.1f} s {way} Loops', ± {self.uncertainty:.1f} s"

    @property
    def is_wrong(self) -> bool:
        """Whether the clock is off by more than ``WRONG_CLOCK``, at the very least."""
        return abs(self.ahead) - self.uncertainty > WRONG_CLOCK


def clock_difference(reply: Reply, sent: float, received: float) -> ClockDifference | None:
    """The difference that the reply's ``Date`` shows; None where it has none that can be used.

    Args:
        reply: A reply of Loops.
        sent: The local time, in seconds, when its request was sent.
        received: The local time when it had come.
    """
    if reply.headers.get("Age", "0") != "0":
        # A cache between here and Loops kept the reply, and its date.
        return None
    try:
        said = parsedate_to_datetime(reply.headers.get("Date", "")).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
    # The header's seconds are whole ones, cut off: the server wrote it somewhere in that second.
    return ClockDifference((sent + received) / 2 - (said + 0.5), (received - sent) / 2 + 0.5)


@attrs.define
class Heard:
    """A pacer that keeps the last reply and the times around it; it paces like any other.

    Attributes:
        pacer: Who grants the turns.
        reply: The last reply; None before the first.
        sent: The local time, in seconds, when its request got its turn.
        received: The local time when it had come.
    """

    pacer: Pacer = attrs.field(factory=Pacer)
    reply: Reply | None = None
    sent: float = 0.0
    received: float = 0.0

    async def acquire(self, lane: Lane = Lane.INTERACTIVE) -> "_Permit":
        """Wait for a turn."""
        permit = await self.pacer.acquire(lane)
        return _Permit(self, permit, time.time())


@attrs.frozen
class _Permit:
    heard: Heard
    permit: Permit
    sent: float

    def release(self, reply: Reply | None) -> None:
        if reply is not None:
            heard = self.heard
            heard.reply, heard.sent, heard.received = reply, self.sent, time.time()
        self.permit.release(reply)


async def check_account(api_key: str | None, base_url: str | None, talk: Talk) -> None:
    """Ask Loops whose key it is, and tell that and what else the answer shows.

    Raises:
        LoopsError: No key, a key that Loops refuses, or no answer.
    """
    if checked_dry_run(None, has_transport=False):
        raise ConfigurationError("LOOPS_DRY_RUN is set, so Loops cannot be asked; unset it")
    needs_key(api_key, "`loops-async demo` and `validate --offline` need none")
    origin = "--api-key" if api_key is not None else "LOOPS_API_KEY"
    address = str(checked_base_url(base_url))
    # Before anything is asked, so that the JSON of a failure says where it was asked.
    talk.document |= {"key_valid": None, "key_source": origin, "base_url": address}

    def observe(attempt: Attempt) -> None:
        if attempt.wait is not None:
            talk.say(f"{attempt.error}; asking again in {attempt.wait:.1f} s.")

    heard = Heard()
    client = LoopsClient(
        api_key,
        base_url=base_url,
        pacer=heard,
        retry=RetryPolicy(attempts=3),
        timeout=_TIMEOUT,
        on_attempt=observe,
    )
    async with client as loops:
        try:
            team = await loops.api_key.test()
        except Unauthorized:
            talk.document["key_valid"] = False
            raise
    talk.document |= {"key_valid": True, "team": team.team_name}
    talk.tell(f"key: valid, from {origin}")
    talk.tell(f"team: {shown(team.team_name)}")
    talk.tell(f"address: {address}")
    _tell_headers(heard, talk)
    safe_mode = os.environ.get("LOOPS_ALLOWED_RECIPIENTS") is not None
    talk.document["safe_mode"] = safe_mode
    if safe_mode:
        talk.tell(
            "safe mode: on, contacts, events and mail go to LOOPS_ALLOWED_RECIPIENTS alone; "
            "deletes and reads are not held back"
        )


def _tell_headers(heard: Heard, talk: Talk) -> None:
    reply = heard.reply
    assert reply is not None  # noqa: S101 - there is no team without a reply
    limit = read_limit(reply.headers)
    remaining = None if limit is None else read_remaining(reply.headers, limit)
    clock = clock_difference(reply, heard.sent, heard.received)
    talk.document |= {
        "limit": limit,
        "remaining": remaining,
        "round_trip_seconds": round(heard.received - heard.sent, 3),
        "clock": clock
        and {
            "ahead_seconds": round(clock.ahead, 1),
            "uncertainty_seconds": round(clock.uncertainty, 1),
        },
    }
    left = "" if remaining is None else f", {remaining} of them left just now"
    talk.tell(f"limit: {limit} requests per second{left}" if limit else "limit: Loops did not say")
    talk.tell(f"clock: {clock}" if clock else "clock: Loops did not say what time it is")
    if clock is not None and clock.is_wrong:
        talk.warn(
            "the clock of this machine is wrong; set it, for what is signed with the time, such as "
            "a webhook, is refused when the clocks differ by minutes"
        )
