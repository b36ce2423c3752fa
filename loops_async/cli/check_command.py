"""``loops-async check``: whose key it is, the rate limit, and how far the clock is off."""

import asyncio
import os
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

import attrs
import click

from loops_async.cli.console import Console
from loops_async.cli.options import account_options, json_option, warn_of_key
from loops_async.cli.runner import DONE, require_key, run, stoppable
from loops_async.errors import ConfigurationError, Unauthorized
from loops_async.importer.errors import quote_name

if TYPE_CHECKING:
    from loops_async.pacing.pacer import Pacer
    from loops_async.pipeline.messages import Lane, Permit, Reply
    from loops_async.pipeline.observing import Attempt

WRONG_CLOCK: Final = 30.0
"""Seconds of difference that are worth a warning."""

_TIMEOUT: Final = 20.0
"""Seconds for the question, retries included; a person waits for it."""


@click.command()
@account_options
@json_option
def check(api_key: str | None, base_url: str | None, *, as_json: bool) -> None:
    """Check the API key.

    Prints whether the key is valid, which team it belongs to, the team's rate
    limit, and how far the clock of this machine differs from Loops'.

    \b
    Example:
      LOOPS_API_KEY=... loops-async check
      loops-async check --json

    \b
    Exit status: 0 the key is valid, 2 no key or an invalid option, 3 Loops
    rejected the key, 4 Loops could not be reached, 130 interrupted,
    143 terminated.
    """  # noqa: D301 - \b is click's mark for text to leave as it is
    console = Console("check", as_json, base_url)
    warn_of_key(console, api_key)
    run(console, lambda: asyncio.run(_check(console, api_key)))


async def _check(console: Console, api_key: str | None) -> int:
    from loops_async.cli.command_client import CommandClient  # noqa: PLC0415
    from loops_async.connection import checked_base_url  # noqa: PLC0415
    from loops_async.pacing.pacer import Pacer  # noqa: PLC0415
    from loops_async.pipeline.retry_policy import RetryPolicy  # noqa: PLC0415
    from loops_async.settings import checked_dry_run  # noqa: PLC0415

    if checked_dry_run(None, has_transport=False):
        raise ConfigurationError("LOOPS_DRY_RUN is set, so Loops cannot be asked; unset it")
    require_key(api_key, "`loops-async demo` and `validate --offline` need none")
    origin = "--api-key" if api_key is not None else "LOOPS_API_KEY"
    address = str(checked_base_url(console.base_url))
    # Now, so that the JSON of a failure includes which address was asked.
    console.document |= {"key_valid": None, "key_source": origin, "base_url": address}

    def observe(attempt: "Attempt") -> None:
        if attempt.wait is not None:
            console.log(f"{attempt.error}; asking again in {attempt.wait:.1f} s.")

    recorder = ReplyRecorder(Pacer())
    client = CommandClient(
        api_key,
        console.base_url,
        pacer=recorder,
        retry=RetryPolicy(attempts=3),
        timeout=_TIMEOUT,
        on_attempt=observe,
    )
    with stoppable():
        async with client as loops:
            try:
                team = await loops.api_key.test()
            except Unauthorized:
                console.document["key_valid"] = False
                raise
    console.document |= {"key_valid": True, "team": team.team_name}
    console.print(f"key: valid, from {origin}")
    console.print(f"team: {quote_name(team.team_name)}")
    console.print(f"address: {address}")
    _show_headers(console, recorder)
    safe_mode = os.environ.get("LOOPS_ALLOWED_RECIPIENTS") is not None
    console.document["safe_mode"] = safe_mode
    if safe_mode:
        console.print(
            "safe mode: on; contacts, events and mail are only sent to LOOPS_ALLOWED_RECIPIENTS; "
            "reads and deletes are not restricted"
        )
    return DONE


@attrs.define
class ReplyRecorder:
    """A pacer for one request at a time that keeps the last reply.

    ``sent`` and ``received`` are the local times, in seconds, of its request and of the reply.
    """

    pacer: "Pacer"
    reply: "Reply | None" = None
    sent: float = 0.0
    received: float = 0.0
    _permit: "Permit | None" = None

    async def acquire(self, lane: "Lane | None" = None) -> "ReplyRecorder":
        """Wait for a turn."""
        self._permit = await (self.pacer.acquire(lane) if lane else self.pacer.acquire())
        self.sent = time.time()
        return self

    def release(self, reply: "Reply | None") -> None:
        """Return the turn."""
        if reply is not None:
            self.reply, self.received = reply, time.time()
        if self._permit is not None:
            self._permit.release(reply)


@attrs.frozen
class ClockDifference:
    """How far this machine's clock is from the server's.

    Attributes:
        ahead: Seconds; negative if this clock is behind.
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
        """Whether the clock is certainly off by more than ``WRONG_CLOCK``."""
        return abs(self.ahead) - self.uncertainty > WRONG_CLOCK


def clock_difference(reply: "Reply", sent: float, received: float) -> ClockDifference | None:
    """The difference according to the reply's ``Date``; None without a usable one."""
    if reply.headers.get("Age", "0") != "0":
        # A cache between here and Loops kept the reply, and its date.
        return None
    try:
        date = parsedate_to_datetime(reply.headers.get("Date", "")).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
    # The header has whole seconds, rounded down: the server wrote it somewhere in that second.
    return ClockDifference((sent + received) / 2 - (date + 0.5), (received - sent) / 2 + 0.5)


def _show_headers(console: Console, recorder: ReplyRecorder) -> None:
    from loops_async.pacing.learning import read_limit, read_remaining  # noqa: PLC0415

    reply = recorder.reply
    assert reply is not None  # noqa: S101 - there is no team without a reply
    limit = read_limit(reply.headers)
    remaining = None if limit is None else read_remaining(reply.headers, limit)
    clock = clock_difference(reply, recorder.sent, recorder.received)
    console.document |= {
        "limit": limit,
        "remaining": remaining,
        "round_trip_seconds": round(recorder.received - recorder.sent, 3),
        "clock": clock
        and {
            "ahead_seconds": round(clock.ahead, 1),
            "uncertainty_seconds": round(clock.uncertainty, 1),
        },
    }
    left = "" if remaining is None else f", {remaining} of them left at the moment"
    console.print(
        f"limit: {limit} requests per second{left}" if limit else "limit: not in Loops' reply"
    )
    console.print(f"clock: {clock}" if clock else "clock: the time is not in Loops' reply")
    if clock is not None and clock.is_wrong:
        console.warn(
            "the clock of this machine is wrong; set it, because anything signed with the time, "
            "such as a webhook, is rejected when the clocks differ by minutes"
        )
