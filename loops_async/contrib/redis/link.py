"""The way to Redis: one client for each event loop and process, and whether it answers."""

import asyncio
import os
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, TypeVar

from loops_async.contrib.redis.script import DIGEST, PATIENCE, SCRIPT
from loops_async.errors import SessionClosed, WrongEventLoop
from loops_async.pipeline.observing import LOG

T = TypeVar("T")

RETRY_EVERY: Final = 0.5
"""Seconds between two attempts to reach a Redis that is gone, while somebody waits."""


class Client(Protocol):
    """As much of ``redis.asyncio.Redis`` and ``RedisCluster`` as is used here."""

    async def evalsha(self, sha: str, numkeys: int, *keys_and_args: Any) -> Any:
        """Run a script that the server knows."""
        ...

    async def eval(self, script: str, numkeys: int, *keys_and_args: Any) -> Any:
        """Run a script and make it known."""
        ...

    async def aclose(self) -> None:
        """Close all connections."""
        ...


class Unreachable(Exception):
    """Redis did not do what it was asked; the link has said so in the log."""


class Link:
    """Runs the script, and says once when it cannot and once when it can again.

    Args:
        given: A client to use; it stays open.
        opened: Makes a client that this link will close, where none is given.
        is_unknown: Whether an error says that the server does not know the script.
    """

    def __init__(
        self,
        given: Client | None,
        opened: Callable[[], Client],
        is_unknown: Callable[[Exception], bool],
    ) -> None:
        self._given = given
        self._opened = opened
        self._is_unknown = is_unknown
        self._client: Client | None = None
        self._inherited: Client | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process = 0
        self._closed = False
        self.epoch: int = 0
        """Counts the event loops and processes that have used it."""
        self.is_down: bool = False
        self.retry_at: float = 0.0
        """When to try again, in the event loop's time."""

    def enter(self) -> asyncio.AbstractEventLoop:
        """The running event loop, which is the link's from now on.

        Raises:
            SessionClosed: The pacer was closed.
            WrongEventLoop: Another event loop, not closed yet, uses it; or the client that was
                handed in has seen another loop or process.
        """
        loop = asyncio.get_running_loop()
        process = os.getpid()
        if loop is self._loop and process == self._process and not self._closed:
            return loop
        if self._closed:
            raise SessionClosed("this RedisPacer was closed; make a new one")
        if self._loop is not None:
            self._leave(process)
        self._loop, self._process, self.epoch = loop, process, self.epoch + 1
        self._client = self._given if self._given is not None else self._opened()
        self.is_down, self.retry_at = False, 0.0
        return loop

    def _leave(self, process: int) -> None:
        is_forked = process != self._process
        if not is_forked and self._loop is not None and not self._loop.is_closed():
            raise WrongEventLoop(
                "this RedisPacer is in use by another event loop; make one for each loop"
            )
        if self._given is not None:
            raise WrongEventLoop(
                "the Redis client that was handed in has connections of another event loop or "
                "process; hand in a new one, or give RedisPacer the URL instead"
            )
        if is_forked:
            # Its sockets are the parent's too: to close them here would disturb the parent.
            self._inherited = self._client

    async def run(
        self,
        keys: Sequence[str],
        arguments: Sequence[object],
        read: Callable[[Any], T],
        alone: Callable[[float], str],
    ) -> T:
        """Run the script, and give its reply to ``read``.

        ``alone`` says for the log what goes on without Redis, at a time of the event loop's.

        Raises:
            Unreachable: For whatever reason that did not work.
        """
        loop, client = self._loop, self._client
        if loop is None or client is None:
            raise Unreachable
        try:
            async with asyncio.timeout(None) as bound:
                # In two halves: the time that an event loop is blocked eats up one of them at the
                # most, so that a reply which waits in the socket is seen before time runs out.
                half = loop.call_later(
                    PATIENCE / 2, lambda: bound.reschedule(loop.time() + PATIENCE / 2)
                )
                try:
                    reply = await self._evaluate(client, keys, arguments)
                finally:
                    half.cancel()
            result = read(reply)
        except Exception as error:  # noqa: BLE001 - whatever fails in there, calls must not
            failure = error
        else:
            self._found()
            return result
        self._lost(failure, loop.time(), alone)
        raise Unreachable

    async def _evaluate(
        self, client: Client, keys: Sequence[str], arguments: Sequence[object]
    ) -> Any:
        try:
            return await client.evalsha(DIGEST, len(keys), *keys, *arguments)
        except Exception as error:
            if not self._is_unknown(error):
                raise
        return await client.eval(SCRIPT, len(keys), *keys, *arguments)

    def _lost(self, failure: Exception, now: float, alone: Callable[[float], str]) -> None:
        self.retry_at = now + RETRY_EVERY
        if self.is_down:
            return
        self.is_down = True
        # Not the error's text: it may quote an address, a user or an argument.
        LOG.warning(
            "Redis failed (%s): requests go on at this process's own share of the rate limit "
            "until it answers again: %s",
            type(failure).__name__,
            alone(now),
        )

    def _found(self) -> None:
        if self.is_down:
            self.is_down = False
            LOG.info("Redis answers again: the rate limit is shared through it")

    def leave(self) -> bool:
        """Let nobody enter any more; False where that was so already.

        Raises:
            WrongEventLoop: It was opened in another event loop.
        """
        loop = self._loop
        is_open = loop is not None and self._process == os.getpid() and not loop.is_closed()
        if is_open and loop is not asyncio.get_running_loop():
            raise WrongEventLoop("this RedisPacer is in use by another event loop; close it there")
        was_closed, self._closed = self._closed, True
        return is_open and not was_closed

    async def aclose(self) -> None:
        """Close the client that this link opened."""
        client, self._client = self._client, None
        if client is not None and self._given is None:
            await client.aclose()
