"""Conversion of records to JSON and back.

The rules are the same for all records. A field's key is its name in camelCase, unless its metadata
sets another key. ``UNSET`` is left out, and ``None`` becomes ``null``. The keys of mappings are not
converted. Unknown keys of a response are kept, in ``extra`` or in a contact's ``properties``, and
unknown values of an enumeration become new members.
"""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

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
    """Encode ``record`` as the body of a request.

    Raises:
        InvalidInput: A value that JSON cannot represent.
    """
    return encode_json(to_json(record))


def decode(body: bytes, into: type[T]) -> T:
    """Decode ``body`` as a record of type ``into``. Unknown keys are kept.

    Raises:
        Undecodable: ``body`` is not JSON, or does not represent such a record.
        InvalidCall: ``into`` has a field of a type that cannot be decoded.
    """
    return from_json(decode_json(body), into)


def from_json(value: object, into: type[T], *, path: str = "$") -> T:
    """Convert a decoded JSON value to an object of type ``into``.

    Raises:
        Undecodable: It does not have this form. The message names the value as ``path``.
        InvalidCall: ``into`` has a field of a type that cannot be decoded.
    """
    decoded: T = _structure()(value, into, path)
    return decoded


@functools.cache
def _structure() -> Callable[..., Any]:
    # Imports cattrs, which programs that only send data do not need.
    from loops_async.codec.decoding import structure  # noqa: PLC0415

    return structure
