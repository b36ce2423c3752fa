"""A pacer that does not wait, for tests."""

from loops_async.pipeline.messages import Lane, Reply


class Unpaced:
    """Lets every request be sent at once and ignores replies. It is its own permit."""

    async def acquire(self, lane: Lane = Lane.INTERACTIVE) -> "Unpaced":
        """Return without waiting."""
        return self

    def release(self, reply: Reply | None) -> None:
        """Do nothing."""
