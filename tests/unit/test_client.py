"""The client over scripted replies: what each call sends, and how a create in doubt ends."""

import asyncio
import enum
import pickle
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from loops_async import Contact, ContactCreate, ContactReceipt, ContactUpdate, errors
from loops_async.client import LoopsClient
from loops_async.connection import Connection
from loops_async.pipeline.clock import Clock
from loops_async.pipeline.messages import Lane
from loops_async.pipeline.retry_policy import RetryPolicy
from loops_async.pipeline.retrying import Retrying
from loops_async.settings import checked_api_key
from tests.scripted import (
    After,
    ScriptedPacer,
    ScriptedTransport,
    Step,
    done,
    late,
    lost,
    never_left,
    reply,
)
from tests.virtual_time import run_virtual

ADA = "ada@example.com"
CREATE, FIND = "/v1/contacts/create", "/v1/contacts/find"
Do = Callable[[LoopsClient], Coroutine[Any, Any, Any]]


def scripted(
    do: Do, *steps: Step, timeout: float | None = None, policy: RetryPolicy | None = None
) -> tuple[Any, ScriptedTransport]:
    """What ``do`` returns or raises with a client over a script, and what the client sent."""
    transport = ScriptedTransport(*steps)

    async def main() -> Any:
        async with LoopsClient("test-key", timeout=timeout) as loops:
            loops._layer = Retrying(
                transport, ScriptedPacer(), policy or RetryPolicy(), Clock(random=lambda: 0.5)
            )
            try:
                return await do(loops)
            except errors.LoopsError as error:
                return error

    return run_virtual(main()), transport


def found(**fields: Any) -> Step:
    return reply(200, [{"id": "c9", "email": ADA, "firstName": "Ada", **fields}])


async def create(loops: LoopsClient) -> ContactReceipt:
    return await loops.contacts.create(ContactCreate(email=ADA, first_name="Ada"))


NOTHING = reply(200, [])
TAKEN = reply(409, {"success": False, "message": "Email or userId is already on list."})


@pytest.mark.parametrize("doubt", [lost(), late(), reply(502), reply(200, b"<html>")])
def test_a_create_in_doubt_that_loops_holds_is_done(doubt: Step) -> None:
    receipt, transport = scripted(create, doubt, found())
    assert receipt == ContactReceipt("c9", attempts=2)
    assert transport.paths == [CREATE, FIND]
    assert transport.sent[1].query == {"email": ADA}


def test_a_create_in_doubt_that_loops_does_not_hold_is_sent_again() -> None:
    receipt, transport = scripted(create, lost(), NOTHING, done("c1"))
    assert receipt == ContactReceipt("c1", attempts=3)
    assert transport.paths == [CREATE, FIND, CREATE]
    assert transport.bodies[0] == transport.bodies[2] == {"email": ADA, "firstName": "Ada"}


def test_a_create_in_doubt_where_loops_holds_something_else_is_a_conflict() -> None:
    error, transport = scripted(create, lost(), found(firstName="Grace"))
    assert type(error) is errors.ContactAlreadyExists
    assert (error.status, error.attempts) == (409, 2)
    assert isinstance(error.__cause__, errors.OutcomeUnknown)
    assert transport.paths == [CREATE, FIND]


@pytest.mark.parametrize("failing", [
    [reply(400)], [reply(401)], [late(), late(), late(), late()], [reply(429, retry_after="99")],
])  # fmt: skip
def test_a_create_in_doubt_whose_question_fails_stays_in_doubt(failing: list[Step]) -> None:
    error, transport = scripted(create, lost(), *failing)
    assert type(error) is errors.OutcomeUnknown
    assert error.attempts == len(transport.sent) == 1 + len(failing)
    assert isinstance(error.__cause__, errors.LoopsError)
    assert not isinstance(error.__cause__, errors.OutcomeUnknown)


