"""The rows of the tables: what a run came to, and what was promised of it."""

from collections.abc import Sequence

import attrs

from tests.benchmarks.pacing_figures import Flow, percentile

FLOORS = {  # efficiency, by jitter in milliseconds and kind of window
    80: {"fixed": 0.95, "sliding": 0.925, "bucket": 0.95},
    20: {"fixed": 0.98, "sliding": 0.97, "bucket": 0.98},
}
BUSY_FLOOR = 0.95
MOST_REFUSED = 0.005
P99 = 0.350
KNOWN_WITHIN = 2.0


@attrs.frozen
class Saturation:
    """A run that takes all it can get.

    Attributes:
        pacer: Whose.
        rate: The limit in requests per second.
        window: How the sandbox counts.
        jitter: Milliseconds of random delay each way, at the most.
        seconds: How long was counted, after the warm-up.
        failed: Calls that failed for good.
        flow: What arrived.
        busy: Whether the client's loop was blocked for 10 ms of every 25.
    """

    pacer: str
    rate: int
    window: str
    jitter: int
    seconds: float
    failed: int
    flow: Flow
    busy: bool = attrs.field(default=False, kw_only=True)

    @property
    def floor(self) -> float:
        """The efficiency that was promised of our pacer."""
        return BUSY_FLOOR if self.busy else FLOORS[self.jitter][self.window]

    @property
    def kept(self) -> bool:
        """Whether the promise was kept."""
        return (
            self.flow.efficiency >= self.floor
            and (self.busy or self.flow.refused_share <= MOST_REFUSED)
            and not self.failed
        )


@attrs.frozen
class Interactive:
    """Interactive calls while a bulk run saturates the limit; all times in seconds."""

    rate: int
    window: str
    jitter: int
    round_trip: float
    latencies: Sequence[float]

    @property
    def p50(self) -> float:
        return percentile(self.latencies, 0.5)

    @property
    def p99(self) -> float:
        return percentile(self.latencies, 0.99)

    @property
    def kept(self) -> bool:
        """Whether the promise was kept. The next slot is 50 ms away where round trips are short."""
        return self.p50 <= max(2 * self.round_trip, 1 / self.rate) and self.p99 < P99


@attrs.frozen
class Burst:
    """Ten calls at once after idle: how many arrived, were refused, and within how many seconds."""

    window: str
    arrived: int
    refused: int
    span: float

    @property
    def kept(self) -> bool:
        return self.arrived == 10 and not self.refused and self.span < 0.1


@attrs.frozen
class Learning:
    """Another limit than the ten that were assumed.

    Attributes:
        known: Seconds until the pacer knew the limit.
        settled: Seconds until it kept to it.
        refused: 429s in eight seconds.
    """

    rate: int
    window: str
    jitter: int
    known: float | None
    settled: float | None
    refused: int

    @property
    def kept(self) -> bool:
        return self.settled is not None and self.settled <= KNOWN_WITHIN


@attrs.frozen
class Sharing:
    """Somebody else sends half of the limit with the same key."""

    rate: int
    window: str
    jitter: int
    failed: int
    ours: Flow
    theirs: Flow

    @property
    def kept(self) -> bool:
        """Whether we yielded: they get what they ask for, but for one request in twenty."""
        return self.theirs.refused_share <= 0.05 and not self.failed


@attrs.frozen
class Virtual:
    """Many seeds of the arithmetic model, in virtual time. Means; latencies in seconds."""

    rate: int
    window: str
    jitter: int
    efficiency: float
    worst_efficiency: float
    refused_share: float
    worst_refused_share: float
    failed: int
    p50: float
    p99: float

    @property
    def kept(self) -> bool:
        return (
            self.efficiency >= FLOORS[self.jitter][self.window]
            and self.refused_share <= MOST_REFUSED
            and not self.failed
        )


@attrs.frozen
class Results:
    """All that was measured, and where; a section that was not run is empty."""

    machine: str = ""
    saturation: list[Saturation] = attrs.field(factory=list)
    busy: list[Saturation] = attrs.field(factory=list)
    rivals: list[Saturation] = attrs.field(factory=list)
    interactive: list[Interactive] = attrs.field(factory=list)
    bursts: list[Burst] = attrs.field(factory=list)
    learning: list[Learning] = attrs.field(factory=list)
    sharing: list[Sharing] = attrs.field(factory=list)
    virtual: list[Virtual] = attrs.field(factory=list)

    @property
    def kept(self) -> bool:
        """Whether every promise that was put to the test was kept. Rivals promised nothing."""
        promised = (self.saturation, self.busy, self.interactive, self.bursts, self.learning)
        return all(row.kept for rows in (*promised, self.sharing, self.virtual) for row in rows)
