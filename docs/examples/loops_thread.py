"""One client for a program of threads: Django's synchronous views, Flask, Celery, a script."""

import asyncio
import atexit
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from loops_async import LoopsClient

T = TypeVar("T")


class LoopsThread:
    """A client in an event loop of its own, which runs in a thread.

    The thread starts at the first call, and so after the fork of a server such as gunicorn.
    """

    def __init__(self, make: Callable[[], LoopsClient] = LoopsClient) -> None:
        self._make = make
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def call(self, use: Callable[[LoopsClient], Coroutine[Any, Any, T]]) -> T:
        """Run ``use(client)``, wait for it, and return or raise what it does; in any thread."""
        with self._starting:
            if self._thread is None:
                self._client = self._make()
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
                self._thread.start()
                atexit.register(self._close, self._thread)
        return asyncio.run_coroutine_threadsafe(use(self._client), self._loop).result()

    def _close(self, thread: threading.Thread) -> None:
        asyncio.run_coroutine_threadsafe(self._client.aclose(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        thread.join(10)
        self._loop.close()


loops = LoopsThread()  # import this one wherever you need it

if __name__ == "__main__":
    receipt = loops.call(lambda client: client.contacts.update(email="ada@example.com"))
    print(receipt.id)
