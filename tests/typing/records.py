"""What a type checker knows of the records. Checked by mypy and pyright, never run."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal, assert_type

import attrs

from loops_async import (
    UNSET,
    Contact,
    ContactCreate,
    ContactProperty,
    ContactReceipt,
    ContactUpdate,
    Event,
    JsonValue,
    LoopsError,
    OptInStatus,
    PropertyType,
    PropertyValue,
    TransactionalEmail,
    Unset,
)
from loops_async.errors import APIError, ContactAlreadyExists, InvalidInput, RateLimited


def a_field_has_three_states(contact: ContactUpdate) -> None:
    assert_type(contact.email, str | Unset | None)
    assert_type(contact.first_name, str | Unset | None)
    assert_type(contact.subscribed, bool | Unset | None)
    assert_type(contact.mailing_lists, Mapping[str, bool] | Unset | None)
    assert_type(contact.properties, Mapping[str, PropertyValue])
    ContactUpdate(email="a@example.com", first_name="Ada", last_name=None, source=UNSET)
    ContactUpdate(user_id="u-1", mailing_lists={"list": True}, subscribed=None)


def unset_is_told_from_the_others_by_identity(contact: ContactUpdate) -> None:
    name = contact.first_name
    if name is UNSET:
        assert_type(name, Literal[Unset.UNSET])
    elif name is None:
        assert_type(name, None)
    else:
        assert_type(name, str)
    if name is not UNSET and name is not None:
        assert_type(name.upper(), str)
    name.upper()  # type: ignore[union-attr] # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue, reportUnknownMemberType]


def a_create_needs_an_email() -> None:
    assert_type(ContactCreate(email="a@example.com").email, str)
    ContactCreate()  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
    ContactCreate(email=None)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    ContactCreate(email=UNSET)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def a_misspelt_field_or_a_wrong_type_is_an_error() -> None:
    email = "a@example.com"
    ContactUpdate(emial=email)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
    ContactUpdate(email)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
    ContactUpdate(email=email, subscribed="yes")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    ContactUpdate(email=email, user_id=7)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def properties_hold_what_loops_takes() -> None:
    ContactUpdate(
        email="a@example.com",
        properties={"a": "text", "b": 1, "c": 1.5, "d": True, "e": datetime.now(UTC), "f": None},
    )
    ContactUpdate(email="a@example.com", properties={"plan": "pro"})


def records_are_frozen(contact: ContactUpdate, found: Contact) -> None:
    contact.email = "b@example.com"  # type: ignore[misc] # pyright: ignore[reportAttributeAccessIssue]
    found.first_name = "Eve"  # type: ignore[misc] # pyright: ignore[reportAttributeAccessIssue]


def what_loops_holds_has_no_third_state(found: Contact) -> None:
    assert_type(found.id, str)
    assert_type(found.email, str)
    assert_type(found.first_name, str | None)
    assert_type(found.mailing_lists, Mapping[str, bool])
    assert_type(found.opt_in_status, OptInStatus | None)
    assert_type(found.properties["plan"], JsonValue)


@attrs.frozen
class AppContact(ContactUpdate):
    """As in design.md: typed custom properties, declared without any ceremony."""

    plan: str | None | Unset = UNSET
    trial_ends: datetime | Unset = UNSET


@attrs.frozen
class AppFound(Contact):
    """The same for what is read."""

    plan: str | None = None


def a_subclass_has_its_properties_and_those_it_inherits(contact: AppContact) -> None:
    assert_type(contact.plan, str | Unset | None)
    assert_type(contact.trial_ends, datetime | Unset)
    assert_type(contact.email, str | Unset | None)
    AppContact(email="a@example.com", plan="pro", trial_ends=datetime.now(UTC))
    AppContact(user_id="u-1", plan=None)
    AppContact(email="a@example.com", plan=7)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    AppContact(email="a@example.com", trial_end=None)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]


def enumerations_are_text(kind: PropertyType, receipt: ContactReceipt) -> None:
    text: str = kind
    assert_type(receipt.attempts, int)
    assert_type(ContactProperty("plan", "Plan", PropertyType.STRING).type, PropertyType)
    del text


def errors_say_what_they_carry(error: LoopsError) -> None:
    assert_type(error.status, int | None)
    assert_type(error.attempts, int)
    if isinstance(error, RateLimited):
        assert_type(error.retry_after, float | None)
    if isinstance(error, APIError):
        assert_type(error.message, str)
    value_error: ValueError = InvalidInput("")
    parent: APIError = ContactAlreadyExists("")
    del value_error, parent


def what_is_copied_has_its_type_as_well() -> None:
    ContactUpdate(email="a@example.com", properties={"plan": "pro"}, mailing_lists={"list": True})
    ContactUpdate(email="a@example.com", properties=7)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    ContactUpdate(email="a@example.com", mailing_lists=["list"])  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    Event(event_name="signup", email="a@example.com", properties=None)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    TransactionalEmail(transactional_id="t", email="a@example.com", data_variables=None)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
