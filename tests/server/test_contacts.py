"""Contacts against the sandbox: what it received, what it holds, and what came back."""

import asyncio
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import attrs
import pytest

from loops_async import (
    UNSET,
    BadRequest,
    Contact,
    ContactAlreadyExists,
    ContactCreate,
    ContactNotFound,
    ContactUpdate,
    InvalidCall,
    InvalidInput,
    InvalidReply,
    LoopsClient,
    LoopsError,
    Unauthorized,
    Unset,
)
from loops_async.sandbox import DEFAULT_MAILING_LISTS, Sandbox
from tests.scripted import ScriptedTransport, reply

ADA = "ada@example.com"
NEWS, BETA = (one.id for one in DEFAULT_MAILING_LISTS)


def last(sandbox: Sandbox) -> tuple[str, str, Any, dict[str, str]]:
    """Method, path, JSON and query of the last request."""
    request = sandbox.requests[-1]
    return request.method, request.path, request.json, dict(request.query)


# Create.


async def test_create_sends_every_documented_field_and_the_properties_beside_them(
    loops: LoopsClient, sandbox: Sandbox
) -> None:
    receipt = await loops.contacts.create(
        ContactCreate(
            email=ADA,
            first_name="Ada",
            last_name="Lovelace",
            source="import",
            subscribed=True,
            user_group="Founders",
            user_id="u-1",
            mailing_lists={NEWS: True, BETA: False},
            properties={"plan": "pro", "seats": 3, "ratio": 0.5, "vip": True, "notes": None},
        )
    )
    assert last(sandbox) == (
        "POST",
        "/v1/contacts/create",
        {
            "email": ADA,
            "firstName": "Ada",
            "lastName": "Lovelace",
            "source": "import",
            "subscribed": True,
            "userGroup": "Founders",
            "userId": "u-1",
            "mailingLists": {NEWS: True, BETA: False},
            "plan": "pro",
            "seats": 3,
            "ratio": 0.5,
            "vip": True,
            "notes": None,
        },
        {},
    )
    held = sandbox.contacts[ADA]
    assert (receipt.id, receipt.attempts) == (held.id, 1)
    assert (held.first_name, held.last_name, held.source) == ("Ada", "Lovelace", "import")
    assert (held.user_group, held.user_id, held.subscribed) == ("Founders", "u-1", True)
    assert dict(held.mailing_lists) == {NEWS: True}
    assert dict(held.properties) == {"plan": "pro", "seats": 3, "ratio": 0.5, "vip": True}


async def test_create_sends_nothing_that_was_left_out(loops: LoopsClient, sandbox: Sandbox) -> None:
    await loops.contacts.create(email=ADA, first_name=UNSET)
    assert sandbox.requests[-1].json == {"email": ADA}


async def test_create_by_keyword_is_create_by_record(loops: LoopsClient, sandbox: Sandbox) -> None:
    await loops.contacts.create(email=ADA, user_group="a", properties={"plan": "pro"})
    await loops.contacts.create(
        ContactCreate(email="bea@example.com", user_group="a", properties={"plan": "pro"})
    )
    one, other = (request.json for request in sandbox.requests)
    assert isinstance(one, dict)
    assert {**one, "email": "bea@example.com"} == other


async def test_dates_go_out_in_utc_and_days_as_they_are(
    loops: LoopsClient, sandbox: Sandbox
) -> None:
    berlin = timezone(timedelta(hours=2))
    await loops.contact_properties.create("trialEnds", "date")
    await loops.contacts.create(
        email=ADA,
        properties={
            "trialEnds": datetime(2024, 7, 1, 12, 30, 0, 123456, tzinfo=berlin),
            "born": date(1815, 12, 10),
            "epoch": 1704711066000,
        },
    )
    assert sandbox.requests[-1].json == {
        "email": ADA,
        "trialEnds": "2024-07-01T10:30:00.123Z",
        "born": "1815-12-10",
        "epoch": 1704711066000,
    }
    assert dict(sandbox.contacts[ADA].properties) == {
        "trialEnds": "2024-07-01T10:30:00.123Z",
        "born": "1815-12-10",
        "epoch": 1704711066000,
    }


@pytest.mark.parametrize(
    "again", [{"email": ADA}, {"email": "other@example.com", "user_id": "u-1"}]
)
async def test_a_taken_address_or_user_id_is_contact_already_exists(
    loops: LoopsClient, sandbox: Sandbox, again: dict[str, Any]
) -> None:
    await loops.contacts.create(email=ADA, user_id="u-1", first_name="Ada")
    before = sandbox.contacts[ADA]
    with pytest.raises(ContactAlreadyExists) as caught:
        await loops.contacts.create(**again, first_name="Eve")
    assert (caught.value.status, caught.value.attempts) == (409, 1)
    assert caught.value.message == "Email or userId is already on list."
    assert sandbox.contacts[ADA] == before
    assert len(sandbox.requests) == 2


