"""How far a bulk run has come, how fast it goes, and how long the rest will take."""

import math
from typing import Final

import attrs

_MEMORY: Final = 20.0
"""Seconds for which a row's share of the rate fades to about a third."""

_BURST: Final = 1.0
"""Seconds at the beginning that say little of the pace: a second's worth of rows goes at once."""

_GRAIN: Final = 0.2
"""Seconds: rows that come within it are counted at once, as if they had come at its end."""

_PAUSE: Final = 2.0
"""Seconds without a row that count as such; of a longer pause, as far as it is unusual, no more."""


@attrs.frozen
class Totals:
    """How far a bulk run has come: ``read`` is the sum of the four counts that follow it.

    Attributes:
        read: Rows read from the source; those from this index on were never touched.
        succeeded: Rows that Loops took.
        failed: Rows with an error, whether they were sent or not.
        in_flight: Rows that have a worker and no outcome yet: their request is on the wire, or
            waits for its turn under the rate limit or for a retry. (``LoopsClient.stats`` counts
            under the same name what is on the wire alone.)
        waiting: Rows that were read and have no worker yet.
        total: Rows that the source has: what ``total=`` said, or its length, and once it has come
            to its end, what was read. None while it is unknown. ``stop`` does not change it.
        elapsed: Seconds since the run began.
        rate: Rows per second lately. A burst at the start and the time of a pause that is over
            hardly count; while a pause lasts, it falls.
        time_remaining: Estimated seconds until all of ``total`` is done, or after ``stop``, all
            that was read; None while that or the rate is unknown.
    """

    read: int
    succeeded: int
    failed: int
    in_flight: int
    waiting: int
    total: int | None
    elapsed: float
    rate: float
    time_remaining: float | None


class Pace:
    """Rows per second, of which the latest count most."""

    def __init__(self, begun: float) -> None:
        self._begun = begun
        self._early = 0
        self._rows = 0.0
        self._seconds = 0.0
        self._last: float | None = None

    def note(self, now: float, rows: int = 1) -> None:
        """More rows are done: ``rows`` since it was last told."""
        if self._last is None:
            self._last = now + _BURST
        if now < self._last:
            self._early += rows
            return
        usual = self._seconds / self._rows if self._rows else math.inf
        gap = min(now - self._last, max(_PAUSE, 10 * usual))
        fade = math.exp(-gap / _MEMORY)
        self._rows = self._rows * fade + rows
        self._seconds = self._seconds * fade + gap
        self._last = now

    def rate(self, now: float) -> float:
        """Rows per second at ``now``."""
        if self._last is None:
            return 0.0
        pause = max(0.0, now - self._last)
        if self._seconds < _BURST:
            return (self._early + self._rows) / max(_BURST, now - self._begun)
        return self._rows / (self._seconds + pause)


class Tally:
    """What a run counts while it goes."""

    def __init__(self) -> None:
        self.read: int = 0
        self.succeeded: int = 0
        self.failed: int = 0
        self.begun: float | None = None
        self.ended: float | None = None
        self.pace: Pace = Pace(0.0)
        self._told = 0
        """Rows that the pace knows of."""
        self._newest = 0.0
        self._due = 0.0

    @property
    def open(self) -> int:
        """Rows that were read and whose outcome is not known."""
        return self.read - self.succeeded - self.failed

    def begin(self, now: float) -> None:
        """The run begins."""
        self.begun = now
        self.pace = Pace(now)

    def end(self, now: float) -> None:
        """The run is over, if it was not so before."""
        if self.ended is None:
            self.ended = now

    def done(self, now: float, *, failed: bool) -> bool:
        """A row's outcome is known. Whether the rate may be another now."""
        if failed:
            self.failed += 1
        else:
            self.succeeded += 1
        self._newest = now
        if now < self._due:
            return False
        self._tell_pace()
        return True

    def rate(self, now: float) -> float:
        """Rows per second at ``now``."""
        self._tell_pace()
        return self.pace.rate(now)

    def _tell_pace(self) -> None:
        done = self.succeeded + self.failed
        if done > self._told:
            self.pace.note(self._newest, done - self._told)
            self._told, self._due = done, self._newest + _GRAIN

    def totals(
        self, now: float, length: int | None, *, waiting: int = 0, stopping: bool = False
    ) -> Totals:
        """Where the run stands at ``now``, or stood when it ended.

        ``length`` is all there is, and ``waiting`` rows have not begun; of a run that is
        ``stopping``, nothing more is read.
        """
        now = now if self.ended is None else self.ended
        total = None if length is None else max(length, self.read)
        rate = self.rate(now)
        expected = self.read if stopping else total
        left = None if expected is None else expected - self.succeeded - self.failed
        remaining = 0.0 if left == 0 else None
        if left and rate:
            remaining = left / rate
        return Totals(
            read=self.read,
            succeeded=self.succeeded,
            failed=self.failed,
            in_flight=self.open - waiting,
            waiting=waiting,
            total=total,
            elapsed=0.0 if self.begun is None else now - self.begun,
            rate=rate,
            time_remaining=remaining,
        )
