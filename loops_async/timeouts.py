"""How long things may take."""

import attrs

from loops_async import errors


@attrs.frozen(kw_only=True)
class Timeouts:
    """How long one attempt and one call may take, in seconds.

    Attributes:
        connect: For a connection to stand, a free place in the connector included.
        read: For the server to say something. A reply that comes in drops has ``connect`` and
            ``read`` together, from its beginning to its end.
        total: For the whole call: waiting for its turn, every attempt, every pause. None sets
            no bound.
    """

    connect: float = 5.0
    read: float = 30.0
    total: float | None = 60.0

    def __attrs_post_init__(self) -> None:
        for name in ("connect", "read", "total"):
            check_seconds(name, getattr(self, name), none=name == "total")


def check_seconds(name: str, value: object, *, none: bool) -> None:
    """Refuse what is no length of time.

    Raises:
        ConfigurationError: Not a number greater than 0 (or None, where ``none`` says so).
    """
    if value is None and none:
        return
    good = isinstance(value, int | float) and not isinstance(value, bool)
    if not good or not 0 < value < 1e9:  # type: ignore[operator] # pyright: ignore[reportOperatorIssue]
        raise errors.ConfigurationError(
            f"{name}: must be a number of seconds greater than 0"
            + (", or None for no bound" if none else "")
        )
