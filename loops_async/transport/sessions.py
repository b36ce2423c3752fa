"""The aiohttp session, and what makes aiohttp send a request once and be timed by us."""

import math
from collections.abc import Sequence
from typing import Final, TypeAlias

import aiohttp
import attrs
from aiohttp.abc import AbstractStreamWriter

from loops_async.transport.links import Broke
from loops_async.watchdog import Limit

HttpSession: TypeAlias = aiohttp.ClientSession
TraceConfig: TypeAlias = aiohttp.TraceConfig

_SLACK: Final = 0.2
"""Seconds by which a reply that comes in drops, or after a slow connection, may miss a deadline."""

_LEAST: Final = 0.001
"""Seconds; a bound of 0 would mean none to aiohttp."""

_CHUNK: Final = 64 * 1024
"""Bytes of a body that are written in one go; in between, a full connection holds the writer up."""


class Body(aiohttp.Payload):
    """A body that is sent once, and starts the wait for the reply when it has left.

    aiohttp repeats PUT and DELETE by itself when the connection breaks, unless their body cannot
    be had again. That attempt would take no slot of the pacer and nobody would count it; the
    retry layer makes it instead.
    """

    def __init__(self, body: bytes, limit: Limit, silence: float) -> None:
        super().__init__(body)
        self._bytes = body
        self._limit = limit
        self._silence = silence

    @property
    def size(self) -> int:
        """Bytes, for Content-Length."""
        return len(self._bytes)

    @property
    def consumed(self) -> bool:
        """That it cannot be had again, which keeps aiohttp from another attempt."""
        return True

    @property
    def autoclose(self) -> bool:
        """That there is nothing to close."""
        return True

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """As text."""
        return self._bytes.decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Write it all."""
        await self.write_with_length(writer, None)

    async def write_with_length(self, writer: AbstractStreamWriter, _: int | None) -> None:
        """Write it all; its length is the one that was announced."""
        body = self._bytes
        if len(body) <= _CHUNK:
            await writer.write(body)
        else:
            for start in range(0, len(body), _CHUNK):
                await writer.write(body[start : start + _CHUNK])
        self._limit.shorten(self._silence)


async def _only_once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    # What ``Body`` does for a request that has one, at a fraction of what this costs.
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise Broke(type(error).__name__) from error


ONLY_ONCE: Final = (_only_once,)


class _Connector(aiohttp.TCPConnector):
    """Tells a session of ours from one that was handed in, whose middlewares are its owner's."""


@attrs.frozen
class Bounds:
    """How long one attempt may take; ``Timeouts`` as aiohttp and the watchdog want them.

    Attributes:
        connect: Seconds for a connection to stand; aiohttp's to bound.
        read: Seconds for the server to say something. aiohttp bounds them for a request without a
            body. One with a body knows when it has left, and the watchdog does it: a timer less
            for every piece that comes in.
        total: Seconds for it all; the watchdog's to bound.
    """

    connect: float
    read: float
    total: float = attrs.field(init=False)
    _with_body: aiohttp.ClientTimeout = attrs.field(init=False, repr=False)
    _without: aiohttp.ClientTimeout = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        for name, value in (
            ("total", self.connect + self.read),
            ("_with_body", _timeout(self.connect, None)),
            ("_without", _timeout(self.connect, self.read)),
        ):
            object.__setattr__(self, name, value)

    def within(self, left: float) -> float:
        """The seconds for it all, in what is ``left`` of a call's time."""
        # The time is up for a connection first, for silence next, and for all else last, with
        # room for a busy loop in between: which one it is says whether a write may have left.
        return min(self.total, max(left, _LEAST) + _SLACK)

    def timeout(self, left: float, *, has_body: bool) -> aiohttp.ClientTimeout:
        """What aiohttp is to bound, in what is ``left`` of a call's time."""
        if has_body:
            return self._with_body if left >= self.connect else _timeout(max(left, _LEAST), None)
        if left >= self.connect and left >= self.read:
            return self._without
        left = max(left, _LEAST)
        return _timeout(min(self.connect, left), min(self.read, left))


def _timeout(connect: float, silence: float | None) -> aiohttp.ClientTimeout:
    # By default aiohttp rounds long timeouts up to whole seconds; a deadline is a deadline.
    return aiohttp.ClientTimeout(connect=connect, sock_read=silence, ceil_threshold=math.inf)


def open_http(
    *,
    limit: int,
    limit_per_host: int,
    keepalive: float,
    trust_env: bool,
    trace_configs: Sequence[aiohttp.TraceConfig],
) -> aiohttp.ClientSession:
    """A session with its own connector; the running loop's."""
    return aiohttp.ClientSession(
        connector=_Connector(
            limit=limit, limit_per_host=limit_per_host, keepalive_timeout=keepalive
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=trust_env,
        trace_configs=list(trace_configs),
    )


def is_ours(http: aiohttp.ClientSession) -> bool:
    """Whether ``open_http`` opened it."""
    return isinstance(getattr(http, "connector", None), _Connector)
