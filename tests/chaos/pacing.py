"""A pacer that lets everybody through and counts the turns.

Not a ``Pacer`` with a high rate: that one takes a 429 which it has not caused for the doing of
others who share the limit, and leaves the limit to them for three seconds. Right, and too slow.
"""

from loops_async.pipeline.messages import Lane, Reply


class OpenPacer:
    """Lets everybody through at once."""

    def __init__(self) -> None:
        self.given = 0
        self.returned = 0

    async def acquire(self, lane: Lane = Lane.INTERACTIVE) -> "OpenPermit":
        """Give a turn."""
        del lane
        self.given += 1
        return OpenPermit(self)


class OpenPermit:
    """A turn."""

    def __init__(self, pacer: OpenPacer) -> None:
        self._pacer = pacer

    def release(self, reply: Reply | None) -> None:
        """Give it back."""
        del reply
        self._pacer.returned += 1
