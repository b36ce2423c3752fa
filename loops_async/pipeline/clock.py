"""Time and chance as arguments, so that no test waits and none patches a module.

Time is the event loop's: a test runs the same code on a loop whose clock jumps.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

import attrs


def loop_time() -> float:
    """The running event loop's clock, in seconds."""
    return asyncio.get_running_loop().time()


@attrs.frozen
class Clock:
    """Where the retry layer gets time and chance from.

    Attributes:
        now: Monotonic time in seconds.
        sleep: Waits for a number of seconds.
        random: A number from 0 up to, not including, 1.
        wall: Seconds since the epoch; only an HTTP date in ``Retry-After`` needs it.
    """

    now: Callable[[], float] = loop_time
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    random: Callable[[], float] = random.random
    wall: Callable[[], float] = time.time
