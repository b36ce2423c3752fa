"""A pacer that does not wait, for tests."""

from loops_async.pipeline.messages import Lane, Reply


class Unpaced:
    """Allows every request at once and ignores replies. It is also its own permit."""

    async def acquire(self, lane: Lane = Lane.INTERACTIVE) -> "Unpaced":
        """Return without waiting."""
        return self

    def release(self, reply: Reply | None) -> None:
        """Do nothing."""