# Update.


async def test_update_by_email_changes_what_is_given_and_returns_the_id(
    loops: LoopsClient, sandbox: Sandbox
) -> None:
    created = await loops.contacts.create(email=ADA, first_name="Ada", last_name="Byron")
    updated = await loops.contacts.update(email=ADA, last_name="Lovelace")
    assert last(sandbox) == (
        "PUT",
        "/v1/contacts/update",
        {"email": ADA, "lastName": "Lovelace"},
        {},
    )
    assert updated == created
    assert sandbox.contacts[ADA].first_name == "Ada"
    assert sandbox.contacts[ADA].last_name == "Lovelace"


async def test_update_creates_where_there_is_none(loops: LoopsClient, sandbox: Sandbox) -> None:
    receipt = await loops.contacts.update(ContactUpdate(email=ADA, user_id="u-1"))
    assert sandbox.requests[-1].json == {"email": ADA, "userId": "u-1"}
    assert receipt.id == sandbox.contacts[ADA].id
    assert sandbox.contacts[ADA].user_id == "u-1"


async def test_update_by_user_id_alone_sends_no_email(loops: LoopsClient, sandbox: Sandbox) -> None:
    await loops.contacts.create(email=ADA, user_id="u-1")
    await loops.contacts.update(user_id="u-1", first_name="Ada")
    assert sandbox.requests[-1].json == {"userId": "u-1", "firstName": "Ada"}
    assert sandbox.contacts[ADA].first_name == "Ada"


async def test_update_by_email_gives_a_user_id(loops: LoopsClient, sandbox: Sandbox) -> None:
    await loops.contacts.create(email=ADA)
    await loops.contacts.update(email=ADA, user_id="u-1")
    assert sandbox.contacts[ADA].user_id == "u-1"


async def test_an_address_is_changed_through_the_user_id(
    loops: LoopsClient, sandbox: Sandbox
) -> None:
    created = await loops.contacts.create(email=ADA, user_id="u-1", first_name="Ada")
    moved = await loops.contacts.update(email="countess@example.com", user_id="u-1")
    assert moved.id == created.id
    assert ADA not in sandbox.contacts
    assert sandbox.contacts["countess@example.com"].first_name == "Ada"


async def test_an_unknown_user_id_alone_is_refused_by_loops(
    loops: LoopsClient, sandbox: Sandbox
) -> None:
    with pytest.raises(BadRequest, match="cannot create a new contact without an email") as caught:
        await loops.contacts.update(user_id="u-unknown", first_name="Ada")
    assert caught.value.status == 400
    assert "u-unknown" not in str(caught.value)
    assert not sandbox.contacts


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"first_name": "Ada"},
        {"email": None, "user_id": None},
        {"email": UNSET, "user_id": UNSET},
        {"email": None, "first_name": "Ada"},
    ],
)
async def test_update_of_nobody_is_refused_before_anything_is_sent(
    loops: LoopsClient, sandbox: Sandbox, fields: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput, match="give email or user_id"):
        await loops.contacts.update(**fields)
    assert not sandbox.requests


async def test_none_resets_and_what_is_left_out_stays(loops: LoopsClient, sandbox: Sandbox) -> None:
    await loops.contacts.create(
        email=ADA, first_name="Ada", last_name="L", user_group="a", properties={"plan": "p", "x": 1}
    )
    await loops.contacts.update(
        email=ADA, first_name=None, user_group=None, source=None, properties={"plan": None}
    )
    assert sandbox.requests[-1].json == {
        "email": ADA,
        "firstName": None,
        "userGroup": None,
        "source": None,
        "plan": None,
    }
    held = sandbox.contacts[ADA]
    assert (held.first_name, held.last_name, held.user_group) == (None, "L", "")
    assert dict(held.properties) == {"x": 1}


async def test_mailing_lists_are_joined_and_left(loops: LoopsClient, sandbox: Sandbox) -> None:
    await loops.contacts.update(email=ADA, mailing_lists={NEWS: True, BETA: True})
    assert dict(sandbox.contacts[ADA].mailing_lists) == {NEWS: True, BETA: True}
    await loops.contacts.update(email=ADA, mailing_lists={NEWS: False})
    assert sandbox.requests[-1].json == {"email": ADA, "mailingLists": {NEWS: False}}
    assert dict(sandbox.contacts[ADA].mailing_lists) == {BETA: True}


async def test_a_person_who_left_is_never_subscribed_again_unasked(
    loops: LoopsClient, sandbox: Sandbox
) -> None:
    await loops.contacts.update(email=ADA, subscribed=False)
    await loops.contacts.update(email=ADA, first_name="Ada")
    assert sandbox.requests[-1].json == {"email": ADA, "firstName": "Ada"}
    assert sandbox.contacts[ADA].subscribed is False
    await loops.contacts.update(email=ADA, subscribed=True)
    assert sandbox.contacts[ADA].subscribed is True


