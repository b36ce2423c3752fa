"""Invariants of a bulk run, over any rows, latencies, failures, and any way to end it."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st

from loops_async import ContactReceipt, ContactUpdate, errors
from loops_async.bulk.ordering import identity
from loops_async.bulk.outcomes import Outcome, Row, Source
from loops_async.bulk.upsert import BulkUpsert
from tests.lazy import Lazy
from tests.strategies import contacts_to_update
from tests.virtual_time import run_virtual

BAD_ROWS: list[Any] = [{"emial": "a@x.io"}, {"email": "nobody"}, {}, None, "a@x.io", 7]
FAILURES: list[type[errors.LoopsError]] = [
    errors.BadRequest, errors.OutcomeUnknown, errors.RateLimited, errors.DeadlineExceeded,
]  # fmt: skip


@attrs.frozen
class Plan:
    """One row and its fate: how long it takes, and how it fails."""

    row: Any
    seconds: float
    failure: type[errors.LoopsError] | None


PLANS = st.lists(
    st.builds(
        Plan,
        st.one_of([*[contacts_to_update()] * 4, st.sampled_from(BAD_ROWS)]),
        st.sampled_from([0.0, 0.5, 1.0, 3.0]),
        st.sampled_from([None, None, None, *FAILURES]),
    ),
    max_size=30,
)
CONCURRENCY = st.integers(1, 5)
LOOKAHEAD = 4


class World:
    """The source, Loops and the consumer of one run, each of which checks what it sees."""

    def __init__(
        self, plans: list[Plan], concurrency: int, *, slow: bool, pause: float, journal: bool
    ) -> None:
        self.plans = plans
        self.concurrency = concurrency
        self.pause = pause
        self.in_flight: list[int] = []
        self.begun: list[int] = []
        self.given: list[int] = []
        self.told: list[int] = []
        self.breaks_at: int | None = None
        self.pulled = 0
        self.index = {id(plan.row): i for i, plan in enumerate(plans)}
        source: Source = self._slow_source() if slow else Lazy(self._source())
        self.run = BulkUpsert(
            source,
            self._upsert,
            concurrency=concurrency,
            on_outcome=self._note if journal else None,
        )
        self.journal = journal

    def _source(self) -> Iterator[Row]:
        for plan in self.plans:
            # "Consumed" counts from when the run hands an outcome over.
            assert self.pulled <= len(self.given) + self.concurrency * LOOKAHEAD + 1
            self.pulled += 1
            yield plan.row

    async def _slow_source(self) -> AsyncIterator[Row]:
        for row in self._source():
            await asyncio.sleep(0.4)
            yield row

    def _note(self, outcome: Outcome) -> None:
        assert outcome.index not in self.told
        assert outcome.index not in self.given, "given before it was told"
        if len(self.told) == self.breaks_at:
            raise Broken
        self.told.append(outcome.index)

    async def _upsert(self, contact: ContactUpdate) -> ContactReceipt:
        index = self.index[id(contact)]
        mine = set(identity(contact))
        for other in self.in_flight:
            assert mine.isdisjoint(identity(self.plans[other].row)), "one contact, twice in flight"
        for later in self.begun:
            if later > index:
                assert mine.isdisjoint(identity(self.plans[later].row)), "out of order"
        self.begun.append(index)
        self.in_flight.append(index)
        if self.journal:
            # Of what was ever sent, a journal knows all but what is in flight.
            assert set(self.begun) - set(self.told) == set(self.in_flight)
        assert len(self.in_flight) <= self.concurrency
        try:
            await asyncio.sleep(self.plans[index].seconds)
        finally:
            self.in_flight.remove(index)
        failure = self.plans[index].failure
        if failure is not None:
            raise failure("x")
        return ContactReceipt(f"c{index}")

    async def consume(self, stop_after: int | None = None) -> None:
        async for outcome in self.run:
            self.given.append(outcome.index)
            plan = self.plans[outcome.index]
            if isinstance(plan.row, ContactUpdate):
                assert outcome.contact is plan.row
                assert type(outcome.error) is (plan.failure or type(None))
                assert outcome.id == (None if plan.failure else f"c{outcome.index}")
                assert outcome.row is None
            else:
                assert isinstance(outcome.error, errors.InvalidInput | errors.InvalidCall)
                assert outcome.contact is None
                assert outcome.row is plan.row
            if len(self.given) == stop_after:
                break
            await asyncio.sleep(self.pause)

    async def check_end(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert self.in_flight == []
        unfinished = self.run.unfinished
        left = [row.index for row in unfinished]
        assert len(set(self.given)) == len(self.given)
        known = set(self.told if self.journal else self.given)
        assert known >= set(self.given)
        totals = self.run.totals
        assert left == sorted(set(range(totals.read)) - known)
        assert {row.index for row in unfinished if row.started} == set(self.begun) - known
        assert totals.read == (totals.succeeded + totals.failed + totals.in_flight + totals.waiting)
        assert totals.succeeded + totals.failed >= len(known)


class Broken(Exception):
    """The caller's journal cannot be written."""


WORLDS = st.builds(
    World,
    PLANS,
    CONCURRENCY,
    slow=st.booleans(),
    pause=st.sampled_from([0.0, 0.2, 2.0]),
    journal=st.booleans(),
)


