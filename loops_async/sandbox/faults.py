"""Which request meets which fault: by script, by lot, or as a function says."""

import random
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from math import isfinite
from secrets import randbits
from types import MappingProxyType
from typing import Self, TypeAlias

import attrs

from loops_async.sandbox.journal import ReceivedRequest
from loops_async.sandbox.kinds import FAMILIES, FaultKind, kind_named, kinds_named

DEFAULT_RATE = 0.3
DEFAULT_SECONDS = 0.05
DEFAULT_RETRY_AFTER = 1


@attrs.frozen
class Fault:
    """One fault.

    Attributes:
        kind: One of `FAULT_KINDS`, such as "reset_after".
        seconds: How long a "delay" lasts, and how long a "slow_body" takes.
        retry_after: The whole seconds that "429_seconds" asks for, and that the date of a
            "429_date" lies ahead.

    Raises:
        ValueError: There is no such kind, or a number is negative.
    """

    kind: str
    seconds: float = DEFAULT_SECONDS
    retry_after: int = DEFAULT_RETRY_AFTER

    def __attrs_post_init__(self) -> None:
        """Refuse what makes no sense."""
        kind_named(self.kind)
        if not isfinite(self.seconds) or self.seconds < 0:
            raise ValueError(f"seconds must not be negative nor endless, got {self.seconds!r}")
        if self.retry_after < 0:
            raise ValueError(f"retry_after must not be negative, got {self.retry_after!r}")


Choose: TypeAlias = Callable[[ReceivedRequest], Fault | str | None]
"""Returns the fault that a request shall meet, or the name of its kind, or None for none."""


class Faults:
    """What goes wrong, for `Sandbox(faults=...)` or `sandbox.faults = ...`.

    ::

        Faults.script(["503", None, "reset_after"])  # the next three requests, the second goes well
        Faults.random(0.3, seed=7)  # about three requests in ten
        Faults(lambda request: "429" if request.path == "/v1/events/send" else None)

    A request that got in is asked about once, in the order of arrival: one with a wrong key or
    over the rate is not. The counts are of this object, and no `Sandbox.reset` touches them.

    Args:
        choose: Asked about each request whose path fits. The body is not read by then.
        path: Only requests of this path, such as "/v1/events/send", can meet a fault; all when
            left out.
        seed: What a random choice goes back to, to be told by `seed`.

    Raises:
        ValueError: An argument makes no sense.
    """

    def __init__(self, choose: Choose, *, path: str | None = None, seed: int | None = None) -> None:
        if path is not None and not path.startswith("/v1/"):
            raise ValueError(f"path must begin with /v1/, as in the API reference, not {path!r}")
        self._choose = choose
        self._path = path
        self._seed = seed
        self._counts: Counter[str] = Counter()

    @classmethod
    def script(cls, steps: Iterable[Fault | str | None], *, path: str | None = None) -> Self:
        """Give the next requests these faults in this order, and none to those after them.

        Args:
            steps: A fault, the name of its kind, or None for a request that goes well.
            path: As for `Faults`; requests of other paths do not use up a step.
        """
        ahead = deque(Fault(step) if isinstance(step, str) else step for step in steps)
        return cls(lambda _: ahead.popleft() if ahead else None, path=path)

    @classmethod
    def random(
        cls,
        rate: float = DEFAULT_RATE,
        *,
        seed: int | None = None,
        kinds: Iterable[str] | None = None,
        path: str | None = None,
        seconds: float = DEFAULT_SECONDS,
        retry_after: int = DEFAULT_RETRY_AFTER,
    ) -> Self:
        """Draw faults by lot: whether, then a family, then a kind of it.

        The same seed gives the same faults to the same order of arrivals.

        Args:
            rate: The share of requests that meet a fault, 0 to 1.
            seed: Where the lot begins; one is made when left out.
            kinds: Names of kinds or of families; all when left out.
            path: As for `Faults`; requests of other paths draw nothing.
            seconds: As for `Fault`.
            retry_after: Whole seconds, as for `Fault`.
        """
        if not 0 <= rate <= 1:
            raise ValueError(f"rate must be between 0 and 1, not {rate!r}")
        seed = randbits(32) if seed is None else seed
        lot = _Lot(rate, seed, kinds_named(FAMILIES if kinds is None else kinds))

        def choose(_: ReceivedRequest) -> Fault | None:
            kind = lot.draw()
            return None if kind is None else Fault(kind, seconds, retry_after)

        Fault("delay", seconds, retry_after)  # Says now what is wrong with a number.
        return cls(choose, path=path, seed=seed)

    def __repr__(self) -> str:
        seed = "" if self._seed is None else f"seed {self._seed}, "
        return f"<Faults: {seed}{self._counts.total()} so far>"

    @property
    def seed(self) -> int | None:
        """Where the lot began, None when none is drawn."""
        return self._seed

    @property
    def counts(self) -> Mapping[str, int]:
        """How many requests met each kind so far; kinds that none met are not there."""
        return MappingProxyType(dict(sorted(self._counts.items())))

    def draw(self, request: ReceivedRequest) -> Fault | None:
        """Return the fault for a ``request`` that has arrived, and count it."""
        if self._path is not None and request.path != self._path:
            return None
        chosen = self._choose(request)
        fault = Fault(chosen) if isinstance(chosen, str) else chosen
        if fault is not None:
            self._counts[fault.kind] += 1
        return fault


class _Lot:
    def __init__(self, rate: float, seed: int, kinds: tuple[FaultKind, ...]) -> None:
        self._rate = rate
        self._random = random.Random(seed)  # noqa: S311 - faults, not secrets
        families = dict.fromkeys(kind.family for kind in kinds)
        self._families = [
            [kind.name for kind in kinds if kind.family == family] for family in families
        ]

    def draw(self) -> str | None:
        if self._random.random() >= self._rate:
            return None
        return self._random.choice(self._random.choice(self._families))
