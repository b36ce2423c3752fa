"""The suppression list over scripted replies: what a removal in doubt, or refused, comes to."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from loops_async import RemovalQuota, SuppressedContact, Suppression, SuppressionRemoval, errors
from loops_async.client import LoopsClient
from loops_async.pipeline.clock import Clock
from loops_async.pipeline.messages import Reply
from loops_async.pipeline.retry_policy import RetryPolicy
from loops_async.pipeline.retrying import Retrying
from tests.scripted import (
    After,
    ScriptedPacer,
    ScriptedTransport,
    Step,
    late,
    lost,
    never_left,
    reply,
)
from tests.virtual_time import run_virtual

ADA = "ada@example.com"
QUOTA = {"limit": 100, "remaining": 4}
LEFT = RemovalQuota(limit=100, remaining=4)
REMOVED = reply(200, {"success": True, "message": "Removed.", "removalQuota": QUOTA})
REFUSED = reply(400, {"success": False, "message": "No."})
Do = Callable[[LoopsClient], Coroutine[Any, Any, Any]]


def told(*, suppressed: bool) -> Reply:
    contact = {"id": "c1", "email": ADA, "userId": None}
    return reply(200, {"contact": contact, "isSuppressed": suppressed, "removalQuota": QUOTA})


OFF, ON = told(suppressed=False), told(suppressed=True)


def remove(loops: LoopsClient) -> Coroutine[Any, Any, SuppressionRemoval]:
    return loops.contacts.remove_suppression(email=ADA)


def check(loops: LoopsClient) -> Coroutine[Any, Any, Suppression]:
    return loops.contacts.suppression(user_id="u-1")


def scripted(do: Do, *steps: Step, timeout: float | None = None) -> tuple[Any, list[str], Any]:
    """What ``do`` returns or raises, the methods that were sent, and the transport."""
    transport = ScriptedTransport(*steps)

    async def main() -> Any:
        async with LoopsClient("test-key", timeout=timeout) as loops:
            policy, clock = RetryPolicy(attempts=2), Clock(random=lambda: 0.5)
            loops._layer = Retrying(transport, ScriptedPacer(), policy, clock)
            try:
                return await do(loops)
            except errors.LoopsError as error:
                return error

    result = run_virtual(main())
    assert {request.endpoint.path for request in transport.sent} == {"/v1/contacts/suppression"}
    return result, [request.endpoint.method for request in transport.sent], transport


@pytest.mark.parametrize("answer", [ON, OFF])
def test_a_check_tells_the_contact_the_state_and_the_quota(answer: Step) -> None:
    held, methods, transport = scripted(check, answer)
    assert held == Suppression(SuppressedContact("c1", ADA, None), answer is ON, LEFT)
    assert methods == ["GET"]
    assert transport.sent[0].query == {"userId": "u-1"}
    assert "ada" not in repr(held)


def test_a_check_is_a_read_and_never_leaves_an_unknown_outcome() -> None:
    error, methods, _ = scripted(check, lost(), late())
    assert type(error) is errors.ReplyTimeout
    assert methods == ["GET", "GET"]


@pytest.mark.parametrize("body", [
    {}, {"contact": None, "isSuppressed": True, "removalQuota": QUOTA},
    {"contact": {"id": "c1", "email": ADA}, "isSuppressed": "yes", "removalQuota": QUOTA},
    {"contact": {"id": "c1", "email": ADA}, "isSuppressed": True, "removalQuota": {"limit": 1.5}},
])  # fmt: skip
def test_a_check_that_says_something_else_is_an_invalid_reply(body: Any) -> None:
    error, _, _ = scripted(check, reply(200, body), reply(200, body))
    assert type(error) is errors.InvalidReply


def test_a_removal_that_succeeds_asks_nothing() -> None:
    result, methods, transport = scripted(remove, REMOVED)
    assert result == SuppressionRemoval(LEFT)
    assert methods == ["DELETE"]
    assert transport.sent[0].query == {"email": ADA}
    assert transport.sent[0].body is None


def test_a_refusal_where_there_is_nothing_to_remove_is_no_error() -> None:
    result, methods, transport = scripted(remove, REFUSED, OFF)
    assert result == SuppressionRemoval(LEFT)
    assert methods == ["DELETE", "GET"]
    assert transport.sent[1].query == {"email": ADA}


def test_a_refusal_that_leaves_the_contact_suppressed_is_raised() -> None:
    error, methods, _ = scripted(remove, REFUSED, ON)
    assert type(error) is errors.BadRequest
    assert (error.status, error.message, error.attempts) == (400, "No.", 2)
    assert error.__context__ is None
    assert methods == ["DELETE", "GET"]


@pytest.mark.parametrize("asking", [
    [REFUSED], [reply(404)], [reply(401)], [lost(), lost()], [reply(429, retry_after="99")],
])  # fmt: skip
def test_a_refusal_that_cannot_be_asked_about_is_raised(asking: list[Step]) -> None:
    error, _, transport = scripted(remove, REFUSED, *asking)
    assert type(error) is errors.BadRequest
    assert error.message == "No."
    assert error.__suppress_context__  # the question is no part of the story
    assert error.attempts == len(transport.sent) == 1 + len(asking)


def test_a_lost_reply_is_followed_by_another_removal() -> None:
    result, methods, _ = scripted(remove, lost(), REMOVED)
    assert result == SuppressionRemoval(LEFT)
    assert methods == ["DELETE", "DELETE"]


@pytest.mark.parametrize("second", [REFUSED, late(), reply(502), reply(401), never_left()])
def test_a_removal_in_doubt_is_done_when_the_contact_is_off_the_list(second: Step) -> None:
    result, methods, _ = scripted(remove, lost(), second, OFF)
    assert result == SuppressionRemoval(LEFT)
    assert methods == ["DELETE", "DELETE", "GET"]


@pytest.mark.parametrize("second", [REFUSED, late(), reply(502)])
@pytest.mark.parametrize("asking", [[ON], [reply(404)], [lost(), lost()]])
def test_a_removal_in_doubt_that_asking_does_not_settle_stays_unknown(
    second: Step, asking: list[Step]
) -> None:
    error, _, transport = scripted(remove, lost(), second, *asking)
    assert type(error) is errors.OutcomeUnknown
    assert isinstance(error.__cause__, errors.LoopsError)
    assert error.attempts == len(transport.sent) == 2 + len(asking)


@pytest.mark.parametrize("body", [
    {"success": False, "removalQuota": QUOTA}, {"removalQuota": QUOTA}, {"success": True}, [],
    {"success": True, "removalQuota": {"limit": "many", "remaining": 4}},
])  # fmt: skip
def test_a_success_that_does_not_say_so_is_asked_about(body: Any) -> None:
    result, methods, _ = scripted(remove, reply(200, body), reply(200, body), OFF)
    assert result == SuppressionRemoval(LEFT)
    assert methods == ["DELETE", "DELETE", "GET"]


@pytest.mark.parametrize(("step", "kind"), [
    (reply(401), errors.Unauthorized), (reply(403), errors.Forbidden),
    (reply(404), errors.ContactNotFound), (reply(429, retry_after="99"), errors.RateLimited),
])  # fmt: skip
def test_a_plain_no_is_raised_without_asking(step: Step, kind: type[errors.LoopsError]) -> None:
    error, methods, _ = scripted(remove, step)
    assert type(error) is kind
    assert methods == ["DELETE"]


def test_the_timeout_of_a_removal_covers_the_question_too() -> None:
    error, methods, transport = scripted(remove, After(6.0, REFUSED), timeout=4.0)
    # The script does not cut attempts short as the transport does; nothing starts after the end.
    assert type(error) is errors.BadRequest
    assert methods == ["DELETE"]
    assert transport.times == [0.0]


@pytest.mark.parametrize("do", [
    lambda to: to.contacts.suppression(), lambda to: to.contacts.remove_suppression(),
    lambda to: to.contacts.suppression(email=ADA, user_id="u"),
    lambda to: to.contacts.remove_suppression(email=ADA, user_id="u"),
])  # fmt: skip
async def test_exactly_one_identifier_is_taken(do: Do) -> None:
    async with LoopsClient("test-key", base_url="http://127.0.0.1:1") as loops:
        with pytest.raises(errors.InvalidCall, match="exactly one of email= and user_id="):
            await do(loops)


async def test_an_identifier_that_cannot_be_one_is_refused_by_its_name() -> None:
    async with LoopsClient("test-key", base_url="http://127.0.0.1:1") as loops:
        with pytest.raises(errors.InvalidInput) as caught:
            await loops.contacts.remove_suppression(email="S3CRET")
    assert caught.value.field == "email"
    assert "S3CRET" not in str(caught.value)
