"""Events, transactional emails, their keys, and the suppression list: the rules, without HTTP."""

from base64 import b64encode
from typing import Any

import pytest

from loops_async.sandbox import ReceivedAttachment, Sandbox
from loops_async.sandbox.api.contacts import ContactStore
from loops_async.sandbox.api.events import EventStore
from loops_async.sandbox.api.suppression import SuppressionStore
from loops_async.sandbox.api.transactional import TransactionalStore
from loops_async.sandbox.idempotency import IdempotencyKeys
from loops_async.sandbox.validation import Refusal

NEWS = "cm06f5v0e45nf0ml5754o9cix"
DAY = 24 * 60 * 60.0
SIGNUP: dict[str, object] = {"email": "ada@example.com", "eventName": "signup"}
WELCOME: dict[str, object] = {"email": "ada@example.com", "transactionalId": "cll42l54f"}
FILE: dict[str, object] = {
    "filename": "a.txt", "contentType": "text/plain", "data": b64encode(b"hello").decode(),
}  # fmt: skip


class Team:
    """The stores of a sandbox, and a clock that stands."""

    def __init__(self, **options: Any) -> None:
        self.now = 1000.0
        options = {"removal_quota": 2} | options
        team = Sandbox(clock=lambda: self.now, **options)._team
        self.store = team.store(ContactStore)
        self.suppression = team.store(SuppressionStore)
        self.events = team.store(EventStore)
        self.emails = team.store(TransactionalStore)

    def event(self, body: dict[str, object], key: str | None = None) -> None:
        self.events.send(body, key=key)

    def email(self, body: dict[str, object], key: str | None = None) -> None:
        self.emails.send(body, key=key)

    @property
    def sent(self) -> tuple[int, int]:
        return self.events.count, self.emails.count


@pytest.fixture
def team() -> Team:
    return Team()


def refusal(action: Any, *args: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        action(*args)
    return caught.value


# Events.


def test_the_event_of_the_openapi_document_is_sent_and_changes_its_contact(team: Team) -> None:
    team.event(
        {
            "email": "alex@company.com", "userId": "usr_7f8e9d0c1b2a", "eventName": "signup",
            "eventProperties": {"plan": "pro"}, "mailingLists": {NEWS: True},
            "favoriteColor": "blue", "planName": "Pro",
        },
        "key-1",
    )  # fmt: skip
    [event] = team.events.sent
    contact = team.store.contacts["alex@company.com"]
    assert (event.name, event.email, event.user_id) == (
        "signup", "alex@company.com", "usr_7f8e9d0c1b2a",
    )  # fmt: skip
    assert event.properties == {"plan": "pro"}
    assert event.mailing_lists == {NEWS: True}
    assert (event.idempotency_key, event.contact_id) == ("key-1", contact.id)
    assert contact.user_id == "usr_7f8e9d0c1b2a"
    assert contact.properties == {"favoriteColor": "blue", "planName": "Pro"}
    assert contact.mailing_lists == {NEWS: True}


def test_neither_the_events_name_nor_its_properties_become_the_contacts(team: Team) -> None:
    team.event({**SIGNUP, "eventProperties": {"plan": "pro"}})
    assert team.store.contacts["ada@example.com"].properties == {}
    assert team.store.properties.custom() == []


def test_an_event_by_user_id_finds_its_contact_and_leaves_the_rest_of_it(team: Team) -> None:
    team.store.create({"email": "ada@example.com", "userId": "u1", "firstName": "Ada"})
    team.event({"userId": "u1", "eventName": "signup", "lastName": "L"})
    contact = team.store.contacts["ada@example.com"]
    assert (contact.first_name, contact.last_name) == ("Ada", "L")
    [event] = team.events.sent
    assert (event.email, event.user_id, event.contact_id) == (None, "u1", contact.id)


def test_an_event_for_an_unknown_user_id_alone_is_400(team: Team) -> None:
    found = refusal(team.event, {"userId": "u1", "eventName": "signup"})
    assert (found.status, found.message) == (400, "Contact not found.")
    assert len(team.store.contacts) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"eventName": ""}, "eventName is required."),
        ({"eventName": None}, "eventName must be a string."),
        ({"eventName": 5}, "eventName must be a string."),
        ({"eventName": "x" * 501}, "Some body key or value is longer than allowable"),
        ({"email": ""}, "You must provide an email or userId."),
        ({"email": "ada"}, "Invalid email address."),
        ({"eventProperties": "x"}, "eventProperties must be an object."),
        ({"eventProperties": {"a": {}}}, "Event property a must be"),
        ({"eventProperties": {"a": [1]}}, "Event property a must be"),
        ({"mailingLists": {"nope": True}}, "mailingLists has an unknown mailing list ID."),
        ({"color": {}}, "color must be"),
        ({"firstName": 5}, "firstName must be a string."),
        ({"teamId": "x"}, "teamId is a reserved name."),
    ],
)
def test_an_event_that_is_refused_changes_nothing_and_may_come_again_under_its_key(
    team: Team, change: dict[str, object], message: str
) -> None:
    found = refusal(team.event, {**SIGNUP, "plan": "pro", **change}, "key-1")
    assert found.status == 400
    assert found.message.startswith(message)
    assert (len(team.store.contacts), team.store.properties.custom(), team.sent) == (0, [], (0, 0))
    team.event(SIGNUP, "key-1")
    assert team.sent == (1, 0)


