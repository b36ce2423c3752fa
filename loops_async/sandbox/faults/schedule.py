"""Which request gets which fault: by a script, at random, or chosen by a function."""

import random
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from secrets import randbits
from types import MappingProxyType
from typing import Self, TypeAlias

from loops_async.sandbox.faults.fault_kinds import (
    DEFAULT_RETRY_AFTER,
    DEFAULT_SECONDS,
    FAMILIES,
    Fault,
    kinds_named,
)
from loops_async.sandbox.request_log import ReceivedRequest

DEFAULT_RATE = 0.3

Choose: TypeAlias = Callable[[ReceivedRequest], Fault | str | None]
"""Returns the fault for a request, or the name of its kind, or None for no fault."""


class Faults:
    """The faults of a sandbox, for `Sandbox(faults=...)` or `sandbox.faults = ...`.

    ::

        Faults.script(["503", None, "reset_after"])  # the next three requests; no second fault
        Faults.random(0.3, seed=7)  # about three requests in ten
        Faults(lambda request: "429" if request.path == "/v1/events/send" else None)

    Every admitted request draws once, in the order of arrival. A request with a wrong API key or
    over the rate limit draws nothing. `Sandbox.reset` does not reset the counts.

    Args:
        choose: Called with each request whose path matches, before its body is read.
        path: Only requests to this path, such as "/v1/events/send", can get a fault; all when
            left out.
        seed: The seed of a random choice, for the attribute `seed` only.

    Raises:
        ValueError: The path does not begin with "/v1/".
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
        """Give these faults to the next requests, in order, and none to later ones.

        Args:
            steps: A fault, the name of its kind, or None for no fault.
            path: As for `Faults`; requests to other paths do not use up a step.
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
        """Draw faults at random: whether, then a family, then one of its kinds.

        The same seed gives the same faults to the same order of arrivals.

        Args:
            rate: The share of requests that get a fault, 0 to 1.
            seed: The seed of the random choice; generated when left out.
            kinds: Names of kinds or of families; all when left out.
            path: As for `Faults`; requests to other paths draw nothing.
            seconds: As for `Fault`.
            retry_after: Whole seconds, as for `Fault`.
        """
        if not 0 <= rate <= 1:
            raise ValueError(f"rate must be between 0 and 1, not {rate!r}")
        seed = randbits(32) if seed is None else seed
        families: dict[str, list[Fault]] = {}
        for kind in kinds_named(FAMILIES if kinds is None else kinds):
            faults = families.setdefault(kind.family, [])
            faults.append(Fault(kind.name, seconds, retry_after))
        groups, drawn = list(families.values()), random.Random(seed)  # noqa: S311 - not a secret

        def choose(_: ReceivedRequest) -> Fault | None:
            if drawn.random() >= rate:
                return None
            return drawn.choice(drawn.choice(groups))

        return cls(choose, path=path, seed=seed)

    def __repr__(self) -> str:
        seed = "" if self._seed is None else f"seed {self._seed}, "
        return f"<Faults: {seed}{self._counts.total()} so far>"

    @property
    def seed(self) -> int | None:
        """The seed of the random choice, None if there is none."""
        return self._seed

    @property
    def counts(self) -> Mapping[str, int]:
        """How many requests got each kind so far; kinds without any are left out."""
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
