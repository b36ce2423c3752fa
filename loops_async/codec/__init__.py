"""Records to JSON and back.

The rules are the same for every record. A field's key is its name in camelCase, or as the field's
metadata says; ``UNSET`` is left out and ``None`` is ``null``. The keys of mappings are sent and
read unchanged. Keys of a reply that have no field are kept, in ``extra`` or in a contact's
``properties``, and an enumeration keeps a value that it does not know as text.
"""

from typing import TypeVar

from loops_async.codec.encoding import to_json
from loops_async.codec.json_text import Undecodable, decode_fast, decode_json, encode_json

__all__ = [
    "Undecodable",
    "decode",
    "decode_fast",
    "decode_json",
    "encode",
    "encode_json",
    "from_json",
    "to_json",
]

T = TypeVar("T")


def encode(record: object) -> bytes:
    """``record`` as the body of a request.

    Raises:
        InvalidInput: A value that JSON cannot represent.
    """
    return encode_json(to_json(record))


def decode(body: bytes, into: type[T]) -> T:
    """The record of type ``into`` that ``body`` holds. Keys that it does not know are kept.

    Raises:
        Undecodable: ``body`` is not JSON, or does not represent such a record.
        InvalidCall: ``into`` has a field of a type that cannot be decoded.
    """
    return from_json(decode_json(body), into)


def from_json(value: object, into: type[T], *, path: str = "$") -> T:
    """The object of type ``into`` that a decoded JSON value represents.

    Raises:
        Undecodable: It does not represent one; the message calls the value ``path``.
        InvalidCall: ``into`` has a field of a type that cannot be decoded.
    """
    # Imports cattrs, which programs that only write do not need.
    from loops_async.codec.decoding import structure  # noqa: PLC0415

    return structure(value, into, path)
