"""Encoding of records as JSON objects. Fields that are ``UNSET`` are left out."""

import functools
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from types import NoneType
from typing import Any, Final, TypeAlias, cast

import attrs

from loops_async.records._request_record import RequestRecord
from loops_async.records._types import UNSET, PropertyValue, is_collection, json_key
from loops_async.records._validation import check_property_value, is_mapping

_Encode: TypeAlias = Callable[[str, Any], Any]
"""Converts the value of a field, given its name and value, to a JSON value."""

# Classes of most values, which need no conversion. Subclasses do.
_PLAIN: Final = frozenset({str, int, bool, NoneType})


def to_json(record: object) -> dict[str, Any]:
    """Convert ``record`` to a JSON object.

    Raises:
        InvalidInput: A value that JSON cannot represent.
    """
    kind: Any = type(record)
    plan = _plan(kind)
    if plan.unchecked:
        cast("RequestRecord", record).check()
    fields: dict[str, Any] = {}
    for name, rule in plan.fields:
        value = getattr(record, name)
        if value is UNSET:
            continue
        key, encode, optional = rule
        if type(value) in _PLAIN:
            fields[key] = value
        elif value or not optional:
            fields[key] = encode(name, value)
    if plan.flattened is not None:
        name, keys, encode = plan.flattened
        for entry, value in getattr(record, name).items():
            plain = type(value) in _PLAIN
            fields[keys.get(entry, entry)] = value if plain else encode(entry, value)
    return fields


@attrs.frozen
class _EncodingPlan:
    """How the records of one class are encoded.

    Attributes:
        fields: For each field: its name, and its key, the function that encodes its value, and
            whether it is left out if it is empty.
        flattened: For the field whose entries are merged into the object: its name, the keys of
            entries that differ from their names, and the function that encodes the values.
        unchecked: Whether the class overrides the hook with which the constructor calls
            ``check``.
    """

    fields: tuple[tuple[str, tuple[str, _Encode, bool]], ...]
    flattened: tuple[str, Mapping[str, str], _Encode] | None
    unchecked: bool


@functools.cache
def _plan(record: Any) -> _EncodingPlan:
    fields: list[tuple[str, tuple[str, _Encode, bool]]] = []
    flattened = None
    for field in attrs.fields(record):
        holds_properties = field.type == Mapping[str, PropertyValue]
        if field.metadata.get("flatten"):
            encode: _Encode = _scalar if holds_properties else _json_value
            flattened = field.name, field.metadata.get("keys", {}), encode
        elif not field.metadata.get("local"):
            encode = _properties if holds_properties else _json_value
            fields.append((field.name, (json_key(field), encode, is_collection(field))))
    unchecked = (
        issubclass(record, RequestRecord)
        and record.__attrs_post_init__ is not RequestRecord.__attrs_post_init__
    )
    return _EncodingPlan(tuple(fields), flattened, unchecked)


def _properties(_: str, properties: Any) -> object:
    # Checked again, because the mapping may have been changed since the record was created.
    return {
        name: value if type(value) in _PLAIN else _scalar(name, value)
        for name, value in properties.items()
    }


def _json_value(name: str, value: Any) -> object:
    if type(value) in _PLAIN or isinstance(value, (str, int)):
        return value
    if is_mapping(value):
        return {
            key: item if type(item) in _PLAIN else _json_value(name, item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_json_value(name, item) for item in cast("list[object]", value)]
    if isinstance(value, bytes):
        return b64encode(value).decode()
    kind = cast("Any", type(value))
    return to_json(value) if attrs.has(kind) else _scalar(name, value)


def _scalar(name: str, value: Any) -> object:
    # Checked again: the caller can change a mapping of properties after the record was made.
    if isinstance(value, (str, int)):
        return value
    check_property_value(name, value)
    if isinstance(value, datetime):
        utc = value.astimezone(UTC).replace(tzinfo=None)
        return f"{utc.isoformat(timespec='milliseconds')}Z"
    return value.isoformat() if isinstance(value, date) else float(value)
