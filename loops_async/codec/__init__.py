"""Records to JSON and back: the one cattrs converter, so that the records need not know it."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from loops_async.codec.outgoing import moment
from loops_async.codec.text import Undecodable, decode_fast, decode_json, encode_json

__all__ = [
    "Undecodable",
    "decode",
    "decode_fast",
    "decode_json",
    "encode",
    "encode_json",
    "from_json",
    "moment",
    "to_json",
]

T = TypeVar("T")

# Kept for each class: cattrs would look for it again at every record, and a look into
# functools.cache costs three times as much as one into a dict.
_unstructures: Final[dict[type, Callable[[Any], dict[str, Any]]]] = {}


def to_json(record: object) -> dict[str, Any]:
    """``record`` as the JSON object that stands for it.

    Raises:
        InvalidInput: A value that JSON cannot carry.
    """
    cls: Any = type(record)
    unstructure = _unstructures.get(cls) or _unstructured_by(cls)
    return unstructure(record)


def encode(record: object) -> bytes:
    """``record`` as the body of a request.

    Raises:
        InvalidInput: A value that JSON cannot carry.
    """
    cls: Any = type(record)
    unstructure = _unstructures.get(cls) or _unstructured_by(cls)
    return encode_json(unstructure(record))


def decode(body: bytes, into: type[T]) -> T:
    """The record of type ``into`` that ``body`` holds. Fields unknown to it are no error.

    Raises:
        Undecodable: Not JSON, or not of that shape.
        InvalidCall: ``into`` has a field of a type that no JSON can be read into.
    """
    return from_json(decode_json(body), into)


def from_json(value: object, into: type[T], *, path: str = "$") -> T:
    """The ``into`` that a decoded JSON value stands for; errors call the value ``path``.

    Raises:
        Undecodable: The value has another shape.
        InvalidCall: ``into`` has a field of a type that no JSON can be read into.
    """
    from loops_async.codec.converter import structured  # noqa: PLC0415

    return structured(value, into, path)


def _unstructured_by(cls: type) -> Callable[[Any], dict[str, Any]]:
    from loops_async.codec.converter import unstructured_by  # noqa: PLC0415

    found = _unstructures[cls] = unstructured_by(cls)
    return found
