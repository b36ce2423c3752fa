import re
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from loops_async.sandbox import (
    PropertyKind,
    Sandbox,
    StoredContact,
    StoredMailingList,
    StoredProperty,
)
from loops_async.sandbox.api import contacts
from loops_async.sandbox.api.contact_properties import label_for, property_json
from loops_async.sandbox.api.contacts import ContactStore, contact_json, new_contact_id
from loops_async.sandbox.api.mailing_lists import mailing_list_json
from loops_async.sandbox.json_body import parse, render
from loops_async.sandbox.validation import Refusal, date_text, email_address

NEWS = "cm06f5v0e45nf0ml5754o9cix"
BETA = "cm16k73gq014h0mmj5b6jdi9r"
ADA: dict[str, object] = {"email": "ada@example.com"}


def make_store(**options: Any) -> ContactStore:
    return Sandbox(**options)._team.store(ContactStore)


@pytest.fixture
def store() -> ContactStore:
    return make_store()


def read_back(store: ContactStore, email: str = "ada@example.com") -> dict[str, object]:
    [contact] = store.find({"email": email})
    return contact_json(contact)


def refusal(action: Any, *args: object) -> tuple[int, str]:
    with pytest.raises(Refusal) as caught:
        action(*args)
    return caught.value.status, caught.value.message


# Copied by hand from the API reference.


def test_the_contact_of_the_openapi_document_reads_back_as_written_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    golden = parse(
        b"""{
          "id": "clh3k9m2p4q6r8s0t2v4x6z8", "email": "alex@company.com", "firstName": "Alex",
          "lastName": "Rivera", "source": "API", "subscribed": true, "userGroup": "customers",
          "userId": "usr_7f8e9d0c1b2a", "mailingLists": {"clm2k8j4h6g0f8d6s4a2b0z8": true},
          "optInStatus": null, "favoriteColor": "blue"
        }"""
    )
    request = parse(
        b"""{
          "email": "alex@company.com", "firstName": "Alex", "lastName": "Rivera",
          "subscribed": true, "userGroup": "customers", "userId": "usr_7f8e9d0c1b2a",
          "mailingLists": {"clm2k8j4h6g0f8d6s4a2b0z8": true}, "favoriteColor": "blue"
        }"""
    )
    assert isinstance(request, dict)
    monkeypatch.setattr(contacts, "new_contact_id", lambda: "clh3k9m2p4q6r8s0t2v4x6z8")
    store = make_store(
        mailing_lists=[StoredMailingList("clm2k8j4h6g0f8d6s4a2b0z8", "Product updates")]
    )
    store.create(request)
    assert read_back(store, "alex@company.com") == golden


def test_the_properties_of_the_api_reference_are_listed_as_there() -> None:
    golden = parse(
        b"""[
          {"key": "firstName", "label": "First Name", "type": "string"},
          {"key": "lastName", "label": "Last Name", "type": "string"},
          {"key": "email", "label": "Email", "type": "string"},
          {"key": "notes", "label": "Notes", "type": "string"},
          {"key": "source", "label": "Source", "type": "string"},
          {"key": "userGroup", "label": "User Group", "type": "string"},
          {"key": "userId", "label": "User Id", "type": "string"},
          {"key": "subscribed", "label": "Subscribed", "type": "boolean"},
          {"key": "createdAt", "label": "Created At", "type": "date"},
          {"key": "favoriteColor", "label": "Favorite color", "type": "string"}
        ]"""
    )
    store = make_store(properties=[StoredProperty("favoriteColor", "string")])
    assert [property_json(prop) for prop in store.properties.all()] == golden


def test_the_mailing_lists_of_the_openapi_document_are_listed_as_there() -> None:
    golden = parse(
        b"""[
          {"id": "clm2k8j4h6g0f8d6s4a2b0z8", "name": "Product updates",
           "description": "Monthly product news and release notes", "isPublic": true},
          {"id": "clm2k8j4h6g0f8d6s4a2b0z9", "name": "Product updates", "description": null,
           "isPublic": false}
        ]"""
    )
    lists = [
        StoredMailingList(
            "clm2k8j4h6g0f8d6s4a2b0z8", "Product updates", "Monthly product news and release notes"
        ),
        StoredMailingList("clm2k8j4h6g0f8d6s4a2b0z9", "Product updates", None, is_public=False),
    ]
    served = Sandbox(mailing_lists=lists).mailing_lists
    assert [mailing_list_json(one) for one in served] == golden


# Create.


