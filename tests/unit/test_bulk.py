import asyncio
import contextlib
import gc
import sys
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Any

import pytest

from loops_async import ContactReceipt, ContactUpdate, errors
from loops_async.bulk.outcomes import Outcome, Row, Source
from loops_async.bulk.sources import RowSource
from loops_async.bulk.upsert import BulkUpsert
from tests.lazy import Lazy
from tests.virtual_time import run_virtual


def row(number: int, **fields: Any) -> ContactUpdate:
    return ContactUpdate(**{"email": f"{number}@x.io", **fields})


def rows(count: int) -> list[Row]:
    return [row(number) for number in range(count)]


class Loops:
    """Takes upserts: each lasts a second, unless its address says otherwise."""

    def __init__(self, failing: Mapping[str, BaseException] | None = None) -> None:
        self.failing = failing if failing is not None else {}
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.most = 0
        self.seconds = 1.0

    async def __call__(self, contact: ContactUpdate) -> ContactReceipt:
        email = str(contact.email)
        self.begun.append(email)
        self.most = max(self.most, len(self.begun) - len(self.ended))
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.ended.append(email)
        if email in self.failing:
            raise self.failing[email]
        return ContactReceipt(f"id-{email}", 2)


def others() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks() - {asyncio.current_task()}


async def settled() -> None:
    """Some turns of the loop: what is scheduled runs, and no time passes."""
    for _ in range(10):
        await asyncio.sleep(0)


async def collected(run: BulkUpsert) -> list[Outcome]:
    return [outcome async for outcome in run]


async def interrupted(
    run: BulkUpsert, kind: type[BaseException], pause: float = 0.0
) -> tuple[list[int], BaseException]:
    """What a run gives before it raises, in its order, and what it raises."""
    given: list[int] = []
    with pytest.raises(kind) as caught:
        await consumed(run, given, pause)
    return given, caught.value


async def consumed(run: BulkUpsert, given: list[int], pause: float) -> None:
    async for outcome in run:
        given.append(outcome.index)
        await asyncio.sleep(pause)


def finished(source: Source, upsert: Loops, concurrency: int = 4) -> list[Outcome]:
    async def main() -> list[Outcome]:
        outcomes = await collected(BulkUpsert(source, upsert, concurrency=concurrency))
        assert not others()
        return sorted(outcomes, key=lambda outcome: outcome.index)

    return run_virtual(main())


async def asynchronous(source: Iterable[Row]) -> AsyncIterator[Row]:
    for item in source:
        await asyncio.sleep(0.3)
        yield item


@pytest.mark.parametrize("source", [
    lambda: rows(9), lambda: tuple(rows(9)), lambda: dict(enumerate(rows(9))).values(),
    lambda: asynchronous(rows(9)), lambda: Lazy({"email": f"{n}@x.io"} for n in range(9)),
])  # fmt: skip
def test_any_kind_of_source_goes_in(source: Callable[[], Source]) -> None:
    outcomes = finished(source(), Loops())
    assert outcomes == [
        Outcome(number, row(number), f"id-{number}@x.io", None, 2) for number in range(9)
    ]


def test_an_empty_source_has_no_outcomes() -> None:
    assert finished([], Loops()) == []
    assert finished(asynchronous([]), Loops()) == []


def test_as_many_go_at_once_as_allowed_and_no_more() -> None:
    loops = Loops()

    async def main() -> float:
        await collected(BulkUpsert(rows(100), loops, concurrency=7))
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == 15.0
    assert loops.most == 7


class Hostile(Mapping[str, Any]):
    """A row that fails in a way of its own when it is read."""

    def __getitem__(self, key: str) -> Any:
        raise ZeroDivisionError("S3CRET")

    def __iter__(self) -> Iterator[str]:
        raise ZeroDivisionError("S3CRET")

    def __len__(self) -> int:
        return 1


@pytest.mark.parametrize(("bad", "kind", "says"), [
    ({"email": "S3CRET"}, errors.InvalidInput, "email: must be one address"),
    ({"emial": "S3CRET@x.io"}, errors.InvalidCall, r"did you mean email=\?"),
    ({}, errors.InvalidInput, "give email or user_id"),
    ({7: "S3CRET"}, errors.InvalidCall, "no field '7'"),
    ("S3CRET", errors.InvalidCall, "a row must be a ContactUpdate or a mapping.*not str"),
    (None, errors.InvalidCall, "not NoneType"),
    (Hostile(), errors.InvalidCall, "the row could not be read.*ZeroDivisionError"),
])  # fmt: skip
def test_a_bad_row_has_an_outcome_and_stops_nothing(
    bad: Any, kind: type[errors.LoopsError], says: str
) -> None:
    loops = Loops()
    first, outcome, *rest = finished([row(0), bad, row(2), row(3)], loops)
    assert [other.error for other in (first, *rest)] == [None] * 3
    assert (outcome.index, outcome.contact, outcome.id, outcome.attempts) == (1, None, None, 0)
    assert outcome.row is bad
    assert isinstance(outcome.error, kind)
    assert len(loops.begun) == 3
    assert "S3CRET" not in repr(outcome)
    with pytest.raises(kind, match=says):
        raise outcome.error


