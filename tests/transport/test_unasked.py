"""Data that a server sends before a request belongs to no request and is never a reply.

RFC 9112, section 9.2: "If a client receives data on a connection that does not have outstanding
requests, the client MUST NOT consider that data to be a valid response." aiohttp 3.14.5 keeps such
a connection, and reads a reply that arrived there in the meantime as the reply to the next request.
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
import trustme

from loops_async import errors
from loops_async.pipeline.messages import Request
from tests.transport.bare import (
    CREATE_ADA,
    FIND_ADA,
    UPDATE_ADA,
    BareServer,
    Exchange,
    failure,
    http,
    transport_to,
)

pytestmark = pytest.mark.virtual_time

OURS = b'{"ours":true}'
STRAY = http(200, b'{"somebody":"else"}')
HEAD, _, _ = STRAY.partition(b"\r\n\r\n")
GZIP = {"Content-Encoding": "gzip"}
CHUNKED = {"Transfer-Encoding": "chunked"}

AUTHORITY = trustme.CA()


async def arrives() -> None:
    """Let the client's event loop, which is this one, receive what was sent."""
    await asyncio.sleep(0.02)


@pytest.fixture(params=[False, True], ids=["plain", "TLS"])
def tls(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext | None:
    """A server's context, whose certificate the client's own sessions trust; None for no TLS."""
    if not request.param:
        return None
    client = ssl.create_default_context()
    AUTHORITY.configure_trust(client)
    monkeypatch.setattr(aiohttp.connector, "_SSL_CONTEXT_VERIFIED", client)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    AUTHORITY.issue_cert("127.0.0.1").configure_cert(server)
    return server


def address(server: BareServer, tls: ssl.SSLContext | None) -> str:
    return server.url if tls is None else server.url.replace("http:", "https:")


class Talkative:
    """Answers each request, and remembers the exchange, to send more on its connection later."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []

    async def __call__(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)
        await exchange.write(http(200, OURS))


UPGRADE = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"


@pytest.mark.parametrize(
    "stray",
    [
        pytest.param(STRAY, id="a whole reply"),
        pytest.param(STRAY + STRAY, id="two replies"),
        pytest.param(STRAY[:-5], id="a head and half a body"),
        pytest.param(HEAD.replace(b"Length: 19", b"Length: 0") + b"\r\n\r\n", id="an empty reply"),
        pytest.param(http(200, b"?", headers={"Content-Encoding": "gzip"}), id="a broken body"),
        pytest.param(b"HTTP/1.1 103 Early Hints\r\n\r\n", id="an interim reply"),
        pytest.param(http(408, b"", headers={"Connection": "close"}), id="a timeout when idle"),
        pytest.param(UPGRADE + STRAY, id="another protocol"),
        pytest.param(b"\x00\xff\r\nnonsense\r\n\r\n", id="garbage"),
    ],
)
async def test_a_connection_with_unasked_data_is_dropped_and_the_call_gets_its_own_reply(
    stray: bytes, tls: ssl.SSLContext | None
) -> None:
    answer = Talkative()
    async with (
        BareServer(answer, tls=tls) as server,
        transport_to(address(server, tls)) as transport,
    ):
        await transport.send(UPDATE_ADA)
        await answer.exchanges[0].write(stray)
        await arrives()
        for request in (UPDATE_ADA, CREATE_ADA, FIND_ADA):
            assert (await transport.send(request)).body == OURS
        assert (server.accepted, len(server.requests)) == (2, 4)
        await server.has_lost(1)


@pytest.mark.parametrize("request_", [FIND_ADA, CREATE_ADA], ids=["GET", "POST"])
async def test_a_second_reply_that_comes_late_is_not_that_of_the_next_request(
    request_: Request[Any],
) -> None:
    said_twice = asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        number = len(server.requests)
        await exchange.write(http(200, b"%d" % number))
        await asyncio.sleep(0.01)
        await exchange.write(http(200, b"%d again" % number))
        said_twice.set()

    async with BareServer(answer) as server, transport_to(server.url) as transport:
        for number in range(1, 6):
            assert (await transport.send(request_)).body == b"%d" % number
            await said_twice.wait()
            said_twice.clear()
            await arrives()
        assert server.accepted == len(server.requests) == 5


async def test_a_server_that_says_408_and_closes_an_idle_connection_costs_no_request() -> None:
    answer = Talkative()
    async with BareServer(answer) as server, transport_to(server.url) as transport:
        for number in range(1, 4):
            assert (await transport.send(CREATE_ADA)).body == OURS
            await answer.exchanges[-1].write(http(408, b"", headers={"Connection": "close"}))
            answer.exchanges[-1].close()
            await server.has_lost(number)
            await arrives()
    assert len(server.requests) == 3


@pytest.mark.parametrize("cut", [1, 9, len(HEAD) - 1, len(HEAD), len(HEAD) + 2])
async def test_half_a_head_that_is_completed_after_the_request_is_never_its_reply(
    cut: int,
) -> None:
    async def answer(exchange: Exchange) -> None:
        first = len(server.requests) == 1
        await exchange.write(http(200, OURS) + STRAY[:cut] if first else STRAY[cut:])

    async with BareServer(answer) as server, transport_to(server.url) as transport:
        assert (await transport.send(UPDATE_ADA)).body == OURS
        await arrives()
        assert isinstance(await failure(transport, UPDATE_ADA), errors.ConnectionLost)


async def test_connections_that_have_nothing_unasked_are_used_again() -> None:
    answer = Talkative()
    async with BareServer(answer) as server, transport_to(server.url) as transport:
        await asyncio.gather(*(transport.send(UPDATE_ADA) for _ in range(5)))
        # One of five is spoilt; a line break is allowed between replies.
        await answer.exchanges[0].write(STRAY)
        await answer.exchanges[1].write(b"\r\n")
        await arrives()
        replies = await asyncio.gather(*(transport.send(UPDATE_ADA) for _ in range(5)))
        assert [reply.body for reply in replies] == [OURS] * 5
        assert server.accepted == 6


async def test_however_many_kept_connections_are_spoilt_the_call_gets_through() -> None:
    answer = Talkative()
    async with BareServer(answer) as server, transport_to(server.url) as transport:
        await asyncio.gather(*(transport.send(UPDATE_ADA) for _ in range(9)))
        for exchange in list(answer.exchanges):
            await exchange.write(STRAY)
        await arrives()
        assert (await transport.send(CREATE_ADA)).body == OURS
        assert server.accepted == 10


async def test_a_server_that_speaks_before_it_is_asked_gets_no_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    accepted = 0

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal accepted
        accepted += 1
        writer.write(STRAY)
        assert await reader.read() == b""
        writer.close()

    connect: Callable[..., Any] = aiohttp.TCPConnector.connect

    async def slow(*args: Any, **options: Any) -> Any:
        connection = await connect(*args, **options)
        await arrives()
        return connection

    monkeypatch.setattr(aiohttp.TCPConnector, "connect", slow)
    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with transport_to(f"http://127.0.0.1:{port}/api") as transport:
            error = await failure(transport, CREATE_ADA)
        await arrives()
    assert type(error) is errors.ConnectFailed
    assert "the server sent data before any request" in str(error)
    assert accepted <= 10
