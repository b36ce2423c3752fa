"""A client's figures for a metrics page, over real sockets."""

import asyncio

import attrs
import pytest

from loops_async import (
    BadRequest,
    ContactAlreadyExists,
    LoopsClient,
    LoopsSession,
    OutcomeUnknown,
    Pacer,
    RecipientNotAllowed,
    RetryPolicy,
    SessionClosed,
    Stats,
)
from loops_async.pipeline.messages import Lane
from loops_async.sandbox import Faults, Sandbox
from loops_async.testing import QUICK_RETRIES
from tests.scripted import ScriptedPacer
from tests.transport.bare import BareServer, Exchange, http

pytestmark = [pytest.mark.usefixtures("nothing_is_left"), pytest.mark.virtual_time]

OK = http(200, b'{"success":true,"id":"cl1"}')
NOTHING = Stats(0, 0, 0, 0, 0, None, None, None)


def test_stats_cannot_be_changed() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        NOTHING.requests = 1  # type: ignore[misc]


async def test_every_request_retry_429_and_failed_call_is_counted() -> None:
    replies = [
        OK,
        http(429, b"{}", headers={"x-ratelimit-limit": "7", "retry-after": "0"}),
        http(429, b"{}", headers={"retry-after": "0"}),
        http(503, b"{}"),
        OK,
        http(400, b'{"message":"no"}'),
    ]

    async def answer(exchange: Exchange) -> None:
        await exchange.write(replies.pop(0))

    retry = RetryPolicy(attempts=3, base=0.001, cap=0.002)
    async with (
        BareServer(answer) as server,
        LoopsClient("test-key", base_url=server.url, pacer=Pacer(1000.0), retry=retry) as loops,
    ):
        assert loops.stats() == attrs.evolve(
            NOTHING, waiting_interactive=0, waiting_bulk=0, rate=1000.0
        )
        await loops.contacts.update(email="a@example.com")
        assert loops.stats().requests == 1
        await loops.contacts.update(email="b@example.com")
        with pytest.raises(BadRequest):
            await loops.contacts.update(email="c@example.com")
        stats = loops.stats()
        assert stats == Stats(6, 3, 2, 1, 0, 0, 0, 7.0)
    assert loops.stats() == stats


async def test_what_waits_is_told_by_lane_and_what_is_in_flight() -> None:
    gate = asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        await gate.wait()
        await exchange.write(OK)

    async with BareServer(answer) as server:
        pacer = Pacer(2.0)
        async with LoopsClient("test-key", base_url=server.url, pacer=pacer) as loops:
            rows = [{"email": f"{number}@example.com"} for number in range(20)]
            run = loops.contacts.upsert_many(rows, concurrency=6)
            importing = asyncio.ensure_future(anext(aiter(run)))
            while loops.stats().in_flight < 1:  # noqa: ASYNC110 - a count sets no event
                await asyncio.sleep(0.001)
            calls = [
                asyncio.create_task(loops.contacts.update(email="a@example.com")) for _ in range(3)
            ]
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            stats = loops.stats()
            assert stats.waiting_interactive == pacer.waiting(Lane.INTERACTIVE) >= 1
            assert stats.waiting_bulk == pacer.waiting(Lane.BULK) >= 1
            waiting = stats.waiting_interactive + stats.waiting_bulk
            assert stats.in_flight + waiting <= 6 + 3
            assert stats.in_flight <= stats.requests <= 2
            gate.set()
            assert (await importing).error is None
            await run.aclose()
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
        stats = loops.stats()
        assert (stats.in_flight, stats.waiting_interactive, stats.waiting_bulk) == (0, 0, 0)


async def test_before_the_first_call_and_with_a_silent_pacer_nothing_is_invented(
    sandbox: Sandbox,
) -> None:
    assert LoopsClient("test-key").stats() == NOTHING
    async with LoopsClient("test-key", base_url=sandbox.url, pacer=ScriptedPacer()) as loops:
        assert loops.stats() == NOTHING
        await loops.api_key.test()
        assert loops.stats() == attrs.evolve(NOTHING, requests=1)


async def test_each_client_of_a_session_counts_its_own(sandbox: Sandbox) -> None:
    async with LoopsSession(base_url=sandbox.url) as session:
        one, other = session.client(sandbox.api_key), session.client(sandbox.api_key)
        await one.api_key.test()
        await other.contacts.update(email="a@example.com")
        await other.contacts.update(email="b@example.com")
        assert (one.stats().requests, other.stats().requests) == (1, 2)
        assert one.stats().rate == other.stats().rate


async def test_a_create_that_was_settled_is_no_failure(sandbox: Sandbox) -> None:
    url, key = sandbox.url, sandbox.api_key
    async with LoopsClient(key, base_url=url, retry=QUICK_RETRIES) as loops:
        sandbox.faults = Faults.script(["reset_after"])
        await loops.contacts.create(email="a@example.com")
        assert loops.stats().failures == 0
        # In doubt, and asked in vain: that is one call, and the caller saw one error.
        sandbox.faults = Faults.script(["reset_after", *["503"] * QUICK_RETRIES.attempts])
        with pytest.raises(OutcomeUnknown):
            await loops.contacts.create(email="b@example.com")
        assert loops.stats().failures == 1
        sandbox.faults = Faults.script(["reset_before"])
        await loops.contacts.create(email="c@example.com")
        assert loops.stats().failures == 1
        with pytest.raises(ContactAlreadyExists):
            await loops.contacts.create(email="a@example.com")
        assert loops.stats().failures == 2
    with pytest.raises(SessionClosed):
        await loops.contacts.create(email="d@example.com")
    assert loops.stats().failures == 2


async def test_a_create_that_was_not_to_be_sent_is_no_failure(sandbox: Sandbox) -> None:
    async with LoopsClient(
        sandbox.api_key, base_url=sandbox.url, allowed_recipients=["@example.com"]
    ) as loops:
        with pytest.raises(RecipientNotAllowed):
            await loops.contacts.create(email="a@example.org")
        assert loops.stats().failures == 0
        # Who may get mail is what it is about: a delete brings none, and goes to anybody.
        sandbox_only = LoopsClient(sandbox.api_key, base_url=sandbox.url)
        async with sandbox_only:
            await sandbox_only.contacts.create(email="a@example.org")
        await loops.contacts.delete(email="a@example.org")
        assert "a@example.org" not in sandbox.contacts