class Fatal(Mapping[str, Any]):
    """A row that raises what is no exception."""

    def __getitem__(self, key: str) -> Any:
        raise Bail

    def __iter__(self) -> Iterator[str]:
        raise Bail

    def __len__(self) -> int:
        return 1


@pytest.mark.parametrize("at", [0, 7])
def test_a_row_that_raises_what_is_no_exception_ends_the_run_and_is_open(at: int) -> None:
    """Whoever reads it: the reader at the beginning, and later the worker that is done."""
    loops = Loops()

    async def main() -> None:
        source: list[Any] = rows(20)
        source[at] = Fatal()
        run = BulkUpsert(source, loops, concurrency=2)
        await interrupted(run, Bail)
        assert not others()
        assert at in [left.index for left in run.unfinished if not left.started]
        assert len(loops.begun) <= at

    run_virtual(main())


def test_a_row_that_fails_at_loops_has_an_outcome_and_stops_nothing() -> None:
    refused = errors.BadRequest("No.", status=400)
    refused.attempts = 3
    outcomes = finished(rows(4), Loops({"2@x.io": refused}))
    assert [outcome.error for outcome in outcomes] == [None, None, refused, None]
    assert outcomes[2].attempts == 3
    assert outcomes[2].contact == row(2)
    assert outcomes[2].id is None


def test_the_run_counts_what_went_in_and_what_did_not() -> None:
    async def main() -> str:
        source: list[Any] = [*rows(5), "bad"]
        run = BulkUpsert(source, Loops({"2@x.io": errors.BadRequest("x")}), concurrency=2)
        await collected(run)
        assert run.totals.read == 6
        assert (run.totals.succeeded, run.totals.failed, run.unfinished) == (4, 2, [])
        return repr(run)

    assert run_virtual(main()) == "<BulkUpsert read=6 succeeded=4 failed=2>"


def unknown_because(cause: errors.LoopsError) -> errors.OutcomeUnknown:
    unknown = errors.OutcomeUnknown("x")
    unknown.__cause__ = cause
    return unknown


@pytest.mark.parametrize("stopping", [
    errors.Unauthorized("x", status=401), errors.ConfigurationError("x"), errors.SessionClosed("x"),
    errors.WrongEventLoop("x"), unknown_because(errors.Unauthorized("x")), RuntimeError("a bug"),
])  # fmt: skip
def test_what_no_row_can_survive_stops_everything_at_once(stopping: Exception) -> None:
    """Even while the consumer is busy with an earlier outcome, and hears of it only later."""
    loops = Loops({"5@x.io": stopping})

    async def main() -> None:
        run = BulkUpsert(rows(1000), loops, concurrency=4)
        given, raised = await interrupted(run, type(stopping), pause=10)
        assert raised is stopping
        assert not others()
        assert sorted([*given, *(left.index for left in run.unfinished)]) == list(
            range(run.totals.read)
        )
        assert {left.index for left in run.unfinished} >= {5}
        assert {f"{left.index}@x.io" for left in run.unfinished if not left.started}.isdisjoint(
            loops.begun
        )

    run_virtual(main())
    # Four, four more, and at the most those that followed a row of the very moment of row 5.
    assert len(loops.begun) < 12


def test_leaving_the_loop_early_leaves_no_task_and_says_what_was_not_given() -> None:
    loops = Loops()

    async def main() -> None:
        run = BulkUpsert(rows(100), loops, concurrency=3)
        async for _ in run:
            break
        await settled()
        assert not others()
        unfinished = run.unfinished
        assert [left.index for left in unfinished] == list(range(1, run.totals.read))
        assert [left.contact for left in unfinished] == rows(100)[1 : run.totals.read]
        begun = {f"{left.index}@x.io" for left in unfinished if left.started}
        assert begun == set(loops.begun) - {"0@x.io"}
        assert run.totals.read <= 1 + 3 * 4

    run_virtual(main())


def test_an_exception_of_the_consumer_leaves_no_task() -> None:
    async def main() -> None:
        async def crash(run: BulkUpsert) -> None:
            async for _ in run:
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await crash(BulkUpsert(rows(100), Loops(), concurrency=3))
        await settled()
        assert not others()

    run_virtual(main())


