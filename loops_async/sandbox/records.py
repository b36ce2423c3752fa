"""What the sandbox holds: contacts, mailing lists and contact properties.

All of them are frozen: a change makes a new record, so that what a test took from the sandbox
stays as it was when the test looked.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, TypeAlias

import attrs

PropertyType: TypeAlias = Literal["string", "number", "boolean", "date"]
"""The four types a contact property may have."""

Value: TypeAlias = str | int | float | bool
"""What a contact property may hold; a date is held as its ISO 8601 text."""

_NOTHING: Mapping[str, Value] = MappingProxyType({})
_NO_LISTS: Mapping[str, bool] = MappingProxyType({})
_WORD_BREAK = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[_\-\s]+")


def label_for(key: str) -> str:
    """Derive the label Loops shows for a property: `favoriteColor` is "Favorite color"."""
    words = " ".join(word for word in _WORD_BREAK.split(key) if word)
    return words[:1].upper() + words[1:].lower()


@attrs.frozen
class MailingList:
    """A mailing list of the team.

    Attributes:
        id: The list's id, as used for a key of `mailingLists`.
        name: Its name.
        description: Its description, None for none.
        is_public: Whether people see it in their preference center.
    """

    id: str
    name: str
    description: str | None = None
    is_public: bool = True


@attrs.frozen
class Property:
    """A property that contacts may have.

    Attributes:
        key: The name used in JSON, in camelCase.
        type: What its values are.
        label: The name people see; made from the key when left out.
    """

    key: str
    type: PropertyType = "string"
    label: str = attrs.field(default=attrs.Factory(lambda own: label_for(own.key), takes_self=True))


@attrs.frozen
class Contact:
    """A contact as the sandbox holds it. Its repr names nobody.

    Attributes:
        id: The id given to it when it was created.
        email: The address, in the letter case it was first given in.
        first_name: None when unset.
        last_name: None when unset.
        source: Where it came from, "API" unless told otherwise.
        subscribed: Whether it belongs to the audience.
        user_group: Empty when unset, as Loops reads it back.
        user_id: The caller's own id for it, None when unset.
        mailing_lists: The lists it is on, each with True.
        opt_in_status: Always None: the sandbox has no forms with double opt-in.
        properties: The custom properties, and `notes` and `createdAt` where they were sent.
            Dates are ISO 8601 texts with milliseconds, in UTC.
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
    properties: Mapping[str, Value] = attrs.field(default=_NOTHING, repr=False)


def contact_json(contact: Contact) -> dict[str, object]:
    """Write a contact as https://loops.so/docs/api-reference/find-contact answers it."""
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


def mailing_list_json(mailing_list: MailingList) -> dict[str, object]:
    """Write a list as https://loops.so/docs/api-reference/list-mailing-lists answers it."""
    return {
        "id": mailing_list.id,
        "name": mailing_list.name,
        "description": mailing_list.description,
        "isPublic": mailing_list.is_public,
    }


def property_json(prop: Property) -> dict[str, object]:
    """Write a property as https://loops.so/docs/api-reference/list-contact-properties does."""
    return {"key": prop.key, "label": prop.label, "type": prop.type}
