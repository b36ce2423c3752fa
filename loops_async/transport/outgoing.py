"""What goes out, for as little as aiohttp can be asked for: its headers, its body, no cookies."""

import inspect
from collections.abc import Iterable, Mapping
from http.cookies import SimpleCookie
from types import SimpleNamespace
from typing import Any, Final, Self

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from aiohttp.connector import Connection
from aiohttp.typedefs import LooseCookies, LooseHeaders
from multidict import CIMultiDict, CIMultiDictProxy, istr
from yarl import URL

from loops_async.version import __version__
from loops_async.watchdog import Limit

_HOST: Final = istr("Host")

# Such names are not folded to lower case anew for every request.
COMMON: Final = CIMultiDict(
    {
        istr("User-Agent"): f"loops_async/{__version__}",
        istr("Accept"): "application/json",
        istr("Accept-Encoding"): aiohttp.ClientRequest.DEFAULT_HEADERS[istr("Accept-Encoding")],
        istr("Content-Type"): "application/json",
    }
)
"""The headers that every request has, whoever sends it."""

_CHUNK: Final = 64 * 1024
"""Bytes of a body that are written in one go; in between, a full connection holds the writer up."""

_NO_TIMER: Final[Any] = None  # our limits of time are not aiohttp's
_WRITTEN: Final[Any] = SimpleNamespace(output_size=0)  # what a writer is asked when it is done

_JSON: Final = CIMultiDict({istr("Content-Type"): "application/json"})


