"""A server that writes the bytes it is told to, and counts what reaches it."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Self

import aiohttp
import attrs
from yarl import URL

from loops_async import LoopsClient, Pacer, RetryPolicy, errors
from loops_async.api import api_key
from loops_async.api.contacts import CREATE, FIND, UPDATE
from loops_async.pipeline.clock import loop_time
from loops_async.pipeline.deadlines import Timeouts
from loops_async.pipeline.messages import Request
from loops_async.transport import AiohttpTransport, open_http

KEY = "key-that-nobody-may-see"
EMAIL = "ada.secret@example.com"
SOON = Timeouts(connect=1.0, read=0.3, total=None)

TEST = Request(api_key.TEST)
FIND_ADA = Request(FIND, query={"email": EMAIL})
UPDATE_ADA = Request(UPDATE, body=b'{"email":"ada.secret@example.com"}')
CREATE_ADA = Request(CREATE, body=b'{"email":"ada.secret@example.com"}')

Answer = Callable[["Exchange"], Awaitable[None]]


@attrs.frozen
class Received:
    """One request as it came."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@attrs.frozen
class Exchange:
    """One request and the connection to answer it on."""

    request: Received
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def close(self) -> None:
        self.writer.close()

    def reset(self) -> None:
        """Tear the connection down with a RST instead of a FIN."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def until_the_client_leaves(self) -> None:
        await self.reader.read()


class BareServer:
    """Answers each request with ``answer``, on as many connections as come.

    Leaving the block fails when ``answer`` failed, and when a client still holds a connection
    open: close the client first.
    """

    def __init__(self, answer: Answer, *, tls: ssl.SSLContext | None = None) -> None:
        self._news = asyncio.Event()
        self._failures: list[BaseException] = []
        self.requests: list[Received] = []
        self.accepted = 0
        self._answer = answer
        self._tls = tls
        self._connections: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls)
        return self

    async def __aexit__(self, kind: object, *_: object) -> None:
        self._server.close()
        held: set[asyncio.Task[None]] = set()
        if self._connections:
            _done, held = await asyncio.wait(self._connections, timeout=10)
            for connection in held:
                connection.cancel()
            await asyncio.gather(*held, return_exceptions=True)
        assert kind is not None or not held, f"{len(held)} connections leaked"
        assert kind is not None or not self._failures, self._failures
        await self._server.wait_closed()

    @property
    def port(self) -> int:
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    @property
    def open(self) -> int:
        """Connections that stand at this moment."""
        return len(self._connections)

    async def has_lost(self, connections: int) -> None:
        """Wait until ``connections`` of those accepted are closed again."""
        await self._until(lambda: self.accepted - self.open >= connections)

    async def has_received(self, requests: int) -> None:
        """Wait until ``requests`` requests have come."""
        await self._until(lambda: len(self.requests) >= requests)

    async def _until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not holds():
                self._news.clear()
                await self._news.wait()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        connection = asyncio.create_task(self._serve(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._lost)

    def _lost(self, connection: asyncio.Task[None]) -> None:
        self._connections.discard(connection)
        if not connection.cancelled() and (error := connection.exception()) is not None:
            self._failures.append(error)
        self._news.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while not writer.is_closing() and (request := await _received(reader)) is not None:
                self.requests.append(request)
                self._news.set()
                await self._answer(Exchange(request, reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.transport.abort()


async def _received(reader: asyncio.StreamReader) -> Received | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    line, *fields = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, target, _ = line.split(" ", 2)
    headers = {name.lower(): value for name, value in (field.split(": ", 1) for field in fields)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(method, target, headers, body)


def http(
    status: int, body: bytes, *, length: int | None = None, headers: Mapping[str, str] | None = None
) -> bytes:
    """A reply as bytes; ``length`` is what its Content-Length says, if not the truth."""
    lines = [
        f"HTTP/1.1 {status} Whatever",
        f"Content-Length: {len(body) if length is None else length}",
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


TEAM = http(200, b'{"success":true,"teamName":"Sandbox"}')


def says(reply: bytes) -> Answer:
    """Answers every request with the same bytes."""

    async def answer(exchange: Exchange) -> None:
        await exchange.write(reply)

    return answer


def says_and_closes(reply: bytes) -> Answer:
    """Answers with the same bytes and closes the connection."""

    async def answer(exchange: Exchange) -> None:
        await exchange.write(reply)
        exchange.close()

    return answer


async def says_nothing(exchange: Exchange) -> None:
    """Takes the request and keeps quiet until the client gives up."""
    await exchange.until_the_client_leaves()


async def resets(exchange: Exchange) -> None:
    """Tears the connection down where an answer was due."""
    exchange.reset()


async def hangs_up(exchange: Exchange) -> None:
    """Closes the connection where an answer was due."""
    exchange.close()


@asynccontextmanager
async def transport_to(
    url: str, *, timeouts: Timeouts = SOON, http: aiohttp.ClientSession | None = None
) -> AsyncIterator[AiohttpTransport]:
    """The transport alone: no pacer, no retries."""
    session = http or open_http(
        limit=100, limit_per_host=0, keepalive=15.0, trust_env=False, trace_configs=()
    )
    async with session:
        yield AiohttpTransport(
            http=lambda: session,
            base_url=URL(url),
            api_key=KEY,
            timeouts=timeouts,
            now=loop_time,
            own=http is None,
        )


async def failure(transport: AiohttpTransport, request: Request[Any]) -> errors.LoopsError:
    """The one error that ``request`` ends in; nothing in it may tell what was sent."""
    try:
        await transport.send(request)
    except errors.LoopsError as error:
        shows_nothing(error)
        return error
    raise AssertionError("the request succeeded")


def shows_nothing(error: BaseException) -> None:
    """Fail if the error, or any that hangs on it, shows the key or the address."""
    seen: list[BaseException] = []
    queue: list[BaseException | None] = [error]
    while queue:
        link = queue.pop()
        if link is None or link in seen:
            continue
        seen.append(link)
        queue += [link.__cause__, link.__context__]
        assert isinstance(link, errors.LoopsError), f"{type(link).__name__} hangs on the error"
        shown = f"{link} {link!r} {link.args} {vars(link)}"
        for secret in (KEY, EMAIL, EMAIL.replace("@", "%40"), "ada.secret"):
            assert secret not in shown


def client_to(server: BareServer, **options: Any) -> LoopsClient:
    """A client with the key that nobody may see; it sends once unless told otherwise."""
    settings: dict[str, Any] = {
        "base_url": server.url,
        "retry": RetryPolicy(attempts=1),
        "pacer": Pacer(rate=1000.0),
        **options,
    }
    return LoopsClient(KEY, **settings)
