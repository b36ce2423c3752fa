"""From what a call was given to a record."""

from collections.abc import Mapping
from typing import Any, TypeVar

import attrs

from loops_async.errors import InvalidCall
from loops_async.records.values import masked

R = TypeVar("R")


def built(record: type[R], fields: Mapping[str, Any]) -> R:
    """A record of the given fields.

    Raises:
        InvalidCall: A field that the record has not.
        InvalidInput: A value that Loops could not take.
    """
    kind: Any = record
    try:
        made: R = kind(**fields)
    except TypeError:
        # Nearly every row of a run names its fields right, so they are looked at only now that
        # they may be wrong: Python refuses a name before any value is looked at.
        if (refusal := misnamed(kind, fields)) is None:
            raise
    else:
        return made
    raise refusal


def misnamed(record: Any, fields: Mapping[str, Any]) -> InvalidCall | None:
    """The error for fields that the record has not, or lacks; None if neither is so."""
    own = attrs.fields(record)
    names = frozenset(a.alias for a in own)
    if not names.issuperset(fields):
        return _unknown_field(record, next(name for name in fields if name not in names), names)
    for attribute in own:
        if attribute.default is attrs.NOTHING and attribute.alias not in fields:
            return InvalidCall(f"{record.__name__} needs {attribute.alias}=")
    return None


def _unknown_field(record: type[object], name: object, names: frozenset[str]) -> InvalidCall:
    import difflib  # noqa: PLC0415 - wanted for this refusal alone

    close = difflib.get_close_matches(str(name), sorted(names), 1)
    hint = f"did you mean {close[0]}=? " if close else ""
    return InvalidCall(
        f"{record.__name__} has no field {masked(str(name))!r}; {hint}custom properties go "
        "into properties={…}"
    )


def record_from(kind: type[R], given: object, fields: Mapping[str, Any]) -> R:
    """The record that a call was given, whole or as its fields.

    Raises:
        InvalidCall: Both, a record of another kind, or a field that the record has not.
        InvalidInput: A value that Loops could not take.
    """
    if given is None:
        return built(kind, fields)
    if fields:
        raise InvalidCall(f"give a {kind.__name__} or its fields as keyword arguments, not both")
    if not isinstance(given, kind):
        raise InvalidCall(
            f"expected a {kind.__name__}, not {type(given).__name__}; build one of what shall be "
            "sent, or give its fields as keyword arguments"
        )
    return given
