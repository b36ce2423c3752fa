"""Time and randomness as arguments, so that tests need not wait or patch modules.

Time is the event loop's, so tests can run the same code on a loop with a virtual clock.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

import attrs


def loop_time() -> float:
    """Return the running event loop's time, in seconds."""
    return asyncio.get_running_loop().time()


# These wrappers exist because Temporal's workflow sandbox rejects modules that use random.random
# as a default value. It also replaces time.time while a workflow runs.


def random_fraction() -> float:
    """Return a random number from 0 up to, but not including, 1."""
    return random.random()  # noqa: S311 - for delays


def wall_time() -> float:
    """Return the seconds since the epoch."""
    return time.time()


@attrs.frozen
class Clock:
    """The retry layer's source of time and randomness.

    Attributes:
        now: Returns monotonic time in seconds.
        sleep: Waits for a number of seconds.
        random: Returns a number from 0 up to, but not including, 1.
        wall: Returns the seconds since the epoch; used for HTTP dates in ``Retry-After``.
    """

    now: Callable[[], float] = loop_time
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    random: Callable[[], float] = random_fraction
    wall: Callable[[], float] = wall_time