@pytest.mark.parametrize("none", [None, [], {}])
def test_no_properties_and_no_lists_may_be_said_in_any_language(team: Team, none: object) -> None:
    team.event({**SIGNUP, "eventProperties": none, "mailingLists": none})
    [event] = team.events.sent
    assert (event.properties, event.mailing_lists) == ({}, {})


def test_event_properties_are_texts_numbers_booleans_dates_and_nulls_and_stay_as_they_came(
    team: Team,
) -> None:
    given: dict[str, object] = {
        "text": "x", "whole": 3, "part": 0.5, "flag": False, "day": "2024-01-17", "ms": 10**12,
        "nothing": None,
    }  # fmt: skip
    team.event({**SIGNUP, "eventProperties": given})
    assert team.events.sent[0].properties == given


# Transactional emails.


def test_an_email_is_sent_with_variables_and_files(team: Team) -> None:
    variables = {"name": "Ada", "total": 9.5, "items": [{"title": "Tea", "price": 3}], "none": []}
    team.email({**WELCOME, "dataVariables": variables, "attachments": [FILE]}, "key-1")
    [email] = team.emails.sent
    assert (email.transactional_id, email.email) == ("cll42l54f", "ada@example.com")
    assert email.data_variables == variables
    assert email.attachments == (ReceivedAttachment("a.txt", "text/plain", b"hello"),)
    assert (email.add_to_audience, email.idempotency_key) == (False, "key-1")


@pytest.mark.parametrize(("wish", "contacts"), [(True, 1), (False, 0), (None, 0)])
def test_the_recipient_becomes_a_contact_only_when_asked(
    team: Team, wish: bool | None, contacts: int
) -> None:
    team.email({**WELCOME, "addToAudience": wish})
    assert len(team.store.contacts) == contacts


def test_a_recipient_that_is_a_contact_stays_as_it_is(team: Team) -> None:
    team.store.create({"email": "ADA@example.com", "firstName": "Ada", "subscribed": False})
    before = team.store.contacts["ada@example.com"]
    team.email({**WELCOME, "addToAudience": True})
    assert team.store.contacts["ada@example.com"] == before


