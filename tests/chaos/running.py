"""One run: a client, a sandbox with faults behind a real socket, and what became of the calls."""

import asyncio
import socket
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextvars import ContextVar

import attrs

from loops_async import Attempt, LoopsClient
from loops_async.sandbox import FAULT_KINDS, Faults, Sandbox
from tests.chaos import promises
from tests.chaos.calling import make
from tests.chaos.model import TAKEN, State, Step, after
from tests.chaos.pacing import OpenPacer
from tests.chaos.plan import PROPERTIES, Size, chains
from tests.chaos.promises import Call, PromiseBroken
from tests.chaos.weather import MANY, Weather

_OF_THE_CALL: ContextVar[list[Attempt]] = ContextVar("_OF_THE_CALL")
_SHOWN = 8


def _sandbox() -> Sandbox:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return Sandbox(
        port=port,  # one to come back to after a restart
        rate=None,  # and so no x-ratelimit headers, which would slow the client down
        properties=PROPERTIES,
        removal_quota=MANY,
        keep_requests=MANY,
        keep_sent=MANY,
    )


@attrs.define
class Run:
    """A run under way, and afterwards what it shows."""

    weather: Weather
    size: Size
    sandbox: Sandbox = attrs.field(factory=_sandbox)
    pacer: OpenPacer = attrs.field(factory=OpenPacer)
    attempts: list[Attempt] = attrs.field(factory=list)
    calls: list[Call] = attrs.field(factory=list)
    possible: dict[str, list[State]] = attrs.field(factory=dict)
    broken: list[str] = attrs.field(factory=list)
    faults: Counter[str] = attrs.field(factory=Counter)
    seconds: float = 0.0

    async def go(self) -> None:
        """Make all the calls, then look at what the sandbox holds.

        Raises:
            PromiseBroken: The package does not keep a promise.
        """
        # Debugging makes it twice as slow; the other suites have it on for the same code.
        asyncio.get_running_loop().set_debug(False)
        began, weather = time.monotonic(), self.weather
        # Retry-After: 0, for a second is long, and that it is obeyed is tested elsewhere.
        faults = Faults.random(weather.rate, seed=weather.seed, kinds=weather.kinds, retry_after=0)
        async with self.sandbox, self._client() as loops:
            removals = await self._prepare(loops)
            self.sandbox.faults = faults
            await self._all(loops, [*removals, *chains(weather.seed, self.size)])
            self.sandbox.faults = None
            await self._look_at_suppressions(loops)
        for kind, count in faults.counts.items():
            self.faults[FAULT_KINDS[kind].family] += count
        self._check()
        self.seconds = time.monotonic() - began

    def _client(self) -> LoopsClient:
        return LoopsClient(
            self.sandbox.api_key,
            base_url=self.sandbox.url,
            retry=self.weather.retry,
            timeout=self.weather.timeouts,
            pacer=self.pacer,
            on_attempt=self._watch,
        )

    def _watch(self, attempt: Attempt) -> None:
        self.attempts.append(attempt)
        _OF_THE_CALL.get([]).append(attempt)

    async def _prepare(self, loops: LoopsClient) -> list[list[Step]]:
        """What has to be there before: a user id that is taken, and suppressed contacts."""
        door = Step(-1, "update", "door@example.com", {"user_id": TAKEN})
        there = [door] + [
            Step(-2 - number, "update", f"suppressed{number}@example.com")
            for number in range(self.size.removals)
        ]
        for step in there:
            await loops.contacts.update(email=step.email, **step.fields)
            self.possible[step.email] = [after(step, None)]
            if step is not door:
                self.sandbox.suppress(step.email)
        return [[attrs.evolve(step, kind="removal")] for step in there[1:]]

    async def _all(self, loops: LoopsClient, work: list[list[Step]]) -> None:
        """Make the calls: a chain's one after the other, many chains at the same time."""
        ahead = iter(work)

        async def worker() -> None:
            for chain in ahead:
                for step in chain:
                    await self._step(loops, step)

        async with asyncio.TaskGroup() as group:
            workers = [group.create_task(worker()) for _ in range(self.weather.in_flight)]
            await self._restart(workers)

    async def _restart(self, workers: list[asyncio.Task[None]]) -> None:
        """Take the server down and up again, evenly over the run."""
        total = sum(attrs.astuple(self.size))
        for number in range(self.weather.restarts):
            while len(self.calls) < total * (number + 1) / (self.weather.restarts + 1):
                await asyncio.sleep(0.005)
                if all(worker.done() for worker in workers):
                    return
            await self.sandbox.stop()
            await asyncio.sleep(self.weather.downtime)
            await self.sandbox.start()

    async def _step(self, loops: LoopsClient, step: Step) -> None:
        call = await self._call(loops, Call(step))
        if call.unknown and step.sends and step.own_key:
            # What the documentation advises: send it again under the same key.
            await self._call(loops, Call(step, repeat=True))

    async def _call(self, loops: LoopsClient, call: Call) -> Call:
        _OF_THE_CALL.set(call.attempts)
        await make(loops, call)
        email, key = call.step.email, self.sandbox.api_key
        before, contact = self.possible.get(email, [None]), self.sandbox.contacts.get(email)
        self.possible[email], wrong = promises.effect(call, before, contact)
        self.broken += [wrong] * bool(wrong)
        self.broken += [*promises.named(call, key), *promises.counted(call)]
        self.calls.append(call)
        return call

    async def _look_at_suppressions(self, loops: LoopsClient) -> None:
        for call in self.calls:
            if call.step.kind == "removal" and not call.unknown:
                found = await loops.contacts.suppression(email=call.step.email)
                if found.is_suppressed is call.done:
                    self.broken.append(f"{call}: and is suppressed: {found.is_suppressed}")

    def _check(self) -> None:
        self.broken += [
            *promises.stands(self.calls, self.sandbox),
            *promises.one_key(self.calls, self.sandbox.requests),
            *promises.observed(self.attempts, self.sandbox),
            *promises.turns(self.attempts, self.pacer),
            *promises.audience(self.possible, self.sandbox),
            *promises.sharp(self.calls, self.weather.failures),
        ]
        if self.broken:
            shown = "\n".join(f"- {what}" for what in self.broken[:_SHOWN])
            raise PromiseBroken(
                f"LOOPS_CHAOS_SEED={self.weather.seed}: {len(self.broken)} promises broken\n{shown}"
            )

    def lines(self) -> Iterator[str]:
        """What the run shows, for whoever reads the test's output."""
        kinds = Counter(call.step.kind for call in self.calls)
        ends = Counter(type(call.error).__name__ if call.error else "ok" for call in self.calls)
        repeats = sum(getattr(call.result, "confirmed_by_repeat", False) for call in self.calls)
        yield f"LOOPS_CHAOS_SEED={self.weather.seed}, {self.seconds:.1f} s"
        yield f"{len(self.calls)} calls: {_listed(kinds.items())}"
        yield f"ended: {_listed(ends.items())}; {repeats} confirmed by a repeat"
        counts = self.sandbox.counts
        yield f"{len(self.attempts)} attempts, {counts.requests} requests arrived"
        yield f"{self.faults.total()} faults: {_listed(self.faults.items())}"


def _listed(pairs: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(pairs, key=lambda pair: -pair[1]))