def test_a_contact_created_with_an_address_alone_has_the_documented_defaults(
    store: ContactStore,
) -> None:
    contact_id = store.create(ADA)
    assert read_back(store) == {
        "id": contact_id,
        "email": "ada@example.com",
        "firstName": None,
        "lastName": None,
        "source": "API",
        "subscribed": True,
        "userGroup": "",
        "userId": None,
        "mailingLists": {},
        "optInStatus": None,
    }


@pytest.mark.parametrize("email", [None, "", ...])
def test_create_needs_an_address(store: ContactStore, email: object) -> None:
    body = {"userId": "u1"} | ({} if email is ... else {"email": email})
    assert refusal(store.create, body) == (400, "Email is required.")


@pytest.mark.parametrize(
    "body",
    [
        {"email": "ada@example.com"},
        {"email": "ADA@Example.com"},
        {"email": "b@example.com", "userId": "u1"},
    ],
)
def test_create_conflicts_when_either_identifier_is_taken(
    store: ContactStore, body: dict[str, object]
) -> None:
    store.create({**ADA, "userId": "u1"})
    assert refusal(store.create, body) == (409, "Email or userId is already on list.")
    assert len(store.contacts) == 1


def test_official_sdks_unused_fields_are_taken_as_not_given(store: ContactStore) -> None:
    store.create({**ADA, "userId": None, "mailingLists": []})
    store.create({"email": "b@example.com", "userId": "", "mailingLists": {}})
    store.update({"email": "c@example.com", "userId": None, "mailingLists": None})
    assert [contact.user_id for contact in store.contacts.values()] == [None] * 3
    assert store.find({"email": "ada@example.com", "userId": None})[0].mailing_lists == {}


# Update.


def test_update_creates_the_contact_that_is_not_there(store: ContactStore) -> None:
    contact_id = store.update({**ADA, "userId": "u1", "firstName": "Ada"})
    assert store.contacts["ada@example.com"] == StoredContact(
        id=contact_id, email="ada@example.com", user_id="u1", first_name="Ada"
    )


def test_update_leaves_what_is_not_sent_as_it_is(store: ContactStore) -> None:
    store.create({**ADA, "firstName": "Ada", "userGroup": "vip", "plan": "pro"})
    before = read_back(store)
    store.update({**ADA, "lastName": "Lovelace"})
    assert read_back(store) == {**before, "lastName": "Lovelace"}


def test_update_finds_by_either_identifier_and_sets_the_other(store: ContactStore) -> None:
    contact_id = store.create(ADA)
    assert store.update({**ADA, "userId": "u1"}) == contact_id
    assert store.update({"email": "countess@example.com", "userId": "u1"}) == contact_id
    assert store.update({"userId": "u1", "firstName": "Ada"}) == contact_id
    assert store.update({"email": "countess@example.com", "userId": "u2"}) == contact_id
    assert store.find({"email": "ada@example.com"}) == []
    assert store.find({"userId": "u1"}) == []
    assert store.contacts.by_user_id("u2").email == "countess@example.com"
    assert list(store.contacts) == ["countess@example.com"]


def test_an_address_and_a_user_id_set_free_can_be_taken_again(store: ContactStore) -> None:
    first = store.create({**ADA, "userId": "u1"})
    store.update({"email": "countess@example.com", "userId": "u1"})
    store.update({"email": "countess@example.com", "userId": "u2"})
    assert store.create({**ADA, "userId": "u1"}) != first


def test_an_unknown_user_id_alone_is_refused(store: ContactStore) -> None:
    assert refusal(store.update, {"email": None, "userId": "u1", "plan": "pro"}) == (
        400,
        "userId not found and cannot create a new contact without an email.",
    )
    assert store.properties.custom() == []


def test_update_needs_an_identifier(store: ContactStore) -> None:
    for body in ({}, {"email": None, "userId": None}, {"email": "", "firstName": "Ada"}):
        assert refusal(store.update, body) == (400, "You must provide an email or userId.")


def test_identifiers_of_two_contacts_are_refused_and_change_neither(store: ContactStore) -> None:
    store.create({**ADA, "userId": "u1"})
    store.create({"email": "bob@example.com", "userId": "u2"})
    before = dict(store.contacts)
    assert refusal(store.update, {**ADA, "userId": "u2", "firstName": "X"}) == (
        400,
        "email and userId belong to two different contacts.",
    )
    assert dict(store.contacts) == before