async def test_typed_properties_of_a_subclass_arrive_under_loops_names(
    loops: LoopsClient, sandbox: Sandbox
) -> None:
    @attrs.frozen(kw_only=True)
    class AppContact(ContactUpdate):
        plan: str | None | Unset = UNSET
        trial_ends: datetime | Unset = UNSET

    await loops.contacts.update(
        AppContact(email=ADA, plan="pro", trial_ends=datetime(2024, 7, 1, tzinfo=UTC))
    )
    assert sandbox.requests[-1].json == {
        "email": ADA,
        "plan": "pro",
        "trialEnds": "2024-07-01T00:00:00.000Z",
    }
    await loops.contacts.update(AppContact(email=ADA, plan=None))
    assert sandbox.requests[-1].json == {"email": ADA, "plan": None}
    assert dict(sandbox.contacts[ADA].properties) == {"trialEnds": "2024-07-01T00:00:00.000Z"}


# Find.


async def test_find_returns_what_loops_holds(loops: LoopsClient, sandbox: Sandbox) -> None:
    created = await loops.contacts.create(
        email=ADA,
        first_name="Ada",
        user_id="u-1",
        mailing_lists={NEWS: True},
        properties={"plan": "pro", "seats": 3, "born": date(1815, 12, 10)},
    )
    found = await loops.contacts.find(email=ADA)
    assert last(sandbox) == ("GET", "/v1/contacts/find", None, {"email": ADA})
    assert found == Contact(
        id=created.id,
        email=ADA,
        first_name="Ada",
        source="API",
        subscribed=True,
        user_group="",
        user_id="u-1",
        mailing_lists={NEWS: True},
        properties={"plan": "pro", "seats": 3, "born": "1815-12-10"},
    )
    assert await loops.contacts.find(user_id="u-1") == found
    assert dict(sandbox.requests[-1].query) == {"userId": "u-1"}


async def test_find_of_nobody_is_none(loops: LoopsClient, sandbox: Sandbox) -> None:
    assert await loops.contacts.find(email=ADA) is None
    assert await loops.contacts.find(user_id="u-1") is None
    assert [request.status for request in sandbox.requests] == [200, 200]


async def test_find_into_a_subclass_reads_properties_with_their_types(loops: LoopsClient) -> None:
    @attrs.frozen(kw_only=True)
    class AppContact(Contact):
        plan: str | None = None
        trial_ends: datetime | None = None

    ends = datetime(2024, 7, 1, 12, 30, tzinfo=UTC)
    await loops.contacts.create(
        email=ADA, properties={"plan": "pro", "trialEnds": ends, "seats": 3}
    )
    found = await loops.contacts.find(email=ADA, into=AppContact)
    assert type(found) is AppContact
    assert (found.plan, found.trial_ends) == ("pro", ends)
    assert found.properties == {"seats": 3}


@pytest.mark.parametrize("call", ["find", "delete"])
@pytest.mark.parametrize("identifiers", [{}, {"email": ADA, "user_id": "u-1"}])
async def test_find_and_delete_take_exactly_one_identifier(
    loops: LoopsClient, sandbox: Sandbox, call: str, identifiers: dict[str, str]
) -> None:
    with pytest.raises(InvalidCall, match="exactly one of email= and user_id="):
        await getattr(loops.contacts, call)(**identifiers)
    assert not sandbox.requests


@pytest.mark.parametrize("call", ["find", "delete"])
@pytest.mark.parametrize(
    "identifiers",
    [{"email": ""}, {"email": "no address"}, {"user_id": ""}, {"user_id": " "}, {"user_id": 7}],
)
async def test_find_and_delete_refuse_what_is_no_identifier_before_sending(
    loops: LoopsClient, sandbox: Sandbox, call: str, identifiers: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput):
        await getattr(loops.contacts, call)(**identifiers)
    assert not sandbox.requests


AWKWARD_ADDRESSES = [
    "ada+news@example.com",
    "a&b=c@example.com",
    "100%25@example.com",
    "o'hara/%2B#1?@example.com",
]
AWKWARD_IDS = [
    "a+b c",
    "ユーザー-1",
    "%2B&email=eve@example.com",
    "ä/ö?ü#;=",
    "\U0001f600",
    "a\tb",
    '"quoted" \\',
]


@pytest.mark.parametrize("email", AWKWARD_ADDRESSES)
async def test_an_awkward_address_survives_body_and_query(
    loops: LoopsClient, sandbox: Sandbox, email: str
) -> None:
    created = await loops.contacts.create(email=email)
    found = await loops.contacts.find(email=email)
    assert dict(sandbox.requests[-1].query) == {"email": email}
    assert found is not None
    assert (found.id, found.email) == (created.id, email)
    await loops.contacts.delete(email=email)
    assert not sandbox.contacts


