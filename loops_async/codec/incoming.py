"""JSON to records: strict about kinds, easy about what is new."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, Final

import attrs
from cattrs import Converter
from cattrs.gen import make_dict_structure_fn, override

from loops_async.records._types import JsonValue
from loops_async.records._validation import json_key
from loops_async.records.api_key import Team
from loops_async.records.contact_properties import ContactProperty, PropertyType
from loops_async.records.contacts import Contact, OptInStatus
from loops_async.records.mailing_lists import MailingList
from loops_async.records.suppression import (
    RemovalQuota,
    SuppressedContact,
    Suppression,
    SuppressionRemoval,
)
from loops_async.records.transactional import PublishedTransactionalEmail

_RECORDS: Final = frozenset(
    {
        ContactProperty,
        MailingList,
        PublishedTransactionalEmail,
        RemovalQuota,
        SuppressedContact,
        Suppression,
        SuppressionRemoval,
        Team,
    }
)


class Unfit(ValueError):
    """A JSON value of the wrong kind; says so without the value."""


def _object(value: JsonValue) -> dict[str, JsonValue]:
    if not isinstance(value, dict):
        raise Unfit(f"expected an object, got {_kind(value)}")
    return value


def _kind(value: object) -> str:
    if value is None:
        return "null"
    names: dict[type, str] = {
        dict: "an object", list: "an array", str: "text", bool: "a boolean", int: "a number",
        float: "a number",
    }  # fmt: skip
    return names[type(value)]


def _strict(kind: Any, name: str) -> Callable[[Any, Any], Any]:
    def structure(value: Any, _: Any) -> Any:
        if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
            raise Unfit(f"expected {name}, got {_kind(value)}")
        return value

    return structure


def _integer(value: Any, _: Any) -> int:
    # JSON has numbers and nothing else: 5.0 is 5.
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise Unfit(f"expected a whole number, got {_kind(value)}")
    return int(value)


def _datetime_from_json(value: Any, _: Any) -> datetime:
    if isinstance(value, str):
        try:
            read = datetime.fromisoformat(value)
        except ValueError:
            read = None
        if read is not None:
            return read if read.tzinfo is not None else read.replace(tzinfo=UTC)
    raise Unfit("expected a date as ISO 8601 text")


def _date_from_json(value: Any, hint: Any) -> date:
    return _datetime_from_json(value, hint).date()


def _open_enum(value: Any, cls: Any) -> Any:
    if not isinstance(value, str):
        raise Unfit(f"expected text, got {_kind(value)}")
    return cls(value)


def _contact_from_json(cls: Any, converter: Converter) -> Callable[[Any, Any], Any]:
    names = {a.name: json_key(a) for a in attrs.fields(cls) if a.name != "properties"}
    overrides: dict[str, Any] = {name: override(rename=key) for name, key in names.items()}
    known = make_dict_structure_fn(cls, converter, properties=override(omit=True), **overrides)
    keys = frozenset(names.values())

    def structure(value: Any, _: Any) -> Any:
        fields = dict(_object(value))
        if fields.get("mailingLists", ...) is None:
            # No list is none of them, however it is said.
            del fields["mailingLists"]
        contact = known(fields, cls)
        rest = {key: item for key, item in value.items() if key not in keys}
        return attrs.evolve(contact, properties=rest) if rest else contact

    return structure


def _record_from_json(cls: Any, converter: Converter) -> Callable[[Any, Any], Any]:
    # Whether it is a dry run is not for a server to say.
    overrides: dict[str, Any] = {
        a.name: override(omit=True) if a.name == "dry_run" else override(rename=json_key(a))
        for a in attrs.fields(cls)
    }
    known = make_dict_structure_fn(cls, converter, **overrides)
    return lambda value, _: known(_object(value), cls)


def register(converter: Converter) -> None:
    """Teach ``converter`` the way in."""
    for kind, name in ((str, "text"), (bool, "a boolean")):
        converter.register_structure_hook(kind, _strict(kind, name))
    converter.register_structure_hook(int, _integer)
    converter.register_structure_hook(float, _strict((int, float), "a number"))
    converter.register_structure_hook(datetime, _datetime_from_json)
    converter.register_structure_hook(date, _date_from_json)
    for enumeration in (OptInStatus, PropertyType):
        converter.register_structure_hook(enumeration, _open_enum)
    converter.register_structure_hook_factory(
        lambda cls: isinstance(cls, type) and issubclass(cls, Contact), _contact_from_json
    )
    converter.register_structure_hook_factory(lambda cls: cls in _RECORDS, _record_from_json)
