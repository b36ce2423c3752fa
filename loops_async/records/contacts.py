"""Contacts: records for creating, updating and reading them.

Requests and responses have separate types on purpose. A contact that ``find`` returned has
``subscribed: true``; sending it back would re-subscribe a contact who has unsubscribed since then.
"""

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Final, Required, TypedDict

import attrs

from loops_async.errors import InvalidInput
from loops_async.records._request_record import RequestRecord, check_declared
from loops_async.records._types import (
    FLATTEN,
    LOCAL,
    UNSET,
    JsonValue,
    OpenStrEnum,
    PropertyValue,
    Unset,
    json_key,
)
from loops_async.records._validation import (
    DEFAULT_FIELDS,
    check_each,
    check_email,
    check_lists,
    check_nullable_bool,
    check_nullable_text,
    check_property,
    check_property_name,
    check_property_value,
    check_user_id,
    copy_lists,
    copy_properties,
    invalid,
)

CHANGE_CHECKS: Final[Mapping[str, Callable[[str, Any], None]]] = {
    "first_name": check_nullable_text,
    "last_name": check_nullable_text,
    "source": check_nullable_text,
    "subscribed": check_nullable_bool,
    "user_group": check_nullable_text,
}
"""Checks of the contact fields that an event can change too."""


class OptInStatus(OpenStrEnum):
    """The double opt-in status of a contact.

    A status that this version does not know becomes a new member.
    """

    ACCEPTED = "accepted"
    PENDING = "pending"
    REJECTED = "rejected"


@attrs.frozen(kw_only=True, slots=False)
class ContactFields(RequestRecord):
    """The fields that ``ContactCreate`` and ``ContactUpdate`` have in common."""

    _other_names: ClassVar = {
        **dict.fromkeys(("to", "recipient", "email_address", "address"), "email"),
        **dict.fromkeys(("custom", "fields", "data", "contact_properties"), "properties"),
        **dict.fromkeys(("external_id", "customer_id"), "user_id"),
        "group": "user_group",
        "lists": "mailing_lists",
    }

    user_id: str | None | Unset = UNSET
    first_name: str | None | Unset = UNSET
    last_name: str | None | Unset = UNSET
    source: str | None | Unset = UNSET
    subscribed: bool | None | Unset = UNSET
    user_group: str | None | Unset = UNSET
    mailing_lists: Mapping[str, bool] | None | Unset = attrs.field(
        default=UNSET, converter=copy_lists
    )
    properties: Mapping[str, PropertyValue] = attrs.field(
        factory=dict[str, PropertyValue], converter=copy_properties, metadata=FLATTEN
    )

    # Not as field validators, because a subclass that redeclares a field would lose them.
    def check(self) -> None:
        """Raise InvalidInput if Loops would not accept the record."""
        self._check_changes()
        user_id, lists, properties = self.user_id, self.mailing_lists, self.properties
        if user_id is not UNSET and user_id is not None:
            check_user_id("user_id", user_id)
        if lists is not UNSET and lists is not None:
            check_lists("mailing_lists", lists)
        self._check_email()
        if properties:
            check_each("properties", properties, check_property)
        kind: Any = type(self)
        for attribute, key in typed_properties(kind):
            value = getattr(self, attribute)
            if value is UNSET:
                continue
            if key in properties:
                raise invalid(key, f"is given twice, as {attribute}= and in properties; remove one")
            check_property_value(key, value)

    def _check_changes(self) -> None:
        # One by one: a loop over names takes three times as long.
        if self.first_name is not UNSET:
            check_nullable_text("first_name", self.first_name)
        if self.last_name is not UNSET:
            check_nullable_text("last_name", self.last_name)
        if self.source is not UNSET:
            check_nullable_text("source", self.source)
        if self.subscribed is not UNSET:
            check_nullable_bool("subscribed", self.subscribed)
        if self.user_group is not UNSET:
            check_nullable_text("user_group", self.user_group)

    def _check_email(self) -> None:
        raise NotImplementedError


@functools.cache
def typed_properties(record: Any) -> tuple[tuple[str, str], ...]:
    """The custom properties that a subclass declares: each attribute, and its name at Loops."""
    check_declared(record)
    default_fields = DEFAULT_FIELDS.values()
    pairs = [
        (field.name, json_key(field))
        for field in attrs.fields(record)
        if field.name not in default_fields and field.name != "properties"
    ]
    taken: dict[str, str] = {}
    for name, key in pairs:
        check_property_name(key)
        if key in taken:
            raise invalid(key, f"is declared twice, as {taken[key]} and as {name}; rename one")
        taken[key] = name
    return tuple(pairs)


def _email_first(_: type, fields: "list[attrs.Attribute[Any]]") -> "list[attrs.Attribute[Any]]":
    return sorted(fields, key=lambda field: field.name != "email")


@attrs.frozen(kw_only=True, slots=False, field_transformer=_email_first)
class ContactCreate(ContactFields):
    """A contact to create (https://loops.so/docs/api-reference/create-contact).

    A field that is left out (``UNSET``) is not sent, a value sets it, and ``None`` sends ``null``,
    which leaves it empty. Subclass with ``attrs.frozen`` to declare custom properties with types;
    an attribute ``trial_ends`` is sent as ``trialEnds``.

    Attributes:
        email: The contact's address. Required.
        first_name: The contact's first name.
        last_name: The contact's last name.
        source: Where the contact came from; Loops sets "API" if it is left out.
        subscribed: Whether the contact gets campaign and workflow mail. Usually left out: new
            contacts are subscribed, and ``True`` re-subscribes a contact who has unsubscribed.
        user_group: The user group; a contact has at most one.
        user_id: Your own id of the contact, unique in the audience.
        mailing_lists: Mailing list ids, each with True (add) or False (remove).
        properties: Custom properties by their name at Loops: text, numbers, booleans, dates,
            datetimes with a time zone, or ``None``.

    Raises:
        InvalidInput: A field that Loops would not accept; the message names it and the fix.
    """

    _arguments_of_send: ClassVar = ("contacts.create", "timeout")

    email: str

    def _check_email(self) -> None:
        check_email("email", self.email)


