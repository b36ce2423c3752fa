"""How long the network would take, each way."""

import random
from math import isfinite

import attrs


@attrs.frozen
class Latency:
    """A random delay, the same chance for each between the least and the most seconds."""

    least: float
    most: float

    def draw(self) -> float:
        """Return the seconds of one way."""
        return random.uniform(self.least, self.most)  # noqa: S311 (no secret)


def make_latency(bounds: tuple[float, float] | None) -> Latency | None:
    """Make the delay between two bounds in seconds; None for none.

    Raises:
        ValueError: They are no such bounds.
    """
    if bounds is None:
        return None
    try:
        least, most = bounds
        valid = 0 <= least <= most and isfinite(most)
    except (TypeError, ValueError):
        least, most, valid = 0.0, 0.0, False
    if not valid:
        raise ValueError(
            "latency must be the least and the most seconds of delay each way, such as "
            f"(0.0, 0.08), not {bounds!r}"
        )
    return Latency(least, most)
