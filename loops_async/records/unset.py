"""The third state of a field: left out."""

import enum
from typing import Final, Literal


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
"""Leaves a field out of the request, so that Loops keeps what it holds."""