def test_null_resets_each_property_to_its_unset_form(store: ContactStore) -> None:
    fresh = {**read_back_of_new(store), "email": "ada@example.com"}
    texts = {"firstName": "A", "lastName": "L", "userGroup": "g", "source": "form", "plan": "pro"}
    contact_id = store.create({**ADA, **texts})
    store.update({**ADA, **dict.fromkeys(texts)})
    assert read_back(store) == {**fresh, "id": contact_id}


def read_back_of_new(store: ContactStore) -> dict[str, object]:
    store.create({"email": "new@example.com"})
    return read_back(store, "new@example.com")


def test_subscribed_changes_only_when_it_is_sent(store: ContactStore) -> None:
    store.create({**ADA, "subscribed": False})
    store.update({**ADA, "firstName": "Ada"})
    store.update({**ADA, "subscribed": None})
    assert not store.contacts["ada@example.com"].subscribed
    store.update({**ADA, "subscribed": True})
    assert store.contacts["ada@example.com"].subscribed


def test_what_was_looked_at_does_not_change_afterwards(store: ContactStore) -> None:
    store.create({**ADA, "plan": "pro"})
    seen = store.contacts["ada@example.com"]
    store.update({**ADA, "plan": "free"})
    assert (seen.properties["plan"], store.contacts["ada@example.com"].properties["plan"]) == (
        "pro",
        "free",
    )


# Mailing lists.


def test_only_the_lists_a_contact_is_on_are_read_back(store: ContactStore) -> None:
    store.create({**ADA, "mailingLists": {NEWS: True, BETA: False}})
    assert read_back(store)["mailingLists"] == {NEWS: True}
    store.update({**ADA, "mailingLists": {BETA: True}})
    assert read_back(store)["mailingLists"] == {NEWS: True, BETA: True}
    store.update({**ADA, "mailingLists": {NEWS: False}})
    assert read_back(store)["mailingLists"] == {BETA: True}


@pytest.mark.parametrize("wish", [True, False])
def test_an_unknown_mailing_list_is_refused(store: ContactStore, wish: bool) -> None:
    status, message = refusal(store.create, {**ADA, "mailingLists": {"nope": wish}})
    assert status == 400
    assert "unknown mailing list" in message
    assert len(store.contacts) == 0


@pytest.mark.parametrize("value", ["x", 1, True, [NEWS], {NEWS: "true"}, {NEWS: None}, {NEWS: 1}])
def test_mailing_lists_must_be_ids_with_booleans(store: ContactStore, value: object) -> None:
    status, message = refusal(store.create, {**ADA, "mailingLists": value})
    assert (status, message) == (
        400,
        "mailingLists must be an object of list IDs and booleans.",
    )


def test_who_left_the_audience_is_on_no_list_and_cannot_be_put_on_one(store: ContactStore) -> None:
    store.create({**ADA, "mailingLists": {NEWS: True}})
    store.update({**ADA, "subscribed": False})
    assert read_back(store)["mailingLists"] == {}
    assert refusal(store.update, {**ADA, "mailingLists": {NEWS: True}}) == (
        400,
        "An unsubscribed contact cannot be added to a mailing list.",
    )
    store.update({**ADA, "mailingLists": {NEWS: False}})
    store.update({**ADA, "subscribed": True, "mailingLists": {NEWS: True}})
    assert read_back(store)["mailingLists"] == {NEWS: True}


# Properties.


@pytest.mark.parametrize(
    ("value", "guessed"),
    [
        ("pro", "string"),
        ("2024-01-17", "string"),
        ("5", "string"),
        (5, "number"),
        (0.5, "number"),
        (True, "boolean"),
    ],
)
def test_an_unknown_property_is_made_with_a_type_guessed_from_its_json_value(
    store: ContactStore, value: object, guessed: PropertyKind
) -> None:
    store.create({**ADA, "favoriteThing": value})
    assert store.properties.custom() == [StoredProperty("favoriteThing", guessed, "Favorite thing")]
    assert read_back(store)["favoriteThing"] == value


def test_an_unknown_property_sent_as_null_is_not_made(store: ContactStore) -> None:
    store.create({**ADA, "plan": None})
    assert store.properties.custom() == []
    assert "plan" not in read_back(store)


def test_once_text_always_text(store: ContactStore) -> None:
    store.create({**ADA, "seats": "5"})
    assert refusal(store.update, {**ADA, "seats": 5}) == (400, "seats must be a string.")
    assert read_back(store)["seats"] == "5"


