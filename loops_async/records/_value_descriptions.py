"""Descriptions of values for error messages, including NumPy types and missing values."""

import math
from decimal import Decimal
from typing import Final
from uuid import UUID

_GAP_TYPES: Final = {"NaTType": "NaT", "NAType": "NA", "MaskedConstant": "masked"}
_LIBRARIES: Final = frozenset({"numpy", "pandas", "polars"})

_MISSING_TEXTS: Final = frozenset(
    {"none", "nan", "null", "undefined", "<na>", "<nil>", "(null)", "#n/a", "\\n"}
)
"""Case-folded. ``na`` and ``nil`` are not included, because they can be names of people."""


def is_missing_text(text: str) -> bool:
    """Whether ``text`` is the string form of a missing value, such as ``str(None)``."""
    word = text.strip()
    return word == "NaT" or (len(word) <= len("undefined") and word.casefold() in _MISSING_TEXTS)


def missing_value(value: object) -> str | None:
    """The name of a missing value of Python, NumPy or pandas; None if ``value`` is not one."""
    kind = type(value)
    library = kind.__module__.partition(".")[0]
    if library in _LIBRARIES and kind.__name__ in _GAP_TYPES:
        return _GAP_TYPES[kind.__name__]
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else None
    if isinstance(value, Decimal):
        return "NaN" if value.is_nan() else None
    if library == "numpy" and _is_scalar(value):
        return {"nan": "NaN", "NaT": "NaT"}.get(str(value))
    return None


def type_name(value: object) -> str:
    """The name of the type of ``value``, with its module if a built-in type has the same name."""
    kind = type(value)
    library = kind.__module__.partition(".")[0]
    return f"{library}.{kind.__name__}" if library in _LIBRARIES else kind.__name__


def conversion(value: object) -> str:
    """How to convert a NumPy value to a Python value; "" for any other value."""
    kind = type(value)
    if kind.__module__.partition(".")[0] != "numpy" or not _is_scalar(value):
        return ""
    for prefix, builtin in (("bool", "bool"), ("int", "int"), ("uint", "int"), ("float", "float")):
        if kind.__name__.startswith(prefix):
            return f"convert it with {builtin}()"
    return "convert it to a datetime with a time zone" if kind.__name__ == "datetime64" else ""


def id_conversion(name: str, value: object) -> str:
    """How to convert an id that is not a string to text."""
    kind = type(value).__name__
    if isinstance(value, bool) or kind.startswith("bool"):
        return "pass the contact's id"
    if isinstance(value, int | UUID) or kind.startswith(("int", "uint")):
        return f"pass str({name})"
    if isinstance(value, float | Decimal) or kind.startswith("float"):
        return (
            "ids get a decimal point where a column with gaps is read as numbers; read the column "
            "as text"
        )
    return "pass the contact's id as text"


def _is_scalar(value: object) -> bool:
    return not isinstance(value, str) and getattr(value, "shape", None) == ()
