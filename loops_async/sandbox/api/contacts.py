"""Contacts."""

from collections.abc import Mapping
from secrets import token_bytes
from types import MappingProxyType
from typing import Any

import attrs
from aiohttp import web

from loops_async.sandbox.api.contact_properties import (
    RESERVED_NAMES,
    ContactPropertyStore,
    StoredProperty,
    guess_property,
    property_value,
)
from loops_async.sandbox.api.mailing_lists import read_mailing_lists
from loops_async.sandbox.contact_index import (
    ContactIndex,
    PropertyValue,
    StoredContact,
    StoredContacts,
)
from loops_async.sandbox.http import json_response, read_object, read_query
from loops_async.sandbox.team import TEAM, SandboxTeam
from loops_async.sandbox.validation import Refusal, check_lengths, email_address, string

EMAIL_REQUIRED = "Email is required."
ALREADY_EXISTS = "Email or userId is already on list."
NO_IDENTIFIER = "You must provide an email or userId."
ONE_IDENTIFIER = "Only one of email and userId is permitted."
UNKNOWN_USER_ID = "userId not found and cannot create a new contact without an email."
TWO_CONTACTS = "email and userId belong to two different contacts."
NOT_FOUND = "Contact not found."
NOT_SUBSCRIBED = "An unsubscribed contact cannot be added to a mailing list."

# The default text fields: name in JSON to name in `StoredContact`, and the value that null sets.
_TEXTS: Mapping[str, tuple[str, str | None]] = MappingProxyType(
    {
        "firstName": ("first_name", None),
        "lastName": ("last_name", None),
        "userGroup": ("user_group", ""),
        "source": ("source", "API"),
    }
)
_NOT_PROPERTIES = frozenset({"email", "userId", "subscribed", "mailingLists", *_TEXTS})
_CUID_LETTERS = (b"abcdefghijklmnopqrstuvwxyz0123456789" * 8)[:256]

routes: web.RouteTableDef = web.RouteTableDef()


@routes.post("/v1/contacts/create")
async def create_contact(request: web.Request) -> web.Response:
    """https://loops.so/docs/api-reference/create-contact."""
    contacts = request.app[TEAM].store(ContactStore)
    return json_response({"success": True, "id": contacts.create(await read_object(request))})


@routes.put("/v1/contacts/update")
# Undocumented, but several published integrations send it.
@routes.post("/v1/contacts/update")
async def update_contact(request: web.Request) -> web.Response:
    """https://loops.so/docs/api-reference/update-contact."""
    contacts = request.app[TEAM].store(ContactStore)
    return json_response({"success": True, "id": contacts.update(await read_object(request))})


@routes.get("/v1/contacts/find")
async def find_contact(request: web.Request) -> web.Response:
    """https://loops.so/docs/api-reference/find-contact."""
    found = request.app[TEAM].store(ContactStore).find(read_query(request))
    return json_response([contact_json(contact) for contact in found])


@routes.post("/v1/contacts/delete")
async def delete_contact(request: web.Request) -> web.Response:
    """https://loops.so/docs/api-reference/delete-contact."""
    request.app[TEAM].store(ContactStore).delete(await read_object(request))
    return json_response({"success": True, "message": "Contact deleted."})


def contact_json(contact: StoredContact) -> dict[str, object]:
    """Return the JSON of a contact."""
    return {
        "id": contact.id,
        "email": contact.email,
        "firstName": contact.first_name,
        "lastName": contact.last_name,
        "source": contact.source,
        "subscribed": contact.subscribed,
        "userGroup": contact.user_group,
        "userId": contact.user_id,
        "mailingLists": dict(contact.mailing_lists),
        "optInStatus": contact.opt_in_status,
        **contact.properties,
    }


def new_contact_id() -> str:
    """Return a new id that looks like those of Loops: "cl" and 23 letters or digits."""
    return "cl" + token_bytes(23).translate(_CUID_LETTERS).decode("ascii")


def read_identifiers(body: Mapping[str, object]) -> tuple[str | None, str | None]:
    """Return the address and the user id of a body or a query.

    Null and "" count as left out: official SDKs send the unused identifier as null, and clients in
    languages without optional fields send it empty.
    """
    email, user_id = body.get("email"), body.get("userId")
    return (
        None if email is None or email == "" else email_address(email),
        None if user_id is None or user_id == "" else string("userId", user_id),
    )


@attrs.frozen(repr=False)
class ContactChange:
    """The body of a create or update after all of it was checked.

    Attributes:
        email: The address, None if it was not given.
        user_id: The user id, None if it was not given.
        fields: Field of `StoredContact` to its new value.
        mailing_lists: Id of a list to whether the contact is on it.
        properties: Key to new value, None to remove it.
        new_properties: The properties to create first.
    """

    email: str | None
    user_id: str | None
    fields: Mapping[str, Any]
    mailing_lists: Mapping[str, bool]
    properties: Mapping[str, PropertyValue | None]
    new_properties: tuple[StoredProperty, ...]

    def apply(self, contact: StoredContact) -> StoredContact:
        """Return the changed contact. 400 if an unsubscribed one would be put on a mailing list."""
        changed = attrs.evolve(contact, **self.fields)
        lists = {**contact.mailing_lists, **self.mailing_lists}
        if not changed.subscribed:
            if any(self.mailing_lists.values()):
                raise Refusal(400, NOT_SUBSCRIBED)
            lists = {}
        properties = {**contact.properties, **self.properties}
        return attrs.evolve(
            changed,
            mailing_lists=MappingProxyType({key: True for key, member in lists.items() if member}),
            properties=MappingProxyType({k: v for k, v in properties.items() if v is not None}),
        )


