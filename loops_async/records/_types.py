"""Types that several records share, and the field metadata that the codec reads.

A field's JSON key is its name in camelCase, unless its metadata sets another key:
``metadata={"key": "seatCount"}``.
"""

import enum
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final, Literal, Self, TypeAlias

import attrs

JsonValue: TypeAlias = str | int | float | bool | list["JsonValue"] | dict[str, "JsonValue"] | None
"""Any JSON value."""

PropertyValue: TypeAlias = str | int | float | bool | datetime | date | None
"""The value of a custom property.

Text, a number, a boolean, a date, a datetime with a time zone, or ``None`` to empty the property.
"""

LOCAL: Final = {"local": True}
"""Metadata of a field that the client sets. It is neither sent nor read from a response."""

FLATTEN: Final = {"flatten": True}
"""Metadata of a mapping whose entries are merged into the JSON object of the record.

When decoding, it collects all keys that have no field. When encoding, its keys are sent unchanged,
unless ``"keys"`` in the same metadata maps them to other names.
"""


def json_key(attribute: "attrs.Attribute[Any]") -> str:
    """The key of a field in JSON: its name in camelCase, or ``metadata["key"]``."""
    key = attribute.metadata.get("key")
    return camel_case(attribute.name) if key is None else str(key)


def is_collection(attribute: "attrs.Attribute[Any]") -> bool:
    """Whether a field's default is an empty collection, which is not sent."""
    factory: Any = attrs.Factory
    return isinstance(attribute.default, factory)


def camel_case(name: str) -> str:
    """Convert ``trial_ends`` to ``trialEnds``."""
    first, *rest = name.strip("_").split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)


class Unset(enum.Enum):
    """The type of ``UNSET``, which marks a field as left out of the request.

    ``None`` is different: it empties the field at Loops.
    """

    UNSET = "UNSET"

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset.UNSET
"""Leaves a field out of the request, so that Loops keeps its current value. It is falsy."""


class OpenStrEnum(enum.StrEnum):
    """A string enumeration that accepts unknown values and creates a member for each.

    Values that Loops adds later therefore do not break this version.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = value.upper()
        member._value_ = value
        return member


# Records that calls return have no slots, because FastAPI serializes objects of unknown types with
# vars().
@attrs.frozen(slots=False)
class ReplyRecord:
    """A record that Loops returns.

    Attributes:
        extra: Fields of the response that this version does not know, by key.
    """

    extra: Mapping[str, JsonValue] = attrs.field(
        factory=dict[str, Any], kw_only=True, eq=False, repr=False, metadata=FLATTEN
    )


@attrs.frozen(slots=False)
class SendReceipt:
    """The result of sending an event or a transactional email.

    Attributes:
        idempotency_key: The idempotency key of the request.
        attempts: Number of requests sent; 1 without retries, 0 in a dry run.
        confirmed_by_repeat: True if the response to one attempt was lost, and Loops responded to a
            later attempt that the key was already processed. It was sent exactly once.
        dry_run: True for the placeholder result of a dry run, which sends nothing.
    """

    idempotency_key: str = attrs.field(repr=False)
    attempts: int = attrs.field(default=1, metadata=LOCAL)
    confirmed_by_repeat: bool = attrs.field(default=False, metadata=LOCAL)
    dry_run: bool = attrs.field(default=False, metadata=LOCAL)
