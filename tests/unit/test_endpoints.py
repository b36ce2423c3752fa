"""Each endpoint function on mocked HTTP: what it sends to the letter, a success and a refusal."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, TypeAlias

import attrs
import pytest
from aioresponses import aioresponses as AioResponses  # noqa: N812 - it is a class
from yarl import URL

from loops_async import (
    APIError,
    BadRequest,
    Contact,
    ContactAlreadyExists,
    ContactCreate,
    ContactNotFound,
    ContactProperty,
    ContactReceipt,
    ContactUpdate,
    IdempotencyConflict,
    LoopsClient,
    LoopsError,
    MailingList,
    NotFound,
    OptInStatus,
    PropertyType,
    PublishedTransactionalEmail,
    RemovalQuota,
    SendReceipt,
    SuppressedContact,
    Suppression,
    SuppressionRemoval,
    Team,
    Unauthorized,
)
from tests.unit.test_operations import ENDPOINTS

Call: TypeAlias = Callable[[LoopsClient], Awaitable[Any]]

HOME = "https://loops.example/api"
HEADERS = {
    "Authorization": "Bearer test-key",
    "Content-Type": "application/json",
    "Accept": "application/json",
    "User-Agent": f"loops_async/{version('loops-async')}",
}
ADA = "ada+news@example.com"
KEY = "order-1815"


@attrs.frozen
class Case:
    """A call, what it must send, and what its two answers make of it."""

    call: Call
    method: str
    path: str
    body: Any
    answer: Any
    value: Any
    status: int
    refusal: type[LoopsError]
    query: dict[str, str] = attrs.field(factory=dict)
    headers: dict[str, str] = attrs.field(factory=dict)

    @property
    def url(self) -> URL:
        """Where it must go, query included."""
        return URL(HOME + self.path).with_query(self.query)


RECORD = {
    "id": "cl1",
    "email": ADA,
    "firstName": "Ada",
    "lastName": None,
    "source": "API",
    "subscribed": True,
    "userGroup": "",
    "userId": None,
    "mailingLists": {"list1": True},
    "optInStatus": "pending",
    "plan": "pro",
}
CASES = {
    "api_key.test": Case(
        lambda loops: loops.api_key.test(),
        "GET",
        "/v1/api-key",
        None,
        {"success": True, "teamName": "Company"},
        Team(team_name="Company"),
        401,
        Unauthorized,
    ),
    "contacts.create": Case(
        lambda loops: loops.contacts.create(
            ContactCreate(
                email=ADA,
                first_name="Ada",
                user_group=None,
                mailing_lists={"list1": True},
                properties={"plan": "pro"},
            )
        ),
        "POST",
        "/v1/contacts/create",
        {
            "email": ADA,
            "firstName": "Ada",
            "userGroup": None,
            "mailingLists": {"list1": True},
            "plan": "pro",
        },
        {"success": True, "id": "cl1"},
        ContactReceipt(id="cl1", attempts=1),
        409,
        ContactAlreadyExists,
    ),
    "contacts.update": Case(
        lambda loops: loops.contacts.update(
            ContactUpdate(user_id="u-1", last_name=None, subscribed=False, properties={"n": 1.5})
        ),
        "PUT",
        "/v1/contacts/update",
        {"userId": "u-1", "lastName": None, "subscribed": False, "n": 1.5},
        {"success": True, "id": "cl1"},
        ContactReceipt(id="cl1", attempts=1),
        400,
        BadRequest,
    ),
    "contacts.find by email": Case(
        lambda loops: loops.contacts.find(email=ADA),
        "GET",
        "/v1/contacts/find",
        None,
        [RECORD],
        Contact(
            id="cl1",
            email=ADA,
            first_name="Ada",
            source="API",
            subscribed=True,
            user_group="",
            mailing_lists={"list1": True},
            opt_in_status=OptInStatus.PENDING,
            properties={"plan": "pro"},
        ),
        400,
        BadRequest,
        query={"email": ADA},
    ),
    "contacts.find by user id": Case(
        lambda loops: loops.contacts.find(user_id="ü&1"),
        "GET",
        "/v1/contacts/find",
        None,
        [],
        None,
        400,
        BadRequest,
        query={"userId": "ü&1"},
    ),
    "contacts.delete by email": Case(
        lambda loops: loops.contacts.delete(email=ADA),
        "POST",
        "/v1/contacts/delete",
        {"email": ADA},
        {"success": True, "message": "Contact deleted."},
        None,
        404,
        ContactNotFound,
    ),
    "contacts.delete by user id": Case(
        lambda loops: loops.contacts.delete(user_id="u-1"),
        "POST",
        "/v1/contacts/delete",
        {"userId": "u-1"},
        {"success": True},
        None,
        404,
        ContactNotFound,
    ),
    "contacts.suppression": Case(
        lambda loops: loops.contacts.suppression(email=ADA),
        "GET",
        "/v1/contacts/suppression",
        None,
        {
            "contact": {"id": "cl1", "email": ADA, "userId": None},
            "isSuppressed": True,
            "removalQuota": {"limit": 100, "remaining": 4},
        },
        Suppression(
            contact=SuppressedContact(id="cl1", email=ADA, user_id=None),
            is_suppressed=True,
            removal_quota=RemovalQuota(limit=100, remaining=4),
        ),
        404,
        ContactNotFound,
        query={"email": ADA},
    ),
    "contacts.remove_suppression": Case(
        lambda loops: loops.contacts.remove_suppression(user_id="u-1"),
        "DELETE",
        "/v1/contacts/suppression",
        None,
        {"success": True, "message": "Done.", "removalQuota": {"limit": 100, "remaining": 3}},
        SuppressionRemoval(removal_quota=RemovalQuota(limit=100, remaining=3)),
        404,
        ContactNotFound,
        query={"userId": "u-1"},
    ),
    "contact_properties.list": Case(
        lambda loops: loops.contact_properties.list(),
        "GET",
        "/v1/contacts/properties",
        None,
        [{"key": "plan", "label": "Plan", "type": "string"}],
        [ContactProperty(key="plan", label="Plan", type=PropertyType.STRING)],
        401,
        Unauthorized,
        query={"list": "all"},
    ),
    "contact_properties.list, custom only": Case(
        lambda loops: loops.contact_properties.list(custom_only=True),
        "GET",
        "/v1/contacts/properties",
        None,
        [],
        [],
        401,
        Unauthorized,
        query={"list": "custom"},
    ),
    "contact_properties.create": Case(
        lambda loops: loops.contact_properties.create("trialEnds", "date"),
        "POST",
        "/v1/contacts/properties",
        {"name": "trialEnds", "type": "date"},
        {"success": True},
        None,
        400,
        BadRequest,
    ),
    "mailing_lists.list": Case(
        lambda loops: loops.mailing_lists.list(),
        "GET",
        "/v1/lists",
        None,
        [{"id": "list1", "name": "News", "description": None, "isPublic": True}],
        [MailingList(id="list1", name="News", description=None, is_public=True)],
        401,
        Unauthorized,
    ),
    "dedicated_sending_ips.list": Case(
        lambda loops: loops.dedicated_sending_ips.list(),
        "GET",
        "/v1/dedicated-sending-ips",
        None,
        ["192.0.2.1"],
        ["192.0.2.1"],
        401,
        Unauthorized,
    ),
    "events.send": Case(
        lambda loops: loops.events.send(
            "signup",
            email=ADA,
            properties={"seats": 3},
            mailing_lists={"list1": True},
            contact={"plan": "pro"},
            idempotency_key=KEY,
        ),
        "POST",
        "/v1/events/send",
        {
            "eventName": "signup",
            "email": ADA,
            "eventProperties": {"seats": 3},
            "mailingLists": {"list1": True},
            "plan": "pro",
        },
        {"success": True},
        SendReceipt(KEY, attempts=1),
        409,
        IdempotencyConflict,
        headers={"Idempotency-Key": KEY},
    ),
    "transactional.send": Case(
        lambda loops: loops.transactional.send(
            "tx1",
            ADA,
            data_variables={"name": "Ada", "items": [{"n": 1}]},
            add_to_audience=True,
            idempotency_key=KEY,
        ),
        "POST",
        "/v1/transactional",
        {
            "transactionalId": "tx1",
            "email": ADA,
            "dataVariables": {"name": "Ada", "items": [{"n": 1}]},
            "addToAudience": True,
        },
        {"success": True},
        SendReceipt(KEY, attempts=1),
        404,
        NotFound,
        headers={"Idempotency-Key": KEY},
    ),
    "transactional.list": Case(
        lambda loops: loops.transactional.list(),
        "GET",
        "/v1/transactional",
        None,
        {
            "pagination": {
                "totalResults": 1,
                "returnedResults": 1,
                "perPage": 50,
                "totalPages": 1,
                "nextCursor": None,
                "nextPage": None,
            },
            "data": [
                {
                    "id": "tx1",
                    "name": "Sign up confirmation",
                    "lastUpdated": "2025-06-29T07:47:39.370Z",
                    "dataVariables": ["confirmationUrl"],
                }
            ],
        },
        [
            PublishedTransactionalEmail(
                "tx1",
                "Sign up confirmation",
                datetime(2025, 6, 29, 7, 47, 39, 370_000, UTC),
                ["confirmationUrl"],
            )
        ],
        401,
        Unauthorized,
        query={"perPage": "50"},
    ),
}
EVERY = pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))


def sent(mocked: AioResponses, case: Case) -> dict[str, Any]:
    """The arguments of the one request there was, once its method and URL are right."""
    assert list(mocked.requests) == [(case.method, case.url)]
    ((call,),) = mocked.requests.values()
    arguments: dict[str, Any] = call.kwargs
    assert arguments["allow_redirects"] is False
    return arguments


@EVERY
async def test_a_success_is_sent_to_the_letter_and_read_into_its_value(
    mocked: AioResponses, case: Case
) -> None:
    mocked.add(str(case.url), case.method, payload=case.answer)
    async with LoopsClient("test-key", base_url=HOME) as loops:
        assert await case.call(loops) == case.value
    arguments = sent(mocked, case)
    assert dict(arguments["headers"]) == HEADERS | case.headers
    body = arguments["data"]
    assert (None if body is None else json.loads(body)) == case.body


@EVERY
async def test_a_refusal_is_the_error_of_its_own_class(mocked: AioResponses, case: Case) -> None:
    refusal = {"success": False, "message": "An error message."}
    mocked.add(str(case.url), case.method, status=case.status, payload=refusal)
    async with LoopsClient("test-key", base_url=HOME) as loops:
        with pytest.raises(LoopsError) as caught:
            await case.call(loops)
    assert type(caught.value) is case.refusal
    assert isinstance(caught.value, APIError)
    assert (caught.value.status, caught.value.attempts) == (case.status, 1)
    assert caught.value.message == "An error message."
    assert str(caught.value).startswith(
        f"{case.method} {case.path}: {case.status} An error message."
    )
    sent(mocked, case)


def test_every_endpoint_there_is_has_its_case() -> None:
    assert {(one.method, one.path) for one in ENDPOINTS} == {
        (case.method, case.path) for case in CASES.values()
    }


async def test_a_key_for_idempotency_is_made_anew_for_each_call_and_told(
    mocked: AioResponses,
) -> None:
    url = f"{HOME}/v1/events/send"
    mocked.post(url, payload={"success": True}, repeat=True)
    async with LoopsClient("test-key", base_url=HOME) as loops:
        receipts = [await loops.events.send("signup", email=ADA) for _ in range(2)]
    (calls,) = mocked.requests.values()
    keys = [call.kwargs["headers"]["Idempotency-Key"] for call in calls]
    assert keys == [receipt.idempotency_key for receipt in receipts]
    assert len(set(keys)) == 2


async def test_contact_creates_and_updates_carry_no_idempotency_key(mocked: AioResponses) -> None:
    mocked.put(f"{HOME}/v1/contacts/update", payload={"success": True, "id": "cl1"})
    async with LoopsClient("test-key", base_url=HOME) as loops:
        await loops.contacts.update(email=ADA)
    ((call,),) = mocked.requests.values()
    assert "Idempotency-Key" not in call.kwargs["headers"]