class ContactStore:
    """The contacts of a team.

    Bodies and queries are passed in as parsed JSON. A body that is refused changes nothing.
    """

    def __init__(self, team: SandboxTeam) -> None:
        self.properties: ContactPropertyStore = team.store(ContactPropertyStore)
        self._team = team
        self._index = ContactIndex()

    @property
    def contacts(self) -> StoredContacts:
        """The contacts by address."""
        return StoredContacts(self._index)

    def create(self, body: Mapping[str, object]) -> str:
        """Create a contact and return its id. 409 if the address or the user id is taken."""
        change = self._read(body)
        if change.email is None:
            raise Refusal(400, EMAIL_REQUIRED)
        if self._index.with_email(change.email) or self._index.with_user_id(change.user_id):
            raise Refusal(409, ALREADY_EXISTS)
        return self._save(StoredContact(new_contact_id(), change.email), change)

    def update(self, body: Mapping[str, object], *, unknown_user_id: str = UNKNOWN_USER_ID) -> str:
        """Update or create a contact and return its id.

        `unknown_user_id` is the message for an unknown user id without an address.
        """
        change = self._read(body)
        if change.email is None and change.user_id is None:
            raise Refusal(400, NO_IDENTIFIER)
        by_email = self._index.with_email(change.email)
        by_user_id = self._index.with_user_id(change.user_id)
        if by_email and by_user_id and by_email.id != by_user_id.id:
            raise Refusal(400, TWO_CONTACTS)
        contact = by_email or by_user_id
        if contact is None:
            if change.email is None:
                raise Refusal(400, unknown_user_id)
            contact = StoredContact(new_contact_id(), change.email)
        elif by_email is None and change.email is not None:
            contact = attrs.evolve(contact, email=change.email)
        return self._save(contact, change)

    def find(self, query: Mapping[str, object]) -> list[StoredContact]:
        """Return a list of the contact with this `email` or `userId`. 400 if both are given."""
        email, user_id = read_identifiers(query)
        if email is not None and user_id is not None:
            raise Refusal(400, ONE_IDENTIFIER)
        if email is None and user_id is None:
            raise Refusal(400, NO_IDENTIFIER)
        contact = self._index.with_email(email) or self._index.with_user_id(user_id)
        return [] if contact is None else [contact]

    def one(self, identifiers: Mapping[str, object]) -> StoredContact:
        """Return the contact with this `email` or `userId`. 400 if both are given, 404 if none."""
        found = self.find(identifiers)
        if not found:
            raise Refusal(404, NOT_FOUND)
        return found[0]

    def delete(self, body: Mapping[str, object]) -> None:
        """Delete the contact with this `email` or `userId`, as found by `one`."""
        self._index.remove(self.one(body))

    def _read(self, body: Mapping[str, object]) -> ContactChange:
        check_lengths(body)
        for key in body:
            if key != "mailingLists" and key in RESERVED_NAMES:
                raise Refusal(400, f"{key} is a reserved name.")
        email, user_id = read_identifiers(body)
        fields: dict[str, Any] = {} if user_id is None else {"user_id": user_id}
        subscribed = body.get("subscribed")
        if subscribed is not None:
            if not isinstance(subscribed, bool):
                raise Refusal(400, "subscribed must be a boolean.")
            fields["subscribed"] = subscribed
        properties, new_properties = self._read_properties(body)
        for key, (field, unset) in _TEXTS.items():
            if key in body:
                fields[field] = unset if body[key] is None else string(key, body[key])
        return ContactChange(
            email=email,
            user_id=user_id,
            fields=fields,
            mailing_lists=read_mailing_lists(body.get("mailingLists"), self._team.mailing_lists),
            properties=properties,
            new_properties=new_properties,
        )

    def _read_properties(
        self, body: Mapping[str, object]
    ) -> tuple[dict[str, PropertyValue | None], tuple[StoredProperty, ...]]:
        values: dict[str, PropertyValue | None] = {}
        new: list[StoredProperty] = []
        for key, value in body.items():
            if key in _NOT_PROPERTIES:
                continue
            prop = self.properties.get(key)
            if prop is None:
                if self._team.strict_properties or not key:
                    raise Refusal(400, f'Unknown contact property "{key}".')
                if value is None:
                    # Nothing to remove, and no value to guess a type from.
                    continue
                prop = guess_property(key, value)
                new.append(prop)
            values[key] = None if value is None else property_value(prop, value)
        return values, tuple(new)

    def _save(self, contact: StoredContact, change: ContactChange) -> str:
        changed = change.apply(contact)
        for prop in change.new_properties:
            self.properties.add(prop)
        self._index.put(changed)
        return changed.id
