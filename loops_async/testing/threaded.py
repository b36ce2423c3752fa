"""A sandbox in a thread of its own, independent of the test's event loops."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import Future
from threading import Thread
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from loops_async.sandbox import Sandbox

T = TypeVar("T")

RATE: Final = 10_000.0
"""Requests per second, more than one process can send; clients learn it from the first reply."""


class ThreadedSandbox(Sandbox):
    """A `Sandbox` in its own thread, for synchronous tests and tests with several event loops.

    ::

        with ThreadedSandbox() as sandbox:
            ...

    Its properties and methods may be used from any thread, and none of them waits for another
    thread. A property always includes the effect of every request that has been answered.

    Args:
        **options: The arguments of `Sandbox`. `rate` defaults to 10,000 requests per second, so
            that tests do not wait for the limit.

    Raises:
        ValueError: An argument is invalid.
        OSError: On entering: the port is taken, or the host is not an address of this machine.
    """

    def __init__(self, **options: Any) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()
        self._thread = Thread(
            target=lambda: asyncio.run(self._serve()), name="loops-sandbox", daemon=True
        )
        self._ready: Future[None] = Future()
        options.setdefault("rate", RATE)
        super().__init__(**options)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.result()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        loop = self._loop
        if loop is not None:
            loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    async def start(self) -> None:
        """Listen again after a `stop`, on another port unless one was given.

        Raises:
            RuntimeError: It is already started, or was never entered.
            OSError: The port is taken.
        """
        await self._run_in_thread(super().start())

    async def stop(self) -> None:
        """Stop listening and drop every connection, until it is started again."""
        await self._run_in_thread(super().stop())

    async def _serve(self) -> None:
        try:
            await super().start()
        except BaseException as error:  # noqa: BLE001 - raised in the thread that waits
            self._ready.set_exception(error)
            return
        self._loop = asyncio.get_running_loop()
        self._ready.set_result(None)
        try:
            await self._stopping.wait()
        finally:
            self._loop = None
            await super().stop()

    async def _run_in_thread(self, work: Coroutine[Any, Any, None]) -> None:
        if self._loop is None:
            work.close()
            raise RuntimeError("The sandbox has no thread: use it with `with`.")
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))
