"""Events: actions of contacts, which can trigger workflows."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import attrs

from loops_async.errors import InvalidInput
from loops_async.records._request_record import RequestRecord
from loops_async.records._types import FLATTEN, UNSET, PropertyValue, Unset, camel_case
from loops_async.records._validation import (
    check_each,
    check_email,
    check_event_property,
    check_lists,
    check_name,
    check_property,
    check_user_id,
    copy_lists,
    copy_mapping,
    copy_properties,
    masked,
)
from loops_async.records.contacts import CHANGE_CHECKS

_PARTS_OF_THE_EVENT: Final = frozenset({"eventName", "eventProperties"})
_OTHER_ARGUMENTS: Final = frozenset({"email", "user_id", "mailing_lists", "properties"})


def _copy_changes(value: Any) -> dict[str, Any]:
    changes = copy_mapping(value, "contact")
    return changes and {n: change for n, change in changes.items() if change is not UNSET}


def _check_change(name: Any, value: object) -> None:
    if name in _OTHER_ARGUMENTS:
        raise InvalidInput(
            f"contact: {name} cannot be set here; pass {name}= as a separate argument", field=name
        )
    if name in _PARTS_OF_THE_EVENT:
        raise InvalidInput(
            f"contact: {masked(name)} is part of the event and cannot be a property", field=name
        )
    if name in CHANGE_CHECKS:
        CHANGE_CHECKS[name](name, value)
    else:
        check_property(name, value)


@attrs.frozen(kw_only=True, slots=False)
class Event(RequestRecord):
    """An event to send (https://loops.so/docs/api-reference/send-event).

    Give ``email``, ``user_id`` or both. A ``user_id`` without ``email`` must belong to an existing
    contact. An unknown address creates a contact.

    Attributes:
        event_name: The event's name.
        email: The contact's address.
        user_id: Your own id of the contact.
        properties: Event properties, for the emails that the event triggers: text, numbers,
            booleans, dates, datetimes with a time zone, or ``None``.
        mailing_lists: Mailing list ids, each with True (add) or False (remove).
        contact: Changes to the contact itself, which are permanent: custom properties by their
            name at Loops, and ``first_name``, ``last_name``, ``source``, ``user_group`` and
            ``subscribed`` (``True`` re-subscribes a contact who has unsubscribed).

    Raises:
        InvalidInput: A field that Loops would not accept; the message names it and the fix.
    """

    _other_names: ClassVar = {
        **dict.fromkeys(("to", "recipient", "email_address", "address"), "email"),
        **dict.fromkeys(("name", "event", "type"), "event_name"),
        **dict.fromkeys(("contact_properties", "contact_fields"), "contact"),
        **dict.fromkeys(("event_properties", "data_variables", "data"), "properties"),
        "lists": "mailing_lists",
    }
    _arguments_of_send: ClassVar = ("events.send", "idempotency_key", "timeout")
    _place_of_others: ClassVar = (
        "properties of the event go into properties={…}, those of the contact into contact={…}"
    )

    event_name: str
    email: str | None | Unset = UNSET
    user_id: str | None | Unset = UNSET
    properties: Mapping[str, PropertyValue] = attrs.field(
        factory=dict[str, PropertyValue],
        converter=copy_properties,
        metadata={"key": "eventProperties"},
    )
    mailing_lists: Mapping[str, bool] | None | Unset = attrs.field(
        default=UNSET, converter=copy_lists
    )
    contact: Mapping[str, PropertyValue] = attrs.field(
        factory=dict[str, PropertyValue],
        converter=_copy_changes,
        metadata={**FLATTEN, "keys": {name: camel_case(name) for name in CHANGE_CHECKS}},
    )

    def check(self) -> None:
        """Raise InvalidInput if Loops would not accept the record."""
        check_name("event_name", self.event_name)
        email, user_id, lists = self.email, self.user_id, self.mailing_lists
        if email is not UNSET and email is not None:
            check_email("email", email)
        if user_id is not UNSET and user_id is not None:
            check_user_id("user_id", user_id)
        elif email is UNSET or email is None:
            raise InvalidInput(
                "email: give email or user_id (or both), so that Loops knows whose event it is",
                field="email",
            )
        if lists is not UNSET and lists is not None:
            check_lists("mailing_lists", lists)
        if self.properties:
            check_each("properties", self.properties, check_event_property)
        if self.contact:
            check_each("contact", self.contact, _check_change)
