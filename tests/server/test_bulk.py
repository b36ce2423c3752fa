"""upsert_many against the sandbox: rows land, once and in order, and a bad one stops nobody."""

import asyncio
import json
import os
import signal
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import pytest

from loops_async import (
    BadRequest,
    ContactUpdate,
    InvalidCall,
    InvalidInput,
    LoopsClient,
    Outcome,
    Pacer,
    SessionClosed,
    Unauthorized,
)
from loops_async.bulk.outcomes import Row
from loops_async.sandbox import Sandbox
from tests.transport.bare import BareServer, Exchange, http

pytestmark = pytest.mark.usefixtures("nothing_is_left")


def rows(number: int) -> Iterator[ContactUpdate]:
    for index in range(number):
        yield ContactUpdate(email=f"a{index}@example.com", properties={"n": index})


async def outcomes(run: Any) -> list[Outcome]:
    return sorted([outcome async for outcome in run], key=lambda outcome: outcome.index)


async def test_every_row_lands_and_has_one_outcome_with_its_id(
    loops: LoopsClient, sandbox: Sandbox
) -> None:
    done = await outcomes(loops.contacts.upsert_many(rows(60)))
    assert [outcome.index for outcome in done] == list(range(60))
    assert len(sandbox.contacts) == len(sandbox.requests) == 60
    for outcome in done:
        assert outcome.error is None
        assert outcome.attempts == 1
        assert outcome.contact is not None
        held = sandbox.contacts[str(outcome.contact.email)]
        assert (outcome.id, held.properties["n"]) == (held.id, outcome.index)
    assert {(r.method, r.path) for r in sandbox.requests} == {("PUT", "/v1/contacts/update")}


@pytest.mark.parametrize("kind", ["list", "generator", "async generator", "mappings"])
async def test_rows_may_come_from_any_iterable(
    loops: LoopsClient, sandbox: Sandbox, kind: str
) -> None:
    async def slowly() -> AsyncIterator[ContactUpdate]:
        for row in rows(5):
            await asyncio.sleep(0)
            yield row

    mappings: list[Mapping[str, Any]] = [
        {"email": f"a{index}@example.com", "first_name": None} for index in range(5)
    ]
    source: Any = {
        "list": list(rows(5)),
        "generator": rows(5),
        "async generator": slowly(),
        "mappings": mappings,
    }[kind]
    assert len(await outcomes(loops.contacts.upsert_many(source))) == 5
    assert len(sandbox.contacts) == 5


async def test_rows_of_one_contact_go_in_the_order_given_and_never_together(
    loops: LoopsClient, sandbox: Sandbox
) -> None:
    source = [
        row
        for step in range(8)
        for row in (
            ContactUpdate(email="ada@example.com", user_id="u-1", first_name=f"{step}"),
            ContactUpdate(user_id="u-1", last_name=f"{step}"),
            ContactUpdate(email=f"other{step}@example.com"),
        )
    ]
    done = await outcomes(loops.contacts.upsert_many(source, concurrency=24))
    assert all(outcome.error is None for outcome in done)
    sent = [r.json for r in sandbox.requests if isinstance(r.json, dict) and r.json.get("userId")]
    assert sent == [
        fields
        for step in range(8)
        for fields in (
            {"email": "ada@example.com", "userId": "u-1", "firstName": f"{step}"},
            {"userId": "u-1", "lastName": f"{step}"},
        )
    ]
    held = sandbox.contacts["ada@example.com"]
    assert (held.first_name, held.last_name) == ("7", "7")


async def test_rows_of_one_contact_are_never_in_flight_together() -> None:
    in_flight: set[str] = set()
    arrived: list[tuple[str, str]] = []
    overlaps: list[str] = []

    async def answer(exchange: Exchange) -> None:
        row = json.loads(exchange.request.body)
        if row["email"] in in_flight:
            overlaps.append(row["email"])
        in_flight.add(row["email"])
        arrived.append((row["email"], row["firstName"]))
        # The earlier of two takes longer, so that the later would overtake it.
        await asyncio.sleep(0.01 if row["firstName"] == "0" else 0.001)
        in_flight.discard(row["email"])
        await exchange.write(http(200, b'{"success":true,"id":"cl1"}'))

    source = [
        {"email": email, "first_name": f"{step}"}
        for step in range(4)
        for email in ("a@example.com", "b@example.com", "c@example.com")
    ]
    async with BareServer(answer) as server:
        pacer = Pacer(rate=1000.0)
        async with LoopsClient("test-key", base_url=server.url, pacer=pacer) as loops:
            done = await outcomes(loops.contacts.upsert_many(source, concurrency=12))
    assert [outcome.error for outcome in done] == [None] * 12
    assert not overlaps
    assert len(arrived) == 12
    for email in ("a@example.com", "b@example.com", "c@example.com"):
        assert [name for one, name in arrived if one == email] == ["0", "1", "2", "3"]


async def test_bad_rows_are_named_and_stop_nobody(loops: LoopsClient, sandbox: Sandbox) -> None:
    source: list[Any] = [
        {"email": "a0@example.com"},
        {"email": "no address"},
        {"emial": "a2@example.com"},
        {"first_name": "nobody"},
        7,
        ContactUpdate(email="umläut@example.com"),  # only Loops itself says no to this one
        ContactUpdate(user_id="u-unknown"),
        {"email": "a7@example.com"},
    ]
    run = loops.contacts.upsert_many(source)
    done = await outcomes(run)
    assert [type(outcome.error) for outcome in done] == [
        type(None),
        InvalidInput,
        InvalidCall,
        InvalidInput,
        InvalidCall,
        BadRequest,
        BadRequest,
        type(None),
    ]
    assert [outcome.attempts for outcome in done] == [1, 0, 0, 0, 0, 1, 1, 1]
    assert (run.totals.read, run.totals.succeeded, run.totals.failed) == (8, 2, 6)
    assert run.unfinished == []
    assert set(sandbox.contacts) == {"a0@example.com", "a7@example.com"}
    assert len(sandbox.requests) == 4


