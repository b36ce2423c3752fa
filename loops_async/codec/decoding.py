"""Decoding of JSON to records. Types are checked strictly; unknown keys and values are accepted."""

import enum
import functools
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from types import NoneType, UnionType
from typing import Any, Final, TypeAlias, TypeVar, Union, get_args, get_origin

import attrs
from cattrs import Converter, StructureHandlerNotFoundError

from loops_async.codec.json_text import Undecodable
from loops_async.errors import InvalidCall
from loops_async.records._types import (
    ReplyRecord,
    Unset,
    is_collection,
    json_key,
)
from loops_async.records._validation import masked

T = TypeVar("T")
_Hook: TypeAlias = Callable[[Any, Any], Any]
"""Decodes a JSON value into a type."""

_PlannedField: TypeAlias = tuple[str, str, frozenset[type], _Hook, Any, bool]

_MISSING: Final = object()
_ENVELOPE: Final = "success"
"""The key that most replies have; it is not a field of what they are about."""

_TYPE_NAMES: Final[Mapping[type, str]] = {
    NoneType: "null", dict: "an object", list: "an array", str: "text", bool: "a boolean",
    int: "a number", float: "a number",
}  # fmt: skip


class WrongType(ValueError):
    """A JSON value has the wrong type. The message does not contain the value."""


def structure(value: object, into: type[T], path: str) -> T:
    """Convert the JSON value ``value`` to an object of type ``into``.

    Raises:
        Undecodable: It does not have this form. The message names the value as ``path``.
        InvalidCall: ``into`` has a field of a type that cannot be decoded.
    """
    try:
        return _CONVERTER.structure(value, into)
    except InvalidCall:
        raise
    except Exception as error:  # noqa: BLE001 - users' enumerations may raise anything
        failure = error
    # Each level has added its part of the path, from the inside out.
    path += "".join(reversed(getattr(failure, "__notes__", [])))
    what = str(failure) if isinstance(failure, WrongType) else "not of the documented form"
    raise Undecodable(masked(f"{what} @ {path}"))


def _expected(what: str, value: object) -> WrongType:
    return WrongType(f"expected {what}, got {_TYPE_NAMES[type(value)]}")


def _object(value: object) -> dict[str, Any]:
    if isinstance(value, dict):
        return value  # pyright: ignore[reportUnknownVariableType]
    raise _expected("an object", value)


def _array(value: object) -> list[Any]:
    if isinstance(value, list):
        return value  # pyright: ignore[reportUnknownVariableType]
    raise _expected("an array", value)


# Records.


@attrs.frozen
class _DecodingPlan:
    """How the records of one class are decoded.

    Attributes:
        fields: For each field: its key, the name of its argument, the types that need no decoding,
            the hook for other values and its target type, and whether ``null`` means the default.
        required: The keys of the fields without a default.
        flattened: The argument that collects all other keys, and the names of those that differ
            from the key.
        envelope: Whether ``success`` is not among the other keys.
    """

    fields: tuple[_PlannedField, ...]
    required: tuple[str, ...]
    flattened: tuple[str, Mapping[str, str]] | None
    envelope: bool


@functools.cache
def _plan(record: Any) -> _DecodingPlan:
    if any(isinstance(field.type, str) for field in attrs.fields(record)):
        attrs.resolve_types(record)
    fields: list[_PlannedField] = []
    required: list[str] = []
    flattened = None
    for field in attrs.fields(record):
        key, hint = json_key(field), field.type
        if field.metadata.get("flatten"):
            keys = field.metadata.get("keys", {})
            flattened = field.alias, {key: name for name, key in keys.items()}
        elif not field.metadata.get("local"):
            hook, plain = _field_hook(record, field), _plain_types(hint)
            fields.append((key, field.alias, plain, hook, hint, is_collection(field)))
            if field.default is attrs.NOTHING:
                required.append(key)
    envelope = issubclass(record, ReplyRecord)
    return _DecodingPlan(tuple(fields), tuple(required), flattened, envelope)


def _field_hook(record: Any, field: "attrs.Attribute[Any]") -> _Hook:
    hint: Any = field.type
    try:
        return _CONVERTER.get_structure_hook(hint)
    except StructureHandlerNotFoundError:
        pass
    raise InvalidCall(
        f"{record.__name__}.{masked(field.name)}: has a type that cannot be decoded from JSON"
    )


def _record(value: Any, record: Any) -> Any:
    plan, rest = _plan(record), dict(_object(value))
    found: dict[str, Any] = {}
    key = ""
    try:
        for key, name, plain, hook, hint, nullable in plan.fields:
            item = rest.pop(key, _MISSING)
            if type(item) in plain:
                found[name] = item
            elif item is not _MISSING and (item is not None or not nullable):
                found[name] = hook(item, hint)
    except Exception as error:
        error.add_note(f".{key}")
        raise
    if len(found) < len(plan.fields):
        _check_required(plan, value)
    if plan.envelope:
        rest.pop(_ENVELOPE, None)
    if rest and plan.flattened is not None:
        name, names = plan.flattened
        found[name] = {names.get(key, key): item for key, item in rest.items()} if names else rest
    return record(**found)


