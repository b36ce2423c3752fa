"""The rows of the table: what is compared, and the ratio that is wanted."""

import statistics
from collections.abc import Callable, Iterator

import attrs

from tests.benchmarks.speed.layers import LAYERS
from tests.benchmarks.speed.measuring import (
    Contender,
    Machine,
    instructions,
    instructions_of,
    rounds,
    seconds_of,
)

_TOUCH = "import loops_async; [getattr(loops_async, name) for name in loops_async.__all__]"


@attrs.frozen
class Pair:
    """One row.

    Attributes:
        name: For ``--only``.
        says: What the table says.
        ours: Who does it our way.
        theirs: Who does it another way.
        floor: How many times as fast we want to be.
        counted: Whether instructions decide; wall time otherwise.
        calls: Updates in a round, ours and theirs.
    """

    name: str
    says: str
    ours: Contender
    theirs: Contender
    floor: float
    counted: bool = True
    calls: tuple[int, int] = (1500, 1500)


OURS = Contender("ours")
LEAST, LEAST_OF_READS = 0.95, 0.9


def _call(name: str, says: str, bare: str | None = None, least: float = LEAST) -> Pair:
    return Pair(name, says, Contender(f"{name}-ours"), Contender(f"{bare or name}-bare"), least)


CALLS = (
    _call("update", "`contacts.update`: keyword arguments, two custom properties"),
    _call("update-record", "`contacts.update`: the same as a `ContactUpdate`", "update"),
    _call("update-one", "`contacts.update`: one field"),
    _call("update-all", "`contacts.update`: all fields, a list, some None"),
    _call("create", "`contacts.create`"),
    _call("delete", "`contacts.delete`"),
    _call("event", "`events.send`"),
    _call("mail", "`transactional.send`"),
    _call("find", "`contacts.find`", least=LEAST_OF_READS),
    _call("lists", "`mailing_lists.list`", least=LEAST_OF_READS),
    _call("key", "`api_key.test`", least=LEAST_OF_READS),
)
"""Each public call against the same request, written by hand."""

PAIRS = (
    *CALLS,
    Pair(
        "uvloop",
        "`contacts.update` on uvloop",
        Contender("update-ours", "uvloop"),
        Contender("update-bare", "uvloop"),
        LEAST,
    ),
    Pair(
        "bulk",
        "`upsert_many` against a worker pool on idiomatic aiohttp",
        Contender("bulk-ours"),
        Contender("bulk-idiomatic"),
        LEAST,
        calls=(20_000, 20_000),
    ),
    Pair("pyloops", "pyloops 1.22.6", OURS, Contender("pyloops"), 10, False, (1500, 100)),
    Pair("sdk", "the JavaScript SDK 7.3.0 on node", OURS, Contender("sdk"), 2, False, (1500, 1000)),
    Pair(
        "encode",
        "a contact to JSON bytes against `json.dumps` of the ready dict",
        Contender("encode-ours"),
        Contender("encode-json"),
        1,
        calls=(20_000, 20_000),
    ),
)


@attrs.frozen
class Result:
    """The figures of a row. Ratios say how many times as fast; for imports, how many times as dear.

    Attributes:
        name: The row's.
        says: What the table says.
        floor: The least (for imports: the most) that we want.
        counted: The ratio in instructions, or None where they were not counted.
        wall: The median ratio in wall time over the rounds.
        quartiles: The middle half of the rounds' ratios.
        ours: What ours took: instructions, and seconds of wall time.
        theirs: The same of theirs.
        decides: "counted" or "wall".
    """

    name: str
    says: str
    floor: float
    counted: float | None
    wall: float
    quartiles: tuple[float, float]
    ours: tuple[float | None, float]
    theirs: tuple[float | None, float]
    decides: str

    @property
    def met(self) -> bool:
        """Whether the wanted ratio is reached."""
        value = self.counted if self.decides == "counted" and self.counted else self.wall
        return value <= self.floor if self.name.startswith("import") else value >= self.floor


def measured(pair: Pair, machine: Machine, *, number: int, share: float, count: bool) -> Result:
    """The row of ``pair``.

    Args:
        pair: Who against whom.
        machine: Where.
        number: Rounds of wall time.
        share: Of the calls in a round, for a quick look.
        count: Whether to count instructions as well.
    """
    calls = [max(50, int(n * share)) for n in pair.calls]
    took = rounds(machine, {pair.ours: calls[0], pair.theirs: calls[1]}, number)
    high = 5000 if pair.name == "encode" else 400
    counted = count and pair.counted
    ours = instructions(machine, pair.ours, 100, high) if counted else None
    theirs = instructions(machine, pair.theirs, 100, high) if counted else None
    return _result(pair, (ours, theirs), (took[pair.ours], took[pair.theirs]))


def _result(
    pair: Pair,
    counts: tuple[float | None, float | None],
    took: tuple[list[float], list[float]],
) -> Result:
    ratios = [theirs / ours for ours, theirs in zip(*took, strict=True)]
    first, _, third = statistics.quantiles(ratios, n=4)
    ours, theirs = counts
    return Result(
        pair.name,
        pair.says,
        pair.floor,
        theirs / ours if ours and theirs else None,
        statistics.median(ratios),
        (first, third),
        (ours, statistics.median(took[0])),
        (theirs, statistics.median(took[1])),
        "counted" if pair.counted and ours else "wall",
    )


def steps(machine: Machine) -> dict[str, float]:
    """Instructions for one update with more and more layers, by the layer added last."""
    return {
        says: instructions(machine, Contender(name), 200, 1000) for name, says in LAYERS.items()
    }


def imports(number: int, *, count: bool) -> Iterator[Result]:
    """The rows about importing, compared with aiohttp; without the start of Python itself."""
    codes = {"bare": "pass", "aiohttp": "import aiohttp", "import": "import loops_async"}
    codes["import-all"] = _TOUCH
    for code in codes.values():
        seconds_of(code)
    walls: dict[str, list[float]] = {name: [] for name in codes}
    for _ in range(number):
        for name, code in codes.items():
            walls[name].append(seconds_of(code))
    counts = {name: instructions_of(code) if count else None for name, code in codes.items()}
    for name, says, most in (
        ("import", "`import loops_async` against `import aiohttp`", 0.02),
        ("import-all", "the same with every public name touched", 1.3),
    ):
        yield _import(name, says, most, walls, counts)


def _import(
    name: str,
    says: str,
    most: float,
    walls: dict[str, list[float]],
    counts: dict[str, int | None],
) -> Result:
    bare = statistics.median(walls["bare"])
    # What takes no time may seem to take less than none.
    above: Callable[[str], float] = lambda which: max(0.0, statistics.median(walls[which]) - bare)  # noqa: E731
    ratios = [
        max(0.0, ours - bare) / (theirs - bare)
        for ours, theirs in zip(walls[name], walls["aiohttp"], strict=True)
    ]
    first, _, third = statistics.quantiles(ratios, n=4)
    floor, ours, theirs = counts["bare"], counts[name], counts["aiohttp"]
    counted = (
        None
        if floor is None or ours is None or theirs is None
        else (float(ours - floor), float(theirs - floor))
    )
    return Result(
        name,
        says,
        most,
        counted[0] / counted[1] if counted else None,
        above(name) / above("aiohttp"),
        (first, third),
        (counted[0] if counted else None, above(name)),
        (counted[1] if counted else None, above("aiohttp")),
        "counted" if counted else "wall",
    )
