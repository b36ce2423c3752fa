"""What a client has done and what waits: figures for a service's metrics page."""

from collections.abc import Callable, Mapping
from typing import cast

import attrs

from loops_async.pipeline.messages import Lane


@attrs.frozen
class Stats:
    """One look at a client's work. The first four only grow, from when the client was made.

    Attributes:
        requests: Requests sent, every attempt counted.
        retries: Those of them that were not the first of their call.
        rate_limited: Those of them that Loops refused with a 429.
        failures: Calls of yours that were to be sent and raised; rows of ``upsert_many`` with an
            error, too. A create that was in doubt and then settled is none, nor is a ``find``
            that settling it took.
        in_flight: Requests on the wire: sent, and their reply has not come. The ``in_flight`` of
            a bulk run's ``totals`` also counts rows that wait for their turn or for a retry.
        waiting_interactive: Requests that wait for their turn under the team's rate limit, of
            every client that shares the pacer. None before the first call, and where the pacer
            does not tell.
        waiting_bulk: The same for the rows of ``upsert_many``, which let the others go ahead.
        rate: The team's limit in requests per second, as learnt from Loops or else as assumed.
            It is not the pace of the moment: what others with the team's keys used in the last
            seconds, such as a process that ended just now, is left to them and still counts here.
            None as for ``waiting_interactive``.
        dry_run: Calls that a dry run answered and did not send, by endpoint, such as
            ``{"PUT /v1/contacts/update": 3}``; empty for any other client.
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
class Counts:
    """What the retry layer counts; see ``Stats``."""

    requests: int = 0
    retries: int = 0
    rate_limited: int = 0
    failures: int = 0
    in_flight: int = 0
    dry_run: dict[str, int] = attrs.field(factory=dict[str, int])

    def fail(self) -> None:
        """Count a call that ended in an error."""
        self.failures += 1


def stats_of(counts: Counts, pacer: object) -> Stats:
    """``counts``, and what ``pacer`` tells of itself, if it does."""
    asked = getattr(pacer, "waiting", None)
    waiting = cast(Callable[[Lane], int], asked) if callable(asked) else None
    rate = getattr(pacer, "rate", None)
    return Stats(
        requests=counts.requests,
        retries=counts.retries,
        rate_limited=counts.rate_limited,
        failures=counts.failures,
        in_flight=counts.in_flight,
        waiting_interactive=waiting(Lane.INTERACTIVE) if waiting is not None else None,
        waiting_bulk=waiting(Lane.BULK) if waiting is not None else None,
        rate=rate if isinstance(rate, int | float) else None,
        dry_run=dict(counts.dry_run),
    )
