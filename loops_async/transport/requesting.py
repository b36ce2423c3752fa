"""How a session of ours sends: what aiohttp is not asked for, and what it need not write."""

import inspect
from collections.abc import Iterable
from http.cookies import SimpleCookie
from types import SimpleNamespace
from typing import Any, Final

import aiohttp
from aiohttp.connector import Connection
from aiohttp.typedefs import LooseCookies, LooseHeaders
from multidict import CIMultiDict
from yarl import URL

from loops_async.transport.outgoing import CHUNK, HOST, Body

_NO_TIMER: Final[Any] = None  # our limits of time are not aiohttp's
_WRITTEN: Final[Any] = SimpleNamespace(output_size=0)  # what a writer is asked when it is done


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
        self.headers: CIMultiDict[str] = (
            headers if type(headers) is CIMultiDict else CIMultiDict(headers or ())
        )
        host = self.url.host_port_subcomponent
        if host is not None:
            self.headers.setdefault(HOST, host)

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
    ordered = CIMultiDict({HOST: headers.get(HOST, "")})
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
            or len(body) > CHUNK
            or self.proxy is not None
            or protocol is None
            or transport is None
            or transport.is_closing()
            or protocol.writing_paused
            or (ready := body.head.for_request(self, len(body))) is None
        ):
            self.headers: CIMultiDict[str] = _behind_the_host(self.headers)
            return await super().send(conn)
        transport.write(ready.text + body)
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
