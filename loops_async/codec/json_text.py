"""Encoding and decoding of JSON, with integers of any size."""

from typing import Final

import orjson

from loops_async.errors import InvalidInput
from loops_async.records._types import JsonValue

# orjson decodes integers beyond 64 bits as floats, and cannot encode them.
_NINES: Final = bytes.maketrans(b"012345678", b"9" * 9)
_LONG_NUMBER: Final = b"9" * 19


class Undecodable(ValueError):
    """The JSON is malformed or has an unexpected structure. The message does not contain values."""


def encode_json(fields: object) -> bytes:
    """Encode JSON values, with integers of any size.

    Raises:
        InvalidInput: Text is not valid Unicode, or a value has no JSON form.
    """
    try:
        return orjson.dumps(fields)
    except TypeError:
        pass
    return _encode_slowly(fields)


def _encode_slowly(fields: object) -> bytes:
    import json  # noqa: PLC0415 - only needed for integers beyond 64 bits

    try:
        return json.dumps(fields, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError):
        pass
    raise InvalidInput(
        "a field contains text that is not valid Unicode, or a value that JSON cannot represent"
    )


def decode_json(body: bytes) -> JsonValue:
    """Decode ``body``, with integers of any size.

    Raises:
        Undecodable: It is not valid JSON.
    """
    if _LONG_NUMBER not in body.translate(_NINES):
        return decode_fast(body)
    try:
        return _decode_slowly(body)
    except (ValueError, RecursionError):
        pass
    # Raised outside the except block: the decoder's error, as its context, would hold the body.
    raise _undecodable(body)


def decode_fast(body: bytes) -> JsonValue:
    """Decode ``body`` quickly. Integers beyond 64 bits become floats.

    Raises:
        Undecodable: It is not valid JSON.
    """
    try:
        value: JsonValue = orjson.loads(body)
    except ValueError:
        pass
    else:
        return value
    raise _undecodable(body)


def _undecodable(body: bytes) -> Undecodable:
    return Undecodable("the body is not valid JSON" if body.strip() else "the body is empty")


def _decode_slowly(body: bytes) -> JsonValue:
    import json  # noqa: PLC0415 - as above

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    value: JsonValue = json.loads(body.decode(), parse_constant=refuse)
    return value
