"""The runs: a real client in this process against a sandbox in another, over real sockets.

Each function makes one run from beginning to end and returns its row.
"""

import asyncio
import random
import statistics
import time
from collections.abc import Iterator
from contextlib import suppress

import aiohttp

from loops_async import ContactUpdate, LoopsClient, Pacer
from loops_async.pipeline.observing import Attempt
from loops_async.sandbox import Window
from tests.benchmarks.pacing_figures import WARM_UP, flow, settled_after
from tests.benchmarks.pacing_rivals import OURS, SLEEP, pacer_of
from tests.benchmarks.pacing_rows import Burst, Interactive, Learning, Saturation, Sharing
from tests.benchmarks.pacing_sandbox import remote_sandbox

_TAIL = 0.3
"""Seconds that the client goes on after the count, so that the last to arrive is processed."""

_PROBE_EVERY = 0.5
"""Seconds between interactive calls, on the average."""


def saturate(
    pacer: str, rate: int, window: Window, jitter: int, seconds: float, *, busy: bool = False
) -> Saturation:
    """Upsert as many contacts as go in.

    Args:
        pacer: Ours, or the name of a rival.
        rate: The sandbox's limit in requests per second.
        window: How it counts.
        jitter: Milliseconds of random delay each way, at the most.
        seconds: How long to count, after the warm-up.
        busy: Whether the client's loop is blocked for 10 ms of every 25.
    """
    with remote_sandbox(rate=rate, window=window, latency=(0.0, jitter / 1000)) as sandbox:
        start, until = _span(seconds)
        failed = asyncio.run(_saturate(sandbox.url, pacer, rate, until, busy=busy))
        counted = flow(sandbox.arrivals(), rate, start, seconds)
    return Saturation(pacer, rate, window, jitter, seconds, failed, counted, busy=busy)


async def _saturate(url: str, pacer: str, rate: int, until: float, *, busy: bool) -> int:
    async with _client(url, pacer=pacer_of(pacer, rate)) as loops:
        blocking = asyncio.create_task(_block()) if busy else None
        try:
            if pacer == SLEEP:
                return await _one_by_one(loops, 1 / rate, until)
            return await _fill(loops, 20 if rate <= 10 else 60, until)
        finally:
            if blocking is not None:
                blocking.cancel()


async def _fill(loops: LoopsClient, workers: int, until: float) -> int:
    """Upsert until then; how many rows failed for good."""
    failed = 0
    async with loops.contacts.upsert_many(_contacts(), concurrency=workers) as run:
        async for outcome in run:
            failed += outcome.error is not None
            if time.monotonic() >= until:
                break
    return failed


async def _one_by_one(loops: LoopsClient, pause: float, until: float) -> int:
    for contact in _contacts():
        await loops.contacts.update(contact)
        await asyncio.sleep(pause)
        if time.monotonic() >= until:
            break
    return 0


async def _block() -> None:
    while True:
        time.sleep(0.010)  # noqa: ASYNC251 (to block is the point)
        await asyncio.sleep(0.015)


def interact(rate: int, window: Window, jitter: int, seconds: float) -> Interactive:
    """Time interactive calls while a bulk run saturates the limit."""
    with remote_sandbox(rate=rate, window=window, latency=(0.0, jitter / 1000)) as sandbox:
        _, until = _span(seconds)
        latencies, trips = asyncio.run(_interact(sandbox.url, until - _TAIL))
    return Interactive(rate, window, jitter, statistics.mean(trips), latencies)


async def _interact(url: str, until: float) -> tuple[list[float], list[float]]:
    trips: list[float] = []
    latencies: list[float] = []

    def note(attempt: Attempt) -> None:
        trips.append(attempt.seconds)

    async with _client(url, on_attempt=note) as loops:
        filling = asyncio.create_task(_fill(loops, 20, until))
        await asyncio.sleep(WARM_UP)
        while time.monotonic() < until - 2 * _PROBE_EVERY:
            await asyncio.sleep(random.uniform(0, 2 * _PROBE_EVERY))  # noqa: S311 (no secret)
            begin = time.monotonic()
            await loops.contacts.update(email="ada@example.com")
            latencies.append(time.monotonic() - begin)
        await filling
    return latencies, trips


