"""Making a Redis pacer: what it takes and refuses, TLS, Redis Cluster, forks, the missing extra."""

import asyncio
import logging
import os
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import redis
import trustme

from loops_async import ConfigurationError, InvalidCall, LoopsClient, LoopsSession, WrongEventLoop
from loops_async.contrib.redis import RedisPacer
from loops_async.pacing.shared import team_digest
from loops_async.sandbox import Sandbox
from tests.redis_server import RedisServer, running_redis
from tests.server.redis_fixtures import look, needs_redis, one, one_redis, said, server, trips

__all__ = ["one_redis", "server"]

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("url", [
    "", "localhost:6379", "http://localhost", "redis://localhost:port", "redis://h:99999999",
    "redis://:pass-word@h/?no_such_option=1", "redis://:pass-word@h/?socket_timeout=soon",
])  # fmt: skip
def test_an_address_that_cannot_work_is_refused_and_not_quoted(url: str) -> None:
    with pytest.raises(ConfigurationError, match="redis: must be a URL such as") as caught:
        RedisPacer(url)
    assert "pass-word" not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None


@pytest.mark.parametrize(("arguments", "error", "says"), [
    ({"redis": None}, InvalidCall, "redis: must be a URL such as .*, not NoneType"),
    ({"redis": redis.Redis()}, ConfigurationError, "redis.asyncio, not a blocking one"),
    ({"rate": "10"}, InvalidCall, "rate is requests per second"),
    ({"rate": 0}, ConfigurationError, "rate is requests per second"),
    ({"max_rate": -1}, ConfigurationError, "max_rate is requests per second"),
    ({"prefix": 1}, InvalidCall, "prefix: must be text, not int"),
    ({"prefix": ""}, ConfigurationError, "prefix: must be printable"),
    ({"prefix": "a{b}"}, ConfigurationError, "prefix: must be .* without braces"),
    ({"processes": 0}, ConfigurationError, "processes: must be from 1"),
    ({"processes": 2.5}, InvalidCall, "processes: must be a whole number"),
])  # fmt: skip
def test_an_argument_that_cannot_work_is_refused(
    arguments: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        RedisPacer(**{"redis": "redis://localhost", **arguments})


def test_without_the_extra_it_says_what_to_install() -> None:
    code = """
import sys
sys.modules["redis"] = None
from loops_async import LoopsError, MissingExtra
from loops_async.contrib.redis import RedisPacer
try:
    RedisPacer("redis://localhost")
except ImportError as error:
    assert isinstance(error, MissingExtra) and isinstance(error, LoopsError)
    print(error)
"""
    result = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert result.stdout == ("RedisPacer needs the redis extra: pip install 'loops-async[redis]'\n")


def test_importing_it_imports_no_redis() -> None:
    code = "import sys, loops_async.contrib.redis; print('redis' in sys.modules)"
    result = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert result.stdout == "False\n"


@needs_redis
async def test_clients_of_several_teams_may_share_one(server: RedisServer) -> None:
    async with (
        Sandbox(api_key="eu") as eu,
        Sandbox(api_key="us") as us,
        RedisPacer(server.url) as pacer,
        LoopsSession() as session,
    ):
        for sandbox in (eu, us, eu):
            client = session.client(sandbox.api_key, base_url=sandbox.url, pacer=pacer)
            await client.api_key.test()
        assert set(pacer._teams) == {team_digest(box.url, box.api_key) for box in (eu, us)}
        assert repr(pacer) == "<RedisPacer prefix='loops_async' teams=2>"


@asynccontextmanager
async def tls_in_front_of(server: RedisServer, authority: trustme.CA) -> AsyncIterator[int]:
    """The redis-server of the tests knows no TLS, so a relay does."""
    links = set[asyncio.StreamWriter]()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        links.add(writer)
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
        writer.close()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection("127.0.0.1", server.port)
        await asyncio.gather(pump(reader, there[1]), pump(there[0], writer))

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    relaying = await asyncio.start_server(relay, "127.0.0.1", 0, ssl=context)
    try:
        yield relaying.sockets[0].getsockname()[1]
    finally:
        relaying.close()
        for writer in links:
            writer.close()
        with suppress(OSError):
            await asyncio.gather(*(writer.wait_closed() for writer in links))


@needs_redis
async def test_tls(server: RedisServer, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "loops_async")
    ours, another = trustme.CA(), trustme.CA()
    for name, authority in (("ours", ours), ("another", another)):
        authority.cert_pem.write_to_path(str(tmp_path / name))
    async with tls_in_front_of(server, ours) as port:
        url = f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={tmp_path}"
        async with RedisPacer(f"{url}/ours") as pacer:
            await one(pacer.for_team("team"))
        assert said(caplog) == []
        before = trips(server)
        async with RedisPacer(f"{url}/another") as pacer:
            await one(pacer.for_team("team"))
        assert trips(server) == before
        assert len(said(caplog)) == 1


@needs_redis
@pytest.mark.long
async def test_redis_cluster(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "loops_async")
    options = ("--cluster-enabled", "yes", "--dir", str(tmp_path))
    with running_redis(*options) as node:
        with look(node) as admin:
            admin.execute_command("CLUSTER", "ADDSLOTS", *range(16384))
            while "cluster_state:ok" not in str(admin.execute_command("CLUSTER", "INFO")):
                info = admin.execute_command("CLUSTER", "INFO")
                if isinstance(info, dict) and info.get("cluster_state") == "ok":
                    break
                await asyncio.sleep(0.05)
        async with (
            redis.asyncio.RedisCluster(host="127.0.0.1", port=node.port) as cluster,
            RedisPacer(cluster) as pacer,
        ):
            for number in range(3):
                await asyncio.gather(*(one(pacer.for_team(f"team-{number}")) for _ in range(3)))
        assert trips(node) >= 3
        assert said(caplog) == []


FORKING = """
import asyncio, os, sys
from loops_async.contrib.redis import RedisPacer

pacer = RedisPacer(sys.argv[1])
team = pacer.for_team("team")

async def use(close):
    for _ in range(3):
        (await team.acquire()).release(None)
    if close:
        await pacer.aclose()

async def parent():
    await use(False)
    child = os.fork()
    if child == 0:
        return child
    _, status = await asyncio.to_thread(os.waitpid, child, 0)
    await use(True)
    return status

if os.fork() == 0:  # before first use
    asyncio.run(use(True))
    os._exit(0)
status = os.wait()[1]
with asyncio.Runner() as runner:
    pid = os.getpid()
    status |= runner.run(parent())
    if os.getpid() != pid:
        asyncio.run(use(True))
        os._exit(0)
assert status == 0 and not team._connection.is_down
print("fine")
"""


@needs_redis
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.long
def test_a_fork_before_or_after_its_first_use(server: RedisServer) -> None:
    result = subprocess.run(  # noqa: S603
        [sys.executable, "-c", FORKING, server.url],
        capture_output=True, text=True, check=False, cwd=ROOT, timeout=50,
    )  # fmt: skip
    assert (result.stdout, result.returncode) == ("fine\n", 0), result.stderr
    assert "Redis failed" not in result.stderr
    assert trips(server) >= 4


@needs_redis
def test_a_client_that_was_handed_in_is_not_taken_to_another_loop(server: RedisServer) -> None:
    async def use(pacer: RedisPacer, client: "redis.asyncio.Redis") -> None:
        await one(pacer.for_team("team"))
        await client.aclose()

    client = redis.asyncio.Redis.from_url(server.url)
    pacer = RedisPacer(client)
    asyncio.run(use(pacer, client))
    with pytest.raises(WrongEventLoop, match="pass a new one, or pass a URL to RedisPacer"):
        asyncio.run(use(pacer, client))


@needs_redis
async def test_a_client_takes_it_as_its_pacer(server: RedisServer) -> None:
    async with (
        Sandbox(rate=10) as sandbox,
        RedisPacer(server.url) as pacer,
        LoopsClient(sandbox.api_key, base_url=sandbox.url, pacer=pacer) as loops,
    ):
        outcomes = [
            outcome.error
            async for outcome in loops.contacts.upsert_many(
                {"email": f"{number}@example.com"} for number in range(8)
            )
        ]
        assert outcomes == [None] * 8
    assert trips(server) >= 2


@needs_redis
def test_uvloop(server: RedisServer) -> None:
    uvloop = pytest.importorskip("uvloop", reason="uvloop is not for this system")

    async def main() -> None:
        async with RedisPacer(server.url, rate=5) as pacer:
            await asyncio.gather(*(one(pacer.for_team("team")) for _ in range(8)))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
    assert 1 <= trips(server) <= 10