def test_strict_properties_refuses_what_nobody_defined() -> None:
    store = make_store(properties=[StoredProperty("plan")], strict_properties=True)
    store.create({**ADA, "plan": "pro"})
    for value in ("blue", None):
        assert refusal(store.update, {**ADA, "favoriteColor": value}) == (
            400,
            'Unknown contact property "favoriteColor".',
        )


def test_a_refused_body_leaves_nothing_behind(store: ContactStore) -> None:
    store.create(ADA)
    assert refusal(store.update, {**ADA, "plan": "pro", "zzz": []})[0] == 400
    assert refusal(store.create, {**ADA, "plan": "pro"})[0] == 409
    assert store.properties.custom() == []
    assert "plan" not in read_back(store)


@pytest.mark.parametrize(
    ("kind", "fits", "others"),
    [
        ("string", ["", "x"], [1, 1.5, True, [], {}]),
        ("number", [0, -1.5, 2**60], ["1", True, [], {}]),
        ("boolean", [True, False], [0, 1, "true", [], {}]),
        ("date", [], [True, "soon", [], {}]),
    ],
)
def test_a_value_must_fit_the_type_of_its_property(
    kind: PropertyKind, fits: list[object], others: list[object]
) -> None:
    store = make_store(properties=[StoredProperty("thing", kind)])
    for value in fits:
        store.update({**ADA, "thing": value})
        assert read_back(store)["thing"] is value
    for value in others:
        status, message = refusal(store.update, {**ADA, "thing": value})
        assert status == 400
        assert message.startswith("thing must be a ")


@pytest.mark.parametrize("number", [2**60, 2**60 + 1, -(10**400), 0.1, 1e300, 1.0])
def test_numbers_survive_the_whole_way_exactly(store: ContactStore, number: float) -> None:
    body = parse(b'{"email":"ada@example.com","n":' + repr(number).encode() + b"}")
    assert isinstance(body, dict)
    store.create(body)
    assert repr(number).encode() in render(read_back(store))


@pytest.mark.parametrize("name", ["id", "listId", "softDeleteAt", "teamId", "updatedAt"])
def test_reserved_names_are_refused(store: ContactStore, name: str) -> None:
    assert refusal(store.create, {**ADA, name: "x"}) == (400, f"{name} is a reserved name.")
    body = {"name": name, "type": "string"}
    assert refusal(store.properties.create, body) == (400, f"{name} is a reserved name.")


def test_a_found_contact_sent_back_is_refused(store: ContactStore) -> None:
    store.create(ADA)
    found = read_back(store)
    assert refusal(store.update, found)[0] == 400
    del found["id"]
    assert refusal(store.update, found) == (400, "optInStatus is a reserved name.")


@pytest.mark.parametrize("field", ["firstName", "lastName", "userGroup", "source", "userId"])
@pytest.mark.parametrize("value", [1, True, ["x"], {"a": 1}])
def test_a_text_field_of_another_type_is_refused_by_name(
    store: ContactStore, field: str, value: object
) -> None:
    assert refusal(store.update, {**ADA, field: value}) == (400, f"{field} must be a string.")


@pytest.mark.parametrize("value", ["true", 1, [], {}])
def test_subscribed_must_be_a_boolean(store: ContactStore, value: object) -> None:
    assert refusal(store.update, {**ADA, "subscribed": value}) == (
        400,
        "subscribed must be a boolean.",
    )


@pytest.mark.parametrize("key", ["plan", "firstName", "email"])
def test_500_characters_are_taken_and_501_are_not(store: ContactStore, key: str) -> None:
    message = "Some body key or value is longer than allowable"
    assert refusal(store.create, {**ADA, key: "x" * 501}) == (400, message)
    assert refusal(store.create, {**ADA, "k" * 501: 1}) == (400, message)
    assert refusal(store.create, {**ADA, "n": 10**500}) == (400, message)
    store.create({**ADA, "plan": "x" * 500, "k" * 500: 10**499})


def test_created_at_is_a_date_property_that_is_read_back_when_it_was_sent(
    store: ContactStore,
) -> None:
    store.create({**ADA, "createdAt": 1705486871000})
    assert read_back(store)["createdAt"] == "2024-01-17T10:21:11.000Z"
    assert store.properties.custom() == []


def test_the_name_of_a_new_property_may_have_500_characters_too(store: ContactStore) -> None:
    store.properties.create({"name": "n" * 500, "type": "string"})
    assert refusal(store.properties.create, {"name": "n" * 501, "type": "string"}) == (
        400,
        "Some body key or value is longer than allowable",
    )


