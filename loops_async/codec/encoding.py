"""Records to JSON objects: each field under its key, without those that are ``UNSET``."""

import functools
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from types import NoneType
from typing import Any, Final, TypeAlias, cast

import attrs

from loops_async.records._types import UNSET, PropertyValue, is_collection, json_key
from loops_async.records._validation import RequestRecord, check_property_value, is_mapping

_Encode: TypeAlias = Callable[[str, Any], Any]
"""Makes a JSON value of a field's name and value."""

# The exact classes of most values, which JSON represents as they are.
_PLAIN: Final = frozenset({str, int, bool, NoneType})


def to_json(record: object) -> dict[str, Any]:
    """``record`` as a JSON object.

    Raises:
        InvalidInput: A value that JSON cannot represent.
    """
    plan = _plan(cast("Any", type(record)))
    if plan.unchecked:
        cast("RequestRecord", record).check()
    fields: dict[str, Any] = {}
    for name, key, encode, optional in plan.fields:
        value = getattr(record, name)
        if value is UNSET:
            continue
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
        fields: Of each field, its name, its key, how its value is encoded, and whether it is left
            out while it is empty.
        flattened: Of the field whose entries become keys of the object, its name, which entries
            have another key than their name, and how the values are encoded.
        unchecked: Whether the class replaces the constructor's call of ``check``.
    """

    fields: tuple[tuple[str, str, _Encode, bool], ...]
    flattened: tuple[str, Mapping[str, str], _Encode] | None
    unchecked: bool


@functools.cache
def _plan(record: Any) -> _EncodingPlan:
    fields: list[tuple[str, str, _Encode, bool]] = []
    flattened = None
    for field in attrs.fields(record):
        holds_properties = field.type == Mapping[str, PropertyValue]
        if field.metadata.get("flatten"):
            encode: _Encode = _scalar if holds_properties else _json_value
            flattened = field.name, field.metadata.get("keys", {}), encode
        elif not field.metadata.get("local"):
            encode = _properties if holds_properties else _json_value
            fields.append((field.name, json_key(field), encode, is_collection(field)))
    unchecked = (
        issubclass(record, RequestRecord)
        and record.__attrs_post_init__ is not RequestRecord.__attrs_post_init__
    )
    return _EncodingPlan(tuple(fields), flattened, unchecked)


def _properties(_: str, properties: Mapping[str, object]) -> dict[str, object]:
    # The caller can change the mapping after the record was checked.
    return {
        name: value if type(value) in _PLAIN else _scalar(name, value)
        for name, value in properties.items()
    }


def _json_value(name: str, value: Any) -> object:
    if value is None or isinstance(value, str | int):
        return value
    if is_mapping(value):
        return {key: _json_value(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json_value(name, item) for item in cast("list[object]", value)]
    if isinstance(value, bytes):
        return b64encode(value).decode()
    kind = cast("Any", type(value))
    return to_json(value) if attrs.has(kind) else _scalar(name, value)


def _scalar(name: str, value: Any) -> object:
    if isinstance(value, str | int):
        return value
    check_property_value(name, value)
    if isinstance(value, datetime):
        utc = value.astimezone(UTC).replace(tzinfo=None)
        return f"{utc.isoformat(timespec='milliseconds')}Z"
    return value.isoformat() if isinstance(value, date) else float(value)