def test_as_a_block_it_is_stopped_when_the_block_ends_whoever_holds_the_iterator() -> None:
    async def main() -> None:
        async with BulkUpsert(rows(100), Loops(), concurrency=3) as run:
            iterator = aiter(run)
            await anext(iterator)
            assert others()
        assert not others()
        assert [left.index for left in run.unfinished] == list(range(1, run.totals.read))

    run_virtual(main())


def test_closing_from_another_task_ends_the_consumers_loop() -> None:
    async def main() -> None:
        run = BulkUpsert(rows(100), Loops(), concurrency=2)
        consumer = asyncio.create_task(collected(run))
        await asyncio.sleep(2.5)
        await run.aclose()
        outcomes = await consumer
        assert len(outcomes) == 4
        assert len(outcomes) + len(run.unfinished) == run.totals.read
        assert not others()
        await run.aclose()

    run_virtual(main())


def test_closing_when_the_last_row_read_was_given_is_no_error_either() -> None:
    """The reader waits for the source then, and its cancellation is nobody else's business."""

    async def slow() -> AsyncIterator[Row]:
        yield row(0)
        await asyncio.sleep(1000)
        yield row(1)

    async def main() -> None:
        run = BulkUpsert(slow(), Loops(), concurrency=2)
        consumer = asyncio.create_task(collected(run))
        await asyncio.sleep(5)
        await run.aclose()
        assert [outcome.index for outcome in await consumer] == [0]
        assert run.unfinished == []
        assert not others()

    run_virtual(main())


def test_a_run_that_was_closed_before_it_began_touches_nothing() -> None:
    async def main() -> None:
        run = BulkUpsert(rows(3), Loops(), concurrency=2)
        iterator = aiter(run)
        await run.aclose()
        assert [outcome async for outcome in iterator] == []
        assert run.totals.read == 0
        never_begun = BulkUpsert(rows(3), Loops(), concurrency=2)
        await never_begun.aclose()
        with pytest.raises(errors.InvalidCall, match="closed before it was iterated"):
            aiter(never_begun)
        assert not others()

    run_virtual(main())


def test_a_run_can_be_iterated_once() -> None:
    async def main() -> None:
        run = BulkUpsert(rows(3), Loops(), concurrency=2)
        assert len(await collected(run)) == 3
        with pytest.raises(errors.InvalidCall, match="call upsert_many again"):
            await collected(run)

    run_virtual(main())


def test_a_source_that_raises_is_heard_of_after_what_was_read_went_in() -> None:
    def broken() -> Iterator[Row]:
        yield from rows(5)
        raise ZeroDivisionError("mine")

    async def main(source: Source) -> None:
        run = BulkUpsert(source, Loops(), concurrency=2)
        given, raised = await interrupted(run, ZeroDivisionError)
        assert str(raised) == "mine"
        assert sorted(given) == [0, 1, 2, 3, 4]
        assert run.unfinished == []
        assert not others()

    run_virtual(main(Lazy(broken())))
    run_virtual(main(asynchronous(broken())))


def test_a_source_that_ends_in_a_cancellation_of_its_own_does_not_hang_the_run() -> None:
    async def cancelled() -> AsyncIterator[Row]:
        yield row(0)
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        await future

    async def main() -> None:
        run = BulkUpsert(cancelled(), Loops(), concurrency=2)
        given, _ = await interrupted(run, asyncio.CancelledError)
        assert given == [0]
        assert not others()

    run_virtual(main())


def test_an_upsert_that_ends_in_a_cancellation_of_its_own_does_not_hang_the_run() -> None:
    async def main() -> None:
        run = BulkUpsert(rows(9), Loops({"3@x.io": asyncio.CancelledError()}), concurrency=2)
        with pytest.raises(asyncio.CancelledError):
            await collected(run)
        assert {left.index for left in run.unfinished} >= {3}
        assert not others()

    run_virtual(main())


def test_the_source_is_read_only_as_fast_as_outcomes_are_taken() -> None:
    pulled: list[int] = []
    taken: list[int] = []

    def endless() -> Iterator[Row]:
        number = 0
        while True:
            assert len(pulled) <= len(taken) + 3 * 4
            pulled.append(number)
            yield row(number)
            number += 1

    async def main() -> None:
        loops = Loops()
        async for outcome in BulkUpsert(Lazy(endless()), loops, concurrency=3):
            taken.append(outcome.index)
            await asyncio.sleep(5)
            if len(taken) == 50:
                break
        await settled()
        assert not others()

    run_virtual(main())
    assert len(pulled) <= 50 + 3 * 4 + 1


