"""The contenders: each makes the same contact update, as its users would write it.

Two custom properties, 50 in flight. A contender is opened once and then told how many to make.
"""

import asyncio
import importlib
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import aiohttp

from loops_async import LoopsClient, Pacer
from loops_async.codec import encode
from tests.benchmarks.speed import calls, layers
from tests.benchmarks.speed.layers import KEY, PATIENT, RATE, Call, contact, flat

IN_FLIGHT = 50

Run: TypeAlias = Callable[[int], Awaitable[None]]
"""Makes the given number of calls."""


def row(index: int) -> dict[str, Any]:
    """The same contact as the fields of a ``ContactUpdate``."""
    return {"email": f"ada.{index}@example.com", "properties": {"plan": "pro", "seats": 3}}


async def _pool(call: Call, count: int) -> None:
    indexes = iter(range(count))

    async def worker() -> None:
        for index in indexes:
            await call(index)

    await asyncio.gather(*(worker() for _ in range(min(IN_FLIGHT, count))))


@asynccontextmanager
async def ours_call(url: str) -> AsyncIterator[Call]:
    async with LoopsClient(KEY, base_url=url, pacer=Pacer(RATE), timeout=PATIENT) as loops:

        async def call(index: int) -> str:
            return (await loops.contacts.update(contact(index))).id

        yield call


@asynccontextmanager
async def idiomatic_call(url: str) -> AsyncIterator[Call]:
    headers = {"Authorization": f"Bearer {KEY}"}
    async with aiohttp.ClientSession(headers=headers) as session:

        async def call(index: int) -> str:
            async with session.put(f"{url}/v1/contacts/update", json=flat(index)) as reply:
                contact_id: str = (await reply.json())["id"]
                return contact_id

        yield call


@asynccontextmanager
async def pyloops_call(url: str) -> AsyncIterator[Call]:
    # Installed for this alone, so that nobody's type checker knows it.
    client: Any = importlib.import_module("pyloops").LoopsClient(KEY, base_url=url)

    async def call(index: int) -> str:
        reply = await client.upsert_contact(email=f"ada.{index}@example.com", plan="pro", seats=3)
        contact_id: str = reply.id
        return contact_id

    yield call


@asynccontextmanager
async def ours_bulk(url: str) -> AsyncIterator[Run]:
    async with LoopsClient(KEY, base_url=url, pacer=Pacer(RATE), timeout=PATIENT) as loops:

        async def run(count: int) -> None:
            rows = (row(index) for index in range(count))
            done = 0
            async for outcome in loops.contacts.upsert_many(rows, concurrency=IN_FLIGHT):
                assert outcome.error is None, outcome.error
                done += 1
            assert done == count

        yield run


@asynccontextmanager
async def idiomatic_bulk(url: str) -> AsyncIterator[Run]:
    """A pool written by hand: workers that share an iterator, and an outcome for each row."""
    async with idiomatic_call(url) as call:

        async def run(count: int) -> None:
            rows = enumerate(range(count))
            outcomes: asyncio.Queue[tuple[int, str | None, Exception | None]] = asyncio.Queue()

            async def worker() -> None:
                for index, number in rows:
                    try:
                        outcomes.put_nowait((index, await call(number), None))
                    except (aiohttp.ClientError, TimeoutError) as error:
                        outcomes.put_nowait((index, None, error))

            async with asyncio.TaskGroup() as group:
                for _ in range(IN_FLIGHT):
                    group.create_task(worker())
                for _ in range(count):
                    assert (await outcomes.get())[2] is None

        yield run


@asynccontextmanager
async def ours_encode(_: str) -> AsyncIterator[Run]:
    record = contact(1)

    async def run(count: int) -> None:
        for _ in itertools.repeat(None, count):
            encode(record)

    yield run


@asynccontextmanager
async def plain_encode(_: str) -> AsyncIterator[Run]:
    ready = flat(1)

    async def run(count: int) -> None:
        for _ in itertools.repeat(None, count):
            json.dumps(ready)

    yield run


CALLS = {
    "ours": ours_call,
    "idiomatic": idiomatic_call,
    "pyloops": pyloops_call,
    **layers.CALLS,
}
RUNS = {
    "bulk-ours": ours_bulk,
    "bulk-idiomatic": idiomatic_bulk,
    "encode-ours": ours_encode,
    "encode-json": plain_encode,
}


@asynccontextmanager
async def opened(name: str, url: str) -> AsyncIterator[Run]:
    """The contender ``name``, opened, with the server at ``url``."""
    if name in RUNS:
        async with RUNS[name](url) as run:
            yield run
        return
    open_call = CALLS.get(name) or calls.CALLS[name]
    async with open_call(url) as call:

        async def run(count: int) -> None:
            await _pool(call, count)

        yield run


def names() -> Iterator[str]:
    yield from CALLS
    yield from calls.CALLS
    yield from RUNS
