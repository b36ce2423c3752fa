"""Sources that block: read in one thread, which never holds the loop and never touches the run."""

import asyncio
import contextvars
import logging
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any

import pytest

from loops_async import ContactReceipt, ContactUpdate
from loops_async.bulk.outcomes import Outcome, Row
from loops_async.bulk.sources import _ThreadedRows
from loops_async.bulk.upsert import BulkUpsert
from tests.leaks import nothing_left

LONG = 30.0
"""Seconds; nothing here takes so long."""


async def upsert(contact: ContactUpdate) -> ContactReceipt:
    await asyncio.sleep(0)
    return ContactReceipt(f"id-{contact.email}")


def rows(count: int) -> list[Row]:
    return [{"email": f"{number}@x.io"} for number in range(count)]


def bulk(source: Iterable[Row], **options: Any) -> BulkUpsert:
    return BulkUpsert(source, upsert, **{"concurrency": 4, **options})


async def collected(run: BulkUpsert) -> list[Outcome]:
    async with asyncio.timeout(LONG):
        return sorted([outcome async for outcome in run], key=lambda outcome: outcome.index)


def reading_threads() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name == "loops-async source"]


async def until_no_thread_reads() -> None:
    async with asyncio.timeout(LONG):
        while reading_threads():  # noqa: ASYNC110 - a thread sets no event
            await asyncio.sleep(0.001)


class OnlyNext:
    """An iterator that has nothing but what the protocol asks for."""

    def __init__(self, count: int) -> None:
        self._rows = iter(rows(count))

    def __iter__(self) -> Iterator[Row]:
        return self

    def __next__(self) -> Row:
        return next(self._rows)


class Sized(OnlyNext):
    def __len__(self) -> int:
        assert threading.current_thread().name == "loops-async source"
        return 77


@pytest.mark.parametrize("count", [0, 1, 9, 1000])
@pytest.mark.parametrize(
    "kind", [OnlyNext, Sized, lambda n: iter(rows(n)), lambda n: filter(None, rows(n))]
)
async def test_any_iterator_goes_in(kind: Any, count: int) -> None:
    async with nothing_left():
        outcomes = await collected(bulk(kind(count)))
    assert [outcome.id for outcome in outcomes] == [f"id-{n}@x.io" for n in range(count)]
    assert not reading_threads()


async def test_a_source_that_blocks_holds_back_neither_the_loop_nor_what_it_gave() -> None:
    gates = [threading.Event() for _ in range(5)]

    def source() -> Iterator[Row]:
        for number, gate in enumerate(gates):
            assert gate.wait(LONG)
            yield {"email": f"{number}@x.io"}

    async with asyncio.timeout(LONG):
        given = aiter(bulk(source()))
        for number, gate in enumerate(gates):
            coming = asyncio.ensure_future(anext(given))
            await asyncio.sleep(0.002)
            assert not coming.done()
            gate.set()
            assert (await coming).index == number
        with pytest.raises(StopAsyncIteration):
            await anext(given)
    assert not reading_threads()


async def test_it_is_one_thread_from_first_to_last_with_the_callers_context() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")
    variable.set("the caller's")
    threads = set()

    class Source:
        def __iter__(self) -> Iterator[Row]:
            threads.add(threading.current_thread())
            # A connection of sqlite3 refuses every thread but the one that made it.
            with closing(sqlite3.connect(":memory:")) as db:
                db.execute("create table users (id)")
                db.executemany("insert into users values (?)", [(n,) for n in range(100)])
                for (number,) in db.execute("select id from users"):
                    threads.add(threading.current_thread())
                    yield {"email": f"{number}@x.io", "first_name": variable.get()}

    outcomes = await collected(bulk(Source()))
    assert {str(o.contact.first_name) for o in outcomes if o.contact} == {"the caller's"}
    assert len(outcomes) == 100
    assert len(threads) == 1
    assert threads != {threading.main_thread()}


@pytest.mark.parametrize("data", [list, tuple, lambda r: dict(enumerate(r)).values()])
async def test_what_is_in_memory_needs_no_thread(
    data: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading.Thread, "start", lambda _: pytest.fail("a thread"))
    assert len(await collected(bulk(data(rows(9))))) == 9


