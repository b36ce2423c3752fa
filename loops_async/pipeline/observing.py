"""The ``Attempt`` that observers receive, and the log lines about attempts."""

import logging
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Final, TypeAlias

import attrs

LOG: Final = logging.getLogger("loops_async")


@attrs.frozen
class Attempt:
    """One request that was sent. It never contains an API key, an address or a body.

    Attributes:
        method: The HTTP method.
        path: The endpoint's path.
        number: 1 for the first attempt of a call.
        status: The HTTP status of the reply, or None without a reply. 200 for any success.
        error: The class name of the error, or None.
        seconds: Time from sending the request to the end of the reply, in seconds.
        wait: Seconds until the next attempt, or None if there is none.
        reason: Why the request is or is not retried. None after a success.
    """

    method: str
    path: str
    number: int
    status: int | None
    error: str | None
    seconds: float
    wait: float | None
    reason: str | None


Observer: TypeAlias = Callable[[Attempt], object]
"""Called with each attempt, after the request."""

_logged: Final[ContextVar[Attempt | None]] = ContextVar("_logged", default=None)
"""The last attempt that ``log_attempts`` logged, to avoid logging it twice."""


def log_attempts(attempt: Attempt) -> None:
    """Log ``attempt`` to the logger ``loops_async``: ``LoopsClient(on_attempt=log_attempts)``.

    A success is logged as DEBUG, a failure that is retried as INFO, and any other as WARNING.
    Without it, a client only logs retries and calls that it gave up on.
    """
    _logged.set(attempt)
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


def observe(attempt: Attempt, observers: Iterable[Observer], *, log: bool) -> None:
    """Pass ``attempt`` to each observer. Log it if ``log`` is true and no observer logged it."""
    for observer in observers:
        try:
            observer(attempt)
        except Exception:
            LOG.exception("on_attempt raised an exception")
    if log and _logged.get() is not attempt:
        log_attempts(attempt)
