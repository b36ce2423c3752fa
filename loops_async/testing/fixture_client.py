"""A client that outlives event loops and leaves nothing open in any of them."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final, TypeVar

from loops_async.client import LoopsClient
from loops_async.pacing.unpaced import Unpaced
from loops_async.pipeline.messages import Answer, Request
from loops_async.testing.scripted import QUICK_RETRIES

T = TypeVar("T")

_PATIENCE: Final = 5.0
"""Seconds that a loop in another thread has for closing its connections."""


class FixtureClient(LoopsClient):
    """A client for a test, whose fixture is torn down outside of the test's event loop.

    In each loop that it is used in, it opens a client of that loop, which is closed with the loop
    or by ``close``, whichever comes first. Its retries wait a few milliseconds, and it does not
    wait for a rate limit.

    Args:
        api_key: The key.
        base_url: The API's address.
    """

    def __init__(self, api_key: str, *, base_url: str) -> None:
        super().__init__(api_key, base_url=base_url, retry=QUICK_RETRIES)
        self._opened_in: dict[
            asyncio.AbstractEventLoop, tuple[LoopsClient, AsyncGenerator[None, None]]
        ] = {}

    async def aclose(self) -> None:
        """Close it for good, as any client."""
        await super().aclose()
        _, closing = self._opened_in.pop(asyncio.get_running_loop(), (None, None))
        if closing is not None:
            await closing.aclose()

    async def _send(self, request: Request[T], /) -> Answer[T]:
        if self._closed:
            return await super()._send(request)
        loop = asyncio.get_running_loop()
        if loop not in self._opened_in:
            client = LoopsClient(
                self._key, base_url=str(self._base_url), retry=self._retry, pacer=Unpaced()
            )
            client._counters = self._counters  # noqa: SLF001 - a client's, in a client
            closing = _closing(client)
            self._opened_in[loop] = client, closing
            await anext(closing)
        client, _ = self._opened_in[loop]
        return await client._send(request)  # noqa: SLF001 - a client's, in a client

    def _open(self) -> None:
        pass

    def close(self) -> None:
        """Close what is open still, in the loops it was opened in."""
        for loop, (_, closing) in self._opened_in.items():
            if loop.is_closed():
                continue
            if loop.is_running():
                asyncio.run_coroutine_threadsafe(closing.aclose(), loop).result(_PATIENCE)
            else:
                loop.run_until_complete(closing.aclose())


async def _closing(client: LoopsClient) -> AsyncGenerator[None, None]:
    # Whoever ends an event loop first closes the asynchronous generators that were begun in it
    # and have not ended (loop.shutdown_asyncgens), in that loop: asyncio.run, pytest-asyncio and
    # anyio all do.
    async with client:
        yield
