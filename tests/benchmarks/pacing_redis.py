"""One budget for four processes through Redis, beside one process that has it for itself.

Every process is real, and so are the redis-server and the sandbox, which delays each request and
each reply. Run by hand: ``python -m tests.benchmarks.pacing_redis [--quick] [--seconds N]``; each
row takes twice the seconds, and a bit. With ``--virtual`` the processes, the way to Loops and its
window are made of arithmetic, in virtual time, and only the redis-server and the script are real:
that is what a busy machine does not disturb. It takes about a minute and a half.
"""

# ruff: noqa: T201 (it prints a table)

import argparse
import asyncio
import multiprocessing
import statistics
import time
from collections.abc import Iterator
from multiprocessing.pool import Pool

import attrs
import redis

from loops_async import ContactUpdate, LoopsClient, Pacer
from loops_async.contrib.redis import RedisPacer
from tests.benchmarks.pacing_sandbox import remote_sandbox
from tests.property.pacing_model import saturate
from tests.property.redis_model import share
from tests.redis_server import RedisServer, running_redis
from tests.virtual_time import run_virtual

_SPAWN = multiprocessing.get_context("spawn")
PROCESSES, WORKERS, WARM_UP = 4, 10, 2.0
KINDS = ("fixed", "sliding", "bucket")


@attrs.frozen
class Job:
    """What one process does: upserts, from ``begin`` until ``end`` (``time.monotonic``)."""

    url: str
    redis_url: str | None
    rate: int
    workers: int
    begin: float
    end: float


@attrs.frozen
class Figures:
    """What came of a run, between its warm-up and its end."""

    efficiency: float
    refused: float
    failed: int
    trips: float
    fairness: float


def rows() -> Iterator[ContactUpdate]:
    number = 0
    while True:
        number += 1
        yield ContactUpdate(email=f"bench-{number}@example.com")


def work(job: Job) -> tuple[int, int]:
    """Upserts that succeeded and that failed."""
    return asyncio.run(_work(job))


async def _work(job: Job) -> tuple[int, int]:
    await asyncio.sleep(job.begin - time.monotonic())
    if job.redis_url is None:
        return await _upsert(job, Pacer(job.rate))
    async with RedisPacer(job.redis_url, rate=job.rate) as pacer:
        return await _upsert(job, pacer)


async def _upsert(job: Job, pacer: Pacer | RedisPacer) -> tuple[int, int]:
    taken = failed = 0
    async with LoopsClient("test-key", base_url=job.url, pacer=pacer) as loops:
        async for outcome in loops.contacts.upsert_many(rows(), concurrency=job.workers):
            now = time.monotonic()
            if now >= job.end:
                break
            failed += outcome.error is not None
            taken += now >= job.begin + WARM_UP
    return taken, failed


def trips(server: RedisServer) -> int:
    """Scripts run so far."""
    with redis.Redis.from_url(server.url) as client:
        found = client.info("commandstats")
    return int(found.get("cmdstat_evalsha", {"calls": 0})["calls"])


def measure(
    pool: Pool, rate: int, kind: str, jitter: float, seconds: float, *, shared: bool
) -> Figures:
    options = {"rate": rate, "window": kind, "latency": (0.0, jitter)}
    with remote_sandbox(**options) as sandbox, running_redis() as server:
        begin = time.monotonic() + 1.0
        end = begin + WARM_UP + seconds
        where = server.url if shared else None
        count = PROCESSES if shared else 1
        workers = WORKERS * PROCESSES // count
        job = Job(sandbox.url, where, rate, workers, begin, end)
        running = pool.map_async(work, [job] * count, chunksize=1)
        time.sleep(begin + WARM_UP - time.monotonic())
        before = trips(server)
        time.sleep(end - time.monotonic())
        asked = trips(server) - before
        done = running.get()
        seen = [one for one in sandbox.arrivals() if begin + WARM_UP <= one.at < end]
    refused = sum(not one.taken for one in seen)
    taken = [ok for ok, _ in done]
    return Figures(
        efficiency=(len(seen) - refused) / rate / seconds,
        refused=refused / len(seen),
        failed=sum(bad for _, bad in done),
        trips=asked / len(seen),
        fairness=min(taken) / max(taken),
    )


