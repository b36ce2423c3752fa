"""Enumerations that the other side may extend."""

import enum
from typing import Self


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
