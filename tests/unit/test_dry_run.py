"""A dry run: all is checked, nothing is sent, and every answer says so."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest

from loops_async import (
    Contact,
    ContactReceipt,
    LoopsClient,
    LoopsSession,
    RemovalQuota,
    SuppressedContact,
    Suppression,
    SuppressionRemoval,
    Team,
    errors,
)
from loops_async.codec import decode
from loops_async.pipeline.messages import Endpoint, Replay, Request
from loops_async.pipeline.retrying import Retrying
from loops_async.testing import ScriptedTransport, reply
from tests.scripted import ScriptedPacer
from tests.unit.test_endpoints import CASES, Case
from tests.unit.test_operations import ENDPOINTS

ADA = "ada@example.com"
NONE_LEFT = RemovalQuota(limit=0, remaining=0)


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOOPS_API_KEY", raising=False)


@pytest.fixture
def loops() -> Iterator[LoopsClient]:
    client = LoopsClient(dry_run=True)
    yield client
    assert client._connection.opened is None, "something was opened"


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
async def test_every_call_is_answered_and_none_is_sent(loops: LoopsClient, case: Case) -> None:
    async with loops:
        value = await case.call(loops)
    if value is not None and not isinstance(value, list):
        assert type(value) is type(case.value)
        assert value.dry_run
    else:
        assert not value
    stats = loops.stats()
    assert stats.dry_run == {f"{case.method} {case.path}": 1}
    assert (stats.requests, stats.retries, stats.failures, stats.in_flight) == (0, 0, 0, 0)
    assert stats.rate is None


def test_every_endpoint_has_an_answer_for_a_dry_run() -> None:
    assert [str(endpoint) for endpoint in ENDPOINTS if not endpoint.dry_run] == []


async def test_an_endpoint_without_an_answer_makes_none_up(loops: LoopsClient) -> None:
    bare = Endpoint[Any]("POST", "/v1/new", Replay.ONCE, lambda reply: decode(reply.body, Team))
    with pytest.raises(errors.InvalidReply, match="the body is empty"):
        await loops._send(Request(bare))
    assert loops.stats().dry_run == {}


async def test_the_answers_are_honest(loops: LoopsClient) -> None:
    async with loops:
        receipt = await loops.contacts.create(email=ADA)
        assert receipt == ContactReceipt("dry-run", attempts=0, dry_run=True)
        assert await loops.contacts.update(email=ADA) == receipt
        assert await loops.contacts.find(email=ADA) is None
        assert await loops.contacts.suppression(email=ADA) == Suppression(
            SuppressedContact("dry-run", ADA, None), False, NONE_LEFT, dry_run=True
        )
        by_id = await loops.contacts.suppression(user_id="u-1")
        assert by_id.contact == SuppressedContact("dry-run", "", "u-1")
        removed = await loops.contacts.remove_suppression(email=ADA)
        assert removed == SuppressionRemoval(NONE_LEFT, dry_run=True)
        assert await loops.api_key.test() == Team("dry run", dry_run=True)
        sent = await loops.events.send("signup", email=ADA, idempotency_key="order-1")
        assert (sent.idempotency_key, sent.attempts, sent.dry_run) == ("order-1", 0, True)
        assert not sent.confirmed_by_repeat
        mail = await loops.transactional.send("tx1", ADA)
        assert mail.dry_run
        assert mail.idempotency_key


@attrs.frozen
class AppContact(Contact):
    plan: str  # required, and there is nothing to take it from


async def test_a_contact_of_the_user_s_own_kind_is_not_made_up(loops: LoopsClient) -> None:
    assert await loops.contacts.find(email=ADA, into=AppContact) is None


@pytest.mark.parametrize(("do", "kind"), [
    (lambda to: to.contacts.update(email="no address"), errors.InvalidInput),
    (lambda to: to.contacts.update(email=ADA, properties={"id": "x"}), errors.InvalidInput),
    (lambda to: to.contacts.find(), errors.InvalidCall),
    (lambda to: to.events.send("signup", email=ADA, idempotency_key=""), errors.InvalidInput),
    (lambda to: to.transactional.send("tx1", ADA, data_variables={"x": None}),
     errors.InvalidInput),
    (lambda to: to.transactional.send("tx1", ADA, data_variables={"x": "x" * 5_000_000}),
     errors.InvalidInput),
    (lambda to: to.contact_properties.create("id", "string"), errors.InvalidInput),
    (lambda to: to.contacts.update(email=ADA, timeout=0), errors.ConfigurationError),
])  # fmt: skip
async def test_what_loops_would_not_take_is_refused_all_the_same(
    loops: LoopsClient, do: Callable[[LoopsClient], Any], kind: type[errors.LoopsError]
) -> None:
    with pytest.raises(kind):
        await do(loops)
    assert loops.stats().dry_run == {}


async def test_a_path_that_cannot_be_sent_is_refused_all_the_same(loops: LoopsClient) -> None:
    endpoint = Endpoint("GET", "/v1/campaigns/{id}", Replay.ALWAYS, lambda _: None, changes=False)
    with pytest.raises(errors.InvalidInput, match="id: must be an id"):
        await loops._send(Request(endpoint, parameters={"id": ".."}))


async def test_rows_in_bulk_are_checked_and_counted(loops: LoopsClient) -> None:
    rows = [{"email": f"{n}@example.com"} for n in range(500)] + [{"email": "no address"}]
    outcomes = [outcome async for outcome in loops.contacts.upsert_many(rows)]
    assert sorted(outcome.index for outcome in outcomes) == list(range(501))
    (bad,) = (outcome for outcome in outcomes if outcome.error)
    assert (bad.index, type(bad.error)) == (500, errors.InvalidInput)
    assert {(o.id, o.attempts) for o in outcomes} == {("dry-run", 0), (None, 0)}
    assert loops.stats().dry_run == {"PUT /v1/contacts/update": 500}


async def test_others_have_their_turn_and_a_cancellation_arrives(loops: LoopsClient) -> None:
    async def without_end() -> None:
        while True:
            await loops.contacts.update(email=ADA)

    task = asyncio.create_task(without_end())
    for _ in range(10):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert loops.stats().dry_run["PUT /v1/contacts/update"] > 1


async def test_nobody_is_asked_for_a_turn_or_told_of_an_attempt() -> None:
    told: list[object] = []
    pacer = ScriptedPacer()
    loops = LoopsClient(dry_run=True, pacer=pacer, on_attempt=told.append)
    await loops.contacts.update(email=ADA)
    assert (pacer.lanes, told) == ([], [])


async def test_the_log_says_once_that_nothing_is_sent_and_then_what(
    loops: LoopsClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "loops_async")
    await loops.contacts.update(email=ADA)
    await loops.events.send("signup", email=ADA)
    async for _ in loops.contacts.upsert_many([{"email": ADA}]):
        pass
    # asyncio's debug mode has words of its own for a step that takes long, such as an import.
    ours = [record for record in caplog.records if record.name == "loops_async"]
    assert [(record.levelname, record.getMessage()) for record in ours] == [
        ("WARNING", "dry run (dry_run= or LOOPS_DRY_RUN): nothing is sent to Loops"),
        ("INFO", "dry run: PUT /v1/contacts/update not sent"),
        ("INFO", "dry run: POST /v1/events/send not sent"),
    ]


async def test_misuse_of_its_lifetime_is_the_error_that_it_would_be() -> None:
    loops = LoopsClient(dry_run=True)
    await loops.aclose()
    with pytest.raises(errors.SessionClosed):
        await loops.contacts.update(email=ADA)
    async with LoopsSession() as session:
        shared = session.client(dry_run=True)
        assert (await shared.contacts.update(email=ADA)).dry_run
    with pytest.raises(errors.SessionClosed, match="session was closed"):
        await shared.contacts.update(email=ADA)


def test_another_event_loop_is_the_error_that_it_would_be() -> None:
    loops = LoopsClient(dry_run=True)
    with asyncio.Runner() as first, asyncio.Runner() as second:
        first.run(loops.contacts.update(email=ADA))
        with pytest.raises(errors.WrongEventLoop):
            second.run(loops.contacts.update(email=ADA))
        first.run(loops.aclose())


def test_a_key_is_not_needed_but_looked_at() -> None:
    assert LoopsClient(dry_run=True).dry_run
    assert LoopsClient("test-key", dry_run=True).dry_run
    with pytest.raises(errors.ConfigurationError, match="api_key: must be text without"):
        LoopsClient("two words", dry_run=True)
    with pytest.raises(errors.ConfigurationError, match="base_url: "):
        LoopsClient(dry_run=True, base_url="ftp://x")


def test_without_a_key_and_without_a_dry_run_the_error_says_all_three_ways_out() -> None:
    with pytest.raises(errors.ConfigurationError) as caught:
        LoopsClient()
    for way in ("api_key=", "LOOPS_API_KEY", "dry_run=True", "LOOPS_DRY_RUN=1"):
        assert way in str(caught.value)


@pytest.mark.parametrize(("said", "meant"), [
    ("1", True), ("true", True), ("TRUE", True), ("yes", True), ("On", True), (" 1 ", True),
    ("0", False), ("false", False), ("No", False), ("off", False), ("", False), (" ", False),
    (None, False),
])  # fmt: skip
def test_the_environment_says_yes_or_no(
    monkeypatch: pytest.MonkeyPatch, said: str | None, meant: bool
) -> None:
    monkeypatch.delenv("LOOPS_DRY_RUN", raising=False)
    if said is not None:
        monkeypatch.setenv("LOOPS_DRY_RUN", said)
    assert LoopsClient("test-key").dry_run is meant
    assert LoopsSession().client("test-key").dry_run is meant
    assert LoopsClient("test-key", dry_run=not meant).dry_run is not meant


@pytest.mark.parametrize("said", ["2", "maybe", "True!", "dry"])
def test_anything_else_in_the_environment_is_refused(
    monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    monkeypatch.setenv("LOOPS_DRY_RUN", said)
    with pytest.raises(errors.ConfigurationError, match=r"^LOOPS_DRY_RUN: must be 1, true"):
        LoopsClient("test-key")
    assert not LoopsClient("test-key", dry_run=False).dry_run


@pytest.mark.parametrize("given", ["false", 1, 0, "", []])
def test_an_argument_is_true_or_false(given: Any) -> None:
    with pytest.raises(errors.ConfigurationError, match=r"^dry_run: must be True, False or None"):
        LoopsClient("test-key", dry_run=given)


async def test_a_transport_goes_before_the_environment_and_not_with_the_argument(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    transport = ScriptedTransport([reply(200, {"success": True, "id": "c1"})])
    with pytest.raises(errors.ConfigurationError, match="transport= cannot be used"):
        LoopsClient("test-key", transport=transport, dry_run=True)
    monkeypatch.setenv("LOOPS_DRY_RUN", "1")
    async with LoopsClient("test-key", transport=transport) as loops:
        assert await loops.contacts.update(email=ADA) == ContactReceipt("c1")
        assert isinstance(loops._layer, Retrying)
    transport.assert_done()


async def test_a_server_cannot_say_that_it_was_a_dry_run() -> None:
    claims = {"dryRun": True, "dry_run": True, "success": True}
    quota = {"limit": 1, "remaining": 1}
    transport = ScriptedTransport([
        reply(200, {**claims, "teamName": "Company"}, headers={"dry-run": "true"}),
        reply(200, {**claims, "id": "dry-run"}),
        reply(200, {**claims, "removalQuota": quota}),
        reply(200, {**claims, "contact": {"id": "c1", "email": ADA}, "isSuppressed": True,
                    "removalQuota": quota}),
        reply(200, claims),
    ])  # fmt: skip
    async with LoopsClient("test-key", transport=transport) as loops:
        assert not (await loops.api_key.test()).dry_run
        assert not (await loops.contacts.update(email=ADA)).dry_run
        assert not (await loops.contacts.remove_suppression(email=ADA)).dry_run
        assert not (await loops.contacts.suppression(email=ADA)).dry_run
        assert not (await loops.events.send("signup", email=ADA)).dry_run
    assert loops.stats().dry_run == {}


async def test_safe_mode_holds_in_a_dry_run() -> None:
    loops = LoopsClient(dry_run=True, allowed_recipients=["@example.com"])
    assert (await loops.contacts.update(email=ADA)).dry_run
    with pytest.raises(errors.RecipientNotAllowed):
        await loops.contacts.update(email="grace@corp.com")
    assert loops.stats().dry_run == {"PUT /v1/contacts/update": 1}
    assert repr(loops) == "<LoopsClient https://app.loops.so/api dry run safe mode>"
