"""What goes out: the headers that every request has, its head, its body."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Self

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from multidict import CIMultiDict, CIMultiDictProxy, istr
from yarl import URL

from loops_async.pipeline.deadlines import Limit
from loops_async.version import __version__

HOST: Final = istr("Host")
_LENGTH: Final = istr("Content-Length")

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

CHUNK: Final = 64 * 1024
"""Bytes of a body that are written in one go; in between, a full connection holds the writer up."""

_MOST_LENGTHS: Final = 256
"""Of bodies, for which a head is kept."""

_JSON: Final = CIMultiDict({istr("Content-Type"): "application/json"})


class Body(bytes, aiohttp.Payload):
    """A body that is sent once, and starts the wait for the reply when it has left.

    aiohttp repeats PUT and DELETE by itself when the connection breaks, unless their body cannot
    be had again. That attempt would take no slot of the pacer and nobody would count it; the
    retry layer makes it instead.

    It is bytes as well, for whoever stands in for aiohttp in a test and looks at what is sent.
    """

    # A payload is asked for what stands below, all of it constant but for the bytes: what aiohttp's
    # own would keep of them costs more than the rest of this class.
    if not TYPE_CHECKING:
        __init__ = object.__init__

    _wait: tuple[Limit, float]
    head: "Head | None"
    """What goes before it, where that is known beforehand."""

    @classmethod
    def of(cls, body: bytes, limit: Limit, silence: float, head: "Head | None" = None) -> Self:
        """A body of these bytes, which starts ``limit``'s wait of ``silence`` seconds."""
        self = cls(body)
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
        if len(self) <= CHUNK:
            await writer.write(self)
        else:
            for start in range(0, len(self), CHUNK):
                await writer.write(self[start : start + CHUNK])
        self.has_left()

    def has_left(self) -> None:
        """Start the wait for the reply."""
        limit, silence = self._wait
        limit.shorten(silence)


class Head:
    """The request line and the headers of one endpoint's requests.

    They hold the key, which no ``repr`` shows.

    Attributes:
        info: What aiohttp tells of such a request, without its headers.
    """

    __slots__ = ("_headers", "_ready", "_text", "_url", "info")

    def __init__(self, method: str, url: URL, headers: Mapping[str, str]) -> None:
        host = url.host_port_subcomponent or ""
        lines = [f"{method} {url.raw_path_qs} HTTP/1.1", f"Host: {host}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._text = "\r\n".join([*lines, "Content-Length: "]).encode()
        self._url = url
        self._headers = CIMultiDict(headers, **{HOST: host})
        self._ready: dict[int, ReadyHead] = {}
        none = CIMultiDictProxy(CIMultiDict[str]())
        self.info: aiohttp.RequestInfo = aiohttp.RequestInfo(url, method, none, url)

    def for_request(self, request: aiohttp.ClientRequest, length: int) -> "ReadyHead | None":
        """What goes before a body of ``length`` bytes; None if aiohttp would send another head.

        For what traces requests may have changed the request's address or its headers.
        """
        ready = self._ready.get(length) or self._made_ready(length)
        if (
            request.url is self._url
            and request.method == self.info.method
            and request.headers == ready.headers
        ):
            return ready
        return None

    def _made_ready(self, length: int) -> "ReadyHead":
        if len(self._ready) >= _MOST_LENGTHS:
            self._ready.clear()
        headers = CIMultiDict(self._headers)
        headers[_LENGTH] = str(length)
        ready = ReadyHead(self._text + b"%d\r\n\r\n" % length, headers)
        self._ready[length] = ready
        return ready


class ReadyHead:
    """A head to its end, as text and as what aiohttp makes it of. It holds the key, as above."""

    __slots__ = ("headers", "text")

    def __init__(self, text: bytes, headers: CIMultiDict[str]) -> None:
        self.text: bytes = text
        self.headers: CIMultiDict[str] = headers