@given(WORLDS)
def test_every_row_has_one_outcome_and_rows_of_one_contact_keep_their_order(world: World) -> None:
    async def main() -> None:
        await world.consume()
        await world.check_end()

    run_virtual(main())
    assert sorted(world.given) == list(range(len(world.plans)))
    assert world.run.unfinished == []
    totals = world.run.totals
    assert totals.succeeded + totals.failed == totals.read == len(world.plans)


@given(WORLDS, st.integers(1, 20))
def test_leaving_early_leaves_no_task_and_what_is_open_is_known(world: World, after: int) -> None:
    async def main() -> None:
        await world.consume(after)
        await world.check_end()

    run_virtual(main())


@given(WORLDS, st.floats(0, 20), st.sampled_from(["cancel", "close", "both"]))
def test_a_run_that_is_stopped_at_any_time_leaves_no_task_and_what_is_open_is_known(
    world: World, seconds: float, how: str
) -> None:
    async def main() -> None:
        consumer = asyncio.create_task(world.consume())
        await asyncio.sleep(seconds)
        if how != "cancel":
            await world.run.aclose()
        if how != "close":
            consumer.cancel()
        await asyncio.wait([consumer])
        if not consumer.cancelled():
            consumer.result()
        await world.check_end()

    run_virtual(main())


@given(WORLDS, st.integers(0, 29))
def test_a_bad_key_stops_the_run_and_every_row_read_is_given_or_open(
    world: World, culprit: int
) -> None:
    world.plans = [
        attrs.evolve(plan, failure=errors.Unauthorized) if index == culprit else plan
        for index, plan in enumerate(world.plans)
    ]
    sendable = culprit < len(world.plans) and isinstance(world.plans[culprit].row, ContactUpdate)

    async def main() -> bool:
        try:
            await world.consume()
        except errors.Unauthorized:
            stopped = True
        else:
            stopped = False
        await world.check_end()
        return stopped

    assert run_virtual(main()) is sendable
    assert (culprit in [row.index for row in world.run.unfinished]) is sendable


@given(WORLDS, st.floats(0, 20))
def test_a_run_that_is_told_to_stop_gives_an_outcome_for_each_row_read_and_ends(
    world: World, seconds: float
) -> None:
    async def main() -> None:
        async def stop() -> None:
            await asyncio.sleep(seconds)
            world.run.stop()
            world.run.stop()

        async with asyncio.TaskGroup() as group:
            group.create_task(stop())
            await world.consume()
        await world.check_end()

    run_virtual(main())
    totals = world.run.totals
    assert sorted(world.given) == list(range(totals.read))
    assert totals.total is None or totals.total >= totals.read
    assert totals.time_remaining == 0.0
    assert world.run.unfinished == []
    # An async source may be in the middle of its next row.
    assert 0 <= world.pulled - totals.read <= 1


@given(WORLDS, st.integers(0, 30))
def test_a_journal_that_breaks_stops_the_run_and_is_heard_of(world: World, at: int) -> None:
    world.breaks_at = at

    async def main() -> bool:
        try:
            await world.consume()
        except Broken:
            broke = True
        else:
            broke = False
        await world.check_end()
        return broke

    broke = run_virtual(main())
    assert broke is (world.journal and at < len(world.plans))
    if broke:
        assert sorted(world.given) == sorted(world.told)
        assert len(world.told) == at


class ThreadedWorld:
    """Real threads on a real loop: turns of the loop and of the thread stand for time."""

    def __init__(self, plan: list[tuple[int, bool, int]], concurrency: int) -> None:
        self.plan = plan
        self.pulled: list[int] = []
        self.begun: list[tuple[str, int]] = []
        self.given: list[int] = []
        self.run = BulkUpsert(self._source(), self._upsert, concurrency=concurrency)

    def _source(self) -> Iterator[Row]:
        for index, (contact, dawdles, _) in enumerate(self.plan):
            if dawdles:
                time.sleep(0)
            self.pulled.append(index)
            yield ContactUpdate(email=f"{contact}@x.io", first_name=f"{index}")

    async def _upsert(self, contact: ContactUpdate) -> ContactReceipt:
        index = int(str(contact.first_name))
        self.begun.append((str(contact.email), index))
        for _ in range(self.plan[index][2]):
            await asyncio.sleep(0)
        return ContactReceipt("id")

    async def consume(self, how: str, after: int) -> None:
        async with self.run:
            async for outcome in self.run:
                self.given.append(outcome.index)
                if len(self.given) == after and how == "stop":
                    self.run.stop()
                if len(self.given) == after and how == "leave":
                    break


@given(
    st.lists(st.tuples(st.integers(0, 4), st.booleans(), st.integers(0, 3)), max_size=40),
    CONCURRENCY,
    st.sampled_from(["to the end", "leave", "stop"]),
    st.integers(0, 20),
)
def test_a_source_read_in_a_thread_loses_no_row_and_doubles_none(
    plan: list[tuple[int, bool, int]], concurrency: int, how: str, after: int
) -> None:
    world = ThreadedWorld(plan, concurrency)
    asyncio.run(asyncio.wait_for(world.consume(how, after), 10))
    read, left = world.run.totals.read, [row.index for row in world.run.unfinished]
    assert sorted([*world.given, *left]) == list(range(read))
    if how == "to the end":
        assert len(world.given) == len(plan)
    if how != "leave":
        assert left == []
    for email in {email for email, _ in world.begun}:
        indices = [index for one, index in world.begun if one == email]
        assert indices == sorted(indices)
    # One row may be on its way from the source.
    assert 0 <= len(world.pulled) - read <= 1