def test_a_create_in_doubt_that_arrived_late_is_found_after_all() -> None:
    receipt, transport = scripted(create, late(), NOTHING, TAKEN, found())
    assert receipt == ContactReceipt("c9", attempts=4)
    assert transport.paths == [CREATE, FIND, CREATE, FIND]


@pytest.mark.parametrize("held", [NOTHING, found(firstName="Grace")])
def test_a_create_that_is_refused_after_doubt_and_not_borne_out_is_a_conflict(held: Step) -> None:
    error, transport = scripted(create, late(), NOTHING, TAKEN, held)
    assert type(error) is errors.ContactAlreadyExists
    assert error.attempts == len(transport.sent) == 4


def scripted_create(policy: RetryPolicy, *steps: Step) -> tuple[Any, ScriptedTransport]:
    return scripted(create, *steps, policy=policy)


@pytest.mark.parametrize("attempts", [1, 2, 4, 6])
def test_a_create_that_stays_in_doubt_is_given_up_after_its_attempts(attempts: int) -> None:
    steps: list[Step] = [lost(), NOTHING] * attempts
    error, transport = scripted_create(RetryPolicy(attempts=attempts), *steps)
    assert type(error) is errors.OutcomeUnknown
    assert isinstance(error.__cause__, errors.ConnectionLost)
    assert transport.paths == [CREATE, FIND] * attempts
    assert error.attempts == len(transport.sent)
    assert f"after {attempts} attempt(s)" in str(error)
    assert f"looked up with GET {FIND}: no contact has this email" in str(error)


@pytest.mark.parametrize("attempts", [1, 2, 4, 6])
def test_a_create_is_looked_up_once_more_after_its_last_attempt(attempts: int) -> None:
    steps: list[Step] = [lost(), NOTHING] * (attempts - 1)
    policy = RetryPolicy(attempts=attempts)
    receipt, transport = scripted_create(policy, *steps, lost(), found())
    assert receipt == ContactReceipt("c9", attempts=2 * attempts)
    error, transport = scripted_create(policy, *steps, lost(), found(firstName="Grace"))
    assert type(error) is errors.ContactAlreadyExists
    assert error.attempts == len(transport.sent) == 2 * attempts


@pytest.mark.parametrize("last", [
    [never_left()] * 3, [reply(429)] * 20, [reply(429, retry_after="99")],
])  # fmt: skip
def test_a_create_in_doubt_is_looked_up_when_nothing_more_can_be_sent(last: list[Step]) -> None:
    receipt, transport = scripted(create, lost(), NOTHING, *last, found())
    assert receipt == ContactReceipt("c9", attempts=len(last) + 3)
    assert transport.paths == [CREATE, FIND, *[CREATE] * len(last), FIND]


def test_a_create_in_doubt_is_looked_up_when_the_budget_is_spent() -> None:
    policy = RetryPolicy(budget=1)
    receipt, transport = scripted_create(policy, lost(), NOTHING, lost(), found())
    assert receipt == ContactReceipt("c9", attempts=4)
    error, transport = scripted_create(policy, lost(), NOTHING, lost(), NOTHING)
    assert type(error) is errors.OutcomeUnknown
    assert len(transport.sent) == 4


def test_connections_that_failed_before_the_doubt_count_as_attempts() -> None:
    policy = RetryPolicy(attempts=3)
    steps: list[Step] = [never_left(), reply(429), lost(), NOTHING, lost(), NOTHING]
    error, transport = scripted_create(policy, *steps)
    assert type(error) is errors.OutcomeUnknown
    assert transport.paths == [CREATE, CREATE, CREATE, FIND, CREATE, FIND]


@pytest.mark.parametrize(("failing", "said"), [
    (reply(400, {"message": "bad query"}), f"looked up with GET {FIND}: 400 bad query"),
    (reply(401), f"looked up with GET {FIND}: 401"),
])  # fmt: skip
def test_an_error_of_a_create_says_why_its_lookup_failed(failing: Step, said: str) -> None:
    error, _ = scripted(create, lost(), failing)
    assert type(error) is errors.OutcomeUnknown
    assert said in str(error)


