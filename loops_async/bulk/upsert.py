"""``BulkUpsert``, the result of ``contacts.upsert_many``."""

import asyncio
import warnings
from collections.abc import AsyncGenerator, AsyncIterator
from typing import NoReturn, Self

from loops_async import errors
from loops_async.bulk.engine import BulkEngine
from loops_async.bulk.outcomes import OnOutcome, Outcome, Source, Unfinished, check_run
from loops_async.bulk.progress import Totals
from loops_async.bulk.sources import open_source
from loops_async.bulk.workers import Send


class BulkUpsert:
    """A run of many upserts, which starts when it is iterated. It can be iterated only once.

    Leaving the loop early, or cancelling it, stops the run: its tasks end, and ``unfinished``
    lists the rows without an outcome. With ``async with``, the run is stopped at the end of the
    block even if it is still referenced. ``stop`` ends the run gracefully.
    """

    def __init__(
        self,
        source: Source,
        send: Send,
        *,
        concurrency: int,
        total: int | None = None,
        on_outcome: OnOutcome | None = None,
    ) -> None:
        check_run(source, concurrency, total, on_outcome)
        self._engine = BulkEngine(open_source(source), send, concurrency, total, on_outcome)
        self._started = False
        self._aborted_by: Exception | None = None
        """The reason if the run was closed before it was iterated."""

    @property
    def unfinished(self) -> list[Unfinished]:
        """The rows that were read but whose outcome was not reported, in the source's order.

        An outcome is reported once ``on_outcome`` has returned or, without ``on_outcome``, once
        the iteration has returned it.
        """
        rows = sorted(self._engine.unreported.items())
        return [Unfinished(row.index, row.contact, row.started) for _, row in rows]

    @property
    def totals(self) -> Totals:
        """The progress of the run."""
        return self._engine.totals()

    def stop(self) -> None:
        """Stop reading rows, and end the run when the rows that were read are finished.

        Does not wait. May be called at any time, repeatedly, and from anywhere: a signal handler,
        another thread, or the source itself. For example, to end a run gracefully on the first
        Ctrl-C and immediately on the second::

            def interrupt() -> None:
                loop.add_signal_handler(signal.SIGINT, at_once)
                run.stop()

            def at_once() -> None:
                closing.append(loop.create_task(run.aclose()))

            loop.add_signal_handler(signal.SIGINT, interrupt)
        """
        self._engine.stop()

    async def aclose(self) -> None:
        """Stop the run immediately and wait until its tasks have ended. May be called repeatedly.

        Raises:
            Exception: The error that ``on_outcome`` raised, unless it was already raised.
        """
        await self.abort(_Closed())
        if (error := self._engine.callback_error) is not None:
            self._engine.callback_error = None
            raise error

    async def abort(self, reason: Exception) -> None:
        """Stop the run like ``aclose``, and raise ``reason`` in the task that iterates it."""
        if not self._started:
            self._started, self._aborted_by = True, reason
        tasks = self._engine.halt()
        # Done before the wait below, which may be cancelled: the iterating task must not hang.
        self._engine.queue.put(reason)
        await asyncio.gather(*tasks, return_exceptions=True)

    def __aiter__(self) -> AsyncIterator[Outcome]:
        if isinstance(self._aborted_by, errors.LoopsError):
            raise self._aborted_by
        if self._aborted_by is not None:
            raise errors.InvalidCall("this bulk run was closed before it was iterated")
        if self._started:
            raise errors.InvalidCall(
                "a bulk run can be iterated once; call upsert_many again for another run"
            )
        self._started = True
        # The generator must not be referenced here, so that its ``finally`` runs as soon as the
        # caller's loop is left.
        return self._outcomes()

    def __await__(self) -> NoReturn:
        raise errors.InvalidCall(
            "upsert_many cannot be awaited; iterate it: async for outcome in loops.contacts."
            "upsert_many(rows)"
        )

    def __del__(self) -> None:
        if hasattr(self, "_engine") and not (self._started or self._engine.stopping):
            warnings.warn(
                "upsert_many was never iterated, so nothing was sent; use "
                "'async for outcome in loops.contacts.upsert_many(rows)'",
                RuntimeWarning,
                stacklevel=2,  # the run is usually dropped by the code that created it
                source=self,
            )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        done = self._engine.progress
        return f"<BulkUpsert read={done.read} succeeded={done.succeeded} failed={done.failed}>"

    async def _outcomes(self) -> AsyncGenerator[Outcome, None]:
        engine, events = self._engine, self._engine.queue.events
        engine.start()
        try:
            while events or not engine.is_finished:
                if not events:
                    await engine.queue.wait()
                event = events.popleft()
                if isinstance(event, Outcome):
                    yield engine.deliver(event)
                elif engine.is_finished:
                    break
                elif isinstance(event, _Closed):
                    return
                elif event is not None:
                    await self.abort(_Closed())
                    for late in [one for one in events if isinstance(one, Outcome)]:
                        yield engine.deliver(late)
                    if event is engine.callback_error:
                        engine.callback_error = None
                    raise event
        finally:
            # Not ``aclose``: an error of ``on_outcome`` must be raised by ``aclose``, not when
            # an abandoned generator is finalized.
            await self.abort(_Closed())
        if engine.source_error is not None:
            raise engine.source_error


class _Closed(Exception):
    """The run was closed by the caller."""
