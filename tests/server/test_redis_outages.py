"""The Redis pacer when Redis goes, hangs, forgets or lies: calls go on, and the log says so."""

import asyncio
import logging
import time
from collections.abc import Iterator

import pytest
import redis

from loops_async import LoopsClient
from loops_async.contrib.redis import RedisPacer
from loops_async.contrib.redis.connection import RedisConnection
from loops_async.contrib.redis.pacer import KEYS
from loops_async.contrib.redis.reservations import TIMEOUT
from loops_async.contrib.redis.team_pacer import TeamPacer
from loops_async.pipeline.messages import Lane
from loops_async.sandbox import Sandbox
from tests.redis_server import RedisServer, running_redis
from tests.server.redis_fixtures import (
    OK,
    look,
    needs_redis,
    one,
    one_redis,
    said,
    server,
    until,
)

__all__ = ["one_redis", "server"]
pytestmark = needs_redis

TEAM = "digest-of-a-key"
NOBODY = "redis://:pass-word@127.0.0.1:1/0"


@pytest.fixture
def mortal() -> Iterator[RedisServer]:
    """A redis-server that the test may do away with."""
    with running_redis() as server:
        yield server


@pytest.fixture(autouse=True)
def _everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "loops_async")


async def back(team: TeamPacer) -> None:
    """Keep calling until Redis is used again."""
    end = time.monotonic() + 20
    while team._connection.is_down or team._local is not None:
        assert time.monotonic() < end, "never back"
        await one(team)


async def test_a_redis_that_is_killed_and_comes_back(
    mortal: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        Sandbox(rate=10) as sandbox,
        RedisPacer(mortal.url) as pacer,
        LoopsClient(sandbox.api_key, base_url=sandbox.url, pacer=pacer) as loops,
    ):
        done = 0

        async def work() -> None:
            nonlocal done
            while True:
                await loops.api_key.test()
                done += 1

        team = pacer.for_team(next(iter(pacer._teams), TEAM))
        workers = [asyncio.create_task(work()) for _ in range(5)]
        await until(lambda: done >= 5, "begun")
        (team,) = (one for one in pacer._teams.values() if one is not team)
        mortal.kill()
        await until(lambda: team._connection.is_down, "noticed")
        before = done
        await until(lambda: done >= before + 3, "gone on")
        (warning,) = said(caplog)
        assert warning == (
            "Redis failed (ConnectionError); until it responds again, this process limits its "
            "requests to its own share of the rate limit: 10 requests per second"
        )
        mortal.start()
        await until(lambda: not team._connection.is_down and team._local is None, "come back")
        before = done
        await until(lambda: done >= before + 5, "gone on")
        assert not any(worker.done() for worker in workers), "a call failed"
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
    assert len(said(caplog)) == 1
    assert said(caplog, logging.INFO) == [
        "Redis responds again; the rate limit is shared through it"
    ]


async def test_the_share_is_that_of_the_processes_that_there_were(mortal: RedisServer) -> None:
    async with RedisPacer(mortal.url, processes=7) as first, RedisPacer(mortal.url) as second:
        teams = first.for_team(TEAM), second.for_team(TEAM)
        for team in (*teams, teams[0]):
            await one(team)
        mortal.kill()
        await one(teams[0])
        assert teams[0].rate == 5
        assert repr(teams[0]) == ("<TeamPacer rate=5 without Redis waiting: 0 interactive, 0 bulk>")
        # What went through Redis a moment ago counts: three of the share of five are left.
        await asyncio.gather(*(one(teams[0]) for _ in range(2)))
        slots = teams[0]._local
        assert slots is not None
        now = asyncio.get_running_loop().time()
        assert slots.due(Lane.INTERACTIVE, now) > now or now - teams[0]._budget.recent[0].sent > 0.9