def test_a_create_is_repeated_after_a_pause_that_the_lookup_counts_towards() -> None:
    _, transport = scripted(create, lost(), NOTHING, lost(), After(0.2, NOTHING), done())
    assert transport.times == [0.0, 0.0, 0.25, 0.25, 0.75]


@pytest.mark.parametrize("no", [reply(400), reply(401), reply(403)])
def test_a_create_in_doubt_is_not_settled_by_a_refusal_of_the_second_copy(no: Step) -> None:
    error, _ = scripted(create, lost(), NOTHING, no)
    assert type(error) is errors.OutcomeUnknown
    assert isinstance(error.__cause__, errors.APIError)


def test_a_create_without_doubt_asks_nothing() -> None:
    error, transport = scripted(create, TAKEN)
    assert type(error) is errors.ContactAlreadyExists
    assert transport.paths == [CREATE]
    receipt, transport = scripted(create, never_left(), reply(429), done())
    assert receipt == ContactReceipt("c1", attempts=3)
    assert transport.paths == [CREATE] * 3


def test_the_timeout_of_a_create_covers_the_questions_too() -> None:
    error, transport = scripted(
        create, After(4.0, lost()), After(4.0, NOTHING), After(4.0, lost()), timeout=10.0
    )
    assert type(error) is errors.OutcomeUnknown
    assert transport.times == [0.0, 4.0, 8.0]
    assert isinstance(error.__cause__, errors.DeadlineExceeded)


@pytest.mark.parametrize(("do", "method", "path", "body"), [
    (lambda to: to.contacts.create(email=ADA, user_group=None, properties={"n": 2**70}),
     "POST", CREATE, {"email": ADA, "userGroup": None, "n": 2**70}),
    (lambda to: to.contacts.update(user_id="u", mailing_lists={"l": False}),
     "PUT", "/v1/contacts/update", {"userId": "u", "mailingLists": {"l": False}}),
    (lambda to: to.contacts.update(ContactUpdate(email=ADA)), "PUT", "/v1/contacts/update",
     {"email": ADA}),
    (lambda to: to.contacts.delete(email=ADA), "POST", "/v1/contacts/delete", {"email": ADA}),
    (lambda to: to.contacts.delete(user_id="u"), "POST", "/v1/contacts/delete", {"userId": "u"}),
    (lambda to: to.contact_properties.create("planName", "string"), "POST",
     "/v1/contacts/properties", {"name": "planName", "type": "string"}),
])  # fmt: skip
def test_a_call_sends(do: Do, method: str, path: str, body: dict[str, Any]) -> None:
    _, transport = scripted(do, done())
    (request,) = transport.sent
    assert (request.endpoint.method, request.endpoint.path) == (method, path)
    assert transport.bodies == [body]
    assert request.query is None
    assert request.lane is Lane.INTERACTIVE


@pytest.mark.parametrize(("identifier", "query"), [
    ({"email": ADA}, {"email": ADA}), ({"user_id": "u"}, {"userId": "u"}),
])  # fmt: skip
def test_find_asks_for_one_identifier(identifier: dict[str, Any], query: dict[str, str]) -> None:
    reply = found(plan=1, userId="u")
    contact, transport = scripted(lambda loops: loops.contacts.find(**identifier), reply)
    assert contact == Contact(
        id="c9", email=ADA, first_name="Ada", user_id="u", properties={"plan": 1}
    )
    assert transport.sent[0].query == query
    assert transport.sent[0].body is None


@pytest.mark.parametrize("identifier", [{"email": "bob@example.com"}, {"user_id": "other"}])
def test_somebody_elses_contact_is_no_answer(identifier: dict[str, Any]) -> None:
    reply = found(userId="u")
    error, _ = scripted(lambda loops: loops.contacts.find(**identifier), reply)
    assert isinstance(error, errors.InvalidReply)
    assert "but with a different contact" in str(error)
    assert (error.status, error.attempts) == (200, 1)