def _check_required(plan: _DecodingPlan, given: dict[str, Any]) -> None:
    for key in plan.required:
        if key not in given:
            missing = WrongType("required field missing")
            missing.add_note(f".{key}")
            raise missing


def _plain_types(hint: object) -> frozenset[type]:
    """Return the types of JSON values that need no decoding for a field of type ``hint``."""
    members = get_args(hint) if _is_union(hint) else (hint,)
    plain = {member for member in members if member in (str, bool, int, float, NoneType)}
    return frozenset(plain | {int} if float in plain else plain)


# Collections and unions.


def _is_sequence(hint: object) -> bool:
    origin = get_origin(hint)
    return origin in {list, Sequence} or (origin is tuple and get_args(hint)[1:] == (...,))


def _sequence(hint: Any, converter: Converter) -> _Hook:
    into = get_args(hint)[0]
    hook, plain = converter.get_structure_hook(into), _plain_types(into)
    make: Any = tuple if get_origin(hint) is tuple else list

    def decode(value: Any, _: Any) -> Any:
        items: list[Any] = []
        for item in _array(value):
            try:
                items.append(item if type(item) in plain else hook(item, into))
            except Exception as error:
                error.add_note(f"[{len(items)}]")
                raise
        return make(items)

    return decode


def _is_mapping(hint: object) -> bool:
    return get_origin(hint) in {dict, Mapping}


def _mapping(hint: Any, converter: Converter) -> _Hook:
    into = get_args(hint)[1]
    hook, plain = converter.get_structure_hook(into), _plain_types(into)

    def decode(value: Any, _: Any) -> dict[str, Any]:
        return {
            key: item if type(item) in plain else hook(item, into)
            for key, item in _object(value).items()
        }

    return decode


def _is_union(hint: object) -> bool:
    return get_origin(hint) in {Union, UnionType}


def _is_any_json(hint: object) -> bool:
    # Not compared with JsonValue, because it is expanded when annotations are resolved.
    return {get_origin(member) or member for member in get_args(hint)} == _TYPE_NAMES.keys()


def _union(hint: Any, converter: Converter) -> _Hook:
    members = [member for member in get_args(hint) if member not in {NoneType, Unset}]
    hooks = [(converter.get_structure_hook(member), member) for member in members]
    nullable = NoneType in get_args(hint)

    def decode(value: Any, _: Any) -> Any:
        if value is None and nullable:
            return None
        failure: Exception | None = None
        for hook, member in hooks:
            try:
                return hook(value, member)
            except Exception as error:  # noqa: BLE001 - another member of the union may match
                failure = failure or error
        raise failure or _expected("another type", value)

    return decode


# Single values.


def _text(value: Any, _: Any) -> str:
    if type(value) is not str:
        raise _expected("text", value)
    return value


def _boolean(value: Any, _: Any) -> bool:
    if type(value) is not bool:
        raise _expected("a boolean", value)
    return value


def _number(value: Any, _: Any) -> float:
    if type(value) is not int and type(value) is not float:
        raise _expected("a number", value)
    return value


def _integer(value: Any, hint: Any) -> int:
    # JSON does not distinguish 5.0 from 5.
    if _number(value, hint) != int(value):
        raise _expected("a whole number", value)
    return int(value)


def _datetime(value: Any, _: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        moment = None
    if moment is None:
        raise WrongType("expected a date as ISO 8601 text")
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _date(value: Any, hint: Any) -> date:
    return _datetime(value, hint).date()


def _text_enum(value: Any, enumeration: Any) -> Any:
    return enumeration(_text(value, str))


def _bytes(value: Any, _: Any) -> bytes:
    try:
        return b64decode(_text(value, str), validate=True)
    except WrongType:
        raise
    except ValueError:
        pass
    raise WrongType("expected base64")


def _converter() -> Converter:
    converter = Converter(detailed_validation=False)
    single: dict[Any, _Hook] = {
        str: _text, bool: _boolean, float: _number, int: _integer, datetime: _datetime,
        date: _date, bytes: _bytes, enum.StrEnum: _text_enum,
    }  # fmt: skip
    for kind, hook in single.items():
        converter.register_structure_hook(kind, hook)
    converter.register_structure_hook_func(attrs.has, _record)
    converter.register_structure_hook_factory(_is_sequence, _sequence)
    converter.register_structure_hook_factory(_is_mapping, _mapping)
    converter.register_structure_hook_factory(_is_union, _union)
    converter.register_structure_hook_func(_is_any_json, lambda value, _: value)
    return converter


_CONVERTER: Final = _converter()