async def test_the_length_of_what_is_not_in_memory_is_asked_in_the_thread() -> None:
    run = bulk(Sized(9))
    totals = [run.totals]
    totals += [run.totals async for _ in run]
    totals += [run.totals]
    assert [found.total for found in (*totals[:2], totals[-1])] == [None, 77, 9]


class Bail(BaseException):
    """No Exception, as KeyboardInterrupt is none."""


@pytest.mark.parametrize("kind", [ZeroDivisionError, Bail, asyncio.CancelledError, GeneratorExit])
async def test_what_the_source_raises_comes_through_after_what_it_gave(
    kind: type[BaseException],
) -> None:
    def source() -> Iterator[Row]:
        yield from rows(9)
        raise kind

    given: list[int] = []

    async def consume() -> None:
        async for outcome in bulk(source()):
            given.append(outcome.index)  # noqa: PERF401

    with pytest.raises(kind):
        await consume()
    assert sorted(given) == list(range(9))
    assert not reading_threads()


async def test_it_reads_no_further_ahead_than_there_is_room() -> None:
    pulled: list[int] = []

    def source() -> Iterator[Row]:
        for number, made in enumerate(rows(1000)):
            pulled.append(number)
            yield made

    taken = 0
    async for _ in bulk(source()):
        taken += 1
        await asyncio.sleep(0)
        assert len(pulled) <= taken + 4 * 4
    assert taken == 1000


@pytest.mark.parametrize("concurrency", [8, 50])
async def test_a_consumer_that_pauses_gets_every_outcome_all_the_same(concurrency: int) -> None:
    def slow() -> Iterator[Row]:
        for number, row in enumerate(rows(1000)):
            if number % 25 == 0:
                time.sleep(0.001)
            yield row

    async def sent(contact: ContactUpdate) -> ContactReceipt:
        await asyncio.sleep(0.0005 * (hash(contact.email) % 4))
        return ContactReceipt(f"id-{contact.email}")

    async def consumed() -> int:
        given = 0
        async for _ in BulkUpsert(slow(), sent, concurrency=concurrency):
            given += 1
            if given % 50 == 0:
                await asyncio.sleep(0.03)  # a batch is committed
        return given

    async with asyncio.timeout(LONG):
        assert await asyncio.gather(*(consumed() for _ in range(3))) == [1000] * 3


async def test_leaving_closes_a_generator_in_its_thread() -> None:
    closed: list[threading.Thread] = []

    def source() -> Iterator[Row]:
        try:
            yield from rows(1000)
        finally:
            closed.append(threading.current_thread())

    async with bulk(source()) as run:
        async for _ in run:
            # Let the thread use up its room, so that it is not in the source.
            await asyncio.sleep(0.01)
            break
    await until_no_thread_reads()
    assert len(closed) == 1
    assert closed != [threading.main_thread()]
    totals = run.totals
    assert len(run.unfinished) == totals.read - 1


async def test_a_thread_that_hangs_hinders_neither_stopping_nor_leaving() -> None:
    gate, closed = threading.Event(), threading.Event()

    def source() -> Iterator[Row]:
        try:
            yield {"email": "a@x.io"}
            gate.wait(LONG)
            yield {"email": "b@x.io"}
            raise AssertionError("read on")
        finally:
            closed.set()

    async with asyncio.timeout(LONG):
        stopped = bulk(source())
        async for _ in stopped:
            stopped.stop()
        assert (stopped.totals.read, stopped.unfinished) == (1, [])
        async with bulk(source()) as left:
            async for _ in left:
                break
        assert (left.totals.read, left.unfinished) == (1, [])
        assert len(reading_threads()) == 2
        assert all(thread.daemon for thread in reading_threads())
        gate.set()
        await until_no_thread_reads()
    assert closed.is_set()
    assert stopped.totals.read == left.totals.read == 1


async def test_what_a_source_raises_after_the_run_is_logged_without_its_words(
    caplog: pytest.LogCaptureFixture,
) -> None:
    gate = threading.Event()

    def source() -> Iterator[Row]:
        yield {"email": "a@x.io"}
        gate.wait(LONG)
        raise ValueError("S3CRET")

    async with bulk(source()) as run:
        async for _ in run:
            break
    gate.set()
    await until_no_thread_reads()
    assert [(r.levelno, r.getMessage()) for r in caplog.records if r.name == "loops_async"] == [
        (logging.WARNING, "the source of a bulk run raised ValueError after the run had ended")
    ]
    assert "S3CRET" not in caplog.text


