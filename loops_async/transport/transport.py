"""Sending one request with aiohttp and reading the whole reply."""

import io
import math
from collections.abc import Callable
from typing import Any, Final

import aiohttp
import attrs
from multidict import CIMultiDict, istr
from yarl import URL

from loops_async import errors
from loops_async.pipeline.deadlines import Limit, Timeouts, Watchdog
from loops_async.pipeline.messages import Reply, Request
from loops_async.pipeline.redaction import redacted_excerpt
from loops_async.transport.error_mapping import link_error, misuse_error
from loops_async.transport.session import ATTEMPT, HEADERS, RequestLimits

LARGEST_REPLY: Final = 8 * 1024 * 1024
"""The most bytes that a reply may have."""

_LARGEST_REFUSAL: Final = 64 * 1024
"""The most bytes that are read of a reply that is not a success."""

_EXCERPT: Final = 8 * 1024
"""Bytes; more than an error quotes, so that the quotation is marked as cut."""

_LARGE_BODY: Final = 1024 * 1024
"""Bytes; aiohttp asks for larger bodies as files, which it sends in chunks."""

# Such names are faster than text in multidict.
_AUTHORIZATION: Final = istr("Authorization")
_IDEMPOTENCY_KEY: Final = istr("Idempotency-Key")


@attrs.define(eq=False)
class AiohttpTransport:
    """Sends the requests of one API key over a session that may be shared.

    Attributes:
        http: Returns the session. It is called for each request because it opens on first use.
        base_url: The API's address, without ``/v1``.
        api_key: The team's key.
        timeouts: The time limits for one request.
        now: The event loop's time, in which deadlines are given.
        own: Whether ``open_http`` opened the session.
    """

    http: Callable[[], aiohttp.ClientSession] = attrs.field(repr=False)
    base_url: URL
    api_key: str = attrs.field(repr=False)
    timeouts: Timeouts
    now: Callable[[], float] = attrs.field(repr=False)
    own: bool = True
    _watchdog: Watchdog = attrs.field(init=False, repr=False)
    _limits: RequestLimits = attrs.field(init=False, repr=False)
    """For calls whose deadline is far away."""
    _headers: CIMultiDict[str] = attrs.field(init=False, repr=False)
    """Those that the session does not add."""
    _urls: dict[str, URL] = attrs.field(init=False, repr=False, factory=dict[str, URL])
    """The URLs of paths without parameters."""

    def __attrs_post_init__(self) -> None:
        self._watchdog = Watchdog(self.now)
        self._limits = RequestLimits.within(math.inf, self.timeouts, own=self.own)
        self._headers = CIMultiDict[str]() if self.own else HEADERS.copy()
        self._headers[_AUTHORIZATION] = f"Bearer {self.api_key}"

    async def send(self, request: Request[Any], /) -> Reply:
        """Send ``request`` exactly once and read the reply to its end, whatever its status.

        Raises:
            ConnectFailed: No connection could be made; the request was not sent.
            ConnectionLost: The connection broke later.
            ReplyTimeout: The reply was not complete in time.
            ReplyTooLarge: A success of more than ``LARGEST_REPLY`` bytes.
            ConfigurationError: The session sends credentials of its own.
        """
        http, now, limits, body = self.http(), self.now(), self._limits, request.body
        if request.deadline is not None and request.deadline - now < limits.total:
            limits = RequestLimits.within(request.deadline - now, self.timeouts, own=self.own)
        response: aiohttp.ClientResponse | None = None
        chunks: list[bytes] = []
        try:
            with Limit(self._watchdog, now + limits.total, limits.silence) as limit:
                ATTEMPT.set(limit)
                response = await http.request(
                    request.endpoint.method,
                    self._url(request),
                    data=body if body is None or len(body) <= _LARGE_BODY else io.BytesIO(body),
                    # Not in a local variable, because crash reports show those.
                    headers=self._headers_of(request),
                    timeout=limits.timeout,
                    allow_redirects=False,
                    raise_for_status=False,  # this and the next replace settings of the session
                    auto_decompress=True,
                )
                if response.closed:  # the whole reply has arrived; a tracing agent may have read it
                    chunks.append(response.content.read_nowait() or await response.read())
                else:
                    await _read(response, limit, chunks)
        except (aiohttp.ClientError, OSError) as error:
            if response is not None and not 200 <= response.status < 300:
                # The status is known, and decides even without the rest of the body.
                return self._reply(request, response, chunks)
            failure: errors.LoopsError = link_error(request, error)
            failure.status = None if response is None else response.status
        except (ValueError, RuntimeError) as error:
            misuse = misuse_error(request, error)
            if misuse is None:
                raise
            failure = misuse
        else:
            return self._reply(request, response, chunks)
        raise failure

    def _url(self, request: Request[Any]) -> URL:
        url = self._urls.get(request.endpoint.path)
        if url is None:
            url = self.base_url.joinpath(request.path.lstrip("/"), encoded=True)
            if request.parameters is None:
                self._urls[request.endpoint.path] = url
        return url if request.query is None else url.with_query(request.query)

    def _headers_of(self, request: Request[Any]) -> CIMultiDict[str]:
        headers = self._headers.copy()  # tracing agents add to it
        if request.idempotency_key is not None:
            headers[_IDEMPOTENCY_KEY] = request.idempotency_key
        return headers

    def _reply(
        self, request: Request[Any], response: aiohttp.ClientResponse, chunks: list[bytes]
    ) -> Reply:
        status, body = response.status, b"".join(chunks)
        if len(body) > LARGEST_REPLY and 200 <= status < 300:
            excerpt = redacted_excerpt(Reply(status, {}, body[:_EXCERPT], self.api_key), request)
            raise errors.ReplyTooLarge(
                f"{request.endpoint}: {status}, but the reply has more than {LARGEST_REPLY} bytes",
                status=status,
                excerpt=excerpt,
            )
        return Reply(status, response.headers, body, self.api_key)


async def _read(response: aiohttp.ClientResponse, limit: Limit, chunks: list[bytes]) -> None:
    """Read the body into ``chunks`` as it arrives, stopping once it is too large."""
    content = response.content
    left = LARGEST_REPLY if 200 <= response.status < 300 else _LARGEST_REFUSAL
    try:
        while chunk := await content.readany():
            chunks.append(chunk)
            left -= len(chunk)
            if left < 0 or content.at_eof():
                break
            limit.shorten(limit.silence)
    finally:
        # aiohttp has released the connection if the body was read to its end. Otherwise it must
        # not be used again: the rest of the body is still to come.
        if not response.closed:
            response.close()
