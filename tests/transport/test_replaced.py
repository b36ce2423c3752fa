"""Tools that wrap or replace public parts of aiohttp and of ``socket`` affect every call.

A tracing agent must see all requests, and a tool that blocks the network must block all of them.
Two that did not: New Relic's agent 14.1.0, which wraps ``aiohttp.ClientRequest.send`` to add its
header (``newrelic/hooks/framework_aiohttp.py``), and pytest-socket 0.8.1 and mocket 3.15.0, which
replace ``socket.socket`` in the middle of a process. The tests do the same without them.
"""

import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Self

import aiohttp
import pytest

from loops_async import LoopsClient, RetryPolicy
from loops_async.sandbox import Sandbox
from tests.scripted import ScriptedPacer

ADA = "ada@example.com"
ROWS = 20
ROOT = Path(__file__).parents[2]


async def upsert_many(loops: LoopsClient) -> None:
    rows = ({"email": f"ada.{number}@example.com"} for number in range(ROWS))
    async for outcome in loops.contacts.upsert_many(rows, concurrency=5):
        if outcome.error is not None:
            raise outcome.error


CALLS: dict[str, Callable[[LoopsClient], Awaitable[Any]]] = {
    "api_key.test": lambda loops: loops.api_key.test(),
    "contacts.create": lambda loops: loops.contacts.create(email=ADA),
    "contacts.update": lambda loops: loops.contacts.update(email=ADA, properties={"plan": "pro"}),
    "contacts.find": lambda loops: loops.contacts.find(email=ADA),
    "contacts.delete": lambda loops: loops.contacts.delete(email=ADA),
    "contacts.upsert_many": upsert_many,
    "mailing_lists.list": lambda loops: loops.mailing_lists.list(),
    "events.send": lambda loops: loops.events.send("signup", email=ADA),
    "transactional.send": lambda loops: loops.transactional.send("tx1", ADA),
}
EACH = pytest.mark.parametrize("call", CALLS.values(), ids=list(CALLS))


def client_of(sandbox: Sandbox, session: aiohttp.ClientSession | None = None) -> LoopsClient:
    return LoopsClient(
        sandbox.api_key,
        base_url=sandbox.url,
        session=session,
        retry=RetryPolicy(attempts=1),
        pacer=ScriptedPacer(),
    )


async def test_an_agent_that_wraps_the_sending_of_requests_sees_every_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    send, seen = aiohttp.ClientRequest.send, list[str]()

    async def wrapped(request: aiohttp.ClientRequest, *args: Any) -> aiohttp.ClientResponse:
        request.headers["newrelic"] = str(len(seen))
        seen.append(request.url.path.removeprefix("/api"))
        return await send(request, *args)

    monkeypatch.setattr(aiohttp.ClientRequest, "send", wrapped)
    async with Sandbox(rate=None) as sandbox, client_of(sandbox) as loops:
        for call in CALLS.values():
            await call(loops)
        requests = sandbox.requests
    assert [request.path for request in requests] == seen
    assert len(seen) == len(CALLS) - 1 + ROWS
    assert [request.headers["newrelic"] for request in requests] == [
        str(number) for number in range(len(seen))
    ]


class Blocked(RuntimeError):
    """As pytest-socket's ``SocketBlockedError``."""


class GuardedSocket(socket.socket):
    """As pytest-socket's: a subclass that cannot be made."""

    def __new__(cls, *_: object, **__: object) -> Self:
        raise Blocked


class FakeSocket:
    """As mocket's: a class of its own."""

    def __init__(self, *_: object, **__: object) -> None:
        raise Blocked


@EACH
@pytest.mark.parametrize("replacement", [GuardedSocket, FakeSocket])
@pytest.mark.parametrize("handed_in", [False, True], ids=["own session", "handed in"])
async def test_with_sockets_replaced_no_call_reaches_the_network(
    call: Callable[[LoopsClient], Awaitable[Any]],
    replacement: type,
    monkeypatch: pytest.MonkeyPatch,
    *,
    handed_in: bool,
) -> None:
    theirs = aiohttp.ClientSession() if handed_in else None
    async with Sandbox(rate=None) as sandbox:
        monkeypatch.setattr(socket, "socket", replacement)
        async with client_of(sandbox, theirs) as loops:
            with pytest.raises(Blocked):
                await call(loops)
        monkeypatch.undo()
        assert not sandbox.requests
        async with client_of(sandbox) as loops:
            await loops.contacts.update(email=ADA)
        assert len(sandbox.requests) == 1
    if theirs is not None:
        await theirs.close()


IMPORTED_WHILE_REPLACED = """
import asyncio, socket

real = socket.socket

class Guarded(real):
    def __new__(cls, *args, **options):
        raise RuntimeError("blocked")

socket.socket = Guarded
import loops_async
for name in loops_async.__all__:
    getattr(loops_async, name)
import loops_async.transport
from loops_async.sandbox import Sandbox
socket.socket = real

async def main():
    async with Sandbox() as sandbox:
        async with loops_async.LoopsClient(sandbox.api_key, base_url=sandbox.url) as loops:
            await loops.contacts.update(email="ada@example.com")
            print((await loops.contacts.find(email="ada@example.com")).email)

asyncio.run(main())
"""


def test_imported_while_sockets_were_replaced_the_package_works_afterwards() -> None:
    done = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-c", IMPORTED_WHILE_REPLACED],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=50,
    )
    assert (done.stdout, done.returncode) == (f"{ADA}\n", 0), done.stderr
