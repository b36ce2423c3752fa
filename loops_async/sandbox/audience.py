"""The contacts of a team, found by id, address or user id."""

from collections.abc import Iterator, Mapping

from loops_async.sandbox.records import Contact


class Audience:
    """Every contact, under its two identifiers.

    An address is found in any letter case, a user id only as it was given.
    """

    def __init__(self) -> None:
        self._by_id: dict[str, Contact] = {}
        self._ids_by_email: dict[str, str] = {}
        self._ids_by_user_id: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Contact]:
        # Of a copy: another thread may look while the server goes on.
        return iter(list(self._by_id.values()))

    def with_email(self, email: str | None) -> Contact | None:
        """Return the contact of this address, or None."""
        return None if email is None else self._at(self._ids_by_email.get(email.lower()))

    def with_user_id(self, user_id: str | None) -> Contact | None:
        """Return the contact of this user id, or None."""
        return None if user_id is None else self._at(self._ids_by_user_id.get(user_id))

    def put(self, contact: Contact) -> None:
        """Keep a contact in place of what had its id, and under its identifiers of now."""
        before = self._by_id.get(contact.id)
        if before is not None:
            self._forget_identifiers(before)
        self._by_id[contact.id] = contact
        self._ids_by_email[contact.email.lower()] = contact.id
        if contact.user_id is not None:
            self._ids_by_user_id[contact.user_id] = contact.id

    def remove(self, contact: Contact) -> None:
        """Forget a contact."""
        self._forget_identifiers(contact)
        del self._by_id[contact.id]

    def _at(self, contact_id: str | None) -> Contact | None:
        return None if contact_id is None else self._by_id[contact_id]

    def _forget_identifiers(self, contact: Contact) -> None:
        del self._ids_by_email[contact.email.lower()]
        if contact.user_id is not None:
            del self._ids_by_user_id[contact.user_id]


class Contacts(Mapping[str, Contact]):
    """A live, read-only view of the contacts by address, oldest first. Its repr names nobody."""

    def __init__(self, audience: Audience) -> None:
        self._audience = audience

    def __getitem__(self, email: str) -> Contact:
        contact = self._audience.with_email(email)
        if contact is None:
            raise KeyError(email)
        return contact

    def __iter__(self) -> Iterator[str]:
        return (contact.email for contact in self._audience)

    def __len__(self) -> int:
        return len(self._audience)

    def __repr__(self) -> str:
        return f"<Contacts: {len(self)}>"

    def by_user_id(self, user_id: str) -> Contact:
        """Return the contact of this ``user_id``.

        Raises:
            KeyError: There is none.
        """
        contact = self._audience.with_user_id(user_id)
        if contact is None:
            raise KeyError(user_id)
        return contact
