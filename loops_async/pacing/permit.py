"""The right to send one request, which reports how the request ended."""

from collections.abc import Callable
from typing import Protocol

from loops_async.pacing.learning import LONGEST_GRACE
from loops_async.pipeline.messages import Reply


class Lender(Protocol):
    """Whose slot a request uses."""

    clock: Callable[[], float]

    def settle(self, permit: "SlotPermit", reply: Reply | None, now: float) -> None:
        """Learn from how the request ended."""
        ...


class SlotPermit:
    """The right to send one request now."""

    __slots__ = ("grace", "is_released", "pressed", "sent", "slots")

    def __init__(self, slots: Lender, sent: float, pressed: bool = False) -> None:  # noqa: FBT001, FBT002 - a keyword costs more
        self.slots: Lender = slots
        self.sent: float = sent
        self.pressed: bool = pressed
        self.grace: float = LONGEST_GRACE
        self.is_released: bool = False

    def release(self, reply: Reply | None) -> None:
        """Report how the request ended: its reply, or None where none came.

        It does no harm to be late, and only the first report counts.
        """
        if not self.is_released:
            self.is_released = True
            slots = self.slots
            slots.settle(self, reply, slots.clock())
