"""The Redis pacer while Redis is there: one budget, its keys, its trips, its loops."""

import asyncio
import json
import subprocess
import sys
import time
from binascii import crc_hqx
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio

from loops_async import LoopsClient, RetryPolicy, SessionClosed, WrongEventLoop
from loops_async.contrib.redis import RedisPacer
from loops_async.pipeline.messages import Lane, Reply
from loops_async.sandbox import Sandbox
from tests.redis_server import RedisServer
from tests.server.redis_fixtures import (
    look,
    needs_redis,
    one,
    one_redis,
    server,
    trips,
    until,
)

__all__ = ["one_redis", "server"]
pytestmark = needs_redis

KEY = "secret-key-0123456789"
TEAM = "digest-of-a-key"

WORKER = """
import asyncio, json, sys, time
from loops_async import LoopsClient
from loops_async.contrib.redis import RedisPacer

async def main(redis_url, url, key, seconds):
    async with RedisPacer(redis_url, rate=20) as pacer, LoopsClient(
        key, base_url=url, pacer=pacer
    ) as loops:
        await loops.api_key.test()
        print("ready", flush=True)
        end = time.monotonic() + float(await asyncio.to_thread(sys.stdin.readline))
        taken = failed = 0
        async def work():
            nonlocal taken, failed
            while time.monotonic() < end:
                try:
                    await loops.api_key.test()
                    taken += 1
                except Exception:
                    failed += 1
        await asyncio.gather(*(work() for _ in range(5)))
    print(json.dumps([taken, failed]))

asyncio.run(main(*sys.argv[1:]))
"""


async def test_processes_share_one_limit_fairly_and_for_one_trip_a_request(
    server: RedisServer,
) -> None:
    async with Sandbox(api_key=KEY, rate=20, window="sliding") as sandbox:
        workers = [
            await asyncio.create_subprocess_exec(
                sys.executable, "-c", WORKER, server.url, sandbox.url, KEY, "0",
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2],
            )
            for _ in range(3)
        ]  # fmt: skip
        for worker in workers:
            assert worker.stdout is not None
            assert await worker.stdout.readline() == b"ready\n"
        before, at_first = trips(server), sandbox.counts.requests
        outs = await asyncio.gather(*(worker.communicate(b"4\n") for worker in workers))
        counts = [json.loads(out) for out, _ in outs]
        assert [failed for _, failed in counts] == [0, 0, 0]
        taken = [count for count, _ in counts]
        # A process that a busy machine starves asks for less; tests/property has the exact share.
        assert min(taken) >= 0.5 * max(taken)
        assert sum(taken) >= 50
        sent = sandbox.counts.requests - at_first
        # Each for itself, they would send three times as much as they may.
        assert sandbox.counts.rate_limited <= 0.25 * sent
        # Each says goodbye, and each may have a reservation to give back at the end.
        assert trips(server) - before <= 1.05 * sent + 6


@pytest.mark.long
async def test_nothing_in_redis_stays_for_ever_or_tells_the_key(
    server: RedisServer,
) -> None:
    async with (
        Sandbox(api_key=KEY, rate=10) as sandbox,
        RedisPacer(server.url, rate=30, prefix="ours") as pacer,
        LoopsClient(KEY, base_url=sandbox.url, pacer=pacer, retry=RetryPolicy(base=0.01)) as loops,
    ):
        calls = [asyncio.create_task(loops.api_key.test()) for _ in range(25)]
        with look(server) as client:
            await until(lambda: client.exists(*client.keys("*:refused") or "-"), "refused")
            keys = client.keys()
            kept = [
                *(str(client.hgetall(key)) for key in keys if client.type(key) == "hash"),
                *(str(client.zrange(key, 0, -1)) for key in keys if client.type(key) == "zset"),
            ]
            assert len(kept) == len(keys) == 4
            assert all(0 < client.pttl(key) <= 700_000 for key in keys)
            kept += keys
        await asyncio.gather(*calls)
    assert KEY not in repr(kept)
    assert all(key.startswith("ours:{") for key in keys)
    tags = {key.partition("{")[2].partition("}")[0] for key in keys}
    assert len(tags) == 1
    assert len({crc_hqx(tag.encode(), 0) % 16384 for tag in tags}) == 1