def test_known_emails_are_told_from_unknown_ones_and_ask_for_their_variables() -> None:
    team = Team(transactional_emails={"reset": ("name", "confirmationUrl")})
    unknown = refusal(team.email, WELCOME)
    assert (unknown.status, unknown.message) == (404, "Transactional email not found.")
    assert unknown.fields == {
        "error": {"path": "transactionalId", "message": "Transactional email not found."}
    }
    reset = WELCOME | {"transactionalId": "reset"}
    for given in ({"name": "Ada"}, {"name": "Ada", "confirmationUrl": ""}):
        missing = refusal(team.email, {**reset, "dataVariables": given})
        message = "Missing required data variable(s): confirmationUrl"
        assert (missing.status, missing.message) == (400, message)
        # As in the OpenAPI document.
        assert missing.fields == {
            "error": {"path": "dataVariables", "message": message},
            "transactionalId": "reset",
        }
    both = refusal(team.email, reset)
    assert both.message == "Missing required data variable(s): name, confirmationUrl"
    team.email({**reset, "dataVariables": {"name": 0, "confirmationUrl": "u"}})
    assert team.sent == (0, 1)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"email": "ada"}, "email"),
        ({"email": None}, "email"),
        ({"transactionalId": ""}, "transactionalId"),
        ({"transactionalId": 5}, "transactionalId"),
        ({"addToAudience": "yes"}, "addToAudience"),
        ({"dataVariables": "x"}, "dataVariables"),
        ({"dataVariables": {"name": None}}, "dataVariables"),
        ({"dataVariables": {"name": True}}, "dataVariables"),
        ({"dataVariables": {"name": {}}}, "dataVariables"),
        ({"dataVariables": {"name": ["x"]}}, "dataVariables"),
        ({"dataVariables": {"name": [{"a": None}]}}, "dataVariables"),
        ({"dataVariables": {"name": [{"a": []}]}}, "dataVariables"),
        ({"attachments": {}}, "attachments"),
        ({"attachments": ["x"]}, "attachments[0]"),
        ({"attachments": [FILE, {**FILE, "filename": ""}]}, "attachments[1].filename"),
        ({"attachments": [{**FILE, "contentType": 5}]}, "attachments[0].contentType"),
        ({"attachments": [{**FILE, "data": "aGVsbG8"}]}, "attachments[0].data"),
        ({"attachments": [{**FILE, "data": "aGV\nsbG8="}]}, "attachments[0].data"),
        ({"attachments": [{**FILE, "data": "_-8="}]}, "attachments[0].data"),
        ({"attachments": [{**FILE, "data": "\u00e4"}]}, "attachments[0].data"),
    ],
)
def test_an_email_that_is_refused_says_where_and_may_come_again_under_its_key(
    team: Team, change: dict[str, object], path: str
) -> None:
    found = refusal(team.email, {**WELCOME, "addToAudience": True, **change}, "key-1")
    assert found.status == 400
    assert found.fields["error"] == {"path": path, "message": found.message}
    assert (len(team.store.contacts), team.sent) == (0, (0, 0))
    team.email(WELCOME, "key-1")
    assert team.sent == (0, 1)


def test_files_may_be_switched_off_as_they_are_for_a_new_account() -> None:
    team = Team(attachments=False)
    found = refusal(team.email, {**WELCOME, "attachments": [FILE]})
    assert (found.status, found.fields) == (400, {"path": "attachments"})
    team.email({**WELCOME, "attachments": []})
    assert team.sent == (0, 1)


def test_no_email_goes_to_a_suppressed_address(team: Team) -> None:
    team.suppression.add("Ada@Example.com")
    found = refusal(team.email, {**WELCOME, "addToAudience": True})
    assert (found.status, found.message) == (400, "Email not sendable.")
    assert found.fields == {"error": {"path": "email", "reason": "suppressed"}}
    assert (len(team.store.contacts), team.sent) == (0, (0, 0))


# Idempotency keys.


def test_a_repeat_under_the_same_key_is_409_and_does_nothing_whatever_it_says(team: Team) -> None:
    team.event(SIGNUP, "key-1")
    for repeat in (SIGNUP, {**SIGNUP, "firstName": "Other"}, {}):
        found = refusal(team.event, repeat, "key-1")
        assert (found.status, found.message) == (
            409,
            "Request with idempotency key key-1 has already been processed.",
        )
    assert team.sent == (1, 0)
    assert team.store.contacts["ada@example.com"].first_name is None


def test_events_and_emails_share_one_memory_of_keys(team: Team) -> None:
    team.event(SIGNUP, "key-1")
    assert refusal(team.email, WELCOME, "key-1").status == 409
    team.email(WELCOME, "key-2")
    assert refusal(team.event, SIGNUP, "key-2").status == 409


def test_without_a_key_all_is_sent_as_often_as_it_comes(team: Team) -> None:
    for _ in range(3):
        team.event(SIGNUP)
        team.email(WELCOME)
    assert team.sent == (3, 3)


def test_a_key_is_remembered_for_24_hours_from_when_it_was_used(team: Team) -> None:
    team.event(SIGNUP, "key-1")
    team.now += DAY - 1
    assert refusal(team.event, SIGNUP, "key-1").status == 409
    team.now += 1
    team.event(SIGNUP, "key-1")
    team.now += DAY - 1
    assert refusal(team.event, SIGNUP, "key-1").status == 409


