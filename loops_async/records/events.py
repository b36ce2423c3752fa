"""An event: something that a contact did, which may start a workflow."""

from collections.abc import Mapping
from typing import Any, Final

import attrs

from loops_async.errors import InvalidInput
from loops_async.records._types import UNSET, PropertyValue, Unset
from loops_async.records._validation import (
    FIELD_CHECKS,
    check_each,
    check_event_value,
    check_lists,
    check_name,
    check_property_name,
    check_property_value,
    check_unicode,
    masked,
    masked_repr,
    optional_email,
    optional_user_id,
    own_lists,
    own_mapping,
    own_properties,
)

_OF_THE_EVENT: Final = frozenset({"email", "user_id", "mailing_lists", "properties"})


def _own_changes(value: Any) -> dict[str, Any]:
    changes = own_mapping(value, "contact")
    return {name: change for name, change in changes.items() if change is not UNSET}


@attrs.frozen(kw_only=True, repr=False)
class Event:
    """An event to send (https://loops.so/docs/api-reference/send-event).

    Give ``email`` or ``user_id``; a ``user_id`` alone must be known to Loops, an unknown address
    becomes a contact.

    Attributes:
        event_name: The event's name.
        email: The contact's address.
        user_id: Your own id of the contact.
        properties: Event properties, for the mails that the event sends: text, numbers, booleans,
            dates, datetimes with a time zone, ``None``.
        mailing_lists: Mailing list ids, each with True (add) or False (remove).
        contact: What the event changes of the contact itself, for good: custom properties by
            their name at Loops, and ``first_name``, ``last_name``, ``source``, ``user_group`` and
            ``subscribed`` (``True`` re-subscribes a person who had left).

    Raises:
        InvalidInput: A field that Loops could not take; the message names it and the fix.
    """

    event_name: str = attrs.field(validator=check_name)
    email: str | None | Unset = attrs.field(default=UNSET, validator=optional_email)
    user_id: str | None | Unset = attrs.field(default=UNSET, validator=optional_user_id)
    properties: Mapping[str, PropertyValue] = attrs.field(
        factory=dict[str, PropertyValue], converter=own_properties
    )
    mailing_lists: Mapping[str, bool] | None | Unset = attrs.field(
        default=UNSET, converter=own_lists, validator=check_lists
    )
    contact: Mapping[str, PropertyValue] = attrs.field(
        factory=dict[str, PropertyValue], converter=_own_changes
    )

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.email, str) and not isinstance(self.user_id, str):
            raise InvalidInput(
                "email: give email or user_id (or both), so that Loops knows whose event it is",
                field="email",
            )
        check_each("properties", self.properties, _check_property)
        check_each("contact", self.contact, _check_change)

    def __repr__(self) -> str:
        return masked_repr(self)


def _check_property(name: Any, value: object) -> None:
    check_event_value(name, value)
    check_unicode(name, name)
    check_unicode(name, value)


def _check_change(name: Any, value: object) -> None:
    if name in _OF_THE_EVENT:
        raise InvalidInput(
            f"contact: {name} is no change of the contact; pass {name}= beside it", field=name
        )
    if (check := FIELD_CHECKS.get(name)) is not None:
        check(name, value)
        return
    check_property_name(name)
    if name in {"eventName", "eventProperties"}:
        raise InvalidInput(
            f"contact: {masked(name)} is a part of the event and cannot be a property",
            field=name,
        )
    check_property_value(name, value)
