"""Checks of what a caller passes: identifiers, text, properties, keyword arguments.

Every error names the field and the fix and never repeats the value.
"""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any, Final, TypeAlias, TypeGuard, TypeVar, cast

import attrs

from loops_async.errors import InvalidCall, InvalidInput
from loops_async.records._types import UNSET, PropertyValue, Unset

LONGEST: Final = 500
"""Characters that Loops takes in a key or in a value."""

RESERVED: Final = frozenset({"id", "listId", "softDeleteAt", "teamId", "updatedAt"})
"""Names that Loops keeps to itself (https://loops.so/docs/contacts/properties#reserved-names)."""

DEFAULT_FIELDS: Final = {
    "email": "email",
    "firstName": "first_name",
    "lastName": "last_name",
    "source": "source",
    "subscribed": "subscribed",
    "userGroup": "user_group",
    "userId": "user_id",
    "mailingLists": "mailing_lists",
}
"""Loops' own name of each default field, and ours."""

_LARGEST: Final = 10**LONGEST
_MOST_NAMES: Final = 1024
# Names that check_property_name has nothing to say to: a run's rows share theirs.
_usual_names: Final[set[str]] = set()
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_OUR_NAMES: Final = frozenset(DEFAULT_FIELDS.values()) - DEFAULT_FIELDS.keys()
_READ_ONLY: Final = frozenset({"optInStatus"})
_ADDRESS: Final = re.compile(r"[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+")
_WORD: Final = re.compile(r"\S+")
_AT: Final = re.compile(r".(?:@|%40|&#64;|&#x40;|\\u0040).", re.IGNORECASE)


def masked(text: str) -> str:
    """``text`` fit for a message: addresses taken out, control characters gone, and short."""
    # Word by word, because a reply may name a field with megabytes of text.
    printable = "".join(c if c.isprintable() else " " for c in text)
    shown = _WORD.sub(lambda word: "…@…" if _AT.search(word[0]) else word[0], printable)
    return shown if len(shown) <= 80 else shown[:79] + "…"


def refused(name: str, what: str) -> InvalidInput:
    """The error for what a property holds; its name is the caller's and may be an address."""
    shown = masked(name)
    return InvalidInput(f"{shown}: {what}", field=shown)


def check_text(field: str, value: str) -> None:
    """Refuse text that Loops would refuse, or that cannot be sent at all.

    Raises:
        InvalidInput: Too long, or not valid Unicode.
    """
    if len(value) > LONGEST:
        raise refused(field, f"has {len(value)} characters, Loops takes {LONGEST}; shorten it")
    if not value.isascii() and _SURROGATE.search(value):
        raise refused(
            field,
            "holds a lone surrogate, which is not valid Unicode; decode the text with the right "
            "encoding",
        )


def check_email(field: str, value: object) -> None:
    """Refuse what no mail system takes for an address; Loops judges the rest.

    Raises:
        InvalidInput: Not text, empty, or not of the form ``name@domain``.
    """
    if not isinstance(value, str):
        raise InvalidInput(
            f"{field}: must be text such as 'ada@example.com', not {type(value).__name__}",
            field=field,
        )
    # Most addresses, for a quarter of what the rest costs. What is printable holds no lone
    # surrogate and no white space but the blank.
    is_plain = len(value) <= LONGEST and value.isprintable() and " " not in value
    if is_plain and value.count("@") == 1 and value[0] != "@" and value[-1] != "@":
        return
    check_text(field, value)
    if not _ADDRESS.fullmatch(value):
        raise InvalidInput(
            f"{field}: must be one address of the form name@domain without spaces; check for a "
            "missing '@' and for stray white space",
            field=field,
        )


def check_user_id(field: str, value: object) -> None:
    """Refuse what is not an identifier.

    Raises:
        InvalidInput: Not text, or empty.
    """
    if not isinstance(value, str):
        raise InvalidInput(
            f"{field}: must be text, not {type(value).__name__}; pass str({field})", field=field
        )
    if not value.strip():
        raise InvalidInput(f"{field}: is empty; give the contact's id or leave it out", field=field)
    check_text(field, value)


def check_properties(_: str, properties: Mapping[str, object]) -> None:
    """Refuse custom properties that a contact cannot have.

    Raises:
        InvalidInput: As ``check_property_name`` and ``check_property_value`` do.
    """
    for name, value in properties.items():
        # Names seen before, short text and small numbers are most of what there is.
        if name not in _usual_names:
            _check_new_name(name)
        if type(value) is str:
            if len(value) > LONGEST or not value.isascii():
                check_property_value(name, value)
        elif type(value) is not int or not -1_000_000_000 < value < 1_000_000_000:
            check_property_value(name, value)


