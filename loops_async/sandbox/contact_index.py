"""The contacts of a team, found by id, email address or user id."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TypeAlias

import attrs

PropertyValue: TypeAlias = str | int | float | bool
"""A value of a contact property; a date is stored as ISO 8601 text."""

_NO_PROPERTIES: Mapping[str, PropertyValue] = MappingProxyType({})
_NO_LISTS: Mapping[str, bool] = MappingProxyType({})


@attrs.frozen
class StoredContact:
    """A contact as the sandbox stores it. Its repr shows no personal data.

    Immutable: a change makes a new object, so a test can compare before and after.

    Attributes:
        id: The id that it was given when it was created.
        email: The address, in the letter case in which it was first sent.
        first_name: None when unset.
        last_name: None when unset.
        source: "API" unless another source was sent.
        subscribed: Whether it belongs to the audience.
        user_group: Empty when unset, as Loops returns it.
        user_id: The caller's own id for it, None when unset.
        mailing_lists: The ids of the lists it is on, each with True.
        opt_in_status: Always None: the sandbox has no forms with double opt-in.
        properties: The custom properties, and `notes` and `createdAt` where they were sent.
            Dates are ISO 8601 text with milliseconds, in UTC.
    """

    id: str
    email: str = attrs.field(repr=False)
    first_name: str | None = attrs.field(default=None, repr=False)
    last_name: str | None = attrs.field(default=None, repr=False)
    source: str = "API"
    subscribed: bool = True
    user_group: str = ""
    user_id: str | None = attrs.field(default=None, repr=False)
    mailing_lists: Mapping[str, bool] = attrs.field(default=_NO_LISTS, repr=False)
    opt_in_status: None = attrs.field(default=None, repr=False)
    properties: Mapping[str, PropertyValue] = attrs.field(default=_NO_PROPERTIES, repr=False)


class ContactIndex:
    """Finds a contact by address in any letter case, or by its exact user id."""

    def __init__(self) -> None:
        self._by_id: dict[str, StoredContact] = {}
        self._ids_by_email: dict[str, str] = {}
        self._ids_by_user_id: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[StoredContact]:
        # Iterates over a copy: another thread may look while the server changes contacts.
        return iter(list(self._by_id.values()))

    def with_email(self, email: str | None) -> StoredContact | None:
        """Return the contact with this address, or None."""
        return None if email is None else self._at(self._ids_by_email.get(email.lower()))

    def with_user_id(self, user_id: str | None) -> StoredContact | None:
        """Return the contact with this user id, or None."""
        return None if user_id is None else self._at(self._ids_by_user_id.get(user_id))

    def put(self, contact: StoredContact) -> None:
        """Add a contact, or replace the one with the same id."""
        before = self._by_id.get(contact.id)
        self._by_id[contact.id] = contact
        self._ids_by_email[contact.email.lower()] = contact.id
        if contact.user_id is not None:
            self._ids_by_user_id[contact.user_id] = contact.id
        # Last, so that another thread finds the contact at any time.
        if before is not None and before.email.lower() != contact.email.lower():
            del self._ids_by_email[before.email.lower()]
        if before is not None and before.user_id not in (None, contact.user_id):
            del self._ids_by_user_id[before.user_id]

    def remove(self, contact: StoredContact) -> None:
        """Remove a contact."""
        del self._ids_by_email[contact.email.lower()]
        if contact.user_id is not None:
            del self._ids_by_user_id[contact.user_id]
        del self._by_id[contact.id]

    def _at(self, contact_id: str | None) -> StoredContact | None:
        return None if contact_id is None else self._by_id.get(contact_id)


class StoredContacts(Mapping[str, StoredContact]):
    """A live, read-only view of the contacts by address, oldest first."""

    def __init__(self, index: ContactIndex) -> None:
        self._index = index

    def __getitem__(self, email: str) -> StoredContact:
        contact = self._index.with_email(email)
        if contact is None:
            raise KeyError(email)
        return contact

    def __iter__(self) -> Iterator[str]:
        return (contact.email for contact in self._index)

    def __len__(self) -> int:
        return len(self._index)

    def __repr__(self) -> str:
        return f"<StoredContacts: {len(self)}>"

    def by_user_id(self, user_id: str) -> StoredContact:
        """Return the contact with this ``user_id``.

        Raises:
            KeyError: There is none.
        """
        contact = self._index.with_user_id(user_id)
        if contact is None:
            raise KeyError(user_id)
        return contact
