"""The progress of a bulk run: counts, rows per second and estimated time remaining."""

import math
from typing import Final

import attrs

_DECAY_TIME: Final = 20.0
"""Seconds after which a row's weight in the rate has dropped to about a third."""

_BURST: Final = 1.0
"""Seconds at the start that are not representative, because the pacer sends a second's worth of
rows at once."""

_BATCH_TIME: Final = 0.2
"""Rows that finish within this many seconds are added to the rate together."""

_PAUSE: Final = 2.0
"""Longest gap between rows that counts in full, in seconds. Longer gaps count as this one."""


@attrs.frozen(slots=False)
class Totals:
    """The progress of a bulk run. ``read`` is the sum of the four counts that follow it.

    Attributes:
        read: Rows read from the source. Rows from this index on were not read.
        succeeded: Rows that Loops accepted.
        failed: Rows with an error, whether they were sent or not.
        in_flight: Rows that a worker is sending, including those that wait for the rate limit or
            for a retry. (In ``LoopsClient.stats``, ``in_flight`` excludes those.)
        waiting: Rows that were read but that no worker is sending yet.
        total: Rows in the source: the value of ``total=``, or the source's length, or the rows
            read once its end is reached. None if unknown. ``stop`` does not change it.
        elapsed: Seconds since the run started.
        rate: Recent rows per second. A burst at the start and past pauses hardly affect it; during
            a pause, it drops.
        time_remaining: Estimated seconds until all of ``total`` is finished, or after ``stop``,
            all rows that were read. None if that or the rate is unknown.
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


class RateEstimator:
    """Rows per second, as a moving average with exponentially decaying weights."""

    def __init__(self, started: float) -> None:
        self._started = started
        self._early_rows = 0
        self._rows = 0.0
        self._seconds = 0.0
        self._last: float | None = None

    def add(self, now: float, rows: int = 1) -> None:
        """Add ``rows`` finished since the last call."""
        if self._last is None:
            self._last = now + _BURST
        if now < self._last:
            self._early_rows += rows
            return
        usual = self._seconds / self._rows if self._rows else math.inf
        gap = min(now - self._last, max(_PAUSE, 10 * usual))
        decay = math.exp(-gap / _DECAY_TIME)
        self._rows = self._rows * decay + rows
        self._seconds = self._seconds * decay + gap
        self._last = now

    def rate(self, now: float) -> float:
        """Return the rows per second at ``now``."""
        if self._last is None:
            return 0.0
        pause = max(0.0, now - self._last)
        if self._seconds < _BURST:
            return (self._early_rows + self._rows) / max(_BURST, now - self._started)
        return self._rows / (self._seconds + pause)


class ProgressCounter:
    """Counts the rows of a run."""

    def __init__(self) -> None:
        self.read: int = 0
        self.succeeded: int = 0
        self.failed: int = 0
        self.started: float | None = None
        self.ended: float | None = None
        self._estimator = RateEstimator(0.0)
        self._estimated = 0
        """Rows added to the estimator."""
        self._latest = 0.0
        self._next_update = 0.0

    @property
    def unfinished(self) -> int:
        """Rows that were read but have no outcome yet."""
        return self.read - self.succeeded - self.failed

    def begin(self, now: float) -> None:
        """Record the start of the run."""
        self.started = now
        self._estimator = RateEstimator(now)

    def end(self, now: float) -> None:
        """Record the end of the run, unless it has ended before."""
        if self.ended is None:
            self.ended = now

    def add(self, now: float, *, failed: bool) -> bool:
        """Count an outcome; return whether the rate was updated."""
        if failed:
            self.failed += 1
        else:
            self.succeeded += 1
        self._latest = now
        if now < self._next_update:
            return False
        self._update_rate()
        return True

    def rate(self, now: float) -> float:
        """Return the rows per second at ``now``."""
        self._update_rate()
        return self._estimator.rate(now)

    def _update_rate(self) -> None:
        finished = self.succeeded + self.failed
        if finished > self._estimated:
            self._estimator.add(self._latest, finished - self._estimated)
            self._estimated, self._next_update = finished, self._latest + _BATCH_TIME

    def totals(
        self, now: float, length: int | None, *, waiting: int = 0, stopping: bool = False
    ) -> Totals:
        """Return the progress at ``now``, or at the end of the run.

        Args:
            now: The event loop's time.
            length: The number of rows in the source, if known.
            waiting: Rows whose sending has not begun.
            stopping: Whether no further rows will be read.
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
            in_flight=self.unfinished - waiting,
            waiting=waiting,
            total=total,
            elapsed=0.0 if self.started is None else now - self.started,
            rate=rate,
            time_remaining=remaining,
        )
