"""JSON bodies as bytes.

Uses the standard library's json rather than a faster one, so that numbers of any size are written
exactly as they were read.
"""

import json
from math import isfinite
from typing import NoReturn, TypeGuard

from loops_async.sandbox.validation import Refusal

NOT_JSON = "Request body is not valid JSON."


def _refuse_constant(name: str) -> NoReturn:
    # NaN and Infinity are an extension of Python's.
    raise ValueError(name)


def _finite_float(digits: str) -> float:
    number = float(digits)
    if not isfinite(number):
        raise ValueError(digits)
    return number


def parse(body: bytes) -> object:
    """Parse JSON in UTF-8. NaN, infinite numbers and JSON nested too deeply are 400 as well."""
    try:
        return json.loads(
            body.decode("utf-8"), parse_constant=_refuse_constant, parse_float=_finite_float
        )
    except (ValueError, RecursionError):
        raise Refusal(400, NOT_JSON) from None


def render(value: object) -> bytes:
    """Serialize to JSON in UTF-8 without spaces, as servers written in JavaScript do."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        # JSON allows half of a surrogate pair only when it is escaped.
        return json.dumps(value, separators=(",", ":")).encode("ascii")


def is_object(value: object) -> TypeGuard[dict[str, object]]:
    """Return whether a parsed value is a JSON object."""
    return isinstance(value, dict)


def is_array(value: object) -> TypeGuard[list[object]]:
    """Return whether a parsed value is a JSON array."""
    return isinstance(value, list)
