"""Fields of records: their names at Loops, typed properties, and what is said of their values."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from loops_async.errors import InvalidCall, InvalidInput
from loops_async.records.checks import is_mapping, optional_bool, optional_text
from loops_async.records.unset import UNSET
from loops_async.records.values import check_property_name, masked, refused

_RECORDS: Final = "loops_async.records.contacts"

# Kept for each class; functools.cache takes three times as long to look into.
_typed: Final[dict[Any, tuple[tuple[str, str], ...]]] = {}


def property_key(attribute: "attrs.Attribute[Any]") -> str:
    """The name at Loops of a typed property: its own in camelCase, or ``metadata["key"]``."""
    given = attribute.metadata.get("key")
    if given is not None:
        return str(given)
    return camel_case(attribute.name)


def camel_case(name: str) -> str:
    """``trial_ends`` as ``trialEnds``."""
    first, *rest = name.strip("_").split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)


def typed_properties(cls: Any) -> tuple[tuple[str, str], ...]:
    """The custom properties that a subclass of a record declares: (attribute, name at Loops)."""
    if (known := _typed.get(cls)) is not None:
        return known
    record = next(c for c in cls.__mro__ if c.__module__ == _RECORDS)
    check_declared(cls)
    own = {attribute.name for attribute in attrs.fields(record)}
    pairs = tuple((a.name, property_key(a)) for a in attrs.fields(cls) if a.name not in own)
    taken: dict[str, str] = {}
    for name, key in pairs:
        check_property_name(key)
        if key in taken:
            raise refused(key, f"is declared twice, as {taken[key]} and as {name}; rename one")
        taken[key] = name
    _typed[cls] = pairs
    return pairs


def check_declared(cls: Any) -> None:
    """Refuse a subclass of a record whose fields attrs was not told of: they would get lost.

    Raises:
        InvalidCall: A field is written down, and is none.
    """
    known = {attribute.name for attribute in attrs.fields(cls)}
    for kind in filter(attrs.has, cls.__mro__):
        for name, hint in vars(kind).get("__annotations__", {}).items():
            if name not in known and "ClassVar" not in str(hint):
                raise InvalidCall(
                    f"{cls.__name__}.{masked(name)}: is no field; write "
                    f"@attrs.frozen(kw_only=True) above class {kind.__name__}"
                )


def check_each(holder: str, entries: Mapping[str, Any], check: Callable[[Any, Any], None]) -> None:
    """Have ``check`` look at each entry's name and value; a refusal names ``holder`` as well."""
    try:
        for name, value in entries.items():
            check(name, value)
    except InvalidInput as error:
        refusal = placed(error, holder)
    else:
        return
    raise refusal


def placed(error: InvalidInput, holder: str) -> InvalidInput:
    """``error``, which is about an entry of ``holder``, saying so."""
    name, text = error.field, str(error)
    if name in {None, holder, "properties"} or not text.startswith(f"{name}: "):
        return error
    return InvalidInput(f"{holder}[{name!r}]{text[len(name) :]}", field=name)


def masked_repr(record: Any) -> str:
    """A repr that says which fields are given and which are emptied, and shows no value."""
    parts: list[str] = []
    for attribute in attrs.fields(record.__class__):
        value = getattr(record, attribute.name)
        if value is None:
            parts.append(f"{attribute.name}=None")
        elif is_mapping(value) and value:
            names = ", ".join(masked(str(name)) for name in value)
            parts.append(f"{attribute.name}={{{names}}}")
        elif value is not UNSET and value not in ({}, ()):
            parts.append(f"{attribute.name}=…")
    return f"{type(record).__name__}({', '.join(parts)})"


FIELD_CHECKS: Final[Mapping[str, Callable[[str, Any], None]]] = {
    "first_name": optional_text,
    "last_name": optional_text,
    "source": optional_text,
    "subscribed": optional_bool,
    "user_group": optional_text,
}
"""The checks of the fields that an event may change as well."""
