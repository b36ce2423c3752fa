"""Records to JSON and back: the one cattrs converter, so that the records need not know it."""

from typing import Any, TypeVar

from cattrs import Converter, StructureHandlerNotFoundError, transform_error

from loops_async.codec import incoming, outgoing
from loops_async.codec.outgoing import moment
from loops_async.codec.text import Undecodable, decode_json, encode_json
from loops_async.errors import InvalidCall
from loops_async.records.values import masked

__all__ = [
    "Undecodable",
    "decode",
    "decode_json",
    "encode",
    "encode_json",
    "moment",
    "to_json",
]

T = TypeVar("T")

_CONVERTER = Converter()
incoming.register(_CONVERTER)
outgoing.register(_CONVERTER)


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
    return encode_json(_CONVERTER.unstructure(record))


def decode(body: bytes, into: type[T]) -> T:
    """The record of type ``into`` that ``body`` holds. Fields unknown to it are no error.

    Raises:
        Undecodable: Not JSON, or not of that shape.
        InvalidCall: ``into`` has a field of a type that no JSON can be read into.
    """
    value = decode_json(body)
    try:
        return _CONVERTER.structure(value, into)
    except Exception as error:  # noqa: BLE001 - cattrs raises groups of whatever its hooks raised
        what = "; ".join(transform_error(error, format_exception=_said)[:5])
        is_ours = isinstance(error, StructureHandlerNotFoundError) or (
            isinstance(error, BaseExceptionGroup) and error.subgroup(StructureHandlerNotFoundError)
        )
    if is_ours:
        raise InvalidCall(f"into: a field of it has a type that JSON cannot be read into: {what}")
    raise Undecodable(masked(what))


def _said(error: BaseException, _: type | None) -> str:
    if isinstance(error, KeyError):
        return "required field missing"
    return str(error) if isinstance(error, incoming.Unfit) else "not of the promised shape"
