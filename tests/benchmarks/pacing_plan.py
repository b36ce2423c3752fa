"""Which runs there are, and which of them go together."""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any, Final

import attrs

from loops_async.sandbox import Window
from tests.benchmarks.pacing_rivals import OURS, RIVALS, SLEEP
from tests.benchmarks.pacing_runs import burst, interact, learn, saturate, share
from tests.benchmarks.pacing_virtual import row as virtual

WINDOWS: Final[tuple[Window, ...]] = ("fixed", "sliding", "bucket")
JITTERS: Final = (80, 20)

PHASES: Final = (
    {"interactive", "saturation", "busy", "bursts", "learning", "sharing"},
    {"rivals"},
    {"virtual"},
)
"""Sections that may run at the same time; ours has the machine to itself."""

_LIGHT, _HEAVY = 1, 6
_RATES: Final = ((10, _LIGHT), (100, _HEAVY))


@attrs.frozen
class Job:
    """One run: its section, how much of the machine it takes, and how to make it."""

    section: str
    weight: int
    run: Callable[..., Any]
    arguments: tuple[Any, ...]
    options: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        return f"{self.section}: {', '.join(str(one) for one in self.arguments)}"


def plan(seconds: float) -> Iterator[Job]:
    """Every run there is, those that take longest first.

    Args:
        seconds: How long the real ones count; the virtual ones have six times as many seconds.
    """
    yield from _ours(seconds)
    for rival, (rate, weight), window in product(RIVALS, _RATES, WINDOWS):
        takes = _LIGHT if rival == SLEEP else weight
        yield Job("rivals", takes, saturate, (rival, rate, window, 80, seconds))
    for (rate, _), jitter, window in product(_RATES, JITTERS, WINDOWS):
        options = (("seeds", 10), ("seconds", 6 * seconds))
        yield Job("virtual", _HEAVY, virtual, (rate, jitter, window), options)


def _ours(seconds: float) -> Iterator[Job]:
    for jitter, window in product(JITTERS, WINDOWS):
        yield Job("interactive", _LIGHT, interact, (10, window, jitter, 9 * seconds))
    for (rate, weight), jitter, window in product(_RATES, JITTERS, WINDOWS):
        # Longer at ten a second, where a single 429 is 0.5 % of the requests of twenty seconds.
        length = 3 * seconds if rate == 10 else seconds
        yield Job("saturation", weight, saturate, (OURS, rate, window, jitter, length))
    for window in WINDOWS:
        arguments = (OURS, 100, window, 20, seconds)
        yield Job("busy", _HEAVY, saturate, arguments, (("busy", True),))
    for (rate, weight), window in product(_RATES, WINDOWS):
        yield Job("sharing", weight, share, (rate, window, 80, seconds))
    for (rate, weight), window in product(((5, _LIGHT), (100, _HEAVY)), WINDOWS):
        yield Job("learning", weight, learn, (rate, window, 80))
    for window in WINDOWS:
        yield Job("bursts", _LIGHT, burst, (window,))
