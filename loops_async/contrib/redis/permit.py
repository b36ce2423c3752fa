"""A request that was let go, and the permit that reports its end."""

from collections.abc import Callable

import attrs

from loops_async.pacing.permit import SlotPermit
from loops_async.pipeline.messages import Reply


@attrs.define(eq=False)
class Sent:
    """A request that took a slot, shared or local."""

    number: int
    at: float
    grace: float
    pressed: bool
    slot: SlotPermit | None = None


class SharedPermit:
    """The right to send one request now."""

    __slots__ = ("_sent", "_settle")

    def __init__(self, sent: Sent, settle: Callable[[Sent, Reply | None], None]) -> None:
        self._sent = sent
        self._settle: Callable[[Sent, Reply | None], None] | None = settle

    def release(self, reply: Reply | None) -> None:
        """Report how the request ended: its reply, or None where none came.

        It does no harm to be late, and only the first report counts.
        """
        settle, self._settle = self._settle, None
        if settle is not None:
            settle(self._sent, reply)
