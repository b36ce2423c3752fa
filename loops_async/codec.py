"""Records to JSON and back: camelCase, the three states, dates, custom properties.

One cattrs converter knows all of it, so that the records need not.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, TypeVar

import attrs
import orjson
from cattrs import Converter, transform_error
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from loops_async.errors import InvalidInput
from loops_async.records.account import ContactProperty, MailingList, PropertyType, Team
from loops_async.records.contacts import (
    Contact,
    ContactCreate,
    ContactUpdate,
    OptInStatus,
)
from loops_async.records.fields import property_key, typed_properties
from loops_async.records.unset import UNSET
from loops_async.records.values import check_property_value, masked

T = TypeVar("T")

# orjson makes floats of integers beyond 64 bits, and refuses to write them.
_LONG_NUMBER = re.compile(rb"[0-9]{19}")


class Undecodable(ValueError):
    """JSON that is not of the promised shape, said as ``path: what`` without any value."""


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
    return float(value)  # type: ignore[arg-type]


def _same(value: T) -> T:
    return value


def _contact_to_json(cls: Any, converter: Converter) -> Callable[[Any], dict[str, Any]]:
    typed = dict(typed_properties(cls))
    overrides: dict[str, Any] = {
        a.name: override(
            rename=property_key(a),
            omit=a.name == "properties" or a.name in typed,
            omit_if_default=a.default is UNSET,
            unstruct_hook=_same,
        )
        for a in attrs.fields(cls)
    }
    known = make_dict_unstructure_fn(cls, converter, **overrides)

    def unstructure(record: Any) -> dict[str, Any]:
        fields = known(record)
        for attribute, key in typed.items():
            value = getattr(record, attribute)
            if value is not UNSET:
                fields[key] = property_json(key, value)
        for key, value in record.properties.items():
            fields[key] = property_json(key, value)
        return fields

    return unstructure


def _contact_from_json(cls: Any, converter: Converter) -> Callable[[Any, Any], Any]:
    names = {a.name: property_key(a) for a in attrs.fields(cls) if a.name != "properties"}
    overrides: dict[str, Any] = {name: override(rename=key) for name, key in names.items()}
    known = make_dict_structure_fn(cls, converter, properties=override(omit=True), **overrides)
    keys = frozenset(names.values())

    def structure(value: Any, _: Any) -> Any:
        contact = known(_object(value), cls)
        rest = {key: item for key, item in value.items() if key not in keys}
        return attrs.evolve(contact, properties=rest) if rest else contact

    return structure


def _record_from_json(cls: Any, converter: Converter) -> Callable[[Any, Any], Any]:
    overrides: dict[str, Any] = {
        a.name: override(rename=property_key(a)) for a in attrs.fields(cls)
    }
    known = make_dict_structure_fn(cls, converter, **overrides)
    return lambda value, _: known(_object(value), cls)


class _Unfit(ValueError):
    """A JSON value of the wrong kind; says so without the value."""


def _object(value: Any) -> Any:
    if not isinstance(value, dict):
        raise _Unfit(f"expected an object, got {_kind(value)}")
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
            raise _Unfit(f"expected {name}, got {_kind(value)}")
        return value

    return structure


def _datetime_from_json(value: Any, _: Any) -> datetime:
    if isinstance(value, str):
        try:
            read = datetime.fromisoformat(value)
        except ValueError:
            read = None
        if read is not None:
            return read if read.tzinfo is not None else read.replace(tzinfo=UTC)
    raise _Unfit("expected a date as ISO 8601 text")


def _date_from_json(value: Any, hint: Any) -> date:
    return _datetime_from_json(value, hint).date()


def _open_enum(value: Any, cls: Any) -> Any:
    if not isinstance(value, str):
        raise _Unfit(f"expected text, got {_kind(value)}")
    return cls(value)


def _converter() -> Converter:
    converter = Converter()
    for kind, name in ((str, "text"), (bool, "a boolean"), (int, "an integer")):
        converter.register_structure_hook(kind, _strict(kind, name))
    number = _strict((int, float), "a number")
    converter.register_structure_hook(float, number)
    converter.register_structure_hook(datetime, _datetime_from_json)
    converter.register_structure_hook(date, _date_from_json)
    for enumeration in (OptInStatus, PropertyType):
        converter.register_structure_hook(enumeration, _open_enum)
    converter.register_unstructure_hook_factory(
        lambda cls: isinstance(cls, type) and issubclass(cls, ContactCreate | ContactUpdate),
        _contact_to_json,
    )
    converter.register_structure_hook_factory(
        lambda cls: isinstance(cls, type) and issubclass(cls, Contact), _contact_from_json
    )
    converter.register_structure_hook_factory(
        lambda cls: cls in (Team, ContactProperty, MailingList), _record_from_json
    )
    return converter


_CONVERTER = _converter()


def to_json(record: object) -> dict[str, Any]:
    """``record`` as the JSON object that stands for it.

    Raises:
        InvalidInput: A value that JSON cannot carry.
    """
    fields: dict[str, Any] = _CONVERTER.unstructure(record)
    return fields


def encode(record: object) -> bytes:
    """``record`` as the body of a request.

    Raises:
        InvalidInput: A value that JSON cannot carry.
    """
    return encode_json(to_json(record))


def encode_json(fields: object) -> bytes:
    """Plain JSON values as bytes, integers of any size included.

    Raises:
        InvalidInput: Text that is not valid Unicode.
    """
    try:
        return orjson.dumps(fields)
    except TypeError:
        pass
    return _encode_slowly(fields)


def _encode_slowly(fields: object) -> bytes:
    import json  # noqa: PLC0415 - wanted for integers beyond 64 bits alone

    try:
        return json.dumps(fields, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError):
        pass
    raise InvalidInput("a field holds text that is not valid Unicode, or a value JSON has not")


def decode_json(body: bytes) -> Any:
    """The JSON value in ``body``, integers of any size included.

    Raises:
        Undecodable: Not JSON.
    """
    try:
        if _LONG_NUMBER.search(body):
            return _decode_slowly(body)
        return orjson.loads(body)
    except (ValueError, RecursionError):
        pass
    # Raised out here: the decoder's own error carries the whole body.
    raise Undecodable("the body is not valid JSON" if body.strip() else "the body is empty")


def _decode_slowly(body: bytes) -> Any:
    import json  # noqa: PLC0415 - as above

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    return json.loads(body.decode(), parse_constant=refuse)


def decode(body: bytes, into: type[T]) -> T:
    """The record of type ``into`` that ``body`` holds. Fields unknown to it are no error.

    Raises:
        Undecodable: Not JSON, or not of that shape.
    """
    value = decode_json(body)
    try:
        return _CONVERTER.structure(value, into)
    except Exception as error:  # noqa: BLE001 - cattrs raises groups of whatever its hooks raised
        what = "; ".join(transform_error(error, format_exception=_said)[:5])
    raise Undecodable(masked(what))


def _said(error: BaseException, _: type | None) -> str:
    if isinstance(error, KeyError):
        return "required field missing"
    return str(error) if isinstance(error, _Unfit) else "not of the promised shape"