def test_a_key_may_have_100_characters(team: Team) -> None:
    team.event(SIGNUP, "\u00e4" * 100)
    assert refusal(team.event, SIGNUP, "k" * 101).status == 400
    assert refusal(team.email, WELCOME, "k" * 101).status == 400
    assert team.sent == (1, 0)


def test_keys_that_are_forgotten_take_no_memory() -> None:
    keys = IdempotencyKeys()
    for number in range(1000):
        keys.check(str(number), float(number))
        keys.remember(str(number), float(number))
    keys.check(None, 999 + DAY)
    assert (len(keys._used), len(keys._expiries)) == (0, 0)


# What is kept.


def test_the_outbox_is_bounded_and_its_counts_are_exact() -> None:
    team = Team(keep_sent=2)
    for number in range(5):
        team.event({**SIGNUP, "eventName": str(number)})
        team.email({**WELCOME, "transactionalId": str(number)})
    assert [event.name for event in team.events.sent] == ["3", "4"]
    assert [email.transactional_id for email in team.emails.sent] == ["3", "4"]
    assert team.sent == (5, 5)


def test_what_was_sent_is_frozen_and_its_repr_names_nobody(team: Team) -> None:
    key = "ada-key"
    team.event({**SIGNUP, "userId": "ada-1", "eventProperties": {"name": "Ada"}}, key)
    team.email(
        {**WELCOME, "dataVariables": {"n": "Ada"}, "attachments": [{**FILE, "filename": "Ada"}]}
    )
    [event], [email] = team.events.sent, team.emails.sent
    assert "ada" not in (repr(event) + repr(email)).lower()
    with pytest.raises(AttributeError):
        event.name = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        email.data_variables["n"] = "other"  # type: ignore[index]


# The suppression list.


def test_a_contact_is_suppressed_until_it_is_freed(team: Team) -> None:
    team.store.create({"email": "Ada@example.com", "userId": "u1"})
    contact = team.store.one({"userId": "u1"})
    told = {"id": contact.id, "email": "Ada@example.com", "userId": "u1"}
    quota = {"limit": 2, "remaining": 2}
    assert team.suppression.status(contact) == {
        "contact": told, "isSuppressed": False, "removalQuota": quota,
    }  # fmt: skip
    team.suppression.add("ADA@example.com")
    assert team.suppression.status(contact)["isSuppressed"] is True
    assert team.suppression.remove(contact) == {
        "success": True,
        "message": "Email removed from suppression list.",
        "removalQuota": {"limit": 2, "remaining": 1},
    }
    assert team.suppression.status(contact)["isSuppressed"] is False


def test_freeing_a_contact_that_is_free_is_400_or_200_and_costs_nothing(team: Team) -> None:
    team.store.create({"email": "ada@example.com"})
    contact = team.store.one({"email": "ada@example.com"})
    found = refusal(team.suppression.remove, contact)
    assert (found.status, found.message) == (400, "Contact is not suppressed.")
    lenient = Team(removal_quota=1, removing_nothing=200).suppression
    assert lenient.remove(contact)["removalQuota"] == {"limit": 1, "remaining": 1}


def test_the_quota_is_used_up_by_removals_and_comes_back_after_30_days(team: Team) -> None:
    team.store.create({"email": "ada@example.com"})
    contact = team.store.one({"email": "ada@example.com"})
    for now in (0.0, 10 * DAY):
        team.now = now
        team.suppression.add("ada@example.com")
        team.suppression.remove(contact)
    team.suppression.add("ada@example.com")
    team.now = 30 * DAY - 1
    found = refusal(team.suppression.remove, contact)
    assert (found.status, found.message) == (400, "Suppression removal limit reached.")
    assert team.suppression.holds("ada@example.com")
    team.now = 30 * DAY
    assert team.suppression.remove(contact)["removalQuota"] == {"limit": 2, "remaining": 0}


def test_who_is_meant_must_be_one_known_contact(team: Team) -> None:
    assert refusal(team.store.one, {"email": "ada@example.com"}).status == 404
    assert refusal(team.store.one, {}).status == 400
    assert refusal(team.store.one, {"email": "ada@example.com", "userId": "u1"}).status == 400
