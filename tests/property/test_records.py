"""Left out, a value, and None: three different things, over every combination there is."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given

from loops_async import UNSET, ContactCreate, ContactUpdate
from loops_async.api.contacts import Contacts
from loops_async.api.resource import Caller
from loops_async.codec import encode
from loops_async.errors import InvalidInput
from loops_async.pipeline.messages import Answer, Request
from loops_async.records._request_record import build_record
from loops_async.records._types import PropertyValue
from tests.strategies import PROPERTY_NAMES, PROPERTY_VALUES
from tests.virtual_time import run_virtual

# Our name of each field, its name at Loops, and a value of it; written out by hand on purpose.
OPTIONAL: list[tuple[str, str, object]] = [
    ("first_name", "firstName", "Ada"),
    ("last_name", "lastName", "Lovelace"),
    ("source", "source", "import"),
    ("subscribed", "subscribed", False),
    ("user_group", "userGroup", "pilots"),
    ("user_id", "userId", "u-1"),
    ("mailing_lists", "mailingLists", {"l1": True, "l2": False}),
]
EMAIL = ("email", "email", "ada@example.com")

Case = tuple[dict[str, Any], dict[str, Any]]


def combinations(
    fields: list[tuple[str, str, object]], *, unset: bool
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Every combination of the three states: the arguments, and the JSON they stand for.

    With ``unset``, a field is left out by passing UNSET instead of passing nothing.
    """
    for states in itertools.product(("out", "none", "value"), repeat=len(fields)):
        arguments: dict[str, Any] = {}
        expected: dict[str, Any] = {}
        for (name, key, value), state in zip(fields, states, strict=True):
            if state != "out":
                arguments[name] = expected[key] = None if state == "none" else value
            elif unset:
                arguments[name] = UNSET
        yield arguments, expected


def creates(*, unset: bool) -> Iterator[Case]:
    for arguments, expected in combinations(OPTIONAL, unset=unset):
        yield {**arguments, "email": EMAIL[2]}, {**expected, "email": EMAIL[2]}


def updates(*, unset: bool) -> Iterator[Case]:
    return combinations([*OPTIONAL, EMAIL], unset=unset)


def is_identified(json_sent: dict[str, Any]) -> bool:
    return json_sent.get("email") is not None or json_sent.get("userId") is not None


def exact(fields: dict[str, Any]) -> str:
    """JSON in one spelling: unlike ``==`` on values, it tells True from 1."""
    return json.dumps(fields, sort_keys=True)


def sent(body: bytes | None) -> str:
    assert body is not None
    return exact(json.loads(body))


class Sends:
    """The retry layer's place: keeps the body and says that all went well."""

    def __init__(self) -> None:
        self.body: bytes | None = None

    async def __call__(self, request: Request[Any], /) -> Answer[Any]:
        self.body = request.body
        return Answer("c1", 1)


@pytest.mark.parametrize("unset", [False, True])
def test_every_combination_of_a_create_sends_what_was_given_and_nothing_else(unset: bool) -> None:
    cases = list(creates(unset=unset))
    assert len(cases) == 3**7
    for arguments, expected in cases:
        assert sent(encode(ContactCreate(**arguments))) == exact(expected)


@pytest.mark.parametrize("unset", [False, True])
def test_every_combination_of_an_update_sends_what_was_given_and_nothing_else(unset: bool) -> None:
    refused = 0
    for arguments, expected in updates(unset=unset):
        if is_identified(expected):
            assert sent(encode(ContactUpdate(**arguments))) == exact(expected)
        else:
            refused += 1
            with pytest.raises(InvalidInput, match="give email or user_id"):
                ContactUpdate(**arguments)
    assert refused == 2 * 2 * 3**6


def test_every_combination_of_keyword_arguments_sends_the_same() -> None:
    async def main() -> None:
        sends = Sends()
        contacts = Contacts(Caller(sends, None, set()))
        for arguments, expected in creates(unset=False):
            await contacts.create(**arguments)
            assert sent(sends.body) == exact(expected)
        for arguments, expected in updates(unset=False):
            if is_identified(expected):
                await contacts.update(**arguments)
                assert sent(sends.body) == exact(expected)

    run_virtual(main())


@given(name=PROPERTY_NAMES, value=PROPERTY_VALUES)
def test_a_record_its_keyword_form_and_its_parts_agree_on_a_custom_property(
    name: str, value: PropertyValue
) -> None:
    record = ContactUpdate(email="ada@example.com", properties={name: value})
    again = build_record(ContactUpdate, {"email": "ada@example.com", "properties": {name: value}})
    assert record == again
    assert list(json.loads(encode(record))) == ["email", name]


@given(value=PROPERTY_VALUES)
def test_no_value_of_a_property_shows_in_a_repr(value: PropertyValue) -> None:
    record = ContactCreate(email="ada@example.com", properties={"plan": value})
    assert repr(record) == "ContactCreate(email=…, properties={plan})"
