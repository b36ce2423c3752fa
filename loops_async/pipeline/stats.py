"""Request counters of a client, and the ``Stats`` snapshot that users read."""

from collections.abc import Callable, Mapping
from typing import cast

import attrs

from loops_async.pipeline.messages import Lane


@attrs.frozen(slots=False)
class Stats:
    """A snapshot of a client's activity.

    ``requests``, ``retries``, ``rate_limited`` and ``failures`` only ever grow, starting from
    when the client was created.

    Attributes:
        requests: Requests sent, including every retry.
        retries: How many of those were retries.
        rate_limited: How many of those got a 429.
        failures: Your calls that raised an error, and rows of ``upsert_many`` that failed. A
            create whose outcome was unclear at first and was then resolved is not a failure, nor
            is the ``find`` that resolved it.
        in_flight: Requests that were sent and have no response yet. The ``in_flight`` of a bulk
            run's ``totals`` also includes rows that wait for the rate limit or for a retry.
        waiting_interactive: Requests that wait for the team's rate limit, from every client that
            shares the pacer. None before the first call, and if the pacer does not report it.
        waiting_bulk: The same for rows of ``upsert_many``, which yield to other requests.
        rate: The team's limit in requests per second, as reported by Loops, or as assumed until
            then. The current pace may be lower, because the pacer leaves room for requests that
            other processes sent in the last few seconds. None in the same cases as
            ``waiting_interactive``.
        dry_run: Calls answered by a dry run instead of being sent, by endpoint, such as
            ``{"PUT /v1/contacts/update": 3}``. Empty for any other client.
    """

    requests: int
    retries: int
    rate_limited: int
    failures: int
    in_flight: int
    waiting_interactive: int | None
    waiting_bulk: int | None
    rate: float | None
    dry_run: Mapping[str, int] = attrs.field(factory=dict[str, int])


@attrs.define(eq=False)
class Counters:
    """The counters behind ``Stats``."""

    requests: int = 0
    retries: int = 0
    rate_limited: int = 0
    failures: int = 0
    in_flight: int = 0
    dry_run: dict[str, int] = attrs.field(factory=dict[str, int])

    def stats(self, pacer: object) -> Stats:
        """Return a snapshot, with the figures that ``pacer`` reports, if it reports any."""
        reported = getattr(pacer, "waiting", None)
        waiting = cast(Callable[[Lane], int], reported) if callable(reported) else None
        rate = getattr(pacer, "rate", None)
        return Stats(
            requests=self.requests,
            retries=self.retries,
            rate_limited=self.rate_limited,
            failures=self.failures,
            in_flight=self.in_flight,
            waiting_interactive=waiting(Lane.INTERACTIVE) if waiting is not None else None,
            waiting_bulk=waiting(Lane.BULK) if waiting is not None else None,
            rate=rate if isinstance(rate, int | float) else None,
            dry_run=dict(self.dry_run),
        )
