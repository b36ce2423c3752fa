"""The pacer that is none: for tests, where no limit is anybody's."""

from loops_async.pipeline.messages import Lane, Reply


class Unpaced:
    """Grants every request its turn at once, whatever the replies say of a limit."""

    async def acquire(self, lane: Lane = Lane.INTERACTIVE) -> "Unpaced":
        """The turn of one request."""
        return self

    def release(self, reply: Reply | None) -> None:
        """Learn nothing."""
