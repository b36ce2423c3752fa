"""asyncpg's rows, from a real PostgreSQL."""

import asyncpg

from loops_async import LoopsClient
from loops_async.sandbox import Sandbox


async def test_rows_of_a_query_made_into_dicts_are_contacts(
    postgres: str, loops: LoopsClient, sandbox: Sandbox
) -> None:
    connection = await asyncpg.connect(postgres)
    try:
        rows = await connection.fetch("SELECT 'ada@example.com' AS email, 'Ada' AS first_name")
    finally:
        await connection.close()
    done = [outcome async for outcome in loops.contacts.upsert_many([dict(row) for row in rows])]
    assert [outcome.error for outcome in done] == [None]
    assert sandbox.contacts["ada@example.com"].first_name == "Ada"