def compared(pool: Pool, rate: int, kind: str, jitter: float, seconds: float) -> list[Figures]:
    """One process alone, and the four that share."""
    return [measure(pool, rate, kind, jitter, seconds, shared=shared) for shared in (False, True)]


def virtual(rate: int, kind: str, jitter: float, seconds: float, seeds: int) -> list[Figures]:
    """The same in virtual time: means, but the least fairness."""
    workers = PROCESSES * WORKERS
    alone, ours = [], []
    with running_redis() as server, redis.Redis.from_url(server.url) as client:
        for seed in range(seeds):
            run = saturate(
                kind, rate, seed=seed, jitter=jitter, seconds=seconds, workers=workers,
                probe_every=None,
            )  # fmt: skip
            one = run_virtual(run)
            alone.append(Figures(one.efficiency, one.refused_share, one.failed, 0.0, 1.0))
            shared = share(
                client, kind, rate, seed=seed, jitter=jitter, seconds=seconds,
                processes=PROCESSES, workers=WORKERS,
            )  # fmt: skip
            all_, trips_, fairness = run_virtual(shared)
            ours.append(Figures(all_.efficiency, all_.refused_share, all_.failed, trips_, fairness))
    return [
        Figures(
            efficiency=statistics.mean(one.efficiency for one in runs),
            refused=statistics.mean(one.refused for one in runs),
            failed=sum(one.failed for one in runs),
            trips=statistics.mean(one.trips for one in runs),
            fairness=min(one.fairness for one in runs),
        )
        for runs in (alone, ours)
    ]


def row(rate: int, kind: str, jitter: float, alone: Figures, ours: Figures) -> str:
    gap = ours.efficiency - alone.efficiency
    good = (
        gap >= -0.02 and ours.refused <= 0.005 and not ours.failed
        and ours.trips <= 1.05 and ours.fairness >= 0.9
    )  # fmt: skip
    return (
        f"| {rate} | 0-{1000 * jitter:.0f} ms | {kind} | {alone.efficiency:.3f} "
        f"({alone.refused:.2%}) | {ours.efficiency:.3f} | {gap:+.3f} | {ours.refused:.2%} "
        f"| {ours.trips:.2f} | {ours.fairness:.2f} | {ours.failed} | {'ok' if good else 'MISSED'} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="10 s a run, 80 ms of jitter only")
    parser.add_argument("--seconds", type=float, default=40.0, help="counted a run")
    parser.add_argument("--rate", type=int, action="append", help="10 and 100 when left out")
    parser.add_argument("--virtual", action="store_true", help="virtual time, 3 seeds of 120 s")
    args = parser.parse_args()
    seconds = 120.0 if args.virtual else 10.0 if args.quick else args.seconds
    print(f"{PROCESSES} processes of {WORKERS} workers, {seconds:g} s after {WARM_UP:g} s")
    print("| R | jitter each way | window | one process (429s) | shared | gap | 429s "
          "| trips/request | min/max | errors |  |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    cells = [
        (rate, kind, jitter)
        for rate in args.rate or (10, 100)
        for jitter in ((0.08,) if args.quick else (0.08, 0.02))
        for kind in KINDS
    ]
    if args.virtual:
        for cell in cells:
            print(row(*cell, *virtual(*cell, seconds, seeds=3)), flush=True)
        return
    with _SPAWN.Pool(PROCESSES) as pool:
        for cell in cells:
            print(row(*cell, *compared(pool, *cell, seconds)), flush=True)


if __name__ == "__main__":
    main()
