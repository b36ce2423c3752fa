"""What people write in place of a pacer. All else is ours in each: client, retries, connections."""

from typing import TYPE_CHECKING, Final

import attrs

from loops_async.pipeline.messages import Lane, Pacing, Reply

if TYPE_CHECKING:
    from aiolimiter import AsyncLimiter

OURS: Final = "loops_async"
LIMITER: Final = "aiolimiter"
SLEEP: Final = "sleep"
BACKOFF: Final = "backoff"

RIVALS: Final = (LIMITER, BACKOFF, SLEEP)

LABELS: Final = {
    OURS: "loops_async",
    LIMITER: "`AsyncLimiter(R, 1)`, retries",
    BACKOFF: "nothing but retries",
    SLEEP: "one by one, `sleep(1 / R)`",
}


@attrs.frozen
class _Free:
    """A permit that nobody waits for."""

    def release(self, reply: Reply | None) -> None:
        pass


@attrs.frozen
class _Unpaced:
    """Lets everything go at once and leaves the rest to the retries."""

    async def acquire(self, lane: Lane = Lane.INTERACTIVE) -> _Free:
        return _Free()


@attrs.frozen
class _Limited:
    """Asks aiolimiter before each attempt."""

    limiter: "AsyncLimiter"

    async def acquire(self, lane: Lane = Lane.INTERACTIVE) -> _Free:
        await self.limiter.acquire()
        return _Free()


def pacer_of(name: str, rate: float) -> Pacing | None:
    """The pacer for a client; None for the client's own. Rivals are told the rate beforehand."""
    if name == OURS:
        return None
    if name != LIMITER:
        return _Unpaced()
    # Here, so that our own runs do without the group "bench".
    from aiolimiter import AsyncLimiter  # noqa: PLC0415

    return _Limited(AsyncLimiter(rate, 1))
