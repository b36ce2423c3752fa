"""One request in, one reply out."""

from collections.abc import Callable
from typing import Any, Final

import aiohttp
import attrs
from multidict import CIMultiDict, istr
from yarl import URL

from loops_async import errors
from loops_async.pipeline.deadlines import Limit, Timeouts, Watchdog
from loops_async.pipeline.messages import Reply, Request, received
from loops_async.pipeline.redaction import redacted_excerpt
from loops_async.transport.error_mapping import link_error, misuse_error
from loops_async.transport.outgoing import COMMON, Body, Head
from loops_async.transport.session import ONLY_ONCE, Bounds

LARGEST_REPLY: Final = 8 * 1024 * 1024
"""Bytes of a reply that the client holds at the most."""

_LARGEST_REFUSAL: Final = 64 * 1024
_EXCERPT: Final = 8 * 1024
"""More than an error ever quotes, so that it is known to be cut."""


def _watchdog_of(transport: "AiohttpTransport") -> Watchdog:
    return Watchdog(transport.now)


def _bounds_of(transport: "AiohttpTransport") -> Bounds:
    return Bounds(transport.timeouts.connect, transport.timeouts.read)


def _key_of(transport: "AiohttpTransport") -> CIMultiDict[str]:
    return CIMultiDict({istr("Authorization"): f"Bearer {transport.api_key}"})


def _all_of(transport: "AiohttpTransport") -> CIMultiDict[str]:
    headers = CIMultiDict(COMMON, **_key_of(transport))
    del headers["Accept-Encoding"]  # theirs to choose
    return headers


@attrs.frozen
class AiohttpTransport:
    """Sends the requests of one API key over a session that others may share.

    Attributes:
        http: The session to use, asked for at every request because it opens lazily.
        base_url: The API's address, without ``/v1``.
        api_key: The team's key, which every request carries.
        timeouts: Seconds for one attempt.
        now: The event loop's time, in which deadlines are given.
        own: Whether ``open_http`` opened the session, so that its headers and its middlewares
            are ours to choose.
    """

    http: Callable[[], aiohttp.ClientSession] = attrs.field(repr=False)
    base_url: URL
    api_key: str = attrs.field(repr=False)
    timeouts: Timeouts
    now: Callable[[], float] = attrs.field(repr=False)
    own: bool = True
    _ways: dict[tuple[str, str], tuple[URL, Head]] = attrs.field(
        factory=dict[tuple[str, str], tuple[URL, Head]], init=False, repr=False
    )
    """Of each endpoint without parameters: where its requests go, and what they begin with."""
    _watchdog: Watchdog = attrs.field(
        init=False, repr=False, default=attrs.Factory(_watchdog_of, takes_self=True)
    )
    _bounds: Bounds = attrs.field(
        init=False, repr=False, default=attrs.Factory(_bounds_of, takes_self=True)
    )
    _own: CIMultiDict[str] = attrs.field(
        init=False, repr=False, default=attrs.Factory(_key_of, takes_self=True)
    )
    """What a session of ours does not add by itself."""
    _all: CIMultiDict[str] = attrs.field(
        init=False, repr=False, default=attrs.Factory(_all_of, takes_self=True)
    )

    async def send(self, request: Request[Any], /) -> Reply:
        """Send ``request`` exactly once and read the reply to its end, whatever its status.

        Raises:
            ConnectFailed: No connection could be made; the request never left.
            ConnectionLost: The connection broke later.
            ReplyTimeout: No whole reply in time.
            ReplyTooLarge: A 2xx of more than ``LARGEST_REPLY`` bytes.
            ConfigurationError: The session sends credentials of its own.
        """
        http = self.http()
        endpoint, body, deadline = request.endpoint, request.body, request.deadline
        now, bounds = self.now(), self._bounds
        left = bounds.total if deadline is None else deadline - now
        seconds, silence, timeout = bounds.within(left, body is not None)
        way = None if request.query else self._ways.get((endpoint.method, endpoint.path))
        url, head = way or self._way(request)
        if not self.own or request.idempotency_key is not None or http.trace_configs:
            head = None
        try:
            with Limit(self._watchdog, now + seconds) as limit:
                response = await http.request(
                    endpoint.method,
                    url,
                    data=None if body is None else Body.of(body, limit, silence, head),
                    # In no variable: crash reporters show those. A copy: agents write into it.
                    headers=self._headers(request.idempotency_key),
                    timeout=timeout,
                    allow_redirects=False,
                    raise_for_status=False,  # this and the next: whatever the session says
                    auto_decompress=True,
                    middlewares=ONLY_ONCE if body is None and self.own else None,
                )
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            failure: errors.LoopsError = link_error(request, error)
        except (ValueError, RuntimeError) as error:
            if (misuse := misuse_error(request, error)) is None:
                raise
            failure = misuse
        else:
            content = response.content
            if content.is_eof() and content.exception() is None:
                # Short replies come in one piece, and there is nothing left to wait for.
                # Whoever stands in between may have read it, and aiohttp kept it then.
                whole = content.read_nowait() or await response.read()
                if not response.closed:
                    response.release()
                if len(whole) <= _LARGEST_REFUSAL:
                    return received(response.status, response.headers, whole, self.api_key)
                return self._bounded(request, response, whole)
            return await self._read(request, response, limit.last, silence)
        raise failure

    async def _read(
        self, request: Request[Any], response: aiohttp.ClientResponse, end: float, silence: float
    ) -> Reply:
        status, content = response.status, response.content
        succeeded = 200 <= status < 300
        bound = LARGEST_REPLY if succeeded else _LARGEST_REFUSAL
        body = bytearray()
        failure: errors.LoopsError | None = None
        try:
            with Limit(self._watchdog, end) as limit:
                limit.shorten(silence)
                while chunk := await content.readany():
                    limit.shorten(silence)
                    body += chunk
                    if len(body) > bound:
                        break
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            failure = link_error(request, error)
            failure.status = status
        finally:
            # Returns the connection when the reply was read to its end, and drops it otherwise.
            response.close() if not content.at_eof() else response.release()
        # Of a refusal, the status has already said what matters.
        if failure is not None and succeeded:
            raise failure
        return self._bounded(request, response, bytes(body))

    def _bounded(
        self, request: Request[Any], response: aiohttp.ClientResponse, body: bytes
    ) -> Reply:
        status = response.status
        if len(body) > LARGEST_REPLY and 200 <= status < 300:
            excerpt = redacted_excerpt(Reply(status, {}, body[:_EXCERPT], self.api_key), request)
            raise errors.ReplyTooLarge(
                f"{request.endpoint}: {status}, but the reply has more than {LARGEST_REPLY} bytes",
                status=status,
                excerpt=excerpt,
            )
        return Reply(status, response.headers, body, self.api_key)

    def _headers(self, key: str | None) -> CIMultiDict[str]:
        headers = CIMultiDict(self._own if self.own else self._all)
        if key is not None:
            headers["Idempotency-Key"] = key
        return headers

    def _way(self, request: Request[Any]) -> tuple[URL, Head | None]:
        endpoint = request.endpoint
        url = self.base_url.joinpath(request.path.lstrip("/"), encoded=True)
        if request.query or request.parameters is not None:
            return url.with_query(request.query), None
        way = url, Head(endpoint.method, url, CIMultiDict(COMMON, **self._own))
        self._ways[endpoint.method, endpoint.path] = way
        return way
