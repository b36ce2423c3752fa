"""What goes out, for as little as aiohttp can be asked for: its headers, its body, no cookies."""

from collections.abc import Iterable
from http.cookies import SimpleCookie
from typing import Final, Self

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from aiohttp.typedefs import LooseCookies, LooseHeaders
from multidict import CIMultiDict, istr
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

_JSON: Final = CIMultiDict({istr("Content-Type"): "application/json"})


class Body(bytes, aiohttp.Payload):
    """A body that is sent once, and starts the wait for the reply when it has left.

    aiohttp repeats PUT and DELETE by itself when the connection breaks, unless their body cannot
    be had again. That attempt would take no slot of the pacer and nobody would count it; the
    retry layer makes it instead.

    It is bytes as well, for whoever stands in for aiohttp in a test and looks at what is sent.
    """

    _limit: Limit
    _silence: float

    @classmethod
    def of(cls, body: bytes, limit: Limit, silence: float) -> Self:
        """A body of these bytes, which starts ``limit``'s wait of ``silence`` seconds."""
        # A payload is asked for what stands below, all of it constant but for the bytes: what
        # aiohttp's ``__init__`` would keep of them costs more than the rest of this class.
        self = bytes.__new__(cls, body)
        self._limit = limit
        self._silence = silence
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
        self._limit.shorten(self._silence)


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
        """Those of the session and of the call, behind the host."""
        host = self.url.host_port_subcomponent
        self.headers: CIMultiDict[str] = CIMultiDict()
        if host is not None:
            self.headers[_HOST] = host
        self.headers.extend(headers or ())

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
