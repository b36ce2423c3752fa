"""A client that can be used in several event loops and leaves nothing open in any of them."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final, TypeVar

from loops_async.client import LoopsClient
from loops_async.pacing.unpaced import Unpaced
from loops_async.pipeline.messages import Answer, Request
from loops_async.testing.scripted import QUICK_RETRIES

T = TypeVar("T")

_CLOSE_TIMEOUT: Final = 5.0
"""Seconds for an event loop in another thread to close its connections."""


class FixtureClient(LoopsClient):
    """A client for tests, closed by a fixture outside of the test's event loop.

    It opens a separate client in each event loop in which it is used, and closes it when the loop
    ends or on ``close``. Retries are a few milliseconds apart, and there is no rate limiting.

    Args:
        api_key: The API key.
        base_url: The base URL of the API.
    """

    def __init__(self, api_key: str, *, base_url: str) -> None:
        super().__init__(api_key, base_url=base_url, retry=QUICK_RETRIES)
        self._opened_in: dict[
            asyncio.AbstractEventLoop, tuple[LoopsClient, AsyncGenerator[None, None]]
        ] = {}

    async def aclose(self) -> None:
        """Close the client in the running event loop; it cannot be used again."""
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
            client._counters = self._counters  # noqa: SLF001 - of the same class
            closing = _closing(client)
            self._opened_in[loop] = client, closing
            await anext(closing)
        client, _ = self._opened_in[loop]
        return await client._send(request)  # noqa: SLF001 - of the same class

    def _open(self) -> None:
        pass

    def close(self) -> None:
        """Close the clients that are still open, each in its own event loop."""
        for loop, (_, closing) in self._opened_in.items():
            if loop.is_closed():
                continue
            if loop.is_running():
                asyncio.run_coroutine_threadsafe(closing.aclose(), loop).result(_CLOSE_TIMEOUT)
            else:
                loop.run_until_complete(closing.aclose())


async def _closing(client: LoopsClient) -> AsyncGenerator[None, None]:
    # Before an event loop ends, its unfinished asynchronous generators are closed in it
    # (loop.shutdown_asyncgens): asyncio.run, pytest-asyncio and anyio all do this.
    async with client:
        yield