# Dates.


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (1705486871000, "2024-01-17T10:21:11.000Z"),
        (1705486871000.0, "2024-01-17T10:21:11.000Z"),
        (1704711066, "1970-01-20T17:31:51.066Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        ("2024-01-17", "2024-01-17T00:00:00.000Z"),
        ("2024-01-17T10:21", "2024-01-17T10:21:00.000Z"),
        ("2024-01-17 10:21:11", "2024-01-17T10:21:11.000Z"),
        ("2024-01-17T10:21:11.123", "2024-01-17T10:21:11.123Z"),
        ("2024-01-17T10:21:11Z", "2024-01-17T10:21:11.000Z"),
        ("2024-01-17T10:21:11+02:00", "2024-01-17T08:21:11.000Z"),
        ("2024-01-17T10:21-0530", "2024-01-17T15:51:00.000Z"),
        ("0800-01-01", "0800-01-01T00:00:00.000Z"),
    ],
)
def test_documented_dates_are_read_back_in_utc_with_milliseconds(sent: object, read: str) -> None:
    assert date_text("d", sent) == read


def test_a_date_sent_as_python_writes_it_keeps_its_moment() -> None:
    moment = datetime(2024, 1, 17, 10, 21, 11, 5000, tzinfo=UTC)
    assert date_text("d", moment.isoformat(timespec="milliseconds")) == "2024-01-17T10:21:11.005Z"


@pytest.mark.parametrize(
    "sent",
    [
        "1705486871000",
        "",
        "17/01/2024",
        "2024-1-7",
        "2024-02-30",
        "2024-01-17T",
        "2024-01-17Z",
        "2024-01-17T10",
        "2024-01-17T24:00",
        "2024-01-17T10:61",
        "2024-01-17T10:21:11.123456",
        "2024-01-17T10:21:11+99:00",
        "2024-01-17T10:21:11+02:75",
        "2024-01-17T10:21:11 UTC",
        "2024-01-17\n",
        "\u0662\u0660\u0662\u0664-01-17",
        "0001-01-01T00:00+01:00",
        10**15,
        10**400,
        1e300,
    ],
)
def test_other_dates_are_refused(sent: object) -> None:
    status, message = refusal(date_text, "trialEnds", sent)
    assert status == 400
    assert message.startswith("trialEnds must be a date")


# Addresses.


@pytest.mark.parametrize(
    "address",
    [
        "a@b.co",
        "ada.l+tag@mail.example.com",
        "o'neil@x-y.museum",
        "A_1@EXAMPLE.COM",
        "a@b.xn--p1ai",
    ],
)
def test_ordinary_addresses_are_taken(address: str) -> None:
    assert email_address(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "ada", "ada@", "@example.com", "ada@example", "ada@example.c", "ada @example.com",
        " ada@example.com", "ada@example.com ", "ada@example.com\n", "ada@exam ple.com",
        "ad\u00e4@example.com", "ada@ex\u00e4mple.com", "ada@@example.com", "a@b@example.com",
        "ada@-example.com", "ada@example..com", ".ada@example.com", "a..b@example.com",
        "ada@example.com,bob@example.com", "ada@" + "x." * 300 + "com", 5, True, ["a@b.co"],
    ],
)  # fmt: skip
def test_other_addresses_are_refused(address: object) -> None:
    assert refusal(email_address, address) == (400, "Invalid email address.")


def test_an_address_is_found_in_any_case_and_kept_as_first_given(store: ContactStore) -> None:
    contact_id = store.create({"email": "Ada@Example.com"})
    assert store.update({"email": "ADA@EXAMPLE.COM", "firstName": "Ada"}) == contact_id
    assert read_back(store)["email"] == "Ada@Example.com"
    assert store.contacts["ada@EXAMPLE.com"].first_name == "Ada"


# Find and delete.


@pytest.mark.parametrize("action", ["find", "delete"])
def test_find_and_delete_take_exactly_one_identifier(store: ContactStore, action: str) -> None:
    store.create({**ADA, "userId": "u1"})
    act = getattr(store, action)
    assert refusal(act, {**ADA, "userId": "u1"}) == (
        400,
        "Only one of email and userId is permitted.",
    )
    for nothing in ({}, {"email": None, "userId": None}, {"email": ""}):
        assert refusal(act, nothing) == (400, "You must provide an email or userId.")
    assert refusal(act, {"email": "ada"}) == (400, "Invalid email address.")
    assert len(store.contacts) == 1


