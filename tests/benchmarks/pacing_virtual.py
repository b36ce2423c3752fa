"""The pacer against three kinds of window, over many seeds, in virtual time; and on a busy loop.

Run by hand: ``python -m tests.benchmarks.pacing_virtual [--quick]``.
"""

# ruff: noqa: T201 (it prints a table)

import argparse
import asyncio
import random
import statistics
import time

from loops_async.pacing.pacer import Pacer
from loops_async.pipeline.messages import Lane, Reply
from tests.benchmarks.pacing_figures import percentile
from tests.benchmarks.pacing_rows import FLOORS, Virtual
from tests.benchmarks.pacing_tables import virtual_table
from tests.property.pacing_model import WINDOWS, Run, VirtualLoops, saturate
from tests.virtual_time import run_virtual


def rows(seeds: int, seconds: float) -> list[Virtual]:
    """Every rate, jitter and window, ``seeds`` times ``seconds`` virtual seconds each."""
    return [
        row(rate, jitter, kind, seeds=seeds, seconds=seconds)
        for rate in (10, 100)
        for jitter, floors in FLOORS.items()
        for kind in floors
    ]


def row(rate: int, jitter: int, kind: str, *, seeds: int, seconds: float) -> Virtual:
    """One rate, jitter (in milliseconds) and window."""
    runs = [
        run_virtual(saturate(kind, rate, seed=seed, jitter=jitter / 1000, seconds=seconds))
        for seed in range(seeds)
    ]
    efficiency = [run.efficiency for run in runs]
    refused = [run.refused_share for run in runs]
    latencies = [latency for run in runs for latency in run.latencies]
    return Virtual(
        rate,
        kind,
        jitter,
        efficiency=statistics.mean(efficiency),
        worst_efficiency=min(efficiency),
        refused_share=statistics.mean(refused),
        worst_refused_share=max(refused),
        failed=sum(run.failed for run in runs),
        p50=percentile(latencies, 0.5),
        p99=percentile(latencies, 0.99),
    )


def cost_of_a_permit() -> float:
    """Microseconds for one uncontended acquire and release, with the headers Loops sends."""
    reply = Reply(200, {"x-ratelimit-limit": "10000", "x-ratelimit-remaining": "9990"}, b"")

    async def measure(count: int = 4000) -> float:
        pacer = Pacer(10_000)
        start = time.perf_counter()
        for _ in range(count):
            (await pacer.acquire()).release(reply)
        return (time.perf_counter() - start) / count * 1e6

    return min(asyncio.run(measure()) for _ in range(15))


async def on_a_busy_loop(kind: str, seconds: float) -> tuple[float, float]:
    """Real time: the loop is blocked for 10 ms of every 25; efficiency and share of 429s."""

    async def block() -> None:
        while True:
            time.sleep(0.010)  # noqa: ASYNC251 (to block is the point)
            await asyncio.sleep(0.015)

    loop = asyncio.get_running_loop()
    window = WINDOWS[kind](100, 0.0)
    chance = random.Random(1)  # noqa: S311 (no secret)
    server = VirtualLoops(window, chance, jitter=0.02, counts_from=loop.time() + 2)
    run = Run(Pacer(100), server)
    tasks = [asyncio.create_task(run.work()) for _ in range(60)]
    tasks.append(asyncio.create_task(block()))
    await asyncio.sleep(2 + seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return server.taken / 100 / seconds, server.refused / (server.taken + server.refused)


async def burst(lane: Lane) -> float:
    """Virtual milliseconds until the last of ten calls after a pause has its permit."""
    pacer, loop = Pacer(), asyncio.get_running_loop()
    await asyncio.sleep(5)
    start = loop.time()
    await asyncio.gather(*(pacer.acquire(lane) for _ in range(10)))
    return 1000 * (loop.time() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="five seeds of 60 s")
    parser.add_argument("--seeds", type=int, default=10)
    args = parser.parse_args()
    seeds, seconds = (5, 60.0) if args.quick else (args.seeds, 120.0)
    print(f"{seeds} seeds of {seconds:g} s each; mean (worst seed)")
    print(virtual_table(rows(seeds, seconds)))
    for lane in Lane:
        print(f"burst of 10 {lane.value} calls after idle: {run_virtual(burst(lane)):.0f} ms")
    print(f"acquire + release, uncontended: {cost_of_a_permit():.2f} us")
    for kind in WINDOWS:
        efficiency, refused = asyncio.run(on_a_busy_loop(kind, 5.0 if args.quick else 15.0))
        print(
            f"busy loop (10 of 25 ms blocked), R=100, {kind}: {efficiency:.3f}, 429s {refused:.2%}"
        )


if __name__ == "__main__":
    main()