@pytest.mark.parametrize("user_id", AWKWARD_IDS)
async def test_an_awkward_user_id_survives_body_and_query(
    loops: LoopsClient, sandbox: Sandbox, user_id: str
) -> None:
    created = await loops.contacts.create(email=ADA, user_id=user_id)
    assert sandbox.contacts[ADA].user_id == user_id
    found = await loops.contacts.find(user_id=user_id)
    assert dict(sandbox.requests[-1].query) == {"userId": user_id}
    assert found is not None
    assert (found.id, found.user_id) == (created.id, user_id)
    await loops.contacts.delete(user_id=user_id)
    assert not sandbox.contacts


# Delete.


@pytest.mark.parametrize("identifier", [{"email": ADA}, {"user_id": "u-1"}])
async def test_delete_by_either_identifier_sends_that_one_alone(
    loops: LoopsClient, sandbox: Sandbox, identifier: dict[str, str]
) -> None:
    await loops.contacts.create(email=ADA, user_id="u-1")
    await loops.contacts.delete(email=identifier.get("email"), user_id=identifier.get("user_id"))
    sent = {"email": ADA} if "email" in identifier else {"userId": "u-1"}
    assert last(sandbox) == ("POST", "/v1/contacts/delete", sent, {})
    assert not sandbox.contacts


async def test_delete_of_nobody_is_contact_not_found(loops: LoopsClient, sandbox: Sandbox) -> None:
    with pytest.raises(ContactNotFound) as caught:
        await loops.contacts.delete(email=ADA)
    assert (caught.value.status, caught.value.message) == (404, "Contact not found.")
    assert len(sandbox.requests) == 1


# All of them.


async def test_the_headers_say_json_and_who_is_calling(
    loops: LoopsClient, sandbox: Sandbox
) -> None:
    await loops.contacts.update(email=ADA)
    headers = sandbox.requests[-1].headers
    assert headers["content-type"] == headers["accept"] == "application/json"
    assert headers["user-agent"].startswith("loops_async/")


@pytest.mark.parametrize("call", ["create", "update", "find", "delete"])
async def test_a_wrong_key_is_unauthorized_at_once_and_never_shown(
    sandbox: Sandbox, call: str
) -> None:
    async with LoopsClient("wrong-key", base_url=sandbox.url) as loops:
        with pytest.raises(Unauthorized) as caught:
            await getattr(loops.contacts, call)(email=ADA)
    assert (caught.value.status, caught.value.message) == (401, "Invalid API key")
    assert (len(sandbox.requests), sandbox.requests[0].status) == (1, 401)
    assert "wrong-key" not in f"{caught.value}{caught.value!r}"
    assert not sandbox.contacts


async def test_no_refusal_repeats_what_was_sent(loops: LoopsClient) -> None:
    await loops.contacts.create(email=ADA, user_id="u-secret-1")
    refusals: list[LoopsError] = []
    for call in (
        loops.contacts.create(email=ADA),
        loops.contacts.update(user_id="u-secret-2", properties={"plan": "a-secret-plan"}),
        loops.contacts.update(email=ADA, mailing_lists={"list-unknown-secret": True}),
        loops.contacts.delete(user_id="u-secret-3"),
    ):
        with pytest.raises(LoopsError) as caught:
            await call
        refusals.append(caught.value)
    for error in refusals:
        assert "secret" not in f"{error}{error!r}"
        assert ADA not in f"{error}{error!r}"


async def test_many_tasks_share_one_client(loops: LoopsClient, sandbox: Sandbox) -> None:
    addresses = [f"a{number}@example.com" for number in range(30)]
    receipts = await asyncio.gather(*(loops.contacts.update(email=one) for one in addresses))
    assert [receipt.id for receipt in receipts] == [sandbox.contacts[one].id for one in addresses]


@pytest.mark.parametrize("find_by", ["email", "user_id"])
async def test_two_contacts_where_one_was_asked_for_are_not_answered_with_the_first(
    find_by: str,
) -> None:
    body = b'[{"id": "c1", "email": "a@example.com"}, {"id": "c2", "email": "a@example.com"}]'
    transport = ScriptedTransport(*[reply(200, body)] * 5)
    async with LoopsClient("test-key", transport=transport) as loops:
        by_email = find_by == "email"
        finding = loops.contacts.find(
            email="a@example.com" if by_email else None,
            user_id=None if by_email else "a@example.com",
        )
        with pytest.raises(InvalidReply, match="found 2 contacts") as caught:
            await finding
    assert "a@example.com" not in str(caught.value)