def test_text_of_an_enumeration_is_its_text_everywhere() -> None:
    class Known(str, enum.Enum):  # noqa: UP042 - its str() is not its text, unlike a StrEnum's
        ADA = "u"

    reply = found(userId="u")
    _, transport = scripted(lambda loops: loops.contacts.find(user_id=Known.ADA), reply)
    assert transport.sent[0].query == {"userId": "u"}
    _, transport = scripted(lambda loops: loops.contacts.delete(user_id=Known.ADA), done())
    assert transport.bodies == [{"userId": "u"}]


def test_find_is_none_where_there_is_no_such_contact() -> None:
    assert scripted(lambda loops: loops.contacts.find(email=ADA), NOTHING)[0] is None


@pytest.mark.parametrize(("do", "kind", "says"), [
    (lambda to: to.contacts.find(), errors.InvalidCall, "exactly one of email= and user_id="),
    (lambda to: to.contacts.find(email=ADA, user_id="u"), errors.InvalidCall, "exactly one"),
    (lambda to: to.contacts.delete(), errors.InvalidCall, "exactly one"),
    (lambda to: to.contacts.find(email="S3CRET"), errors.InvalidInput, "email: must be one"),
    (lambda to: to.contacts.delete(user_id=7), errors.InvalidInput, "user_id: must be text"),
    (lambda to: to.contacts.find(email=ADA, into=dict),
     errors.InvalidCall, "into: must be Contact"),
    (lambda to: to.contacts.create(ContactUpdate(email=ADA)), errors.InvalidCall,
     "expected a ContactCreate, not ContactUpdate"),
    (lambda to: to.contacts.update(ContactCreate(email=ADA)),
     errors.InvalidCall, "a ContactUpdate"),
    (lambda to: to.contacts.create(ContactCreate(email=ADA), first_name="S3CRET"),
     errors.InvalidCall, "not both"),
    (lambda to: to.contacts.create(first_name="S3CRET"), errors.InvalidCall, "needs email="),
    (lambda to: to.contacts.create(email=ADA, plan="S3CRET"), errors.InvalidCall,
     "no field 'plan'; custom properties go into properties="),
    (lambda to: to.contacts.update(email=ADA, firstName="S3CRET"), errors.InvalidCall,
     "did you mean first_name="),
    (lambda to: to.contacts.update(), errors.InvalidInput, "give email or user_id"),
    (lambda to: to.contacts.update(email=ADA, timeout="S3CRET"), errors.ConfigurationError,
     "timeout: must be a number of seconds"),
    (lambda to: to.contacts.update(email=ADA, timeout=0), errors.ConfigurationError, "timeout: "),
    (lambda to: to.contact_properties.create("id", "string"),
     errors.InvalidInput, "id: is reserved"),
    (lambda to: to.contact_properties.create("plan_name", "string"),
     errors.InvalidInput, "is not in camelCase, which Loops requires; use 'planName'"),
    (lambda to: to.contact_properties.create("MEMBER-rating", "string"),
     errors.InvalidInput, "use 'memberRating'"),
    (lambda to: to.contact_properties.create("42", "string"),
     errors.InvalidInput, "use a name such as 'planName'"),
    (lambda to: to.contact_properties.create("x", "S3CRET"), errors.InvalidInput,
     "type: must be one of string, number, boolean, date"),
])  # fmt: skip
def test_misuse_is_named_and_sends_nothing(
    do: Do, kind: type[errors.LoopsError], says: str
) -> None:
    error, transport = scripted(do)
    assert type(error) is kind
    assert says in str(error)
    assert "S3CRET" not in str(error)
    assert transport.sent == []


