"""The connection to Redis, which runs the reservation script and tracks whether Redis responds.

The package redis is imported in functions, so that this module can be imported without it.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, TypeVar, cast

from loops_async.contrib.redis.reservations import DIGEST, SCRIPT, TIMEOUT
from loops_async.errors import (
    ConfigurationError,
    InvalidCall,
    MissingExtra,
    SessionClosed,
    WrongEventLoop,
)
from loops_async.pipeline.observing import LOG

T = TypeVar("T")

RETRY_INTERVAL: Final = 0.5
"""Seconds between attempts to reach Redis while it is down and requests wait."""

_SCHEMES: Final = ("redis://", "rediss://", "unix://")


class RedisConnection:
    """Runs the script, and logs when Redis stops responding and when it responds again.

    Args:
        open_client: Returns the client to use, a ``redis.asyncio.Redis`` or ``RedisCluster``.
        is_owned: Whether to open a client per event loop and process, and to close it.
    """

    def __init__(self, open_client: Callable[[], Any], *, is_owned: bool) -> None:
        self._open_client = open_client
        self._is_owned = is_owned
        # Any: redis-py types its results for synchronous and asynchronous clients at once.
        self._client: Any = None
        self._inherited: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process = 0
        self._closed = False
        self.epoch: int = 0
        """Counts the event loops and processes that have used the connection."""
        self.is_down: bool = False
        self.retry_at: float = 0.0
        """When to try to reach Redis again, in the event loop's time."""

    def enter(self) -> asyncio.AbstractEventLoop:
        """Bind the connection to the running event loop and return the loop.

        Raises:
            SessionClosed: The pacer was closed.
            WrongEventLoop: Another event loop that is still open uses the connection, or the
                client that was passed in has been used in another event loop or process.
        """
        loop = asyncio.get_running_loop()
        process = os.getpid()
        if loop is self._loop and process == self._process and not self._closed:
            return loop
        if self._closed:
            raise SessionClosed("this RedisPacer was closed; create a new one")
        if self._loop is not None:
            self._release(process)
        self._loop, self._process, self.epoch = loop, process, self.epoch + 1
        self._client = self._open_client()
        self.is_down, self.retry_at = False, 0.0
        return loop

    def _release(self, process: int) -> None:
        is_forked = process != self._process
        if not is_forked and self._loop is not None and not self._loop.is_closed():
            raise WrongEventLoop(
                "this RedisPacer is in use by another event loop; create one per event loop"
            )
        if not self._is_owned:
            raise WrongEventLoop(
                "the Redis client that was passed in has connections of another event loop or "
                "process; pass a new one, or pass a URL to RedisPacer instead"
            )
        if is_forked:
            # The parent process shares these sockets, so they must not be closed here.
            self._inherited = self._client

    async def run(
        self,
        keys: Sequence[str],
        arguments: Sequence[object],
        parse: Callable[[Any], T],
        fallback: Callable[[float], str],
    ) -> T | None:
        """Run the script and return its parsed reply, or None if Redis is down.

        Failures are logged and never raised. ``fallback`` takes the event loop's time and describes
        how requests continue without Redis, for the log.
        """
        loop, client = self._loop, self._client
        if loop is None or client is None:
            return None
        try:
            async with asyncio.timeout(None) as bound:
                # The timeout has two halves: if the event loop is blocked, that uses up at most one
                # of them, so that a reply that has arrived meanwhile is still read.
                half = loop.call_later(
                    TIMEOUT / 2, lambda: bound.reschedule(loop.time() + TIMEOUT / 2)
                )
                try:
                    reply = await _evaluate(client, keys, arguments)
                finally:
                    half.cancel()
            result = parse(reply)
        except Exception as error:  # noqa: BLE001 - calls must not fail because of Redis
            self._mark_down(error, loop.time(), fallback)
            return None
        if self.is_down:
            self.is_down = False
            LOG.info("Redis responds again; the rate limit is shared through it")
        return result

    def _mark_down(self, failure: Exception, now: float, fallback: Callable[[float], str]) -> None:
        self.retry_at = now + RETRY_INTERVAL
        if self.is_down:
            return
        self.is_down = True
        # The error's text is omitted: it may contain an address, a user name or an argument.
        LOG.warning(
            "Redis failed (%s); until it responds again, this process limits its requests to its "
            "own share of the rate limit: %s",
            type(failure).__name__,
            fallback(now),
        )

    def shut(self) -> bool:
        """Reject further use. Return whether the client must be closed.

        Raises:
            WrongEventLoop: The connection was opened in another event loop.
        """
        loop = self._loop
        is_open = loop is not None and self._process == os.getpid() and not loop.is_closed()
        if is_open and loop is not asyncio.get_running_loop():
            raise WrongEventLoop("this RedisPacer is in use by another event loop; close it there")
        was_closed, self._closed = self._closed, True
        return is_open and not was_closed

    async def aclose(self) -> None:
        """Close the client, unless it was passed in."""
        client, self._client = self._client, None
        if client is not None and self._is_owned:
            await client.aclose()


async def _evaluate(client: Any, keys: Sequence[str], arguments: Sequence[object]) -> Any:
    from redis.exceptions import NoScriptError  # noqa: PLC0415 - optional

    try:
        return await client.evalsha(DIGEST, len(keys), *keys, *arguments)
    except NoScriptError:
        pass
    return await client.eval(SCRIPT, len(keys), *keys, *arguments)


def connect(address: object) -> RedisConnection:
    """Return a connection to the Redis at a URL, or through a client that was passed in.

    Raises:
        MissingExtra: The package redis is not installed.
        InvalidCall: ``address`` is neither a URL nor a client.
        ConfigurationError: The URL or the client is not valid.
    """
    try:
        import redis.asyncio  # noqa: PLC0415 - optional
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "redis":
            raise
        raise MissingExtra(
            "RedisPacer needs the redis extra: pip install 'loops-async[redis]'"
        ) from error
    if isinstance(address, str):
        return RedisConnection(_opener(address), is_owned=True)
    if isinstance(address, redis.asyncio.Redis | redis.asyncio.RedisCluster):
        return RedisConnection(lambda: address, is_owned=False)
    if isinstance(address, redis.Redis | redis.RedisCluster):
        raise ConfigurationError("redis: must be a client of redis.asyncio, not a blocking one")
    raise InvalidCall(
        "redis: must be a URL such as 'redis://localhost', a redis.asyncio.Redis or a "
        f"redis.asyncio.RedisCluster, not {type(address).__name__}"
    )


def _opener(url: str) -> Callable[[], Any]:
    from redis.asyncio import Redis  # noqa: PLC0415 - optional
    from redis.asyncio.connection import parse_url  # noqa: PLC0415
    from redis.asyncio.retry import Retry  # noqa: PLC0415
    from redis.backoff import NoBackoff  # noqa: PLC0415

    options: dict[str, Any] = {
        "socket_connect_timeout": TIMEOUT,
        # One immediate retry, for connections that Redis has closed in the meantime.
        "retry": Retry(NoBackoff(), 1),
    }
    open_client: Callable[[], Any] = partial(cast(Any, Redis).from_url, url, **options)
    # Errors are replaced, not chained, because their text may contain the URL with a password.
    try:
        parse_url(url)
        # Validates the options in the URL without connecting.
        open_client().connection_pool.make_connection()
    except (ValueError, TypeError):
        is_valid = False
    else:
        is_valid = url.startswith(_SCHEMES)
    if not is_valid:
        raise ConfigurationError(
            "redis: must be a URL such as 'redis://localhost:6379/0'; use rediss:// for TLS and "
            "unix:// for a local socket"
        )
    return open_client
