"""Watching attempts: the record of one, and an observer that writes it to the log."""

import logging
from typing import Final

import attrs

LOG: Final = logging.getLogger("loops_async")


@attrs.frozen
class Attempt:
    """One request that was sent, for whoever watches: no key, no address, no body.

    Attributes:
        method: The HTTP method.
        path: The endpoint's path.
        number: 1 for the first attempt of a call.
        status: The reply's HTTP status, or None where none came; 200 stands for any success.
        error: The class name of what went wrong, or None.
        seconds: From sending the request to the end of the reply.
        wait: Seconds until the next attempt, or None where there is none.
        reason: Why there is, or is not, another attempt; None after a success.
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
    """Write ``attempt`` to the logger ``loops_async``; for ``LoopsClient(on_attempt=…)``.

    A success is DEBUG, a failure that is tried again INFO, and one that is not WARNING.
    """
    if attempt.error is None:
        level, end = logging.DEBUG, ""
    elif attempt.wait is not None:
        level, end = logging.INFO, f"; again in {attempt.wait:.2f} s: {attempt.reason}"
    else:
        level, end = logging.WARNING, f"; not again: {attempt.reason}"
    LOG.log(
        level,
        "%s %s attempt %d: %s in %.3f s%s",
        attempt.method,
        attempt.path,
        attempt.number,
        attempt.error or attempt.status,
        attempt.seconds,
        end,
    )