@attrs.frozen(kw_only=True, slots=False, field_transformer=_email_first)
class ContactUpdate(ContactFields):
    """A contact to update, or to create if it does not exist
    (https://loops.so/docs/api-reference/update-contact).

    Give ``email``, ``user_id`` or both. With both, Loops finds the contact by either of them and
    sets the other, so you can change an address. A field that is left out (``UNSET``) keeps its
    value, a value sets it, and ``None`` sends ``null``, which empties it. Subclass with
    ``attrs.frozen`` to declare custom properties with types; an attribute ``trial_ends`` is sent
    as ``trialEnds``.

    Attributes:
        email: The contact's address.
        first_name: The contact's first name.
        last_name: The contact's last name.
        source: Where the contact came from; Loops sets "API" if it is left out.
        subscribed: Whether the contact gets campaign and workflow mail. Leave it out unless you
            mean it: ``True`` re-subscribes a contact who has unsubscribed.
        user_group: The user group; a contact has at most one.
        user_id: Your own id of the contact, unique in the audience.
        mailing_lists: Mailing list ids, each with True (add) or False (remove).
        properties: Custom properties by their name at Loops: text, numbers, booleans, dates,
            datetimes with a time zone, or ``None``.

    Raises:
        InvalidInput: A field that Loops would not accept; the message names it and the fix.
    """  # noqa: D205 - the URL does not fit on the first line

    _arguments_of_send: ClassVar = ("contacts.update", "timeout")

    email: str | None | Unset = UNSET

    def _check_email(self) -> None:
        email = self.email
        if email is not UNSET and email is not None:
            check_email("email", email)
        elif self.user_id is UNSET or self.user_id is None:
            raise InvalidInput(
                "email: give email or user_id (or both), so that Loops knows which contact to "
                "update",
                field="email",
            )


class ContactChanges(TypedDict, total=False):
    """The fields that a contact can be created with or updated to, as keyword arguments."""

    first_name: str | None | Unset
    last_name: str | None | Unset
    source: str | None | Unset
    subscribed: bool | None | Unset
    user_group: str | None | Unset
    user_id: str | None | Unset
    mailing_lists: Mapping[str, bool] | None | Unset
    properties: Mapping[str, PropertyValue]


class CreateFields(ContactChanges, total=False):
    """The fields of ``ContactCreate`` as keyword arguments."""

    email: Required[str]


class UpdateFields(ContactChanges, total=False):
    """The fields of ``ContactUpdate`` as keyword arguments."""

    email: str | None | Unset


@attrs.frozen(kw_only=True, slots=False)
class Contact:
    """A contact stored at Loops (https://loops.so/docs/api-reference/find-contact).

    Do not send it back. To change the contact, send a ``ContactUpdate`` with only the fields to
    change. Subclass with
    ``attrs.frozen`` and pass it as ``find(…, into=YourContact)`` to read custom properties with
    types.

    Attributes:
        id: Loops' own id.
        email: The contact's address.
        first_name: The first name, or None.
        last_name: The last name, or None.
        source: Where the contact came from.
        subscribed: Whether the contact gets campaign and workflow mail.
        user_group: The group; empty text if there is none.
        user_id: Your own id, or None.
        mailing_lists: The ids of the lists that the contact is on, each with True.
        opt_in_status: The double opt-in status, or None without a double opt-in.
        properties: All other fields of the response: custom properties, with dates as ISO 8601
            text, and fields that this version does not know. An empty property is missing or
            None, so read it with ``properties.get(name)``.
    """

    id: str
    email: str
    first_name: str | None = None
    last_name: str | None = None
    source: str | None = None
    subscribed: bool | None = None
    user_group: str | None = None
    user_id: str | None = None
    mailing_lists: Mapping[str, bool] = attrs.field(factory=dict[str, bool])
    opt_in_status: OptInStatus | None = None
    properties: Mapping[str, JsonValue] = attrs.field(
        factory=dict[str, JsonValue], metadata=FLATTEN
    )

    @classmethod
    def __attrs_init_subclass__(cls) -> None:
        # Replace the repr that attrs generated for the subclass, which shows every value.
        cls.__repr__ = Contact.__repr__  # type: ignore[method-assign]

    def __repr__(self) -> str:
        return f"{type(self).__name__}(id={self.id!r})"

    # rich ignores the repr of attrs classes and would show their values, in tracebacks too.
    def __rich_repr__(self) -> Iterator[tuple[str, object]]:
        yield "id", self.id


@attrs.frozen(slots=False)
class ContactReceipt:
    """The result of creating or updating a contact.

    Attributes:
        id: Loops' own id of the contact.
        attempts: Number of requests sent; 1 without retries, 0 in a dry run.
        dry_run: True for the placeholder result of a dry run, which sends nothing; ``id`` is then
            ``"dry-run"``.
    """

    id: str
    attempts: int = attrs.field(default=1, metadata=LOCAL)
    dry_run: bool = attrs.field(default=False, metadata=LOCAL)
