"""The state of one Loops team, in memory, and the rules of its endpoints.

No I/O and no clock. Bodies come in as parsed JSON; a broken rule is a `Refusal`.
"""

from collections.abc import Callable, Iterable, Mapping
from secrets import token_bytes

import attrs

from loops_async.sandbox.audience import Audience, Contacts
from loops_async.sandbox.catalogue import Catalogue
from loops_async.sandbox.changes import Change, apply_change, read_change, read_identifiers
from loops_async.sandbox.errors import Refusal
from loops_async.sandbox.records import Contact, MailingList, Property

# The two ids are those of the example on https://loops.so/docs/api-reference/create-contact.
DEFAULT_MAILING_LISTS = (
    MailingList(
        "cm06f5v0e45nf0ml5754o9cix", "Product updates", "Monthly product news and release notes"
    ),
    MailingList("cm16k73gq014h0mmj5b6jdi9r", "Beta testers", None, is_public=False),
)

EMAIL_REQUIRED = "Email is required."
ALREADY_THERE = "Email or userId is already on list."
NO_IDENTIFIER = "You must provide an email or userId."
ONE_IDENTIFIER = "Only one of email and userId is permitted."
UNKNOWN_USER_ID = "userId not found and cannot create a new contact without an email."
TWO_CONTACTS = "email and userId belong to two different contacts."
NOT_FOUND = "Contact not found."

_CUID_LETTERS = (b"abcdefghijklmnopqrstuvwxyz0123456789" * 8)[:256]


def mint_contact_id() -> str:
    """Return a fresh id in the shape of Loops' own: "cl" and 23 letters or digits."""
    return "cl" + token_bytes(23).translate(_CUID_LETTERS).decode("ascii")


class Store:
    """One team: its contacts, their properties, its mailing lists.

    Args:
        mailing_lists: The lists there are. The API cannot make any.
        properties: The custom properties there are to begin with.
        strict_properties: Refuse an unknown property instead of making it.
        mint_id: Returns a new contact id at each call.
    """

    def __init__(
        self,
        *,
        mailing_lists: Iterable[MailingList] = DEFAULT_MAILING_LISTS,
        properties: Iterable[Property] = (),
        strict_properties: bool = False,
        mint_id: Callable[[], str] = mint_contact_id,
    ) -> None:
        self.mailing_lists: tuple[MailingList, ...] = tuple(mailing_lists)
        self.catalogue: Catalogue = Catalogue(properties)
        self._audience = Audience()
        self._list_ids = frozenset(mailing_list.id for mailing_list in self.mailing_lists)
        self._strict_properties = strict_properties
        self._mint_id = mint_id

    @property
    def contacts(self) -> Contacts:
        """The contacts by address."""
        return Contacts(self._audience)

    def create(self, body: Mapping[str, object]) -> str:
        """Create a contact: https://loops.so/docs/api-reference/create-contact.

        Returns:
            The id of the new contact.

        Raises:
            Refusal: 400, or 409 when the address or the user id is taken.
        """
        change = self._read(body)
        if change.email is None:
            raise Refusal(400, EMAIL_REQUIRED)
        if self._audience.with_email(change.email) or self._audience.with_user_id(change.user_id):
            raise Refusal(409, ALREADY_THERE)
        return self._save(Contact(id=self._mint_id(), email=change.email), change)

    def update(self, body: Mapping[str, object], *, unknown_user_id: str = UNKNOWN_USER_ID) -> str:
        """Update or create a contact: https://loops.so/docs/api-reference/update-contact.

        Args:
            body: The parsed body.
            unknown_user_id: What to say of a user id that is alone and unknown.

        Returns:
            The id of the contact.

        Raises:
            Refusal: 400.
        """
        change = self._read(body)
        if change.email is None and change.user_id is None:
            raise Refusal(400, NO_IDENTIFIER)
        by_email = self._audience.with_email(change.email)
        by_user_id = self._audience.with_user_id(change.user_id)
        if by_email and by_user_id and by_email.id != by_user_id.id:
            raise Refusal(400, TWO_CONTACTS)
        contact = by_email or by_user_id
        if contact is None:
            if change.email is None:
                raise Refusal(400, unknown_user_id)
            contact = Contact(id=self._mint_id(), email=change.email)
        elif by_email is None and change.email is not None:
            contact = attrs.evolve(contact, email=change.email)
        return self._save(contact, change)

    def find(self, query: Mapping[str, object]) -> list[Contact]:
        """Find the contact: https://loops.so/docs/api-reference/find-contact.

        Args:
            query: `email` or `userId`, one of them and not both.

        Returns:
            A list of one contact or none.

        Raises:
            Refusal: 400.
        """
        contact = self._pick(query)
        return [] if contact is None else [contact]

    def delete(self, body: Mapping[str, object]) -> None:
        """Delete a contact: https://loops.so/docs/api-reference/delete-contact.

        Raises:
            Refusal: 400, or 404 when there is no such contact.
        """
        self._audience.remove(self.one(body))

    def one(self, identifiers: Mapping[str, object]) -> Contact:
        """Return the contact that a body or a query names by `email` or `userId`, not both.

        Raises:
            Refusal: 400, or 404 when there is no such contact.
        """
        contact = self._pick(identifiers)
        if contact is None:
            raise Refusal(404, NOT_FOUND)
        return contact

    def _pick(self, identifiers: Mapping[str, object]) -> Contact | None:
        email, user_id = read_identifiers(identifiers)
        if email is not None and user_id is not None:
            raise Refusal(400, ONE_IDENTIFIER)
        if email is None and user_id is None:
            raise Refusal(400, NO_IDENTIFIER)
        return self._audience.with_email(email) or self._audience.with_user_id(user_id)

    def _read(self, body: Mapping[str, object]) -> Change:
        return read_change(
            body,
            catalogue=self.catalogue,
            list_ids=self._list_ids,
            strict_properties=self._strict_properties,
        )

    def _save(self, contact: Contact, change: Change) -> str:
        changed = apply_change(contact, change)
        if change.user_id is not None:
            changed = attrs.evolve(changed, user_id=change.user_id)
        for prop in change.unknown:
            self.catalogue.add(prop)
        self._audience.put(changed)
        return changed.id