def test_a_source_that_is_slow_holds_back_no_outcome() -> None:
    async def slow() -> AsyncIterator[Row]:
        yield row(0)
        await asyncio.sleep(1000)
        yield row(1)

    async def main() -> None:
        run, loop = BulkUpsert(slow(), Loops(), concurrency=2), asyncio.get_running_loop()
        moments = [loop.time() async for _ in run]
        assert moments == [1.0, 1001.0]

    run_virtual(main())


def test_the_rows_of_one_contact_do_not_hold_back_the_others() -> None:
    async def main() -> float:
        source = [*(row(0) for _ in range(10)), *rows(10)[1:]]
        await collected(BulkUpsert(source, Loops(), concurrency=10))
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == 10.0


def test_two_rows_that_waited_for_the_same_one_go_together() -> None:
    async def main() -> float:
        source = [row(0, user_id="u"), row(0), ContactUpdate(user_id="u")]
        loops = Loops()
        await collected(BulkUpsert(source, loops, concurrency=2))
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == 2.0


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with 3.12")
def test_a_thousand_eager_workers_do_not_call_each_other_deeper_and_deeper() -> None:
    begun: list[int] = []

    async def upsert(contact: ContactUpdate) -> ContactReceipt:
        begun.append(int(str(contact.first_name)))
        await asyncio.sleep(1)
        return ContactReceipt("id")

    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        loop.set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined,unused-ignore]
        source = [row(number, first_name=f"{number}") for number in range(3000)]
        assert len(await collected(BulkUpsert(source, upsert, concurrency=1000))) == 3000

    run_virtual(main())
    assert begun == list(range(3000))


@pytest.mark.parametrize("concurrency", [0, -1, 1.5, "4", None, True])
def test_a_concurrency_that_cannot_work_is_refused(concurrency: Any) -> None:
    with pytest.raises(errors.InvalidCall, match="concurrency: must be a whole number"):
        BulkUpsert([], Loops(), concurrency=concurrency)


@pytest.mark.parametrize("source", [
    "a@x.io", b"a@x.io", {"email": "a@x.io"}, ContactUpdate(email="a@x.io"), None, 7,
])  # fmt: skip
def test_a_source_that_is_no_source_of_rows_is_refused(source: Any) -> None:
    with pytest.raises(errors.InvalidCall, match="source: must be an iterable") as caught:
        BulkUpsert(source, Loops(), concurrency=1)
    assert "a@x.io" not in str(caught.value)


Stepwise = Callable[[ContactUpdate], Awaitable[ContactReceipt]]


def test_a_consumer_cancelled_at_any_step_leaves_no_task_and_knows_what_is_open() -> None:
    """Time is counted in turns of the loop here, so that every one of them can be tried."""
    ended_by_itself = False
    for step in range(400):
        begun: list[int] = []
        given: list[int] = []

        async def upsert(contact: ContactUpdate, begun: list[int] = begun) -> ContactReceipt:
            number = int(str(contact.user_id))
            begun.append(number)
            for _ in range(1 + number * 7 % 5):
                await asyncio.sleep(0)
            return ContactReceipt("id")

        async def main(
            upsert: Stepwise = upsert,
            given: list[int] = given,
            begun: list[int] = begun,
            step: int = step,
        ) -> bool:
            source = [ContactUpdate(email=f"{n % 7}@x.io", user_id=str(n)) for n in range(20)]
            run = BulkUpsert(source, upsert, concurrency=2)

            async def consume() -> None:
                async for outcome in run:
                    given.append(outcome.index)
                    await asyncio.sleep(0)

            consumer = asyncio.create_task(consume())
            for _ in range(step):
                await asyncio.sleep(0)
            consumer.cancel()
            await asyncio.wait([consumer])
            await settled()
            assert not others()
            unfinished = run.unfinished
            assert sorted([*given, *(left.index for left in unfinished)]) == list(
                range(run.totals.read)
            )
            assert len(set(given)) == len(given)
            assert {left.index for left in unfinished if left.started} == set(begun) - set(given)
            return not consumer.cancelled()

        ended_by_itself = run_virtual(main())
        if ended_by_itself:
            assert given
            assert len(given) == 20
            break
    assert ended_by_itself


@pytest.mark.filterwarnings("default")
def test_a_run_that_nobody_iterates_says_that_nothing_was_sent() -> None:
    async def never(_: ContactUpdate) -> ContactReceipt:
        raise AssertionError

    async def main() -> None:
        BulkUpsert([{"email": "ada@example.com"}], never, concurrency=1)

    with pytest.warns(RuntimeWarning, match="nothing was sent") as warned:
        run_virtual(main())
    assert [warning.filename for warning in warned] == [__file__]


def test_awaiting_a_run_says_how_it_is_iterated() -> None:
    async def never(_: ContactUpdate) -> ContactReceipt:
        raise AssertionError

    async def main() -> None:
        with pytest.raises(errors.InvalidCall, match="async for"):
            await BulkUpsert([], never, concurrency=1)

    run_virtual(main())


