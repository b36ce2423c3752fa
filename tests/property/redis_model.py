"""Processes that share a real redis-server, in virtual time: the script is told the time."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, cast

import redis

from loops_async.contrib.redis.connection import RedisConnection
from loops_async.contrib.redis.pacer import KEYS
from loops_async.contrib.redis.team_pacer import TeamPacer
from tests.property.pacing_model import WINDOWS, Figures, Run, VirtualLoops

EPOCH = 1_800_000_000.0
"""What the server's clock says when the loop's says 0."""


class VirtualRedis:
    """The client of one process: takes virtual time there and back, and none in between.

    Attributes:
        trips: How often the script was run.
        is_down: Whether it refuses connections.
    """

    def __init__(self, server: "redis.Redis", way: float, chance: random.Random) -> None:
        self._server = server
        self._way = way
        self._random = chance
        self.trips = 0
        self.is_down = False

    async def evalsha(self, sha: str, numkeys: int, *keys_and_args: Any) -> Any:
        raise redis.exceptions.NoScriptError("its text differs")

    async def eval(self, script: str, numkeys: int, *keys_and_args: Any) -> Any:
        await asyncio.sleep(self._random.uniform(0.5, 1.5) * self._way)
        if self.is_down:
            raise redis.exceptions.ConnectionError
        assert script.count("redis.call('TIME')") == 1
        told = script.replace("redis.call('TIME')", "redis.call('LRANGE', 'virtual time', 0, 1)")
        now = EPOCH + asyncio.get_running_loop().time()
        with self._server.pipeline() as pipe:
            pipe.delete("virtual time")
            pipe.rpush("virtual time", int(now), int(now % 1 * 1_000_000))
            pipe.eval(told, numkeys, *keys_and_args)
            reply = pipe.execute()[-1]
        self.trips += 1
        await asyncio.sleep(self._random.uniform(0.5, 1.5) * self._way)
        return reply

    async def aclose(self) -> None:
        pass


def shared_pacer(
    client: VirtualRedis, rate: float, team: str = "team", *, max_rate: float = float("inf")
) -> TeamPacer:
    """One process's pacer."""
    connection = RedisConnection(lambda: client, is_owned=True)
    keys = tuple(f"virtual:{{{team}}}:{name}" for name in KEYS)
    return TeamPacer(connection, keys, rate=rate, max_rate=max_rate, processes=4)


async def share(
    server: "redis.Redis",
    kind: str,
    rate: int,
    *,
    seed: int,
    jitter: float,
    seconds: float,
    processes: int = 4,
    workers: int = 10,
    way: float = 0.0003,
) -> tuple[Figures, float, float]:
    """Figures as ``saturate`` gives them, trips a request, least share over greatest share."""
    server.flushall()
    chance = random.Random(seed)  # noqa: S311 (a test, no secret)
    window = WINDOWS[kind](rate, chance.random())
    total = VirtualLoops(window, chance, jitter=jitter, counts_from=2.0)
    each = [VirtualLoops(window, chance, jitter=jitter, counts_from=2.0) for _ in range(processes)]
    clients = [VirtualRedis(server, way, chance) for _ in each]
    runs = [
        Run(cast(Any, shared_pacer(client, float(rate))), loops)
        for client, loops in zip(clients, each, strict=True)
    ]
    figures = await asyncio.gather(*(run.figures(seconds, workers, None) for run in runs))
    taken, refused = sum(one.taken for one in each), sum(one.refused for one in each)
    whole = Figures(
        efficiency=taken / rate / seconds,
        refused_share=refused / (taken + refused),
        failed=sum(one.failed for one in figures),
        latencies=[],
    )
    requests = (taken + refused) * (seconds + total.counts_from) / seconds
    shares = [one.taken for one in each]
    trips = sum(client.trips for client in clients) / requests
    return whole, trips, min(shares) / max(shares)


Mishap = Callable[["redis.Redis", list[VirtualRedis], VirtualLoops], Awaitable[None]]


async def seconds_lost(
    server: "redis.Redis",
    mishap: Mishap,
    *,
    kind: str,
    rate: int,
    processes: int = 4,
    workers: int = 10,
    seed: int = 1,
) -> float:
    """How many seconds of the rate are not used in the ten seconds from a mishap on."""
    server.flushall()
    chance = random.Random(seed)  # noqa: S311 (a test, no secret)
    loops = VirtualLoops(WINDOWS[kind](rate, chance.random()), chance, jitter=0.05, counts_from=8.0)
    clients = [VirtualRedis(server, 0.0003, chance) for _ in range(processes)]
    runs = [Run(cast(Any, shared_pacer(client, float(rate))), loops) for client in clients]
    tasks = [asyncio.create_task(run.work()) for run in runs for _ in range(workers)]
    await asyncio.sleep(8.0)
    await mishap(server, clients, loops)
    await asyncio.sleep(18.0 - asyncio.get_running_loop().time())
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return 10 - loops.taken / rate
