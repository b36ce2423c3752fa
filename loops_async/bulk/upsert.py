"""Many upserts: constant memory, one outcome a row, each contact's rows in their order."""

import asyncio
import warnings
from collections.abc import AsyncGenerator, AsyncIterator
from typing import NoReturn, Self

from loops_async import errors
from loops_async.bulk.engine import Run
from loops_async.bulk.outcomes import OnOutcome, Outcome, Source, Unfinished, check_run
from loops_async.bulk.progress import Totals
from loops_async.bulk.sources import rows_of
from loops_async.bulk.workers import Upsert


class BulkUpsert:
    """A run of many upserts: iterate it once to make it go.

    Leaving the loop early, or a cancellation, stops it: its tasks are gone and ``unfinished``
    says which rows have no outcome. As an ``async with`` block it is stopped for certain when the
    block ends, even if something still refers to it. ``stop`` lets it end in peace.
    """

    def __init__(
        self,
        source: Source,
        upsert: Upsert,
        *,
        concurrency: int,
        total: int | None = None,
        on_outcome: OnOutcome | None = None,
    ) -> None:
        check_run(source, concurrency, total, on_outcome)
        self._run = Run(rows_of(source), upsert, concurrency, total, on_outcome)
        self._begun = False
        self._ended_by: Exception | None = None
        """Why it was over before it was iterated."""

    @property
    def unfinished(self) -> list[Unfinished]:
        """The rows that were read and whose outcome nobody was told, in the source's order.

        Told is what ``on_outcome`` took or, without it, what the iteration gave.
        """
        jobs = sorted(self._run.jobs.items())
        return [Unfinished(job.index, job.contact, job.started) for _, job in jobs]

    @property
    def totals(self) -> Totals:
        """How far the run has come."""
        return self._run.totals()

    def stop(self) -> None:
        """Read no further row, and end when those that were read are done.

        It does not wait, may be called at any time, as often as one likes, and from anywhere: a
        signal handler, another thread, the source itself. So the first Ctrl-C may end a run in
        peace, and the second one at once::

            def interrupt() -> None:
                loop.add_signal_handler(signal.SIGINT, at_once)
                run.stop()

            def at_once() -> None:
                closing.append(loop.create_task(run.aclose()))

            loop.add_signal_handler(signal.SIGINT, interrupt)
        """
        self._run.stop()

    async def aclose(self) -> None:
        """Stop the run at once and wait until its tasks are gone. Harmless when it is over.

        Raises:
            Exception: What ``on_outcome`` raised, if nobody has heard of it yet.
        """
        await self.abort(_Stopped())
        if (unheard := self._run.callback_error) is not None:
            self._run.callback_error = None
            raise unheard

    async def abort(self, why: Exception) -> None:
        """Stop the run as ``aclose`` does, and let whoever iterates it know of ``why``."""
        if not self._begun:
            self._begun, self._ended_by = True, why
        tasks = self._run.halt()
        # First, so that nobody waits for outcomes in vain should the wait below be cancelled.
        self._run.events.put(why)
        await asyncio.gather(*tasks, return_exceptions=True)

    def __aiter__(self) -> AsyncIterator[Outcome]:
        if isinstance(self._ended_by, errors.LoopsError):
            raise self._ended_by
        if self._ended_by is not None:
            raise errors.InvalidCall("this bulk run was closed before it was iterated")
        if self._begun:
            raise errors.InvalidCall(
                "a bulk run can be iterated once; call upsert_many again for another"
            )
        self._begun = True
        # Nothing here may refer to the generator: when the caller's loop lets go of it, its
        # ``finally`` has to run.
        return self._outcomes()

    def __await__(self) -> NoReturn:
        raise errors.InvalidCall(
            "upsert_many is not awaited but iterated: async for outcome in loops.contacts."
            "upsert_many(rows)"
        )

    def __del__(self) -> None:
        if hasattr(self, "_run") and not (self._begun or self._run.stopping):
            warnings.warn(
                "upsert_many was never iterated, so nothing was sent; use "
                "'async for outcome in loops.contacts.upsert_many(rows)'",
                RuntimeWarning,
                stacklevel=2,  # whoever lets go of it, which is nearly always whoever made it
                source=self,
            )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        tally = self._run.tally
        return f"<BulkUpsert read={tally.read} succeeded={tally.succeeded} failed={tally.failed}>"

    async def _outcomes(self) -> AsyncGenerator[Outcome, None]:
        run, come = self._run, self._run.events.come
        run.begin()
        try:
            while come or not run.is_over:
                if not come:
                    await run.events.wait()
                event = come.popleft()
                if isinstance(event, Outcome):
                    yield run.give(event)
                elif run.is_over:
                    break
                elif isinstance(event, _Stopped):
                    return
                elif event is not None:
                    await self.abort(_Stopped())
                    for late in [one for one in come if isinstance(one, Outcome)]:
                        yield run.give(late)
                    run.heard(event)
                    raise event
        finally:
            # Not ``aclose``: what ``on_outcome`` raised is not for whoever finalises a generator
            # that was left, but for whoever closes the run.
            await self.abort(_Stopped())
        if run.source_error is not None:
            raise run.source_error


class _Stopped(Exception):
    """The run was closed by whoever iterates it."""