def _check_new_name(name: object) -> None:
    check_property_name(name)
    if type(name) is str and name.isascii():
        if len(_usual_names) >= _MOST_NAMES:
            _usual_names.clear()
        _usual_names.add(name)


def _named(name: object) -> str:
    if isinstance(name, str) and name:
        return name
    kind = "" if isinstance(name, str) else f", not {type(name).__name__}"
    raise InvalidInput(
        f"properties: a property's name must be non-empty text{kind}", field="properties"
    )


def check_property_name(name: object) -> None:
    """Refuse a name that a custom property cannot have.

    Raises:
        InvalidInput: Not text, empty, too long, reserved, or the name of a default field.
    """
    name = _named(name)
    check_text(name, name)
    if name in RESERVED:
        raise InvalidInput(
            f"{name}: is reserved by Loops; choose another name for this property", field=name
        )
    if name in DEFAULT_FIELDS:
        raise InvalidInput(
            f"{name}: is a default field, not a custom property; pass {DEFAULT_FIELDS[name]}=…",
            field=name,
        )
    if name in _READ_ONLY:
        raise InvalidInput(f"{name}: is set by Loops alone; leave it out", field=name)
    if name in _OUR_NAMES:
        # Loops would take it, and make a property of that name for good.
        raise InvalidInput(
            f"{name}: is a default field, not a custom property; pass {name}=…, beside properties",
            field=name,
        )


def check_property_value(name: str, value: object) -> None:
    """Refuse a value that a custom property cannot have.

    Raises:
        InvalidInput: Nested, not finite, a datetime without a time zone, or of another type.
    """
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, int):
        if abs(value) >= _LARGEST:
            raise refused(name, f"has more than {LONGEST} digits, Loops takes {LONGEST}; send less")
        return
    if isinstance(value, str):
        check_text(name, value)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise refused(
                name,
                "is not a finite number, which JSON cannot carry; send None to empty it or leave "
                "it out",
            )
    elif isinstance(value, datetime):
        _check_moment(name, value)
    elif not isinstance(value, date):
        raise _unfit(name, value)


def check_event_value(name: object, value: object) -> None:
    """Refuse an event property that Loops could not take.

    The rules are a contact property's, but for the names (an event may call a property ``id``)
    and the length (no limit is documented).

    Raises:
        InvalidInput: A name that is not text, or a value of another kind.
    """
    name = _named(name)
    if not isinstance(value, str):
        check_property_value(name, value)


def _check_moment(name: str, value: Any) -> None:
    try:
        aware = value.utcoffset() is not None
        fits = not aware or isinstance(value.astimezone(UTC), datetime)
    except (ValueError, OverflowError):
        # Also what only looks like a datetime, such as the "not a time" of data frames.
        aware, fits = True, False
    if not aware:
        raise refused(
            name,
            "is a datetime without a time zone, so nobody knows which moment it is; pass one with "
            "tzinfo, for example datetime(…, tzinfo=UTC)",
        )
    if not fits:
        raise refused(
            name, "is no moment in the years 1 to 9999 in UTC; choose another date, or None"
        )


def _unfit(name: str, value: object) -> InvalidInput:
    if value is UNSET:
        return refused(
            name,
            "is UNSET; leave its name out to keep what Loops holds, or pass None to empty it",
        )
    kind = type(value).__name__
    fix = (
        "flatten it into properties of its own"
        if isinstance(value, Mapping | list | tuple | set | frozenset)
        else "convert it to text or to a number first"
    )
    return refused(
        name,
        f"a property is text, a number, a boolean, a date or None, not {kind}; {fix}",
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


_RECORDS: Final = "loops_async.records.contacts"

# Kept for each class; functools.cache takes three times as long to look into.
_typed: Final[dict[Any, tuple[tuple[str, str], ...]]] = {}


def json_key(attribute: "attrs.Attribute[Any]") -> str:
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
    pairs = tuple((a.name, json_key(a)) for a in attrs.fields(cls) if a.name not in own)
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


R = TypeVar("R")


def build_record(record: type[R], fields: Mapping[str, Any]) -> R:
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
        return build_record(kind, fields)
    if fields:
        raise InvalidCall(f"give a {kind.__name__} or its fields as keyword arguments, not both")
    if not isinstance(given, kind):
        raise InvalidCall(
            f"expected a {kind.__name__}, not {type(given).__name__}; build one of what shall be "
            "sent, or give its fields as keyword arguments"
        )
    return given
