"""Records to JSON: camelCase, the three states, dates, custom properties."""

from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final

from loops_async.records._types import UNSET
from loops_async.records._validation import (
    DEFAULT_FIELDS,
    camel_case,
    check_property_value,
    typed_properties,
)
from loops_async.records.attachments import content
from loops_async.records.contacts import ContactCreate, ContactUpdate
from loops_async.records.events import Event
from loops_async.records.holding import given_fields
from loops_async.records.transactional import TransactionalEmail

if TYPE_CHECKING:
    from cattrs import Converter

_KEYS: Final = {ours: theirs for theirs, ours in DEFAULT_FIELDS.items()}


def moment(value: datetime) -> str:
    """An aware datetime the way Loops reads it back: UTC, milliseconds, ``Z``."""
    utc = value.astimezone(UTC).replace(tzinfo=None)
    return f"{utc.isoformat(timespec='milliseconds')}Z"


def property_json(name: str, value: object) -> object:
    """A custom property's value as JSON; the type checks of construction hold once more.

    ``properties`` is the caller's to change until it is sent, so it is looked at again here.
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    check_property_value(name, value)
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date):
        return value.isoformat()
    return float(value)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


_PLAIN: Final = frozenset({str, int, bool, type(None)})
"""The classes of most values, which JSON has as they are."""


def _contact_to_json(cls: Any) -> Callable[[Any], dict[str, Any]]:
    typed = typed_properties(cls)
    # A subclass may have a post-init of its own that leaves the checks out.
    unchecked = cls not in (ContactCreate, ContactUpdate)

    def unstructure(record: Any) -> dict[str, Any]:
        if unchecked:
            record.check()
        fields: dict[str, Any] = {}
        keys = _KEYS
        for name, value in (given_fields(record) if unchecked else record.__dict__).items():
            if name == "properties":
                for key, item in value.items():
                    fields[key] = item if type(item) in _PLAIN else property_json(key, item)
            elif value is not UNSET and name in keys:
                fields[keys[name]] = value
        for attribute, key in typed:
            value = getattr(record, attribute)
            if value is not UNSET:
                fields[key] = property_json(key, value)
        return fields

    return unstructure


def _event_to_json(event: Event) -> dict[str, Any]:
    fields = _given(event, ("event_name", "email", "user_id", "mailing_lists"))
    if event.properties:
        fields["eventProperties"] = {
            name: property_json(name, value) for name, value in event.properties.items()
        }
    for name, value in event.contact.items():
        fields[_KEYS.get(name, name)] = property_json(name, value)
    return fields


def _mail_to_json(mail: TransactionalEmail) -> dict[str, Any]:
    fields = _given(mail, ("transactional_id", "email", "add_to_audience"))
    if mail.data_variables:
        fields["dataVariables"] = dict(mail.data_variables)
    if mail.attachments:
        fields["attachments"] = [
            {
                "filename": attachment.filename,
                "contentType": attachment.content_type,
                "data": b64encode(content(mail.attachments, index)).decode(),
            }
            for index, attachment in enumerate(mail.attachments)
        ]
    return fields


def _given(record: object, names: tuple[str, ...]) -> dict[str, Any]:
    given = ((camel_case(name), getattr(record, name)) for name in names)
    return {name: value for name, value in given if value is not UNSET}


def register(converter: "Converter") -> None:
    """Teach ``converter`` the way out."""
    converter.register_unstructure_hook_factory(
        lambda cls: isinstance(cls, type) and issubclass(cls, ContactCreate | ContactUpdate),
        _contact_to_json,
    )
    converter.register_unstructure_hook(Event, _event_to_json)
    converter.register_unstructure_hook(TransactionalEmail, _mail_to_json)