class Bail(BaseException):
    """As pytest.fail raises it: no Exception."""


def test_a_source_that_raises_what_is_no_exception_does_not_hang() -> None:
    def source() -> Iterator[Row]:
        yield row(0)
        raise Bail

    async def main() -> list[int]:
        given = []
        run = aiter(BulkUpsert(Lazy(source()), Loops(), concurrency=2))
        given.append((await anext(run)).index)
        with pytest.raises(Bail):
            await anext(run)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return given

    assert run_virtual(main()) == [0]


def test_a_source_that_closes_its_own_run_leaves_no_task() -> None:
    async def main() -> None:
        async def source() -> AsyncIterator[Row]:
            yield row(0)
            await run.aclose()
            number = 0
            while True:
                number += 1
                yield row(number)

        run = BulkUpsert(source(), Loops(), concurrency=2)
        async for _ in run:
            pass
        await asyncio.sleep(10)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert run.totals.read < 3

    run_virtual(main())


def test_a_close_that_is_cancelled_leaves_nobody_waiting() -> None:
    async def main() -> None:
        async def source() -> AsyncIterator[Row]:
            try:
                yield row(0)
                await asyncio.sleep(1000)
            finally:
                await asyncio.sleep(5)

        run = BulkUpsert(source(), Loops(), concurrency=1)

        async def consume() -> None:
            async for _ in run:
                pass

        consumer = asyncio.create_task(consume())
        await asyncio.sleep(2)
        closing = asyncio.create_task(run.aclose())
        await asyncio.sleep(0.2)
        closing.cancel()
        await asyncio.wait_for(consumer, 20)

    run_virtual(main())


def test_a_source_that_swallows_its_cancellation_is_not_read_any_further() -> None:
    async def main() -> None:
        async def source() -> AsyncIterator[Row]:
            number = 0
            while True:
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(1)
                number += 1
                yield row(number)

        run = BulkUpsert(source(), Loops(), concurrency=1)
        async for _ in run:
            break
        await asyncio.wait_for(run.aclose(), 20)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_virtual(main())


class Journal:
    """Notes outcomes, and says when it cannot."""

    def __init__(self, breaks_at: int | None = None) -> None:
        self.noted: list[int] = []
        self.breaks_at = breaks_at

    def __call__(self, outcome: Outcome) -> None:
        if len(self.noted) == self.breaks_at:
            raise OSError("no space left on device")
        self.noted.append(outcome.index)


def test_a_journal_knows_of_a_row_before_its_worker_begins_another() -> None:
    journal, unknown = Journal(), []

    async def upsert(contact: ContactUpdate) -> ContactReceipt:
        begun = int(str(contact.first_name))
        unknown.append(begun + 1 - len(journal.noted))
        await asyncio.sleep(1 + begun % 3)
        return ContactReceipt("id")

    async def main() -> None:
        source = [row(number, first_name=f"{number}") for number in range(50)]
        run = BulkUpsert(source, upsert, concurrency=3, on_outcome=journal)
        async for outcome in run:
            assert outcome.index in journal.noted
            await asyncio.sleep(20)

    run_virtual(main())
    assert max(unknown) == 3
    assert sorted(journal.noted) == list(range(50))


def test_a_journal_knows_of_rows_that_were_refused_without_being_sent() -> None:
    journal, source = Journal(), [row(0), {"email": "nobody"}, None, row(3)]

    async def main() -> None:
        await collected(BulkUpsert(source, Loops(), concurrency=2, on_outcome=journal))  # type: ignore[arg-type]

    run_virtual(main())
    assert journal.noted == [1, 2, 0, 3]


def test_a_journal_knows_of_what_came_back_while_the_run_was_ending() -> None:
    """A row whose call did not let itself be cancelled."""
    journal = Journal()

    async def stubborn(contact: ContactUpdate) -> ContactReceipt:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(100)
        return ContactReceipt("id")

    async def main() -> None:
        run = BulkUpsert(rows(9), stubborn, concurrency=2, on_outcome=journal)
        consumer = asyncio.create_task(collected(run))
        await asyncio.sleep(1)
        await run.aclose()
        await consumer
        assert [left.index for left in run.unfinished] == list(range(2, run.totals.read))
        assert run.totals.succeeded == 2

    run_virtual(main())
    assert sorted(journal.noted) == [0, 1]


