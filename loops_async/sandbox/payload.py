"""JSON bodies: bytes in, bytes out.

The standard library's json and not a faster one: numbers of any size come out as they went in.
"""

import json
from math import isfinite
from typing import NoReturn, TypeGuard

from loops_async.sandbox.errors import Refusal

NOT_JSON = "Request body is not valid JSON."


def _refuse_constant(name: str) -> NoReturn:
    # NaN and Infinity are Python's own extension of JSON.
    raise ValueError(name)


def _finite_float(digits: str) -> float:
    number = float(digits)
    if not isfinite(number):
        raise ValueError(digits)
    return number


def parse(body: bytes) -> object:
    """Read JSON in UTF-8.

    Raises:
        Refusal: 400, also for NaN, infinite numbers and nesting without end.
    """
    try:
        return json.loads(
            body.decode("utf-8"), parse_constant=_refuse_constant, parse_float=_finite_float
        )
    except (ValueError, RecursionError):
        raise Refusal(400, NOT_JSON) from None


def is_object(value: object) -> TypeGuard[dict[str, object]]:
    """Whether a parsed value is a JSON object."""
    return isinstance(value, dict)


def is_array(value: object) -> TypeGuard[list[object]]:
    """Whether a parsed value is a JSON array."""
    return isinstance(value, list)


def render(value: object) -> bytes:
    """Write JSON in UTF-8, without spaces, as JavaScript's servers do."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        # Half of a surrogate pair is legal in JSON only when escaped.
        return json.dumps(value, separators=(",", ":")).encode("ascii")
