"""What every resource of a client has: a way to send, and a clock to end on."""

from typing import Protocol, TypeAlias

from loops_async.pipeline.messages import Send
from loops_async.records._types import Unset

Timeout: TypeAlias = float | None | Unset
"""Seconds for a whole call; None for no bound; UNSET for the client's own setting."""


class Deadline(Protocol):
    """Makes a moment on the event loop's clock of a timeout that begins now."""

    def __call__(self, timeout: Timeout, /) -> float | None:
        """When a call that begins now must be over; None for never."""
        ...


class Resource:
    """A noun of the API."""

    __slots__ = ("_deadline", "_send")

    def __init__(self, send: Send, deadline: Deadline) -> None:
        self._send = send
        self._deadline = deadline

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"