async def test_a_redis_that_is_not_there_at_the_start(caplog: pytest.LogCaptureFixture) -> None:
    async with RedisPacer(NOBODY, rate=100) as pacer:
        team = pacer.for_team(TEAM)
        await asyncio.gather(*(one(team, lane) for lane in Lane for _ in range(5)))
        assert team.rate == 25  # four processes are assumed
    (warning,) = said(caplog)
    assert warning.endswith(
        ": 25 requests per second (the number of processes is unknown, 4 are assumed; see "
        "RedisPacer's processes=)"
    )
    assert "pass-word" not in caplog.text + repr(pacer) + repr(team)


async def test_a_redis_that_hangs(mortal: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    async with RedisPacer(mortal.url, rate=100) as pacer:
        team = pacer.for_team(TEAM)
        await one(team)
        mortal.freeze()
        await asyncio.gather(*(one(team) for _ in range(5)))
        assert team._connection.is_down
        mortal.thaw()
        await back(team)
    assert len(said(caplog)) == 1
    assert "TimeoutError" in said(caplog)[0]


async def test_a_redis_that_thaws_gives_nothing_to_calls_that_were_given_up(
    mortal: RedisServer,
) -> None:
    async with RedisPacer(mortal.url, rate=20) as pacer:
        team = pacer.for_team(TEAM)
        sent = set[int]()

        async def call() -> None:
            permit = await team.acquire()
            sent.add(permit.number)
            permit.release(OK)

        await call()
        mortal.freeze()
        await asyncio.gather(*(call() for _ in range(5)))  # they go without Redis
        mortal.thaw()
        end = time.monotonic() + 20
        while team._connection.is_down or team._local is not None:
            assert time.monotonic() < end, "never back"
            await call()
        with look(mortal) as client:
            await until(lambda: team._exchange_task is None, "asked")
            taken = client.zrange(client.keys("*:slots")[0], 0, -1)
        assert {int(name.partition(":")[2]) for name in taken} <= sent


class Plain:
    """A client of the barest kind: redis-py has ways of its own to forgive a blocked loop."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def evalsha(self, sha: str, numkeys: int, *keys_and_args: object) -> bytes:
        self.writer.write(b"PING\r\n")
        return await self.reader.readline()

    eval = evalsha

    async def aclose(self) -> None:
        self.writer.close()


async def test_an_event_loop_that_is_blocked_does_not_take_redis_for_gone(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    client = Plain(*await asyncio.open_connection("127.0.0.1", server.port))
    connection = RedisConnection(lambda: client, is_owned=True)
    connection.enter()
    asking = asyncio.create_task(connection.run([], [], bytes, str))
    await asyncio.sleep(0)
    time.sleep(2 * TIMEOUT)  # noqa: ASYNC251 - to block is the point
    assert await asking == b"+PONG\r\n"
    assert said(caplog) == []
    await client.aclose()


@pytest.mark.parametrize("command", ["FLUSHALL", "SCRIPT FLUSH"])
async def test_what_redis_forgets_does_no_harm(
    server: RedisServer, caplog: pytest.LogCaptureFixture, command: str
) -> None:
    async with RedisPacer(server.url, rate=20) as pacer:
        team = pacer.for_team(TEAM)
        await asyncio.gather(*(one(team) for _ in range(10)))
        for _ in range(2):
            await one(team)  # tells the ends of those before
            with look(server) as client:
                client.execute_command(command)
        await one(team)
        await one(team)
        with look(server) as client:
            # What was sent a moment ago has been told again.
            assert client.zcard(client.keys("*:slots")[0]) >= 11
    assert said(caplog) == []


JUNK = [
    *({field: value} for field in (
        "last", "limit", "closed_until", "next_bulk", "others", "others_until", "confidence",
        "step",
    ) for value in ("nan", "inf", "-1e308", "junk", "", "9" * 300)),
]  # fmt: skip


async def test_junk_in_the_keys_is_passed_over(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with RedisPacer(server.url, rate=1000) as pacer:
        team = pacer.for_team(TEAM)
        slots, refused, state, processes = (f"loops_async:{{{TEAM}}}:{name}" for name in KEYS)
        with look(server) as client:
            for junk in JUNK:
                client.hset(state, mapping=junk)
                await one(team, Lane.BULK)
            client.hset(state, "closed_until", "nan")
            client.zadd(slots, {f"junk-{n}": float("inf") for n in range(2000)})
            client.zadd(refused, {f"junk-{n}": float("inf") for n in range(2000)})
            client.zadd(processes, {f"junk-{n}": float("inf") for n in range(2000)})
            await one(team)
            for key in (slots, refused, state, processes):
                for command in (("SET", key, "junk"), ("LPUSH", key, "junk"), ("HSET", key, 1, 2)):
                    client.delete(key)
                    client.execute_command(*command)
                    await one(team)
        assert team.rate == 1000
    assert said(caplog) == []


async def test_a_clock_that_is_set_back_stops_nobody(server: RedisServer) -> None:
    async with RedisPacer(server.url, rate=1) as pacer:
        team = pacer.for_team(TEAM)
        with look(server) as client:
            await one(team)
            later = int(time.time() * 1e6) + 50_000_000
            client.hset(
                f"loops_async:{{{TEAM}}}:state", mapping={"last": later, "next_bulk": later}
            )
            client.zadd(f"loops_async:{{{TEAM}}}:slots", {"then": later})
            for _ in range(2):
                await asyncio.wait_for(one(team), 10)
            assert int(client.hget(f"loops_async:{{{TEAM}}}:state", "last") or later) < later - 1e6


@pytest.mark.parametrize("options", [
    ("--requirepass", "another"),
    pytest.param(("--replicaof", "127.0.0.1", "1"), marks=pytest.mark.long),
    pytest.param(("--rename-command", "EVALSHA", ""), marks=pytest.mark.long),
    ("--rename-command", "ZADD", ""),
])  # fmt: skip
async def test_a_redis_that_refuses_is_as_good_as_gone(
    options: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    with running_redis(*options) as refusing:
        async with RedisPacer(refusing.url, rate=100) as pacer:
            team = pacer.for_team(TEAM)
            await asyncio.gather(*(one(team) for _ in range(5)))
            assert team._connection.is_down
            await asyncio.sleep(0.6)
            await one(team)  # and tries again meanwhile
    assert len(said(caplog)) == 1


async def test_a_closed_client_of_the_users_own_fails_no_call(server: RedisServer) -> None:
    client = redis.asyncio.Redis.from_url(server.url, max_connections=1)
    async with RedisPacer(client, rate=100) as pacer:
        team = pacer.for_team(TEAM)
        await one(team)
        await client.aclose()
        await asyncio.gather(*(one(team) for _ in range(5)))
    await client.aclose()


async def test_a_cancelled_waiter_of_the_local_share_leaves_nothing() -> None:
    async with RedisPacer(NOBODY, rate=4) as pacer:
        team = pacer.for_team(TEAM)
        await one(team)
        waiting = [asyncio.create_task(team.acquire(lane)) for lane in Lane for _ in range(3)]
        await until(lambda: team._timer.is_set, "waiting")
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await until(lambda: team._exchange_task is None, "quiet")
        assert team._local is not None
        assert team._local.promised == 0
        assert not team._timer.is_set


async def test_a_local_turn_that_comes_as_its_waiter_is_cancelled_is_not_lost() -> None:
    async with RedisPacer(NOBODY, rate=8) as pacer:
        team = pacer.for_team(TEAM)
        await asyncio.gather(one(team), one(team))
        waiting = asyncio.create_task(team.acquire())
        await until(lambda: team._timer.is_set, "waiting")
        time.sleep(1.3)  # noqa: ASYNC251 - so that its turn comes here, and it cannot know
        team._serve(asyncio.get_running_loop())
        assert team._local is not None
        assert team._local.promised == 1
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert team._local.promised == 0
