"""Send the users that changed since the last run. Run ``python nightly_job.py`` every night."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterable, AsyncIterator
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from loops_async import LoopsClient, LoopsError

DATABASE_URL = os.environ.get("DATABASE_URL", "sqlite+aiosqlite:///users.db")
OVERLAP = timedelta(minutes=10)  # longer than any transaction that sets updated_at
MOMENT = sa.DateTime(timezone=True)  # your own column's type; without a zone: sa.DateTime()

users = sa.table("users", *map(sa.column, ("id", "email", "plan")), sa.column("updated_at", MOMENT))
# SQLite stores times as text, with or without an offset. This converts all of them to UTC.
in_utc = sa.func.datetime(users.c.updated_at, type_=MOMENT)
own = sa.MetaData()
bookmark = sa.Table("loops_bookmark", own, sa.Column("updated_at", MOMENT))
failures = sa.Table("loops_failures", own, sa.Column("user_id", sa.Integer, primary_key=True))


class Progress:
    """The bookmark and the failed rows, loaded from the last run and saved for the next."""

    async def load(self, db: AsyncConnection) -> None:
        await db.run_sync(own.create_all)
        self.changed = in_utc if db.dialect.name == "sqlite" else users.c.updated_at
        self.since: Any = await db.scalar(sa.select(bookmark))
        self.latest = self.since
        self.failed = set(await db.scalars(sa.select(failures)))
        self.under_way: dict[int, Any] = {}  # keyed by row index, oldest change first

    def query(self) -> sa.Select[Any]:
        has_failed = users.c.id.in_(sa.select(failures.c.user_id))
        query = sa.select(*users.c["id", "email", "plan"], self.changed.label("changed"))
        query = query.order_by(self.changed)
        since = self.since
        return query.where((self.changed >= since - OVERLAP) | has_failed) if since else query

    async def rows(self, stream: AsyncIterable[Any]) -> AsyncIterator[dict[str, Any]]:
        index = 0
        async for user in stream:
            self.under_way[index], self.latest, index = user, user.changed, index + 1
            # A mapping: a bad address becomes one outcome, while ContactUpdate(…) would raise here.
            plan = {"plan": user.plan}
            yield {"email": user.email, "user_id": str(user.id), "properties": plan}

    async def save(self, db: AsyncConnection) -> None:
        """Move the bookmark to the oldest change that has no outcome."""
        reached = next((user.changed for user in self.under_way.values()), self.latest)
        if reached is not None:
            mark = max(reached, self.since or reached)
            await db.execute(sa.delete(bookmark))
            await db.execute(sa.insert(bookmark).values(updated_at=mark))
        await db.execute(sa.delete(failures))
        if self.failed:
            await db.execute(sa.insert(failures), [{"user_id": id_} for id_ in self.failed])


async def main() -> int:
    engine, progress = create_async_engine(DATABASE_URL), Progress()
    async with engine.begin() as db:
        await progress.load(db)
    try:
        async with (
            LoopsClient() as loops,
            engine.connect() as db,
            db.stream(progress.query(), execution_options={"yield_per": 500}) as stream,
            loops.contacts.upsert_many(progress.rows(stream), concurrency=10) as run,
        ):
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, run.stop)
            async for outcome in run:
                user_id = progress.under_way.pop(outcome.index).id
                progress.failed.discard(user_id)
                if outcome.error is not None:
                    progress.failed.add(user_id)
                    print(f"user {user_id}: {outcome.error}", file=sys.stderr)
    finally:
        # Only after the stream is closed: SQLite does not allow writes during a read.
        async with engine.begin() as db:
            await progress.save(db)
        await engine.dispose()
    print(f"{run.totals.succeeded} sent, {run.totals.failed} failed")
    return 1 if run.totals.failed else 0


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main()))
    except LoopsError as error:
        sys.exit(f"stopped: {error}")
