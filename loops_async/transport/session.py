"""aiohttp sessions: how the client opens one, and the time limits of a request."""

import asyncio
import errno
import math
import warnings
from collections.abc import Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, Self, TypeAlias

import aiohttp
import attrs
from multidict import CIMultiDict, istr

from loops_async.pipeline.deadlines import Limit, Timeouts
from loops_async.transport.error_mapping import ClosedBeforeReply
from loops_async.version import __version__

if TYPE_CHECKING:
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

HttpSession: TypeAlias = aiohttp.ClientSession
TraceConfig: TypeAlias = aiohttp.TraceConfig

HEADERS: Final = CIMultiDict(
    {
        istr("User-Agent"): f"loops_async/{__version__}",
        istr("Accept"): "application/json",
        istr("Content-Type"): "application/json",
    }
)
"""Headers of every request."""

ATTEMPT: ContextVar[Limit | None] = ContextVar("ATTEMPT", default=None)
"""The time limit of the current task's attempt; it is shortened once there is a connection."""

_SLACK: Final = 0.2
"""Seconds by which a request may overrun the deadline of its call; see ``RequestLimits``."""

_SHORTEST: Final = 0.001
"""Seconds; aiohttp takes 0 for no limit."""

_CONNECTIONS_TRIED: Final = 10
_EARLY_DATA: Final = ConnectionError(errno.EPROTO, "the server sent data before any request")


@attrs.frozen
class RequestLimits:
    """Time limits for one request, in seconds.

    Attributes:
        total: From the start to the end of the reply.
        silence: How long the server may send nothing.
        timeout: The limits that aiohttp enforces. On the client's own sessions that is the time
            to connect; the other two are enforced by a ``Watchdog``, at a fraction of the cost.
            On other sessions aiohttp enforces ``silence`` as well.
    """

    total: float
    silence: float
    timeout: aiohttp.ClientTimeout

    @classmethod
    def within(cls, left: float, timeouts: Timeouts, *, own: bool) -> Self:
        """The limits of a request when ``left`` seconds of the call remain."""
        left = max(left, _SHORTEST)
        silence = min(timeouts.read, left)
        timeout = aiohttp.ClientTimeout(
            connect=min(timeouts.connect, left),
            sock_read=None if own else silence,
            ceil_threshold=math.inf,  # by default aiohttp rounds long times up to whole seconds
        )
        # At the deadline, the time to connect has to run out before the total does: only a failed
        # connection proves that a write was not sent.
        return cls(min(timeouts.connect + timeouts.read, left + _SLACK), silence, timeout)


class _Connector(aiohttp.TCPConnector):
    """Gives each attempt one connection, on which nothing has arrived yet.

    By itself, aiohttp sends GET, PUT and DELETE a second time when a connection breaks, unknown to
    the pacer and the retry policy. And it reads what arrived on a kept connection as the reply to
    the next request, which RFC 9112 (section 9.2) forbids.
    """

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list["Trace"], timeout: aiohttp.ClientTimeout
    ) -> "Connection":
        limit = ATTEMPT.get()
        if limit is None or limit.is_shortened:  # the attempt has had its connection
            raise ClosedBeforeReply
        for _ in range(_CONNECTIONS_TRIED):
            connection = await super().connect(req, traces, timeout)
            protocol = connection.protocol
            if protocol is None or not protocol.should_close:
                limit.shorten(limit.silence)
                return connection
            connection.close()
        raise aiohttp.ClientConnectorError(req.connection_key, _EARLY_DATA)


def open_http(
    *,
    limit: int,
    limit_per_host: int,
    keepalive: float,
    trust_env: bool,
    proxy: str | None = None,
    trace_configs: Sequence[aiohttp.TraceConfig],
) -> aiohttp.ClientSession:
    """A session with a connector of its own, in the running event loop."""
    return aiohttp.ClientSession(
        connector=_Connector(
            limit=limit, limit_per_host=limit_per_host, keepalive_timeout=keepalive
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=HEADERS,
        trust_env=trust_env,
        proxy=proxy,
        trace_configs=list(trace_configs),
    )


def opened_elsewhere(http: aiohttp.ClientSession) -> bool:
    """Whether the session was opened in another event loop, as far as aiohttp shows it."""
    with warnings.catch_warnings():
        # The attribute is deprecated, but without it a request would fail halfway.
        warnings.simplefilter("ignore", DeprecationWarning)
        loop: Any = getattr(http, "loop", None)
    is_known = isinstance(loop, asyncio.AbstractEventLoop)
    return is_known and loop is not asyncio.get_running_loop()