def test_what_a_journal_heard_while_the_run_was_ending_is_given_before_what_ended_it() -> None:
    journal = Journal()

    async def stubborn(contact: ContactUpdate) -> ContactReceipt:
        if contact == row(2):
            await asyncio.sleep(1)
            raise errors.Unauthorized("x", status=401)
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(100)
        return ContactReceipt("id")

    async def main() -> None:
        run = BulkUpsert(rows(9), stubborn, concurrency=3, on_outcome=journal)
        given, _ = await interrupted(run, errors.Unauthorized)
        assert sorted(given) == sorted(journal.noted) == [0, 1]

    run_virtual(main())


@pytest.mark.parametrize("pause", [0.0, 100.0])
def test_a_journal_that_breaks_stops_the_run_and_is_written_to_no_more(pause: float) -> None:
    journal, loops = Journal(breaks_at=5), Loops()

    async def main() -> None:
        run = BulkUpsert(rows(1000), loops, concurrency=4, on_outcome=journal)
        given, raised = await interrupted(run, OSError, pause=pause)
        assert str(raised) == "no space left on device"
        assert sorted(given) == sorted(journal.noted)
        assert not others()
        assert {5} <= {left.index for left in run.unfinished if left.started}

    run_virtual(main())
    assert len(journal.noted) == 5
    assert len(loops.begun) <= 9


def test_a_journal_that_breaks_at_a_row_that_is_refused_stops_the_worker_that_read_it() -> None:
    journal, loops = Journal(breaks_at=3), Loops()

    async def main() -> None:
        source: list[Any] = rows(20)
        source[4] = "bad"
        run = BulkUpsert(source, loops, concurrency=2, on_outcome=journal)
        assert (await interrupted(run, OSError))[0] == [0, 1, 2]
        assert not others()
        assert [(left.index, left.started) for left in run.unfinished] == [(3, True), (4, False)]
        assert run.totals.read == 5

    run_virtual(main())
    assert loops.begun == [f"{number}@x.io" for number in range(4)]


def test_a_journal_that_broke_is_not_written_to_by_what_comes_back_later() -> None:
    called = []

    def broken(outcome: Outcome) -> None:
        called.append(outcome.index)
        raise OSError

    async def stubborn(contact: ContactUpdate) -> ContactReceipt:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(1 if contact == row(0) else 100)
        return ContactReceipt("id")

    async def main() -> None:
        run = BulkUpsert(rows(9), stubborn, concurrency=3, on_outcome=broken)
        assert (await interrupted(run, OSError))[0] == []
        assert [left.index for left in run.unfinished if left.started] == [0, 1, 2]
        assert run.totals.succeeded == 3

    run_virtual(main())
    assert called == [0]


def test_a_journal_that_broke_is_heard_of_by_one_who_left_the_loop() -> None:
    async def main() -> None:
        async with BulkUpsert(rows(9), Loops(), concurrency=1, on_outcome=Journal(1)) as run:
            async for _ in run:
                await asyncio.sleep(50)
                break

    with pytest.raises(OSError, match="no space left"):
        run_virtual(main())


async def never(_: ContactUpdate) -> ContactReceipt:
    raise AssertionError


class AsyncCall:
    async def __call__(self, outcome: Outcome) -> None: ...


@pytest.mark.parametrize("callback", [AsyncCall(), AsyncCall.__call__])
def test_a_callback_that_would_have_to_be_awaited_is_refused(callback: Any) -> None:
    with pytest.raises(errors.InvalidCall, match="on_outcome: must be a plain function"):
        BulkUpsert([], never, concurrency=1, on_outcome=callback)


def test_a_callback_that_gives_a_coroutine_stops_the_run() -> None:
    async def main() -> None:
        call = AsyncCall()
        run = BulkUpsert(rows(3), Loops(), concurrency=1, on_outcome=lambda o: call(o))  # noqa: PLW0108
        await interrupted(run, errors.InvalidCall)

    run_virtual(main())


def test_what_is_no_callback_and_what_is_no_total_is_refused() -> None:
    with pytest.raises(errors.InvalidCall, match="on_outcome: must be callable"):
        BulkUpsert([], never, concurrency=1, on_outcome="journal.txt")  # type: ignore[arg-type]
    for total in (-1, 1.5, True, "9"):
        with pytest.raises(errors.InvalidCall, match="total: must be a whole number"):
            BulkUpsert([], never, concurrency=1, total=total)  # type: ignore[arg-type]


def test_no_more_rows_are_held_than_go_and_a_few() -> None:
    """So that stopping is short: four times as many only where rows wait for others."""
    held = []

    async def main(source: Source) -> None:
        async with BulkUpsert(source, Loops(), concurrency=20) as run:
            async for _ in run:
                totals = run.totals
                held.append(totals.in_flight + totals.waiting)
                if totals.succeeded > 200:
                    break

    run_virtual(main(rows(1000)))
    assert max(held) <= 25
    held.clear()
    run_virtual(main([row(0)] * 1000))
    assert 70 < max(held) <= 80