class Body(bytes, aiohttp.Payload):
    """A body that is sent once, and starts the wait for the reply when it has left.

    aiohttp repeats PUT and DELETE by itself when the connection breaks, unless their body cannot
    be had again. That attempt would take no slot of the pacer and nobody would count it; the
    retry layer makes it instead.

    It is bytes as well, for whoever stands in for aiohttp in a test and looks at what is sent.
    """

    _wait: tuple[Limit, float]
    head: "Head | None"
    """What goes before it, where that is known beforehand."""

    @classmethod
    def of(cls, body: bytes, limit: Limit, silence: float, head: "Head | None" = None) -> Self:
        """A body of these bytes, which starts ``limit``'s wait of ``silence`` seconds."""
        # A payload is asked for what stands below, all of it constant but for the bytes: what
        # aiohttp's ``__init__`` would keep of them costs more than the rest of this class.
        self = bytes.__new__(cls, body)
        self._wait = limit, silence
        self.head = head
        return self

    def __reduce__(self) -> tuple[type[bytes], tuple[bytes]]:
        # A copy is for looking at: it is the bytes, and has no part in the call.
        return bytes, (bytes(self),)

    @property
    def size(self) -> int:
        """Bytes, for Content-Length."""
        return len(self)

    @property
    def consumed(self) -> bool:
        """That it cannot be had again, which keeps aiohttp from another attempt."""
        return True

    @property
    def autoclose(self) -> bool:
        """That there is nothing to close."""
        return True

    @property
    def headers(self) -> CIMultiDict[str]:
        """What it is."""
        return _JSON

    @property
    def content_type(self) -> str:
        """What it is."""
        return _JSON["Content-Type"]

    @property
    def encoding(self) -> str | None:
        """None: JSON is UTF-8."""
        return None

    @property
    def filename(self) -> str | None:
        """None."""
        return None

    async def close(self) -> None:
        """Do nothing."""

    async def as_bytes(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """As plain bytes."""
        return bytes(self)

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Write it all."""
        await self.write_with_length(writer, None)

    async def write_with_length(
        self, writer: AbstractStreamWriter, content_length: int | None
    ) -> None:
        """Write it all; its length is the one that was announced."""
        if len(self) <= _CHUNK:
            await writer.write(self)
        else:
            for start in range(0, len(self), _CHUNK):
                await writer.write(self[start : start + _CHUNK])
        self.has_left()

    def has_left(self) -> None:
        """Start the wait for the reply."""
        limit, silence = self._wait
        limit.shorten(silence)


class Head:
    """The request line and the headers of one endpoint's requests, up to the body's length.

    They hold the key, which no ``repr`` shows.

    Attributes:
        info: What aiohttp tells of such a request, without its headers.
    """

    __slots__ = ("_text", "info")

    def __init__(self, method: str, url: URL, headers: Mapping[str, str]) -> None:
        self.info: aiohttp.RequestInfo = aiohttp.RequestInfo(
            url, method, CIMultiDictProxy(CIMultiDict[str]()), url
        )
        lines = [f"{method} {url.raw_path_qs} HTTP/1.1", f"Host: {url.host_port_subcomponent}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._text = "\r\n".join([*lines, "Content-Length: "]).encode()

    def before(self, body: bytes) -> bytes:
        """It and the body, the whole of a request."""
        return b"%b%d\r\n\r\n%b" % (self._text, len(body), body)


class NoCookies(aiohttp.DummyCookieJar):
    """Makes no new empty jar for each request."""

    _none: Final = SimpleCookie()

    def filter_cookies(self, request_url: URL) -> SimpleCookie:
        """None."""
        return self._none


class ReadyRequest(aiohttp.ClientRequest):
    """A request of a session of ours, to which aiohttp has nothing to add.

    Its headers are complete, there is no cookie, no compression and nothing to wait for before the
    body: aiohttp looks for each of them at every request. An aiohttp that does not ask these
    methods any more looks again, and sends the same.
    """

    def update_headers(self, headers: LooseHeaders | None) -> None:
        """Those of the session and of the call, and the host."""
        # A session makes them anew for each request, so there is no need of another copy.
        self.headers = headers if type(headers) is CIMultiDict else CIMultiDict(headers or ())
        host = self.url.host_port_subcomponent
        if host is not None:
            self.headers[_HOST] = host

    def update_host(self, url: URL) -> None:
        """None but the URL's own, which was looked at when the client was made."""

    def update_auto_headers(self, skip_auto_headers: Iterable[str] | None) -> None:
        """None: ``COMMON`` has them."""

    def update_cookies(self, cookies: LooseCookies | None) -> None:
        """None."""

    def update_content_encoding(self, data: object) -> None:
        """None."""
        self.compress: str | bool | None = None

    def update_transfer_encoding(self) -> None:
        """None: the length of a body is known."""

    def update_expect_continue(self, expect: bool = False) -> None:  # noqa: FBT001, FBT002 - aiohttp's
        """None."""


def _behind_the_host(headers: CIMultiDict[str]) -> CIMultiDict[str]:
    """The same, in the order that every server expects."""
    ordered = CIMultiDict({_HOST: headers[_HOST]})
    ordered.update(headers)
    return ordered


class DirectRequest(ReadyRequest):
    """A request that is written in one piece, where its head is known beforehand.

    To make the head's text anew and to hand it to a task that writes it is a tenth of what a
    request costs. Whatever is unusual is left to aiohttp, and so is everything by an aiohttp that
    does not ask this method any more.
    """

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        """Write the request; the response to come."""
        body, protocol = self.body, conn.protocol
        transport = protocol.transport if protocol is not None else None
        if (
            type(body) is not Body
            or body.head is None
            or len(body) > _CHUNK
            or self.proxy is not None
            or protocol is None
            or transport is None
            or transport.is_closing()
            or protocol.writing_paused
        ):
            self.headers = _behind_the_host(self.headers)
            return await super().send(conn)
        transport.write(body.head.before(body))
        body.has_left()
        return self.response_class(
            self.method, self.original_url, writer=None, continue100=None, timer=_NO_TIMER,
            request_info=body.head.info, traces=[], loop=self.loop, session=self.session,
            stream_writer=_WRITTEN,
        )  # fmt: skip


_TAKES: Final = {
    "method", "url", "writer", "continue100", "timer", "request_info", "traces", "loop", "session",
    "stream_writer",
}  # fmt: skip

REQUEST: Final[type[aiohttp.ClientRequest]] = (
    DirectRequest
    if set(inspect.signature(aiohttp.ClientResponse).parameters) == _TAKES
    else ReadyRequest
)
"""The kind of all requests of a session of ours, where aiohttp's response is made as we know it."""
