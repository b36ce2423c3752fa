"""JSON values to bytes and back, integers of any size included."""

from typing import Final

import orjson

from loops_async.errors import InvalidInput
from loops_async.records._types import JsonValue

# orjson makes floats of integers beyond 64 bits, and refuses to write them.
_NINES: Final = bytes.maketrans(b"012345678", b"9" * 9)
_LONG_NUMBER: Final = b"9" * 19


class Undecodable(ValueError):
    """JSON that is not of the promised shape, said as ``path: what`` without any value."""


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


def decode_json(body: bytes) -> JsonValue:
    """The JSON value in ``body``, integers of any size included.

    Raises:
        Undecodable: Not JSON.
    """
    if _LONG_NUMBER not in body.translate(_NINES):
        return decode_fast(body)
    try:
        return _decode_slowly(body)
    except (ValueError, RecursionError):
        pass
    # Raised out here: the decoder's own error carries the whole body.
    raise _undecodable(body)


def decode_fast(body: bytes) -> JsonValue:
    """The JSON value in ``body``, for whom an integer beyond 64 bits may be a float.

    Raises:
        Undecodable: Not JSON.
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
