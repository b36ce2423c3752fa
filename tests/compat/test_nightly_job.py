"""The nightly job of docs/workers.md over PostgreSQL."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone

import asyncpg
import pytest

from loops_async.sandbox import Sandbox
from tests.server.processes import running


@pytest.fixture
async def users(postgres: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres)
    await connection.execute(
        "CREATE TABLE users (id INT PRIMARY KEY, email TEXT, plan TEXT, updated_at TIMESTAMPTZ)"
    )
    yield connection
    await connection.execute("DROP TABLE users, loops_bookmark, loops_failures")
    await connection.close()


async def add(users: asyncpg.Connection, *numbers: int) -> None:
    begin = datetime(2026, 3, 1, tzinfo=UTC)
    for number in numbers:
        # As an application in another zone may write them.
        moment = (begin + timedelta(hours=number)).astimezone(timezone(timedelta(hours=5)))
        await users.execute(
            f"INSERT INTO users VALUES ($1, $2, 'pro', '{moment.isoformat()}')",  # noqa: S608
            number,
            f"c{number}@example.com",
        )


async def night(sandbox: Sandbox, postgres: str) -> tuple[int, str, str]:
    url = postgres.replace("postgresql", "postgresql+asyncpg")
    async with running("nightly_job.py", sandbox=sandbox, DATABASE_URL=url) as program:
        done = await program.finished()
    return done.status, done.out, done.err


async def test_the_second_night_sends_what_changed(
    users: asyncpg.Connection, postgres: str
) -> None:
    async with Sandbox(rate=200) as sandbox:
        await add(users, *range(1, 13))
        assert await night(sandbox, postgres) == (0, "12 sent, 0 failed\n", "")
        assert await night(sandbox, postgres) == (0, "1 sent, 0 failed\n", "")
        await add(users, 13, 14)
        assert await night(sandbox, postgres) == (0, "3 sent, 0 failed\n", "")
    assert len(sandbox.contacts) == 14