@pytest.mark.parametrize("key", [
    "s3cret two", "s3cret\n", "\ts3cret", "Bearer s3cret", "s3crét", "s3cret\0", " ", b"s3cret",
    7, ["s3cret"], '"s3cret"', "'s3cret'", "s3cret'", "“s3cret”", '"s3cret"\n',
])  # fmt: skip
def test_what_cannot_be_a_key_is_refused_without_repeating_it(key: Any) -> None:
    with pytest.raises(errors.ConfigurationError, match=r"^api_key: (must|is in|begins)") as caught:
        LoopsClient(key)
    assert "s3cr" not in repr(caught.value)
    assert caught.value.__context__ is None


def test_without_a_key_the_message_says_where_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOOPS_API_KEY", raising=False)
    for nothing in (None, ""):
        with pytest.raises(errors.ConfigurationError, match=r"pass api_key=.* LOOPS_API_KEY"):
            LoopsClient(nothing)
    monkeypatch.setenv("LOOPS_API_KEY", "from-environment")
    assert checked_api_key(None) == "from-environment"
    assert checked_api_key("given") == "given"
    monkeypatch.setenv("LOOPS_API_KEY", "from environment")
    with pytest.raises(errors.ConfigurationError, match="without white space"):
        LoopsClient()


def test_a_repr_shows_no_key_and_an_address_without_credentials() -> None:
    client = LoopsClient("s3cret-key", base_url="http://localhost:1/api/v1")
    assert repr(client) == "<LoopsClient http://localhost:1/api>"
    for part in (client.contacts, client.events, client.api_key, client._connection):
        assert "s3cret" not in repr(part)


async def test_a_client_that_was_closed_says_so() -> None:
    client = LoopsClient("test-key")
    async with client:
        pass
    assert repr(client).endswith(" closed>")
    with pytest.raises(errors.SessionClosed, match="create a new one"):
        await client.contacts.find(email=ADA)
    with pytest.raises(errors.SessionClosed):
        async with client:
            pass
    with pytest.raises(errors.SessionClosed):
        async for _ in client.contacts.upsert_many([{"email": ADA}]):
            pass
    await client.aclose()


async def test_a_client_of_a_closed_session_says_so() -> None:
    async with Connection() as session:
        client = LoopsClient("test-key", session=session)
    with pytest.raises(errors.SessionClosed, match="session was closed"):
        await client.contacts.find(email=ADA)


def test_a_client_of_another_event_loop_says_so() -> None:
    client = LoopsClient("test-key")

    async def enter() -> None:
        await client.__aenter__()

    with asyncio.Runner() as first, asyncio.Runner() as second:
        first.run(enter())
        with pytest.raises(errors.WrongEventLoop, match="inside the coroutine that uses it"):
            second.run(client.contacts.find(email=ADA))
        first.run(client.aclose())


def test_rows_of_a_bulk_run_wait_in_their_own_lane_and_closing_the_client_stops_it() -> None:
    transport = ScriptedTransport(respond=lambda _: After(1.0, done()))

    async def main() -> None:
        client = LoopsClient("test-key")
        client._layer = Retrying(transport, ScriptedPacer())
        rows = ({"email": f"{number}@x.io"} for number in range(1000))
        run = client.contacts.upsert_many(rows, concurrency=3)

        given = 0

        async def consume() -> None:
            nonlocal given
            async for _ in run:
                given += 1

        consumer = asyncio.create_task(consume())
        await asyncio.sleep(2.5)
        await client.aclose()
        with pytest.raises(errors.SessionClosed):
            await consumer
        assert given + len(run.unfinished) == run.totals.read
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_virtual(main())
    assert {request.lane for request in transport.sent} == {Lane.BULK}


def test_a_bad_key_met_in_a_bulk_run_is_raised_and_shows_no_address() -> None:
    async def upsert(loops: LoopsClient) -> None:
        async for _ in loops.contacts.upsert_many([{"email": ADA}] * 9):
            pass

    error, transport = scripted(upsert, reply(401, {"message": f"Invalid API key for {ADA}"}))
    assert type(error) is errors.Unauthorized
    assert len(transport.sent) == 1
    assert "ada" not in f"{error!r}{error.message}"
    assert b"ada@" not in pickle.dumps(error)
