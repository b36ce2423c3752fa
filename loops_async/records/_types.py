"""Types that several records share, and the marks on fields that the codec reads.

A field is named in camelCase in JSON, or as its metadata says: ``metadata={"key": "seatCount"}``.
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
"""Metadata of a field that the client fills in: it is neither sent nor read from a reply."""

FLATTEN: Final = {"flatten": True}
"""Metadata of the mapping whose entries are keys of the JSON object itself, beside the fields.

Reading puts every key into it that has no field of its own. Its keys are sent unchanged, unless
``"keys"`` in the same metadata maps them to other names.
"""


def json_key(attribute: "attrs.Attribute[Any]") -> str:
    """The key of a field in JSON: its name in camelCase, or ``metadata["key"]``."""
    key = attribute.metadata.get("key")
    return camel_case(attribute.name) if key is None else str(key)


def is_collection(attribute: "attrs.Attribute[Any]") -> bool:
    """Whether a field is an empty collection by default, which is not sent."""
    factory: Any = attrs.Factory
    return isinstance(attribute.default, factory)


def camel_case(name: str) -> str:
    """``trial_ends`` as ``trialEnds``."""
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
    """Text with some known values; any other text becomes a member of its own.

    A value that Loops adds later does not break this version.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = value.upper()
        member._value_ = value
        return member


# Like every record that a call returns, without slots: FastAPI turns an object that it does not
# know into JSON through vars().
@attrs.frozen(slots=False)
class ReplyRecord:
    """A record that Loops returns.

    Attributes:
        extra: What Loops sent besides, by its key: fields that are newer than this version.
    """

    extra: Mapping[str, JsonValue] = attrs.field(
        factory=dict[str, Any], kw_only=True, eq=False, repr=False, metadata=FLATTEN
    )


@attrs.frozen(slots=False)
class SendReceipt:
    """The result of sending an event or a transactional email.

    Attributes:
        idempotency_key: The key it was sent under.
        attempts: How many requests it took; 1 without a retry, 0 in a dry run.
        confirmed_by_repeat: True if a reply was lost and Loops answered a later attempt that it
            had already processed this key: it was sent, once.
        dry_run: Whether this is a made-up result, because nothing was sent.
    """

    idempotency_key: str = attrs.field(repr=False)
    attempts: int = attrs.field(default=1, metadata=LOCAL)
    confirmed_by_repeat: bool = attrs.field(default=False, metadata=LOCAL)
    dry_run: bool = attrs.field(default=False, metadata=LOCAL)
