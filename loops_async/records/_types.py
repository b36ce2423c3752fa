"""Types that several records share, and what they have in common."""

import enum
from datetime import date, datetime
from typing import Final, Literal, Self, TypeAlias

import attrs


class Unset(enum.Enum):
    """The type of ``UNSET``, the mark of a field that is left out of the request.

    ``None`` is something else: it empties the field at Loops.
    """

    UNSET = "UNSET"

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset.UNSET
"""Leaves a field out of the request, so that Loops keeps its current value. It is falsy."""


JsonValue: TypeAlias = str | int | float | bool | list["JsonValue"] | dict[str, "JsonValue"] | None
"""Any JSON value."""

PropertyValue: TypeAlias = str | int | float | bool | datetime | date | None
"""The value of a custom property.

Text, a number, a boolean, a date, a datetime with a time zone, or ``None`` to empty the property.
"""


class OpenStrEnum(enum.StrEnum):
    """Text of which some values are known; any other text becomes a member of its own.

    So a word that Loops begins to use tomorrow does not break today's client.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = value.upper()
        member._value_ = value
        return member


@attrs.frozen
class SendReceipt:
    """What Loops answers to an event or a transactional mail.

    Attributes:
        idempotency_key: The key it was sent under.
        attempts: How many requests it took; 1 without a retry, 0 in a dry run.
        confirmed_by_repeat: True when the reply got lost and Loops answered a later attempt that
            it had processed this key already: it was sent, once.
        dry_run: Whether it is made up, because nothing was sent.
    """

    idempotency_key: str = attrs.field(repr=False)
    attempts: int = 1
    confirmed_by_repeat: bool = False
    dry_run: bool = False
