"""The aiohttp session, and what makes aiohttp send a request once and be timed by us."""

import asyncio
import math
import socket
import warnings
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import aiohttp
import attrs

from loops_async.transport.error_mapping import Broke
from loops_async.transport.outgoing import COMMON
from loops_async.transport.requesting import REQUEST, NoCookies

HttpSession: TypeAlias = aiohttp.ClientSession
TraceConfig: TypeAlias = aiohttp.TraceConfig

_SLACK: Final = 0.2
"""Seconds by which a reply that comes in drops, or after a slow connection, may miss a deadline."""

_PIECE: Final = 64 * 1024

_LEAST: Final = 0.001
"""Seconds; a bound of 0 would mean none to aiohttp."""


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


Bound: TypeAlias = tuple[float, float, aiohttp.ClientTimeout]
"""Seconds for all of an attempt, seconds for the reply to begin, and what aiohttp is to bound."""


def _both(bounds: "Bounds") -> float:
    return bounds.connect + bounds.read


def _all_the_time(bounds: "Bounds") -> dict[bool, Bound]:
    return {
        True: (bounds.total, bounds.read, _timeout(bounds.connect, None)),
        False: (bounds.total, bounds.read, _timeout(bounds.connect, bounds.read)),
    }


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
    total: float = attrs.field(init=False, default=attrs.Factory(_both, takes_self=True))
    _usual: dict[bool, Bound] = attrs.field(
        init=False, repr=False, default=attrs.Factory(_all_the_time, takes_self=True)
    )

    def within(self, left: float, has_body: bool) -> Bound:  # noqa: FBT001 - cheaper so
        """What holds in what is ``left`` of a call's time."""
        if left >= self.total:
            return self._usual[has_body]
        silence = min(self.read, left)
        left = max(left, _LEAST)
        connect, read = min(self.connect, left), min(self.read, left)
        # The time is up for a connection first, for silence next, and for all else last, with
        # room for a busy loop in between: which one it is says whether a write may have left.
        total = min(self.total, left + _SLACK)
        return total, silence, _timeout(connect, None if has_body else read)


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
        connector=aiohttp.TCPConnector(
            limit=limit,
            limit_per_host=limit_per_host,
            keepalive_timeout=keepalive,
            socket_factory=socket_to,
        ),
        cookie_jar=NoCookies(),
        headers=COMMON,
        request_class=REQUEST,
        trust_env=trust_env,
        trace_configs=list(trace_configs),
    )


class _Socket(socket.socket):
    """A socket from which not too much is read at once."""

    __slots__ = ()

    def recv(self, most: int, flags: int = 0, /) -> bytes:
        """Up to 64 KiB."""
        # asyncio asks for 256 KiB, for which memory is mapped and given back at every reply: a
        # sixth of the time that a request takes. Over TLS it reads into a buffer that stays.
        return super().recv(min(most, _PIECE), flags)


def socket_to(address: tuple[Any, ...]) -> socket.socket:
    """A socket of ours for ``address``."""
    return _Socket(*address[:3])


def opened_elsewhere(http: aiohttp.ClientSession) -> bool:
    """Whether it belongs to another event loop than the running one, where aiohttp tells."""
    with warnings.catch_warnings():
        # Reading it is deprecated; but to send in the wrong loop breaks in the middle of it.
        warnings.simplefilter("ignore", DeprecationWarning)
        loop = getattr(http, "loop", None)
    is_known = isinstance(loop, asyncio.AbstractEventLoop)
    return is_known and loop is not asyncio.get_running_loop()
