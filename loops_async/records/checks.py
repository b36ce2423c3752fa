"""The checks of a record's fields."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias, TypeGuard, cast

import attrs

from loops_async.errors import InvalidInput
from loops_async.records.unset import UNSET, Unset
from loops_async.records.values import (
    PropertyValue,
    check_email,
    check_text,
    check_user_id,
    refused,
)

Lists: TypeAlias = Mapping[str, bool] | None | Unset
"""Mailing lists' ids, each with True (add) or False (remove)."""


def is_mapping(value: object) -> TypeGuard[Mapping[object, object]]:
    """Whether ``value`` is a mapping; of what, is still to be looked at."""
    return isinstance(value, Mapping)


def optional_text(field: str, value: object) -> None:
    """Refuse what is neither text, nor None, nor left out."""
    if value is UNSET or value is None:
        return
    if not isinstance(value, str):
        raise InvalidInput(
            f"{field}: must be text, None to empty it, or left out, not {type(value).__name__}",
            field=field,
        )
    check_text(field, value)


def optional_email(_: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    """An attrs validator: an address, None, or left out."""
    if value is not UNSET and value is not None:
        check_email(attribute.name, value)


def required_email(_: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    """An attrs validator: an address."""
    check_email(attribute.name, value)


def optional_user_id(_: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    """An attrs validator: an id of the user's own, None, or left out."""
    if value is not UNSET and value is not None:
        check_user_id(attribute.name, value)


def optional_bool(field: str, value: object) -> None:
    """Refuse what is neither a boolean, nor None, nor left out."""
    if value is not UNSET and value is not None and not isinstance(value, bool):
        raise InvalidInput(
            f"{field}: must be True, False, None or left out, not {type(value).__name__}",
            field=field,
        )


def own_lists(value: Lists) -> Lists:
    """An attrs converter: a copy of the mapping, so that no one else can change it."""
    # To ask an abstract class is slow, and most records have no lists.
    return value if value is UNSET or not isinstance(value, Mapping) else dict(value)


def optional_lists(field: str, value: object) -> None:
    """Refuse what is neither mailing list ids, each with a boolean, nor None, nor left out."""
    if value is UNSET or value is None:
        return
    if not is_mapping(value) or not all(
        isinstance(key, str) and key and isinstance(joined, bool) for key, joined in value.items()
    ):
        raise InvalidInput(
            f"{field}: must map each mailing list's id to True (add) or False (remove)",
            field=field,
        )
    for key in cast("Mapping[str, bool]", value):
        check_text(field, key)


def check_lists(_: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    """An attrs validator: mailing list ids, each with a boolean; None, or left out."""
    optional_lists(attribute.name, value)


def check_unicode(name: str, value: object) -> None:
    """Refuse text of any length that cannot be sent at all.

    Raises:
        InvalidInput: Not valid Unicode.
    """
    try:
        value.encode() if isinstance(value, str) else None
    except UnicodeEncodeError:
        pass
    else:
        return
    raise refused(
        name,
        "holds a lone surrogate, which is not valid Unicode; decode the text with the right "
        "encoding",
    )


# What is of exactly that class is copied at once.
_copied: Final[Callable[[object], dict[str, PropertyValue]]] = cast(Any, dict).copy


def own_properties(value: Mapping[str, PropertyValue]) -> Mapping[str, PropertyValue]:
    """An attrs converter: a copy of the mapping, so that no one else can change it."""
    kind: object = type(value)
    return _copied(value) if kind is dict else own_mapping(value, "properties")


def own_mapping(value: object, field: str) -> dict[str, Any]:
    """A copy of the mapping, so that no one else can change it; an empty one of ``UNSET``.

    Raises:
        InvalidInput: No mapping.
    """
    if value is UNSET:
        return {}
    if not is_mapping(value):
        raise InvalidInput(
            f"{field}: must map names to values, for example {{'plan': 'pro'}}; leave it out to "
            "send none",
            field=field,
        )
    return dict(cast("Mapping[str, Any]", value))


def check_name(_: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    """An attrs validator: non-empty text that names something at Loops."""
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput(f"{attribute.name}: must be non-empty text", field=attribute.name)
    check_text(attribute.name, value)
