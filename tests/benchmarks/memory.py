"""Whether a bulk run's memory is constant: resident memory over many generated rows.

Run by hand: ``python -m tests.benchmarks.memory``. Two runs, each in a process of its own: 200,000
rows over real sockets into a local server (a third process, which answers from a constant), and a
million through a transport that answers at once. It fails where resident memory, looked at every
10,000 rows after the first 10,000, grows by ``LIMIT`` or more.
"""

# ruff: noqa: T201 (it prints figures)

import argparse
import asyncio
import multiprocessing
import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from loops_async import ContactUpdate, LoopsClient, Pacer
from loops_async.pipeline.messages import Reply, Request

LIMIT: Final = 5.0
"""MiB."""

EVERY: Final = 10_000
ROWS: Final = {"sockets": 200_000, "scripted": 1_000_000}
CONCURRENCY: Final = 50
RATE: Final = 1e6
"""Requests per second: pacing is asked and never waits."""

BODY: Final = b'{"success":true,"id":"cll6b3i8901a9jx0oyktl2m4u"}'
REPLY: Final = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
    % (len(BODY), BODY)
)
_LENGTH: Final = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


def resident() -> float:
    """Resident memory of this process, in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def rows(number: int) -> Iterator[ContactUpdate]:
    for index in range(number):
        yield ContactUpdate(
            email=f"user{index}@example.com",
            user_id=f"u-{index}",
            first_name=f"Number {index}",
            properties={"seats": index, "plan": "pro"},
        )


class Answering(asyncio.Protocol):
    """Answers every request with the same bytes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._data = b""

    def data_received(self, data: bytes) -> None:
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self._data, 0, end)
            size = end + 4 + (int(length[1]) if length else 0)
            if len(self._data) < size:
                return
            self._data = self._data[size:]
            self._transport.write(REPLY)


def serve(ready: Connection) -> None:
    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


class AtOnce:
    """A transport that has the reply already."""

    async def send(self, request: Request[Any], /) -> Reply:
        await asyncio.sleep(0)
        return Reply(200, {"content-type": "application/json"}, BODY)


@asynccontextmanager
async def client(kind: str) -> AsyncIterator[LoopsClient]:
    pacer = Pacer(RATE)
    if kind == "scripted":
        async with LoopsClient("key", transport=AtOnce(), pacer=pacer) as loops:
            yield loops
        return
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    server = spawn.Process(target=serve, args=(there,), daemon=True)
    server.start()
    try:
        url = f"http://127.0.0.1:{here.recv()}/api"
        async with LoopsClient("key", base_url=url, pacer=pacer) as loops:
            yield loops
    finally:
        server.terminate()
        server.join()


async def measure(kind: str, number: int, source: str) -> bool:
    seen: list[float] = []
    made: Any = rows(number) if source == "generator" else list(rows(number))
    async with client(kind) as loops:
        began, done = time.perf_counter(), 0
        async for outcome in loops.contacts.upsert_many(made, concurrency=CONCURRENCY):
            assert outcome.error is None, outcome.error
            done += 1
            if done % EVERY == 0:
                seen.append(resident())
        seconds = time.perf_counter() - began
    assert done == number, done
    growth = max(seen) - seen[0]
    print(
        f"{kind}, {source}: {number:,} rows, {number / seconds:,.0f} rows/s; resident after "
        f"{EVERY:,} rows {seen[0]:.1f} MiB, at the end {seen[-1]:.1f}, at the most "
        f"{max(seen):.1f}: grown by {growth:.1f} MiB",
        flush=True,
    )
    return growth < LIMIT or source != "generator"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", choices=ROWS)
    parser.add_argument("--rows", type=int, help="how many, for --only")
    parser.add_argument("--source", choices=["generator", "list"], default="generator")
    given = parser.parse_args()
    if given.only:
        number = given.rows or ROWS[given.only]
        return 0 if asyncio.run(measure(given.only, number, given.source)) else 1
    command = [sys.executable, "-m", "tests.benchmarks.memory", "--only"]
    codes = [subprocess.run([*command, kind], check=False).returncode for kind in ROWS]  # noqa: S603
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
