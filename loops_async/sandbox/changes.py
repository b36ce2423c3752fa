"""Reading the body of a contact create or update into the change it asks for.

Nothing is changed here: a body that is refused for its last field must not have left its first.
"""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

import attrs

from loops_async.sandbox.catalogue import Catalogue, is_reserved
from loops_async.sandbox.errors import Refusal
from loops_async.sandbox.payload import is_object
from loops_async.sandbox.records import Contact, Property, Value
from loops_async.sandbox.values import (
    check_lengths,
    email_address,
    guess_type,
    property_value,
    text,
)

# What null resets each default text to; on the wire and in `Contact`.
_TEXTS: Mapping[str, tuple[str, str | None]] = MappingProxyType(
    {
        "firstName": ("first_name", None),
        "lastName": ("last_name", None),
        "userGroup": ("user_group", ""),
        "source": ("source", "API"),
    }
)
_NOT_PROPERTIES = frozenset({"email", "userId", "subscribed", "mailingLists", *_TEXTS})


@attrs.frozen(repr=False)
class Change:
    """What a body asks for, checked.

    Attributes:
        email: The address, None when not given.
        user_id: The user id, None when not given.
        texts: `Contact` field to its new text, or to what null resets it to.
        subscribed: None when not given.
        mailing_lists: List id to whether the contact shall be on it.
        properties: Key to new value, None to empty it.
        unknown: Properties to be made first, with guessed types.
    """

    email: str | None
    user_id: str | None
    texts: Mapping[str, Any]
    subscribed: bool | None
    mailing_lists: Mapping[str, bool]
    properties: Mapping[str, Value | None]
    unknown: tuple[Property, ...]


def read_identifiers(body: Mapping[str, object]) -> tuple[str | None, str | None]:
    """Return the address and the user id of a body or a query.

    Null, absent and empty are all "not given": official SDKs send the unused one as null, and
    clients in languages without optional fields send it empty.
    """
    email, user_id = body.get("email"), body.get("userId")
    return (
        None if email is None or email == "" else email_address(email),
        None if user_id is None or user_id == "" else text("userId", user_id),
    )


def read_change(
    body: Mapping[str, object],
    *,
    catalogue: Catalogue,
    list_ids: Collection[str],
    strict_properties: bool,
) -> Change:
    """Read and check a body.

    Raises:
        Refusal: 400, naming the first field that breaks a rule.
    """
    check_lengths(body)
    for key in body:
        if key != "mailingLists" and is_reserved(key):
            raise Refusal(400, f"{key} is a reserved name.")
    email, user_id = read_identifiers(body)
    subscribed = body.get("subscribed")
    if subscribed is not None and not isinstance(subscribed, bool):
        raise Refusal(400, "subscribed must be a boolean.")
    properties, unknown = _read_properties(body, catalogue, strict=strict_properties)
    return Change(
        email=email,
        user_id=user_id,
        texts={
            field: reset if body[key] is None else text(key, body[key])
            for key, (field, reset) in _TEXTS.items()
            if key in body
        },
        subscribed=subscribed,
        mailing_lists=_read_mailing_lists(body.get("mailingLists"), list_ids),
        properties=properties,
        unknown=unknown,
    )


def _read_mailing_lists(value: object, list_ids: Collection[str]) -> dict[str, bool]:
    # PHP writes an empty map as [], and so does Loops' own SDK for it.
    if value is None or value == []:
        return {}
    if not is_object(value):
        raise Refusal(400, "mailingLists must be an object of list IDs and booleans.")
    wishes: dict[str, bool] = {}
    for list_id, wish in value.items():
        if list_id not in list_ids:
            raise Refusal(400, "mailingLists has an unknown mailing list ID.")
        if not isinstance(wish, bool):
            raise Refusal(400, "mailingLists must be an object of list IDs and booleans.")
        wishes[list_id] = wish
    return wishes


def _read_properties(
    body: Mapping[str, object], catalogue: Catalogue, *, strict: bool
) -> tuple[dict[str, Value | None], tuple[Property, ...]]:
    values: dict[str, Value | None] = {}
    unknown: list[Property] = []
    for key, value in body.items():
        if key in _NOT_PROPERTIES:
            continue
        prop = catalogue.get(key)
        if prop is None:
            if strict or not key:
                raise Refusal(400, f'Unknown contact property "{key}".')
            if value is None:
                # There is nothing to empty and no value to guess a type from.
                continue
            prop = Property(key, guess_type(key, value))
            unknown.append(prop)
        values[key] = None if value is None else property_value(key, prop.type, value)
    return values, tuple(unknown)


def apply_change(contact: Contact, change: Change) -> Contact:
    """Return the contact as the change leaves it, identifiers apart.

    Raises:
        Refusal: 400 when a person who left the audience would be put on a mailing list.
    """
    subscribed = contact.subscribed if change.subscribed is None else change.subscribed
    lists = {**contact.mailing_lists, **change.mailing_lists} if subscribed else {}
    if not subscribed and any(change.mailing_lists.values()):
        raise Refusal(400, "An unsubscribed contact cannot be added to a mailing list.")
    properties = {**contact.properties, **change.properties}
    return attrs.evolve(
        contact,
        **change.texts,
        subscribed=subscribed,
        mailing_lists=MappingProxyType({key: True for key, wish in lists.items() if wish}),
        properties=MappingProxyType({k: v for k, v in properties.items() if v is not None}),
    )
