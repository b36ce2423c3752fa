"""The script that runs in Redis, with the constants of the pacer that it goes by."""

import hashlib
from importlib.resources import files
from typing import Final

from loops_async.pacing import learning
from loops_async.pacing.learning import LINGER, LONGEST_GRACE, OTHERS_MEMORY
from loops_async.pacing.slots import CATCH_UP, SPACING

MICRO: Final = 1_000_000
"""The script counts in microseconds."""

PATIENCE: Final = 0.8
"""Seconds after which a Redis that says nothing counts as gone."""

_CONSTANTS: Final = {
    "REFUSED": learning.REFUSED,
    # News of a 429 takes a while to change what all processes have reserved: at the full step, four
    # of them have half as many 429s again (measured with tests/benchmarks/pacing_redis.py).
    "TAKEN": learning.TAKEN / 2,
    "TAKEN_AT_FIRST": learning.TAKEN_AT_FIRST,
    "TIMID": learning.TIMID,
    "BOLD": learning.BOLD,
    "HIGHEST": learning.HIGHEST_LIMIT,
    "LOWEST": 0.001,
    "SPACING": SPACING,
    "LONGEST_GRACE": LONGEST_GRACE * MICRO,
    "LONGEST_HOLD": learning.LONGEST_HOLD * MICRO,
    "CATCH_UP": CATCH_UP * MICRO,
    "LINGER": LINGER * MICRO,
    # The in-process pacer forgets after once to twice its memory.
    "OTHERS_MEMORY": 1.5 * OTHERS_MEMORY * MICRO,
    # How well a process knows Redis' clock, about: what its times may differ by.
    "BLUR": 0.001 * MICRO,
    "RETENTION": 2 * MICRO,
    "AHEAD": 10 * MICRO,
    "JUMP": 0.1 * MICRO,
    "PATIENCE": PATIENCE * MICRO,
    "ALIVE": 30 * MICRO,
    # Whoever waits tries to come back every half second.
    "RETURN": 0.75 * MICRO,
    "TTL": 600 * 1000,
}
SCRIPT: Final = (
    "\n".join(f"local {name} = {value:.10g}" for name, value in _CONSTANTS.items())
    + "\n"
    + (files("loops_async.contrib.redis") / "reserve.lua").read_text(encoding="utf-8")
)
DIGEST: Final = hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()