@pytest.mark.parametrize("source", [lambda: rows(1000), lambda: asynchronous(rows(1000))])
def test_stopping_finishes_what_was_read_and_ends_in_peace(
    source: Callable[[], Source],
) -> None:
    loops = Loops()

    async def main() -> None:
        given = source()
        run = BulkUpsert(given, loops, concurrency=4)
        asyncio.get_running_loop().call_later(5.5, run.stop)
        outcomes = await collected(run)
        assert sorted(o.index for o in outcomes) == list(range(run.totals.read))
        totals = run.totals
        length = 1000 if isinstance(given, list) else None
        assert (totals.total, totals.time_remaining, run.unfinished) == (length, 0.0, [])
        assert asyncio.get_running_loop().time() <= 8
        run.stop()
        assert not others()

    run_virtual(main())
    assert len(loops.begun) < 40


def test_stopping_what_is_over_changes_nothing() -> None:
    async def main() -> None:
        run = BulkUpsert(asynchronous(rows(3)), Loops(), concurrency=1)
        await collected(run)
        run.stop()
        assert (run.totals.total, run.totals.time_remaining) == (3, 0.0)

    run_virtual(main())


def test_stopping_before_it_is_iterated_touches_nothing() -> None:
    async def main() -> None:
        run = BulkUpsert(rows(3), never, concurrency=1)
        run.stop()
        assert await collected(run) == []
        assert (run.totals.read, run.totals.total, run.totals.time_remaining) == (0, 3, 0.0)

    run_virtual(main())


@pytest.mark.filterwarnings("error")
def test_a_run_that_was_stopped_need_not_be_iterated() -> None:
    async def main() -> None:
        BulkUpsert(rows(3), never, concurrency=1).stop()

    run_virtual(main())


def test_a_source_that_gives_nothing_does_not_hinder_stopping_and_is_closed() -> None:
    closed = []

    async def source() -> AsyncIterator[Row]:
        try:
            yield row(0)
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(1)
            closed.append(True)

    async def main() -> None:
        run = BulkUpsert(source(), Loops(), concurrency=2)
        asyncio.get_running_loop().call_later(0.5, run.stop)
        assert len(await collected(run)) == 1
        assert asyncio.get_running_loop().time() == 2.25
        assert closed

    run_virtual(main())


def test_a_source_may_stop_its_own_run() -> None:
    async def source() -> AsyncIterator[Row]:
        yield row(0)
        run.stop()
        yield row(1)
        await asyncio.sleep(1)
        raise AssertionError("read on")

    async def main() -> None:
        assert len(await collected(run)) == 2

    run = BulkUpsert(source(), Loops(), concurrency=2)
    run_virtual(main())


def test_a_source_that_fails_as_it_is_closed_is_heard_of_after_what_was_read() -> None:
    async def source() -> AsyncIterator[Row]:
        try:
            while True:
                yield row(0)
        finally:
            raise ZeroDivisionError

    async def main() -> None:
        run = BulkUpsert(source(), Loops(), concurrency=2)
        asyncio.get_running_loop().call_later(1.5, run.stop)
        given, _ = await interrupted(run, ZeroDivisionError)
        assert len(given) == run.totals.read > 2

    run_virtual(main())


def test_leaving_closes_an_async_source_at_once() -> None:
    closed = []

    async def source() -> AsyncIterator[Row]:
        try:
            for number in range(100):
                yield row(number)
        finally:
            closed.append(True)

    async def main() -> None:
        async with BulkUpsert(source(), Loops(), concurrency=2) as run:
            async for _ in run:
                break
        assert closed

    run_virtual(main())


def test_totals_tell_how_far_it_is_and_how_long_it_will_take() -> None:
    async def main() -> None:
        source: list[Any] = [*rows(100), "bad"]
        run = BulkUpsert(source, Loops(), concurrency=2)
        assert run.totals.total == 101
        assert (run.totals.elapsed, run.totals.rate, run.totals.time_remaining) == (0, 0, None)
        async for outcome in run:
            totals = run.totals
            if outcome.index == 61:
                assert (totals.succeeded, totals.failed) == (62, 0)
                assert totals.read == 62 + totals.in_flight + totals.waiting
                assert totals.elapsed == pytest.approx(31)
                assert totals.rate == pytest.approx(2, rel=0.1)
                assert totals.time_remaining == pytest.approx(39 / 2, rel=0.1)
        await asyncio.sleep(1000)
        totals = run.totals
        assert (totals.succeeded, totals.failed, totals.waiting, totals.total) == (100, 1, 0, 101)
        assert totals.elapsed == pytest.approx(50)
        assert totals.time_remaining == 0

    run_virtual(main())


