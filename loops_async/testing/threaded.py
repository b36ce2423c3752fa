"""A sandbox that needs no event loop of the test's: it has a thread and a loop of its own."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from threading import Thread, current_thread
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from loops_async.sandbox import (
    ReceivedRequest,
    Sandbox,
    SandboxCounts,
    SentEmail,
    SentEvent,
    StoredContacts,
    StoredProperty,
)

T = TypeVar("T")

RATE: Final = 10_000.0
"""Requests per second, more than one process can send; a client learns it from the first reply."""


class ThreadedSandbox(Sandbox):
    """A `Sandbox` in a thread of its own, for tests that are synchronous or have several loops.

    ::

        with ThreadedSandbox() as sandbox:
            ...

    Everything about it may be read and set from any thread. What is read is the state between two
    steps of the server, after all that was answered until then.

    Args:
        **options: Those of `Sandbox`. `rate` is 10,000 requests per second when left out, so that
            no test waits for the limit.

    Raises:
        ValueError: An argument makes no sense.
        OSError: On entering: the port is taken, or the host is not this machine's.
    """

    def __init__(self, **options: Any) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over = asyncio.Event()
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
        self._ask(self._over.set)
        self._thread.join()

    @property
    def contacts(self) -> StoredContacts:
        """The contacts it holds, by address."""
        return self._ask(lambda: super(ThreadedSandbox, self).contacts)

    @property
    def properties(self) -> Mapping[str, StoredProperty]:
        """The custom properties it holds, by key."""
        return self._ask(lambda: super(ThreadedSandbox, self).properties)

    @property
    def requests(self) -> tuple[ReceivedRequest, ...]:
        """The last `keep_requests` requests, in the order they arrived."""
        return self._ask(lambda: super(ThreadedSandbox, self).requests)

    @property
    def sent_events(self) -> tuple[SentEvent, ...]:
        """The last `keep_sent` events that were accepted, oldest first."""
        return self._ask(lambda: super(ThreadedSandbox, self).sent_events)

    @property
    def sent_emails(self) -> tuple[SentEmail, ...]:
        """The last `keep_sent` transactional emails that were accepted, oldest first."""
        return self._ask(lambda: super(ThreadedSandbox, self).sent_emails)

    @property
    def counts(self) -> SandboxCounts:
        """Exact counts of all requests, events and emails."""
        return self._ask(lambda: super(ThreadedSandbox, self).counts)

    def suppress(self, email: str) -> None:
        """Put ``email`` on the suppression list, as a bounce would, a contact's or not."""
        self._ask(lambda: super(ThreadedSandbox, self).suppress(email))

    def reset(self) -> None:
        """Forget all that happened since it was made, and fill up the limit. Faults stay."""
        self._ask(super().reset)

    async def start(self) -> None:
        """Listen again after a `stop`, on another port unless one was given.

        Raises:
            RuntimeError: It is started already, or was never entered.
            OSError: The port is taken.
        """
        await self._in_the_thread(super().start())

    async def stop(self) -> None:
        """Stop listening and drop every connection: from now on no connection can be made."""
        await self._in_the_thread(super().stop())

    async def _serve(self) -> None:
        try:
            await super().start()
        except BaseException as error:  # noqa: BLE001 - raised again, in the thread that waits
            self._ready.set_exception(error)
            return
        self._loop = asyncio.get_running_loop()
        self._ready.set_result(None)
        try:
            await self._over.wait()
        finally:
            self._loop = None
            await super().stop()

    async def _in_the_thread(self, work: Coroutine[Any, Any, None]) -> None:
        if self._loop is None:
            work.close()
            raise RuntimeError("The sandbox has no thread: use it with `with`.")
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    def _ask(self, what: Callable[[], T]) -> T:
        """Return what ``what`` returns between two steps of the server."""
        loop = self._loop
        if loop is None or current_thread() is self._thread:
            # Not entered yet, or over, or a fault that looks at the sandbox from within: nobody
            # else is at it.
            return what()
        answer: Future[T] = Future()

        def work() -> None:
            try:
                answer.set_result(what())
            except Exception as error:  # noqa: BLE001 - raised again, in the thread that asked
                answer.set_exception(error)

        loop.call_soon_threadsafe(work)
        return answer.result()
