"""From the times at which requests arrived to figures. Pure."""

from collections.abc import Iterable, Sequence
from math import floor

import attrs

WARM_UP = 2.0
"""Seconds at the beginning that do not count."""


@attrs.frozen
class Arrival:
    """A request as the sandbox received it.

    Attributes:
        at: When, in monotonic seconds.
        taken: Whether it was within the limit; if not it was answered 429.
        own: Whether the client under test sent it, and not somebody else with the same key.
    """

    at: float
    taken: bool
    own: bool = True


@attrs.frozen
class Flow:
    """What arrived from somebody while it counted.

    Attributes:
        efficiency: Requests taken per second, as a part of the limit.
        refused_share: The share of 429s among all requests.
        taken_by_second: Requests taken in each second from the start, the warm-up included.
        refused_by_second: The same for 429s.
    """

    efficiency: float
    refused_share: float
    taken_by_second: list[int]
    refused_by_second: list[int]


def flow(arrivals: Iterable[Arrival], rate: float, start: float, seconds: float) -> Flow:
    """Count what arrived in the ``seconds`` after the warm-up.

    Args:
        arrivals: What the sandbox received.
        rate: The limit in requests per second.
        start: When the client began, in monotonic seconds.
        seconds: How long to count.
    """
    spans = floor(WARM_UP + seconds)
    series = {True: [0] * spans, False: [0] * spans}
    counts = {True: 0, False: 0}
    for one in arrivals:
        since = one.at - start
        if 0 <= since < spans:
            series[one.taken][floor(since)] += 1
        if WARM_UP <= since < WARM_UP + seconds:
            counts[one.taken] += 1
    total = counts[True] + counts[False]
    return Flow(
        efficiency=counts[True] / rate / seconds,
        refused_share=counts[False] / total if total else 0.0,
        taken_by_second=series[True],
        refused_by_second=series[False],
    )


def settled_after(arrivals: Sequence[Arrival], rate: float, seconds: float) -> float | None:
    """Seconds from the first arrival until the pace is right and stays so; None if it never does.

    It is right in two seconds that hold ``rate`` requests each, give or take a tenth of them, or
    two requests: so many may fall out of either end on a jittery way. What is sent counts, and not
    what is taken: no server lets in too many.
    """
    first = min(one.at for one in arrivals)
    steps = floor((seconds - 2) * 20) + 1
    settled = None
    for step in reversed(range(steps)):
        begin = first + step / 20
        sent = sum(begin <= one.at < begin + 2 for one in arrivals)
        if abs(sent - 2 * rate) > max(2.0, rate / 5):
            break
        settled = step / 20
    return settled


def percentile(values: Sequence[float], share: float) -> float:
    """The least of ``values`` that at least ``share`` of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(floor(len(ordered) * share), len(ordered) - 1)]
