"""Contacts: what is sent to create one, what is sent to update one, and what Loops holds.

Sending and holding are different types on purpose. A found contact carries ``subscribed: true``,
and sending that back would re-subscribe a person who has left in the meantime.
"""

from collections.abc import Mapping
from typing import ClassVar, Final, Required, TypedDict, Unpack, cast

import attrs

from loops_async.errors import InvalidInput
from loops_async.freezing import unfrozen
from loops_async.records._types import UNSET, JsonValue, OpenStrEnum, PropertyValue, Unset
from loops_async.records._validation import check_email
from loops_async.records.holding import ContactFields, hold, sparse


class OptInStatus(OpenStrEnum):
    """How far a contact got with a double opt-in.

    A status that this version does not know keeps its own text.
    """

    ACCEPTED = "accepted"
    PENDING = "pending"
    REJECTED = "rejected"


class _Fields(TypedDict, total=False):
    first_name: str | None | Unset
    last_name: str | None | Unset
    source: str | None | Unset
    subscribed: bool | None | Unset
    user_group: str | None | Unset
    user_id: str | None | Unset
    mailing_lists: Mapping[str, bool] | None | Unset
    properties: Mapping[str, PropertyValue]


class CreateFields(_Fields, total=False):
    """The fields of ``ContactCreate`` as keyword arguments."""

    email: Required[str]


class UpdateFields(_Fields, total=False):
    """The fields of ``ContactUpdate`` as keyword arguments."""

    email: str | None | Unset


@sparse
@attrs.frozen(kw_only=True, repr=False, slots=False)
class ContactCreate(ContactFields):
    """A contact to create (https://loops.so/docs/api-reference/create-contact).

    A field has three states: left out (``UNSET``), a value, and ``None``, which sends ``null``
    and empties it. Subclass with ``attrs.frozen`` to give custom properties types of their own;
    an attribute ``trial_ends`` is sent as ``trialEnds``.

    Attributes:
        email: The contact's address. Required.
        first_name: The contact's first name.
        last_name: The contact's last name.
        source: Where the contact came from; Loops writes "API" when it is left out.
        subscribed: Whether the contact gets campaign and workflow mail. Best left out: new
            contacts are subscribed, and ``True`` re-subscribes a person who had left.
        user_group: The one group the contact is in.
        user_id: Your own id of the contact, unique in the audience.
        mailing_lists: Mailing list ids, each with True (add) or False (remove).
        properties: Custom properties by their name at Loops: text, numbers, booleans, dates,
            datetimes with a time zone, or ``None``.

    Raises:
        InvalidInput: A field that Loops could not take; the message names it and the fix.
    """

    _identifying: ClassVar = frozenset({"email"})

    email: str = attrs.field(repr=False)

    def __init__(self, **given: Unpack[CreateFields]) -> None:
        hold(self, cast("dict[str, object]", given))

    def _check_without_email(self) -> None:
        check_email("email", self.email)


@sparse
@attrs.frozen(kw_only=True, repr=False, slots=False)
class ContactUpdate(ContactFields):
    """A contact to update, or to create when there is none
    (https://loops.so/docs/api-reference/update-contact).

    Give ``email`` or ``user_id``. With both, Loops looks for a contact with either and sets the
    other, which is how an address is changed. A field has three states: left out (``UNSET``) it
    stays as it is, a value sets it, and ``None`` sends ``null`` and empties it. Subclass with
    ``attrs.frozen`` to give custom properties types of their own; an attribute ``trial_ends`` is
    sent as ``trialEnds``.

    Attributes:
        email: The contact's address.
        first_name: The contact's first name.
        last_name: The contact's last name.
        source: Where the contact came from; Loops writes "API" when it is left out.
        subscribed: Whether the contact gets campaign and workflow mail. Leave it out unless you
            mean it: ``True`` re-subscribes a person who had left.
        user_group: The one group the contact is in.
        user_id: Your own id of the contact, unique in the audience.
        mailing_lists: Mailing list ids, each with True (add) or False (remove).
        properties: Custom properties by their name at Loops: text, numbers, booleans, dates,
            datetimes with a time zone, or ``None``.

    Raises:
        InvalidInput: A field that Loops could not take; the message names it and the fix.
    """  # noqa: D205 - the page's address does not fit the first line

    _identifying: ClassVar = frozenset({"email", "user_id"})

    email: str | None | Unset = attrs.field(default=UNSET, repr=False)

    def __init__(self, **given: Unpack[UpdateFields]) -> None:
        hold(self, cast("dict[str, object]", given))

    def _check_without_email(self) -> None:
        if not isinstance(self.user_id, str):
            raise InvalidInput(
                "email: give email or user_id (or both), so that Loops knows which contact to "
                "update",
                field="email",
            )


@attrs.frozen(kw_only=True, repr=False)
class Contact:
    """A contact as Loops holds it (https://loops.so/docs/api-reference/find-contact).

    Not for sending back: build a ``ContactUpdate`` with what shall change. Subclass with
    ``attrs.frozen`` and pass it as ``find(…, into=YourContact)`` to read custom properties typed.

    Attributes:
        id: Loops' own id.
        email: The contact's address.
        first_name: The first name, or None.
        last_name: The last name, or None.
        source: Where the contact came from.
        subscribed: Whether the contact gets campaign and workflow mail.
        user_group: The group; empty text for none.
        user_id: Your own id, or None.
        mailing_lists: The ids of the lists that the contact is on, each with True.
        opt_in_status: The state of a double opt-in, or None where there was none.
        properties: Everything else that Loops sent: the custom properties, dates as ISO 8601
            text, and fields newer than this version. A property that is empty, because it was
            emptied or never set, is not in it (or is None): ask with ``properties.get(name)``.
    """

    id: str
    email: str = attrs.field(repr=False)
    first_name: str | None = attrs.field(default=None, repr=False)
    last_name: str | None = attrs.field(default=None, repr=False)
    source: str | None = attrs.field(default=None, repr=False)
    subscribed: bool | None = attrs.field(default=None, repr=False)
    user_group: str | None = attrs.field(default=None, repr=False)
    user_id: str | None = attrs.field(default=None, repr=False)
    mailing_lists: Mapping[str, bool] = attrs.field(factory=dict[str, bool], repr=False)
    opt_in_status: OptInStatus | None = attrs.field(default=None, repr=False)
    properties: Mapping[str, JsonValue] = attrs.field(factory=dict[str, JsonValue], repr=False)

    def __init_subclass__(cls) -> None:
        # As in ContactFields: a user's subclass must not show its values either.
        super().__init_subclass__()
        cls.__repr__ = Contact.__repr__  # type: ignore[method-assign]

    def __repr__(self) -> str:
        return f"{type(self).__name__}(id={self.id!r})"


@attrs.frozen
class ContactReceipt:
    """What Loops answers to a create or an update.

    Attributes:
        id: Loops' own id of the contact.
        attempts: How many requests it took; 1 without a retry, 0 in a dry run.
        dry_run: Whether it is made up, because nothing was sent; its ``id`` is ``"dry-run"`` then.
    """

    id: str
    attempts: int = 1
    dry_run: bool = False


_receipt: Final = unfrozen(ContactReceipt)


def receipt_of(contact_id: str, attempts: int, dry_run: bool) -> ContactReceipt:  # noqa: FBT001 - a keyword costs more
    """A ``ContactReceipt``, for less than its constructor takes."""
    receipt = _receipt()
    receipt.id = contact_id
    receipt.attempts = attempts
    receipt.dry_run = dry_run
    receipt.__class__ = ContactReceipt
    return cast("ContactReceipt", receipt)