async def test_a_row_that_is_on_its_way_when_the_run_is_stopped_still_goes_in() -> None:
    gate, asked = threading.Event(), threading.Event()
    slow = asyncio.Event()

    def source() -> Iterator[Row]:
        yield {"email": "a@x.io"}
        asked.set()
        gate.wait(LONG)
        yield {"email": "b@x.io"}
        raise AssertionError("read on")

    async def slowly(contact: ContactUpdate) -> ContactReceipt:
        await slow.wait()
        return ContactReceipt("id")

    run = BulkUpsert(source(), slowly, concurrency=2)
    consumer = asyncio.create_task(collected(run))
    assert await asyncio.to_thread(asked.wait, LONG)
    run.stop()
    gate.set()
    async with asyncio.timeout(LONG):
        while run.totals.read < 2:  # noqa: ASYNC110 - nor does a count
            await asyncio.sleep(0)
    slow.set()
    assert [outcome.index for outcome in await consumer] == [0, 1]
    assert not reading_threads()


@pytest.mark.parametrize("how", ["stop", "aclose"])
async def test_a_source_may_end_its_own_run_from_its_thread(how: str) -> None:
    loop = asyncio.get_running_loop()

    def source() -> Iterator[Row]:
        yield {"email": "a@x.io"}
        if how == "stop":
            run.stop()
        else:
            asyncio.run_coroutine_threadsafe(run.aclose(), loop).result(LONG)
        yield {"email": "b@x.io"}
        raise AssertionError("read on")

    run = bulk(source())
    outcomes = await collected(run)
    await until_no_thread_reads()
    assert len(outcomes) + len(run.unfinished) == run.totals.read
    assert run.totals.read <= 2
    if how == "stop":
        assert run.unfinished == []


def test_a_loop_that_is_gone_leaves_no_thread() -> None:
    async def main() -> None:
        async def consume() -> None:
            async for _ in bulk(OnlyNext(10**5)):
                await asyncio.sleep(0.001)

        task = asyncio.create_task(consume())
        await asyncio.sleep(0.01)
        assert not task.done()

    asyncio.run(main())
    for thread in reading_threads():
        thread.join(LONG)
    assert not reading_threads()


@pytest.mark.parametrize("room", [1, 2, 3, 8])
@pytest.mark.parametrize("at_hand", [False, True])
async def test_no_more_rows_are_read_and_not_taken_than_there_is_room(
    room: int, *, at_hand: bool
) -> None:
    given: list[int] = []
    taken: list[Row] = []

    def source() -> Iterator[Row]:
        for number, made in enumerate(rows(200)):
            assert len(given) - len(taken) < room
            given.append(number)
            yield made

    rows_read = _ThreadedRows(source())
    async with asyncio.timeout(LONG):
        while found := await rows_read.take(room):
            # The thread has to be told of less room before a row counts as taken.
            while found:
                taken += found
                found = rows_read.take_ready(room) if at_hand else []
                assert len(found) <= (room + 1) // 2
    assert taken == rows(200)


async def test_what_is_at_hand_is_half_of_the_room_and_the_rest_is_read_meanwhile() -> None:
    read = _ThreadedRows(iter(rows(100)))

    async def until_held(count: int) -> None:
        while len(read._rows) < count:  # noqa: ASYNC110 - a thread sets no event
            await asyncio.sleep(0.001)

    async with asyncio.timeout(LONG):
        assert read.take_ready(8) == []
        taken = await read.take(8)
        await until_held(8 - len(taken))
        for _ in range(3):
            found = read.take_ready(8)
            assert len(found) <= 4
            taken += found
            await until_held(8 - len(found))
        assert taken == rows(len(taken))
        taken += read.abandon()
        assert taken == rows(len(taken))
        assert read.take_ready(8) == []
        await read.aclose()


async def test_what_was_read_and_not_taken_is_handed_out_at_the_end() -> None:
    source = _ThreadedRows(iter(rows(9)))
    async with asyncio.timeout(LONG):
        taken = await source.take(4)
        while len(taken) + len(source._rows) < 4:  # noqa: ASYNC110 - a thread sets no event
            await asyncio.sleep(0.001)
        assert taken + source.abandon() == rows(4)
        await source.aclose()
    assert not reading_threads()