def test_a_source_of_unknown_length_may_be_told_its_total() -> None:
    async def main() -> None:
        unknown = BulkUpsert(asynchronous(rows(9)), Loops(), concurrency=2)
        told = BulkUpsert(asynchronous(rows(9)), Loops(), concurrency=2, total=5)
        assert (unknown.totals.total, told.totals.total) == (None, 5)
        async for _ in unknown:
            assert unknown.totals.total is None or unknown.totals.read == 9
        async for _ in told:
            assert told.totals.total == max(5, told.totals.read)
        assert (unknown.totals.total, told.totals.total) == (9, 9)

    run_virtual(main())


def test_memory_does_not_grow_with_the_rows() -> None:
    alive: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()
    most = 0

    def many() -> Iterator[Row]:
        nonlocal most
        for number in range(20_000):
            made = row(number)
            alive[number] = made
            most = max(most, len(alive))
            yield made

    async def upsert(contact: ContactUpdate) -> ContactReceipt:
        await asyncio.sleep(0)
        return ContactReceipt("id")

    async def main() -> None:
        counts = [
            len(gc.get_objects())
            async for outcome in BulkUpsert(Lazy(many()), upsert, concurrency=10)
            if outcome.index in {5_000, 19_000}
        ]
        assert abs(counts[1] - counts[0]) < 200

    run_virtual(main())
    assert most <= 10 * 4 + 2


class InHand(RowSource):
    """A source that gives a row, has another in hand, and is busy with a third for good."""

    def __init__(self) -> None:
        super().__init__(None)
        self.hand = rows(2)

    async def take(self, room: int) -> list[Row]:
        if len(self.hand) == 1:
            await asyncio.Event().wait()
        return [self.hand.pop(0)]

    def abandon(self) -> list[Row]:
        return self.hand

    async def aclose(self) -> None: ...


@pytest.mark.parametrize("how", ["stop", "aclose"])
def test_what_was_read_from_the_source_and_not_yet_taken_is_not_lost(how: str) -> None:
    async def main() -> None:
        run = BulkUpsert([], Loops(), concurrency=2)
        run._engine._rows = InHand()
        consumer = asyncio.create_task(collected(run))
        await asyncio.sleep(0.5)
        if how == "stop":
            run.stop()
        else:
            await run.aclose()
        given = [outcome.index for outcome in await consumer]
        left = [(row.index, row.contact, row.started) for row in run.unfinished]
        if how == "stop":
            assert (given, left) == ([0, 1], [])
        else:
            assert (given, left) == ([], [(0, row(0), True), (1, row(1), False)])

    run_virtual(main())


def test_a_bad_row_in_hand_is_open_when_the_run_is_left_and_nobody_is_told_of_it() -> None:
    journal = Journal()

    async def main() -> None:
        run = BulkUpsert([], Loops(), concurrency=2, on_outcome=journal)
        source = InHand()
        source.hand[1] = {"email": "nobody"}
        run._engine._rows = source
        consumer = asyncio.create_task(collected(run))
        await asyncio.sleep(0.5)
        await run.aclose()
        assert await consumer == []
        left = [(row.index, row.contact, row.started) for row in run.unfinished]
        assert left == [(0, row(0), True), (1, None, False)]
        assert (run.totals.in_flight, run.totals.waiting) == (1, 1)

    run_virtual(main())
    assert journal.noted == []


def test_what_ends_a_run_that_is_over_is_not_heard_of() -> None:
    async def main() -> None:
        run = BulkUpsert(rows(3), Loops(), concurrency=1)
        given: list[int] = []
        async for outcome in run:
            given.append(outcome.index)
            if outcome.index == 2:
                await settled()
                await run.abort(errors.SessionClosed("this client was closed; create a new one"))
        assert given == [0, 1, 2]

    run_virtual(main())


def test_what_the_callback_raised_waits_for_whoever_closes_a_run_that_was_left() -> None:
    failure = OSError("disk full")

    def note(outcome: Outcome) -> None:
        if outcome.index == 1:
            raise failure

    async def main() -> None:
        run = BulkUpsert(rows(3), Loops(), concurrency=1, on_outcome=note)
        async for _ in run:
            await asyncio.sleep(5)
            break
        gc.collect()
        await settled()
        with pytest.raises(OSError, match="disk full"):
            await run.aclose()

    run_virtual(main())


def test_a_run_of_a_client_that_was_closed_says_so() -> None:
    async def main() -> None:
        run = BulkUpsert(rows(1), Loops(), concurrency=1)
        await run.abort(errors.SessionClosed("this client was closed; create a new one"))
        with pytest.raises(errors.SessionClosed):
            aiter(run)

    run_virtual(main())
