"""The public transport without sockets: what it answers, what it remembers, what it refuses."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from loops_async import LoopsClient, RetryPolicy, errors
from loops_async.pacing.unpaced import Unpaced
from loops_async.pipeline.retrying import Retrying
from loops_async.testing import QUICK_RETRIES, Reply, ScriptedTransport, SentRequest, reply
from tests.scripted import ScriptedPacer

ADA = "ada@example.com"
DONE = reply(200, {"success": True, "id": "c1"})


def client(transport: ScriptedTransport, **settings: Any) -> LoopsClient:
    return LoopsClient("test-key", transport=transport, retry=QUICK_RETRIES, **settings)


async def test_the_script_is_played_in_order() -> None:
    transport = ScriptedTransport([DONE, reply(200, [{"id": "c1", "email": ADA}])])
    async with client(transport) as loops:
        receipt = await loops.contacts.update(email=ADA, properties={"plan": "pro"})
        found = await loops.contacts.find(email=ADA)
    assert receipt.id == "c1"
    assert found is not None
    assert found.email == ADA
    update, find = transport.requests
    assert (update.method, update.path) == ("PUT", "/v1/contacts/update")
    assert update.json == {"email": ADA, "plan": "pro"}
    assert (find.method, find.path, find.query, find.json) == (
        "GET", "/v1/contacts/find", {"email": ADA}, None,
    )  # fmt: skip
    transport.assert_done()


async def test_the_retries_are_the_client_s_own() -> None:
    transport = ScriptedTransport(
        [
            errors.ConnectFailed("no connection"),
            reply(429),
            reply(429, headers={"Retry-After": "0"}),
            reply(502, content=b"<html>"),
            errors.ReplyTimeout("no reply"),
            reply(200, {"success": True}),
        ]
    )
    async with client(transport, timeout=None) as loops:
        await loops.events.send("signup", email=ADA)
    assert len(transport.requests) == 6
    assert len({request.idempotency_key for request in transport.requests}) == 1
    assert transport.requests[0].idempotency_key
    transport.assert_done()


@pytest.mark.parametrize(("step", "expected"), [
    (reply(400, {"success": False, "message": "no"}), errors.BadRequest),
    (reply(401), errors.Unauthorized),
    (reply(429, headers={"retry-after": "99"}), errors.RateLimited),
    (reply(302, headers={"Location": "https://example.com"}), errors.RedirectRefused),
])  # fmt: skip
async def test_a_refusal_is_its_error(step: Reply, expected: type[errors.LoopsError]) -> None:
    async with client(ScriptedTransport([step])) as loops:
        with pytest.raises(expected):
            await loops.contacts.update(email=ADA)


async def test_a_function_answers() -> None:
    async def answer(request: SentRequest) -> Reply:
        await asyncio.sleep(0)
        return DONE if request.path == "/v1/contacts/update" else reply(404)

    def answer_at_once(request: SentRequest) -> Reply | errors.LinkError:
        return DONE

    for respond in (answer, answer_at_once):
        transport = ScriptedTransport(respond)
        async with client(transport) as loops:
            async for outcome in loops.contacts.upsert_many(
                {"email": f"a{number}@example.com"} for number in range(200)
            ):
                assert outcome.error is None
        assert len(transport.requests) == 200
        transport.assert_done()


async def test_a_request_too_many_fails_the_test_and_names_nobody() -> None:
    transport = ScriptedTransport([DONE])
    async with client(transport) as loops:
        await loops.contacts.update(email=ADA)
        with pytest.raises(AssertionError) as caught:
            await loops.events.send("signup", email=ADA)
    assert str(caught.value) == (
        "no reply left for POST /v1/events/send: this is request 2, but the script has 1 step(s)"
    )
    with pytest.raises(AssertionError, match=r"^1 request\(s\) more .* POST /v1/events/send$"):
        transport.assert_done()


async def test_a_request_too_many_ends_a_bulk_run() -> None:
    async with client(ScriptedTransport([DONE])) as loops:
        with pytest.raises((AssertionError, BaseExceptionGroup)) as caught:
            async for _ in loops.contacts.upsert_many([{"email": ADA}, {"email": "b@example.com"}]):
                pass
    assert "no reply left for PUT /v1/contacts/update" in repr(caught.value)


def test_steps_that_are_left_are_told() -> None:
    transport = ScriptedTransport([DONE, DONE])
    with pytest.raises(AssertionError, match=r"^2 of the script's 2 step\(s\) are left$"):
        transport.assert_done()


@pytest.mark.parametrize(("make", "message"), [
    (lambda: ScriptedTransport([{"success": True}]), "step 1 of the script must be .* not dict"),  # type: ignore[list-item]
    (lambda: ScriptedTransport([DONE, TimeoutError()]), "step 2 .* not TimeoutError"),  # type: ignore[list-item]
    (lambda: ScriptedTransport([errors.ConnectionLost]), "step 1 .* not ConnectionLost"),  # type: ignore[list-item]
    (lambda: ScriptedTransport(DONE), "must be a list of steps"),  # type: ignore[arg-type]
    (lambda: reply(200, {}, content=b""), "not both"),
    (lambda: reply(200, object()), "not JSON serializable"),
])  # fmt: skip
def test_what_is_no_step_is_refused_at_once(make: Callable[[], object], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        make()


@pytest.mark.parametrize("status", [0, 100, 600, "200", True])
def test_what_is_no_status_is_refused(status: Any) -> None:
    with pytest.raises(ValueError, match="status: must be an HTTP status"):
        reply(status)


async def test_a_function_that_returns_no_step_is_told_so() -> None:
    transport = ScriptedTransport(lambda _: None)  # type: ignore[arg-type, return-value]
    async with client(transport) as loops:
        with pytest.raises(TypeError, match="returned for PUT /v1/contacts/update must be"):
            await loops.contacts.update(email=ADA)


async def test_no_repr_names_anybody() -> None:
    transport = ScriptedTransport([DONE])
    async with client(transport) as loops:
        await loops.contacts.update(email=ADA)
        await_find = loops.contacts.find(email=ADA)
        with pytest.raises(AssertionError):
            await await_find
    assert "ada" not in f"{transport!r} {transport.requests!r} {DONE!r}"
    assert repr(transport) == "<ScriptedTransport: 2 requests, 0 steps left>"


def test_one_client_serves_several_loops_and_opens_nothing() -> None:
    loops = LoopsClient("test-key", transport=ScriptedTransport([DONE, DONE]))
    for _ in range(2):
        asyncio.run(update(loops))
    del loops  # -W error: nothing was opened, so nobody has to close it


def update(loops: LoopsClient) -> Coroutine[Any, Any, Any]:
    return loops.contacts.update(email=ADA)


async def test_it_is_checked_like_any_client() -> None:
    transport = ScriptedTransport([])
    async with client(transport) as loops:
        with pytest.raises(errors.InvalidInput):
            await loops.contacts.update(email="no address")
    with pytest.raises(errors.SessionClosed):
        await loops.contacts.update(email=ADA)
    assert transport.requests == []


@pytest.mark.parametrize(("settings", "message"), [
    ({"transport": ScriptedTransport}, r"^transport: must be a ScriptedTransport or .* not type$"),
    ({"transport": [DONE]}, r"^transport: must be a ScriptedTransport or .* not list$"),
])  # fmt: skip
def test_what_is_no_transport_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(errors.ConfigurationError, match=message):
        LoopsClient("test-key", **settings)


async def test_a_transport_beside_a_session_is_refused() -> None:
    async with LoopsClient("test-key") as other:
        with pytest.raises(errors.ConfigurationError, match="replaces session"):
            LoopsClient("test-key", session=other._connection, transport=ScriptedTransport([]))


async def test_the_policy_is_the_user_s() -> None:
    transport = ScriptedTransport([reply(500)])
    async with LoopsClient("test-key", transport=transport, retry=RetryPolicy(attempts=1)) as loops:
        with pytest.raises(errors.OutcomeUnknown):
            await loops.contacts.update(email=ADA)
    transport.assert_done()


async def test_without_a_pacer_nothing_waits_and_a_pacer_is_asked_all_the_same() -> None:
    begun = ScriptedTransport([reply(429, headers={"Retry-After": "0"})] * 3 + [DONE] * 30)
    async with client(begun, timeout=None) as loops:
        for _ in range(30):
            await loops.contacts.update(email=ADA)
    assert isinstance(loops._layer, Retrying)
    assert type(loops._layer.pacer) is Unpaced
    pacer = ScriptedPacer()
    async with client(ScriptedTransport([DONE]), pacer=pacer) as loops:
        await loops.contacts.update(email=ADA)
    assert (len(pacer.lanes), pacer.out) == (1, 0)
