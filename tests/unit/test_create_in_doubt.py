from datetime import UTC, date, datetime
from typing import Any

import attrs
import pytest

from loops_async import UNSET, Contact, ContactCreate, ContactUpdate, Unset
from loops_async.api.create_in_doubt import differences

ADA = "ada@example.com"


def create(**fields: Any) -> ContactCreate:
    return ContactCreate(**{"email": ADA, **fields})


def held(properties: Any = None, **fields: Any) -> Contact:
    """A contact as Loops holds it right after a create that gave nothing but the address."""
    return Contact(**{
        "id": "c1", "email": ADA, "source": "API", "subscribed": True, "user_group": "",
        "properties": properties or {}, **fields,
    })  # fmt: skip


def test_what_was_left_out_is_not_compared() -> None:
    full = held({"plan": "pro"}, first_name="Ada", user_id="u", mailing_lists={"l": True})
    assert differences(create(), full) == []


@pytest.mark.parametrize(("field", "name"), [
    ("first_name", "firstName"), ("last_name", "lastName"), ("source", "source"),
    ("user_group", "userGroup"), ("user_id", "userId"),
])  # fmt: skip
def test_a_field_is_borne_out_by_the_same_value_alone(field: str, name: str) -> None:
    assert differences(create(**{field: "x"}), held(**{field: "x"})) == []
    for other in ("X", "y", "", None):
        assert differences(create(**{field: "x"}), held(**{field: other})) == [name]


@pytest.mark.parametrize("field", ["first_name", "last_name", "user_group"])
@pytest.mark.parametrize("sent", [None, ""])
def test_what_was_emptied_may_be_null_or_empty_text(field: str, sent: str | None) -> None:
    for empty in (None, ""):
        assert differences(create(**{field: sent}), held(**{field: empty})) == []
    assert differences(create(**{field: sent}), held(**{field: "x"})) != []


def test_an_emptied_property_may_be_gone() -> None:
    assert differences(create(properties={"plan": None}), held()) == []
    assert differences(create(properties={"plan": None}), held({"plan": "pro"})) == ["plan"]


def test_null_gives_source_and_subscription_back_to_loops() -> None:
    assert differences(create(source=None, subscribed=None, user_id=None), held()) == []


def test_an_address_may_come_back_in_another_letter_case() -> None:
    assert differences(create(email="Ada@Example.com"), held()) == []
    assert differences(create(email="bob@example.com"), held()) == ["email"]
    by_id = ContactUpdate(user_id="u", email=None)
    assert differences(by_id, held(user_id="u")) == []


def test_a_subscription_is_compared_as_a_boolean() -> None:
    assert differences(create(subscribed=True), held(subscribed=True)) == []
    assert differences(create(subscribed=False), held(subscribed=True)) == ["subscribed"]
    assert differences(create(subscribed=True), held(subscribed=None)) == ["subscribed"]


def test_lists_hold_the_true_ones_alone() -> None:
    sent = create(mailing_lists={"on": True, "off": False})
    assert differences(sent, held(mailing_lists={"on": True, "more": True})) == []
    assert differences(sent, held(mailing_lists={"on": True, "off": True})) == ["mailingLists"]
    assert differences(sent, held()) == ["mailingLists"]
    assert differences(create(mailing_lists=None), held(mailing_lists={"l": True})) == []


@pytest.mark.parametrize(("sent", "back"), [
    ("pro", "pro"),
    (3, 3),
    (3, 3.0),
    (0.1, 0.1),
    (2**70, 2**70),
    (True, True),
    (date(2024, 1, 17), "2024-01-17T00:00:00.000Z"),
    (date(2024, 1, 17), "2024-01-17"),
    (datetime(2024, 1, 17, 10, 21, 11, tzinfo=UTC), "2024-01-17T10:21:11.000Z"),
    (datetime(2024, 1, 17, 10, 21, 11, 999_999, tzinfo=UTC), "2024-01-17T10:21:11.999Z"),
    ("2024-01-17 10:21", "2024-01-17T10:21:00.000Z"),
    ("2024-01-17T12:21+02:00", "2024-01-17T10:21:00.000Z"),
    (1_705_486_871_000, "2024-01-17T10:21:11.000Z"),
    ("2024-01-17T10:21:11.000Z", 1_705_486_871_000),
])  # fmt: skip
def test_a_property_may_come_back_in_another_form(sent: Any, back: Any) -> None:
    assert differences(create(properties={"x": sent}), held({"x": back})) == []


@pytest.mark.parametrize(("sent", "back"), [
    ("pro", "free"),
    ("pro", None),
    (3, 4),
    (3, None),
    (0, None),
    (0, ""),
    (0.1, 0.1004),
    (10.0001, 10.0002),
    (3, "3 seats"),
    (True, 1),
    (True, "true"),
    (1, True),
    (0, False),
    (False, None),
    (date(2024, 1, 17), "2024-01-18T00:00:00.000Z"),
    (datetime(2024, 1, 17, tzinfo=UTC), "2024-01-17T00:00:00.001Z"),
    (2**70, "2024-01-17"),
    (-(2**70), "x"),
    ("x", ["x"]),
    ("x", {"x": 1}),
])  # fmt: skip
def test_another_value_of_a_property_is_a_difference(sent: Any, back: Any) -> None:
    assert differences(create(properties={"x": sent}), held({"x": back})) == ["x"]


def test_a_typed_property_is_compared_too_and_every_difference_is_named() -> None:
    @attrs.frozen
    class AppContact(ContactCreate):
        trial_ends: date | Unset = UNSET

    sent = AppContact(email=ADA, first_name="Ada", trial_ends=date(2024, 1, 17))
    assert differences(sent, held({"trialEnds": "2024-01-17"}, first_name="Ada")) == []
    assert differences(sent, held()) == ["firstName", "trialEnds"]