def test_find_returns_one_or_none(store: ContactStore) -> None:
    contact_id = store.create({**ADA, "userId": "u1"})
    assert [found.id for found in store.find({"userId": "u1"})] == [contact_id]
    assert store.find({"userId": "U1"}) == []
    assert store.find({"email": "bob@example.com"}) == []


@pytest.mark.parametrize("by", [ADA, {"userId": "u1", "email": None}])
def test_delete_removes_the_contact_and_frees_both_identifiers(
    store: ContactStore, by: dict[str, object]
) -> None:
    store.create({**ADA, "userId": "u1"})
    store.delete(by)
    assert dict(store.contacts) == {}
    assert refusal(store.delete, by) == (404, "Contact not found.")
    store.create({**ADA, "userId": "u1"})


# Making properties.


def test_a_created_property_is_custom_and_has_a_label_from_its_name(store: ContactStore) -> None:
    store.properties.create({"name": "favoriteColor", "type": "string"})
    assert store.properties.custom() == [
        StoredProperty("favoriteColor", "string", "Favorite color")
    ]


@pytest.mark.parametrize("name", ["plan", "firstName", "email", "createdAt"])
def test_a_property_that_is_there_cannot_be_made_again(name: str) -> None:
    store = make_store(properties=[StoredProperty("plan")])
    assert refusal(store.properties.create, {"name": name, "type": "string"}) == (
        400,
        "Property already exists.",
    )


@pytest.mark.parametrize("name", [None, "", 5, "Plan", "plan name", "plan_name", "1st", "plän"])
def test_the_name_of_a_property_must_be_in_camel_case(store: ContactStore, name: object) -> None:
    status, message = refusal(store.properties.create, {"name": name, "type": "string"})
    assert status == 400
    assert "camelCase" in message


@pytest.mark.parametrize("kind", [None, "text", "String", 1, [], {}])
def test_the_type_of_a_property_must_be_one_of_four(store: ContactStore, kind: object) -> None:
    assert refusal(store.properties.create, {"name": "plan", "type": kind}) == (
        400,
        "Property type must be one of string, number, boolean or date.",
    )


@pytest.mark.parametrize("key", ["firstName", "id", "mailingLists"])
def test_a_sandbox_cannot_be_given_a_custom_property_whose_name_is_taken(key: str) -> None:
    with pytest.raises(ValueError, match="the name is taken"):
        make_store(properties=[StoredProperty(key)])


@pytest.mark.parametrize(
    ("key", "label"),
    [
        ("plan", "Plan"),
        ("favoriteColor", "Favorite color"),
        ("plan_name", "Plan name"),
        ("address2Line", "Address2 line"),
    ],
)
def test_labels_are_made_from_keys(key: str, label: str) -> None:
    assert label_for(key) == label


# JSON, ids, reprs.


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff{}", b"\xef\xbb\xbf{}", b'{"a":NaN}', b'{"a":-Infinity}', b'{"a":1e999}',
     b"[" * 100_000, b'{"a":' + b"1" * 5000 + b"}", "{}".encode("utf-16")],
    ids=range(10),
)  # fmt: skip
def test_what_is_not_json_in_utf_8_is_refused(body: bytes) -> None:
    assert refusal(parse, body) == (400, "Request body is not valid JSON.")


def test_json_is_written_in_utf_8_and_half_a_surrogate_pair_escaped() -> None:
    assert render({"a": "ä", "b": None}) == '{"a":"ä","b":null}'.encode()
    assert render({"a": "ä\ud800"}) == b'{"a":"\\u00e4\\ud800"}'


def test_contact_ids_look_like_those_of_loops_and_differ() -> None:
    ids = {new_contact_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(re.fullmatch(r"cl[a-z0-9]{23}", contact_id) for contact_id in ids)


def test_reprs_name_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = count()
    monkeypatch.setattr(contacts, "new_contact_id", lambda: f"cl{next(numbers)}")
    store = make_store()
    store.create({**ADA, "firstName": "Lovelace", "userId": "u-17", "plan": "secret"})
    shown = repr(store.contacts) + repr(store.contacts["ada@example.com"])
    assert "cl0" in shown
    assert not re.search("ada|Lovelace|u-17|secret", shown)


def test_a_missing_contact_is_a_key_error(store: ContactStore) -> None:
    with pytest.raises(KeyError):
        store.contacts["nobody@example.com"]
    with pytest.raises(KeyError):
        store.contacts.by_user_id("u1")
    assert "nobody@example.com" not in store.contacts