def burst(window: Window) -> Burst:
    """Ten calls at once after three idle seconds, at ten requests per second."""
    with remote_sandbox(rate=10, window=window) as sandbox:
        asyncio.run(_burst(sandbox.url))
        last = sandbox.arrivals()[1:]
    span = max(one.at for one in last) - min(one.at for one in last)
    return Burst(window, len(last), sum(not one.taken for one in last), span)


async def _burst(url: str) -> None:
    async with _client(url) as loops:
        await loops.contacts.update(email="ada@example.com")
        await asyncio.sleep(3)
        await asyncio.gather(*(loops.contacts.update(contact) for contact in _ten()))


def learn(rate: int, window: Window, jitter: int) -> Learning:
    """Begin with the assumed ten requests per second where the limit is another."""
    seconds = 8.0
    with remote_sandbox(rate=rate, window=window, latency=(0.0, jitter / 1000)) as sandbox:
        start = time.monotonic()
        known = asyncio.run(_learn(sandbox.url, rate, start, start + seconds + _TAIL))
        arrivals = sandbox.arrivals()
    settled = settled_after(arrivals, rate, seconds)
    refused = sum(not one.taken for one in arrivals)
    return Learning(rate, window, jitter, known, settled, refused)


async def _learn(url: str, rate: int, start: float, until: float) -> float | None:
    pacer = Pacer()  # as the client makes it for itself, but within reach
    known = None

    async def watch() -> None:
        nonlocal known
        while pacer.rate != rate:  # noqa: ASYNC110 (a pacer tells nobody when it learns)
            await asyncio.sleep(0.005)
        known = time.monotonic() - start

    async with _client(url, pacer=pacer) as loops:
        watching = asyncio.create_task(watch())
        await _fill(loops, 60, until)
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
    return known


def share(rate: int, window: Window, jitter: int, seconds: float) -> Sharing:
    """Saturate what somebody else leaves, who sends half of the limit with the same key."""
    with remote_sandbox(rate=rate, window=window, latency=(0.0, jitter / 1000)) as sandbox:
        start, until = _span(seconds)
        failed = asyncio.run(_share(sandbox.url, rate, until))
        arrivals = sandbox.arrivals()
    ours = flow([one for one in arrivals if one.own], rate, start, seconds)
    theirs = flow([one for one in arrivals if not one.own], rate, start, seconds)
    return Sharing(rate, window, jitter, failed, ours, theirs)


async def _share(url: str, rate: int, until: float) -> int:
    async with _client(url, pacer=pacer_of(OURS, rate)) as loops:
        other = asyncio.create_task(_send_evenly(f"{url}/v1/contacts/update", rate / 2))
        try:
            return await _fill(loops, 20 if rate <= 10 else 60, until)
        finally:
            other.cancel()
            with suppress(asyncio.CancelledError):
                await other


async def _send_evenly(url: str, rate: float) -> None:
    """Somebody else: requests at even distances, whatever becomes of them."""
    headers = {"Authorization": "Bearer test-key"}

    async def send(number: int) -> None:
        body = {"email": f"other{number}@example.com"}
        async with http.put(url, json=body, headers=headers) as reply:
            await reply.read()

    loop = asyncio.get_running_loop()
    begin = loop.time()
    async with aiohttp.ClientSession() as http, asyncio.TaskGroup() as tasks:
        for number in range(1_000_000):
            tasks.create_task(send(number))
            await asyncio.sleep(begin + (number + 1) / rate - loop.time())


def _span(seconds: float) -> tuple[float, float]:
    start = time.monotonic()
    return start, start + WARM_UP + seconds + _TAIL


def _client(url: str, **options: object) -> LoopsClient:
    return LoopsClient("test-key", base_url=url, **options)  # type: ignore[arg-type]


def _contacts() -> Iterator[ContactUpdate]:
    return (ContactUpdate(email=f"user{number}@example.com") for number in range(10**9))


def _ten() -> list[ContactUpdate]:
    return [contact for contact, _ in zip(_contacts(), range(10), strict=False)]
