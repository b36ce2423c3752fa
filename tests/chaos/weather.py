"""What a run is like: how many faults, how much patience, how many calls at a time."""

from typing import Final

import attrs

from loops_async import RetryPolicy, Timeouts
from loops_async.sandbox import FAULT_KINDS

MANY: Final = 10**7

_FEW_ATTEMPTS: Final = RetryPolicy(attempts=3, base=0.005, cap=0.02, budget=MANY)
_LITTLE_PATIENCE: Final = Timeouts(connect=2.0, read=0.5, total=30.0)


@attrs.frozen(kw_only=True)
class Weather:
    """What a run is like.

    No attempt of a call may land after a later call for the same contact, or no model could tell
    what Loops holds. So a delay (0.05 s) is far shorter than the client's patience (0.5 s); the
    sandbox drops what it has not begun when its client leaves; and both live in one event loop,
    which reads what was sent before it notices that the time is up. A late one would show all the
    same, as a contact that is not as the call before left it.

    Attributes:
        seed: Where the plan and the lot of the faults begin. Which request meets which fault
            depends on the order of arrival besides.
        rate: The share of requests that meet a fault.
        kinds: The kinds and families of faults; all that there are.
        retry: Few attempts, so that some calls stay in doubt to the end; short pauses; and all the
            budget there is, unless the run is about the budget.
        timeouts: Little patience, so that an answer that never comes costs little.
        in_flight: Calls at the same time.
        restarts: How often the server goes down and comes back, its store as it was.
        downtime: Seconds for which it is down.
        failures: The share of calls that may fail without having been refused.
    """

    seed: int
    rate: float = 0.3
    kinds: tuple[str, ...] = tuple(FAULT_KINDS)
    retry: RetryPolicy = _FEW_ATTEMPTS
    timeouts: Timeouts = _LITTLE_PATIENCE
    in_flight: int = 50
    restarts: int = 0
    downtime: float = 0.02
    failures: float = 0.03


def all_but(*names: str) -> tuple[str, ...]:
    """All kinds of faults but these."""
    return tuple(kind for kind in FAULT_KINDS if kind not in names)
