"""Records to JSON and back: the one cattrs converter, so that the records need not know it."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from loops_async.codec.outgoing import moment
from loops_async.codec.text import Undecodable, decode_json, encode_json

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


def to_json(record: object) -> dict[str, Any]:
    """``record`` as the JSON object that stands for it.

    Raises:
        InvalidInput: A value that JSON cannot carry.
    """
    cls: Any = type(record)
    return _unstructured_by(cls)(record)


def encode(record: object) -> bytes:
    """``record`` as the body of a request.

    Raises:
        InvalidInput: A value that JSON cannot carry.
    """
    cls: Any = type(record)
    return encode_json(_unstructured_by(cls)(record))


def decode(body: bytes, into: type[T]) -> T:
    """The record of type ``into`` that ``body`` holds. Fields unknown to it are no error.

    Raises:
        Undecodable: Not JSON, or not of that shape.
        InvalidCall: ``into`` has a field of a type that no JSON can be read into.
    """
    value = decode_json(body)
    from loops_async.codec.converter import structured  # noqa: PLC0415

    return structured(value, into)


@functools.cache
def _unstructured_by(cls: type) -> Callable[[Any], dict[str, Any]]:
    # Kept for each class: cattrs would look for it again at every record.
    from loops_async.codec.converter import unstructured_by  # noqa: PLC0415

    return unstructured_by(cls)