async def test_a_limit_learnt_here_is_known_there(server: RedisServer) -> None:
    async with RedisPacer(server.url) as first, RedisPacer(server.url) as second:
        here, there = first.for_team(TEAM), second.for_team(TEAM)
        await one(here, reply=Reply(200, {"x-ratelimit-limit": "3"}, b""))
        assert here.rate == 3
        await until(lambda: here._exchange_task is None, "told")
        await one(there)
        assert there.rate == 3


async def test_a_retry_after_with_a_date_stops_everybody(server: RedisServer) -> None:
    async with RedisPacer(server.url) as first, RedisPacer(server.url) as second:
        here, there = first.for_team(TEAM), second.for_team(TEAM)
        await asyncio.gather(one(here), one(there))
        said = formatdate(time.time() + 3, usegmt=True)
        refused = await one(here, reply=Reply(429, {"retry-after": said}, b""))
        await until(lambda: here._exchange_task is None, "told")
        assert await one(there) >= refused + 1.95
        assert await one(here) >= refused + 1.95


async def test_a_cancelled_waiter_gives_its_slot_back(server: RedisServer) -> None:
    async with RedisPacer(server.url, rate=1) as pacer:
        team = pacer.for_team(TEAM)
        await one(team)
        waiting = [asyncio.create_task(team.acquire(lane)) for lane in Lane]
        await until(lambda: team._reserved, "reserved")
        with look(server) as client:
            (slots,) = client.keys("*:slots")
            assert client.zcard(slots) >= 2
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            await until(lambda: client.zcard(slots) == 1, "given back")
        assert (team.waiting(Lane.BULK), team.waiting(Lane.INTERACTIVE)) == (0, 0)
        assert not team._timer.is_set


async def test_teams_have_budgets_of_their_own(server: RedisServer) -> None:
    async with RedisPacer(server.url, rate=1) as pacer:
        await one(pacer.for_team("eu"))
        await one(pacer.for_team("us"))
        assert pacer.for_team("eu") is pacer.for_team("eu")
    with look(server) as client:
        assert [client.zcard(slots) for slots in client.keys("*:slots")] == [1, 1]


async def test_closing_it_ends_the_wait_and_takes_it_off_the_list(server: RedisServer) -> None:
    pacer = RedisPacer(server.url, rate=1)
    team = pacer.for_team(TEAM)
    await one(team)
    waiting = asyncio.create_task(team.acquire())
    await until(lambda: team._reserved, "reserved")
    await pacer.aclose()
    with pytest.raises(SessionClosed, match="this RedisPacer was closed"):
        await waiting
    with pytest.raises(SessionClosed, match="create a new one"):
        await team.acquire()
    await pacer.aclose()
    with look(server) as client:
        assert client.keys("*:processes") == []
        assert client.zcard(client.keys("*:slots")[0]) == 1


@pytest.mark.parametrize("decoded", [False, True])
async def test_a_client_that_was_handed_in_stays_open(server: RedisServer, decoded: bool) -> None:
    async with redis.asyncio.Redis.from_url(server.url, decode_responses=decoded) as client:
        async with RedisPacer(client) as pacer:
            await one(pacer.for_team(TEAM))
        assert await client.ping()


def test_another_event_loop_is_told_so_and_a_closed_one_is_replaced(server: RedisServer) -> None:
    pacer = RedisPacer(server.url)
    team = pacer.for_team(TEAM)

    async def use() -> None:
        await one(team)

    async def use_and_close() -> None:
        await use()
        await pacer.aclose()

    async def leave_open() -> Any:
        await use()
        return team._connection._client

    with asyncio.Runner() as first, asyncio.Runner() as second:
        client = first.run(leave_open())
        with pytest.raises(WrongEventLoop, match="create one per event loop"):
            second.run(use())
        with pytest.raises(WrongEventLoop, match="close it there"):
            second.run(pacer.aclose())
        first.run(client.aclose())
    asyncio.run(use_and_close())
