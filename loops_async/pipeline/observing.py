"""The ``Attempt`` passed to ``on_attempt``, and a function that logs it."""

import logging
from typing import Final

import attrs

LOG: Final = logging.getLogger("loops_async")


@attrs.frozen
class Attempt:
    """One request that was sent. It never contains an API key, an address or a body.

    Attributes:
        method: The HTTP method.
        path: The endpoint's path.
        number: 1 for the first attempt of a call.
        status: The HTTP status of the reply, or None if there was none. 200 for any success.
        error: The class name of the error, or None.
        seconds: Time from sending the request to the end of the reply, in seconds.
        wait: Seconds until the next attempt, or None if there is none.
        reason: Why there is, or is not, another attempt. None after a success.
    """

    method: str
    path: str
    number: int
    status: int | None
    error: str | None
    seconds: float
    wait: float | None
    reason: str | None


def log_attempts(attempt: Attempt) -> None:
    """Log ``attempt`` to the logger ``loops_async``: ``LoopsClient(on_attempt=log_attempts)``.

    A success is logged as DEBUG, a failure that is retried as INFO, and any other as WARNING.
    """
    if attempt.error is None:
        level, outcome = logging.DEBUG, ""
    elif attempt.wait is not None:
        level, outcome = logging.INFO, f"; retrying in {attempt.wait:.2f} s: {attempt.reason}"
    else:
        level, outcome = logging.WARNING, f"; not retrying: {attempt.reason}"
    LOG.log(
        level,
        "%s %s attempt %d: %s in %.3f s%s",
        attempt.method,
        attempt.path,
        attempt.number,
        attempt.error or attempt.status,
        attempt.seconds,
        outcome,
    )
