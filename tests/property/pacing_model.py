"""A Loops made of arithmetic: three kinds of window and a jittery way there, in virtual time."""

import asyncio
import math
import random
from collections import deque
from collections.abc import Callable
from typing import Protocol

import attrs

from loops_async.pacing.pacer import Pacer
from loops_async.pipeline.messages import Lane, Reply


class Window(Protocol):
    """Decides at arrival."""

    limit: int

    def admit(self, now: float) -> int | None:
        """What is left after this request, or None when it is refused. Refusals cost nothing."""
        ...


class FixedWindow:
    def __init__(self, limit: int, phase: float = 0.0) -> None:
        self.limit, self._phase = limit, phase
        self._second, self._used = -1, 0

    def admit(self, now: float) -> int | None:
        second = math.floor(now + self._phase)
        if second != self._second:
            self._second, self._used = second, 0
        if self._used >= self.limit:
            return None
        self._used += 1
        return self.limit - self._used


class SlidingLog:
    def __init__(self, limit: int, phase: float = 0.0) -> None:
        self.limit = limit
        self._log: deque[float] = deque()

    def admit(self, now: float) -> int | None:
        while self._log and self._log[0] <= now - 1:
            self._log.popleft()
        if len(self._log) >= self.limit:
            return None
        self._log.append(now)
        return self.limit - len(self._log)


class TokenBucket:
    def __init__(self, limit: int, phase: float = 0.0) -> None:
        self.limit = limit
        self._tokens, self._filled = float(limit), 0.0

    def admit(self, now: float) -> int | None:
        self._tokens = min(self.limit, self._tokens + (now - self._filled) * self.limit)
        self._filled = now
        if self._tokens < 1 - 1e-9:
            return None
        self._tokens -= 1
        return int(self._tokens + 1e-9)


WINDOWS: dict[str, Callable[[int, float], Window]] = {
    "fixed": FixedWindow,
    "sliding": SlidingLog,
    "bucket": TokenBucket,
}


@attrs.define
class VirtualLoops:
    """Answers requests after a random delay each way, and keeps count.

    Attributes:
        window: How it counts.
        random: Where the delays come from.
        jitter: The delay each way is uniform between ``base`` and ``base + jitter`` seconds.
        counts_from: Nothing is counted before this time, so that the start is left out.
    """

    window: Window
    random: random.Random
    jitter: float = 0.0
    base: float = 0.0
    counts_from: float = 0.0
    taken: int = 0
    refused: int = 0
    to_refuse: int = 0
    """Requests to refuse whatever the window says."""

    async def request(self) -> Reply:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self.base + self.random.uniform(0, self.jitter))
        left = self.window.admit(loop.time()) if self.to_refuse <= 0 else None
        self.to_refuse -= 1
        if loop.time() >= self.counts_from:
            self.taken += left is not None
            self.refused += left is None
        await asyncio.sleep(self.base + self.random.uniform(0, self.jitter))
        headers = {
            "x-ratelimit-limit": str(self.window.limit),
            "x-ratelimit-remaining": str(left or 0),
        }
        return Reply(429 if left is None else 200, headers, b"")


@attrs.define
class Figures:
    """What a run came to."""

    efficiency: float
    refused_share: float
    failed: int
    latencies: list[float]
    """Seconds each interactive call took, its waiting and its round trip, in order of length."""

    def latency(self, share: float) -> float:
        return self.latencies[int(len(self.latencies) * share)]


@attrs.define
class Run:
    """Bulk workers that saturate the limit, beside interactive calls now and then."""

    pacer: Pacer
    server: VirtualLoops
    failed: int = 0
    latencies: list[float] = attrs.field(factory=list)

    async def call(self, lane: Lane) -> None:
        """One call, tried three times."""
        for attempt in range(3):
            permit = await self.pacer.acquire(lane)
            reply = None
            try:
                reply = await self.server.request()
            finally:
                permit.release(reply)
            if reply.status != 429:
                return
            await asyncio.sleep(self.server.random.uniform(0, 0.5 * 2**attempt))
        self.failed += 1

    async def work(self) -> None:
        while True:
            await self.call(Lane.BULK)

    async def probe(self, every: float) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self.server.random.uniform(0, 2 * every))
            start = loop.time()
            await self.call(Lane.INTERACTIVE)
            if start >= self.server.counts_from:
                self.latencies.append(loop.time() - start)

    async def figures(self, seconds: float, workers: int, probe_every: float | None) -> Figures:
        server = self.server
        tasks = [asyncio.create_task(self.work()) for _ in range(workers)]
        if probe_every is not None:
            tasks.append(asyncio.create_task(self.probe(probe_every)))
        await asyncio.sleep(server.counts_from + seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return Figures(
            efficiency=server.taken / server.window.limit / seconds,
            refused_share=server.refused / (server.taken + server.refused),
            failed=self.failed,
            latencies=sorted(self.latencies),
        )


async def saturate(
    kind: str,
    rate: int,
    *,
    seed: int,
    jitter: float,
    base: float = 0.0,
    seconds: float = 120.0,
    workers: int | None = None,
    probe_every: float | None = 0.7,
) -> Figures:
    """Run bulk workers against a virtual Loops for ``seconds``, after two to warm up."""
    chance = random.Random(seed)  # noqa: S311 (a test, no secret)
    window = WINDOWS[kind](rate, chance.random())
    server = VirtualLoops(window, chance, jitter=jitter, base=base, counts_from=2.0)
    if workers is None:
        workers = 20 if rate <= 10 else 60
    return await Run(Pacer(float(rate)), server).figures(seconds, workers, probe_every)