async def test_a_wrong_key_stops_everything(sandbox: Sandbox) -> None:
    async with LoopsClient("wrong-key", base_url=sandbox.url, pacer=Pacer(1000.0)) as loops:
        run = loops.contacts.upsert_many(rows(1000), concurrency=5)
        with pytest.raises(Unauthorized):
            await outcomes(run)
    assert 1 <= len(sandbox.requests) <= 10
    assert run.totals.read < 50
    assert run.totals.succeeded == 0
    assert len(run.unfinished) == run.totals.read
    assert not sandbox.contacts


async def test_no_more_rows_are_in_flight_than_concurrency_allows(
    loops: LoopsClient, sandbox: Sandbox
) -> None:
    read = 0

    def counted() -> Iterator[Row]:
        nonlocal read
        for row in rows(1000):
            read += 1
            yield row

    async with loops.contacts.upsert_many(counted(), concurrency=2) as run:
        async for outcome in run:
            if outcome.index >= 20:
                break
    assert read < 60
    assert len(sandbox.requests) < 40


async def test_leaving_early_leaves_nothing_behind_and_tells_what_was_not_sent(
    loops: LoopsClient, sandbox: Sandbox
) -> None:
    seen = set()
    async with loops.contacts.upsert_many(rows(500), concurrency=4) as run:
        async for outcome in run:
            seen.add(outcome.index)
            if len(seen) == 10:
                break
    await asyncio.sleep(0.02)
    settled = len(sandbox.requests)
    await asyncio.sleep(0.05)
    assert len(sandbox.requests) == settled
    left = {row.index: row.started for row in run.unfinished}
    assert seen | set(left) == set(range(run.totals.read))
    assert not seen & set(left)
    never = {f"a{index}@example.com" for index, started in left.items() if not started}
    assert not never & set(sandbox.contacts)


async def test_an_interactive_call_goes_ahead_of_the_bulk(sandbox: Sandbox) -> None:
    async with (
        LoopsClient(sandbox.api_key, base_url=sandbox.url, pacer=Pacer(20.0)) as loops,
        loops.contacts.upsert_many(rows(500)) as run,
    ):
        async for _ in run:
            break
        begin = len(sandbox.requests)
        await loops.contacts.find(email="a0@example.com")
        behind = [request.method for request in sandbox.requests[begin:]]
    assert behind.index("GET") <= 5


async def test_closing_the_client_ends_a_run(loops: LoopsClient, sandbox: Sandbox) -> None:
    # A list, because a thread that reads a generator may be behind.
    run = loops.contacts.upsert_many(list(rows(1000)), concurrency=2)
    number = 0

    async def consume() -> None:
        nonlocal number
        async for _ in run:
            number += 1
            if number == 5:
                await loops.aclose()

    with pytest.raises(SessionClosed):
        await consume()
    assert number < 50
    assert run.unfinished
    with pytest.raises(SessionClosed):
        await outcomes(loops.contacts.upsert_many(rows(1)))


async def test_a_generator_that_blocks_does_not_hold_up_anybody(
    loops: LoopsClient, sandbox: Sandbox
) -> None:
    asked, answered = threading.Event(), threading.Event()

    def blocking() -> Iterator[Row]:
        yield from rows(5)
        asked.set()
        assert answered.wait(30), "the loop was held"
        yield {"email": "last@example.com"}

    importing = asyncio.create_task(outcomes(loops.contacts.upsert_many(blocking())))
    assert await asyncio.to_thread(asked.wait, 30)
    while len(sandbox.contacts) < 5:  # noqa: ASYNC110 - what was given goes in meanwhile
        await asyncio.sleep(0.001)
    assert await loops.contacts.find(email="a0@example.com")
    answered.set()
    assert len(await importing) == 6
    assert "last@example.com" in sandbox.contacts


async def test_a_run_that_is_stopped_sends_what_it_read_and_no_more(
    loops: LoopsClient, sandbox: Sandbox
) -> None:
    noted: list[Outcome] = []
    run = loops.contacts.upsert_many(
        rows(100_000), concurrency=10, total=100_000, on_outcome=noted.append
    )
    async for _ in run:
        if len(noted) >= 50:
            run.stop()
    totals = run.totals
    assert totals.read == totals.succeeded == len(noted) == len(sandbox.requests) < 200
    assert (totals.time_remaining, run.unfinished) == (0.0, [])
    assert totals.total == 100_000


async def test_a_service_that_is_told_to_go_ends_its_run_in_peace(sandbox: Sandbox) -> None:
    """SIGTERM, as an orchestrator sends it, to the loop's own handler."""
    pacer, loop = Pacer(100.0), asyncio.get_running_loop()
    async with LoopsClient(sandbox.api_key, base_url=sandbox.url, pacer=pacer) as loops:
        run = loops.contacts.upsert_many(rows(100_000), concurrency=5)
        loop.add_signal_handler(signal.SIGTERM, run.stop)
        seen = 0
        try:
            async for outcome in run:
                assert outcome.error is None
                seen += 1
                if seen == 10:
                    os.kill(os.getpid(), signal.SIGTERM)
        finally:
            loop.remove_signal_handler(signal.SIGTERM)
    assert seen == run.totals.read == len(sandbox.contacts) < 30
