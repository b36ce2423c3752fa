import asyncio
import contextlib
import math
import random
from collections.abc import Callable
from contextvars import Context
from typing import Any, TypeVarTuple, Unpack, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from loops_async.pacing.pacer import Pacer
from loops_async.pipeline.messages import Lane, Permit, Reply
from tests.property.pacing_model import WINDOWS, Run, VirtualLoops, saturate
from tests.virtual_time import VirtualTimeLoop, run_virtual

Ts = TypeVarTuple("Ts")

ODD_TEXT = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["0", "-1", "nan", "inf", "1e9", "٣", "9" * 400, " 5", "5 ", "0x1", "1_0"]),
    st.integers(-(10**12), 10**12).map(str),
    st.floats().map(str),
)
HEADERS = st.dictionaries(
    st.sampled_from(["x-ratelimit-limit", "x-ratelimit-remaining", "retry-after"]), ODD_TEXT
)
STATUSES = st.sampled_from([200, 404, 409, 429, 500, 503])
# Everything but a limit, so that the machine knows how many slots there are.
REPLIES = st.builds(
    Reply,
    st.sampled_from([200, 429]),
    st.fixed_dictionaries(
        {},
        optional={
            "x-ratelimit-remaining": st.integers(0, 4).map(str),
            "retry-after": st.sampled_from(["0", "0.5", "2", "x"]),
        },
    ),
    st.just(b""),
)


class PacerMachine(RuleBasedStateMachine):
    """Callers that come, are cancelled, and report, in any order the loop allows."""

    SLOTS = 3

    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualTimeLoop()
        self.pacer = Pacer(self.SLOTS)
        self.callers: list[asyncio.Task[None]] = []
        self.permits: list[Permit] = []
        self.granted: list[float] = []
        self.closed_until = -math.inf

    async def call(self, lane: Lane) -> None:
        permit = await self.pacer.acquire(lane)
        now = self.loop.time()
        assert now >= self.closed_until - 1e-5, "went although Loops asked to wait"
        self.granted.append(now)
        self.permits.append(permit)

    def waiting(self) -> list[asyncio.Task[None]]:
        return [caller for caller in self.callers if not caller.done()]

    def turn_once(self) -> None:
        """Exactly one iteration of the loop: whoever is ready runs, nobody else."""
        self.loop.call_soon(self.loop.stop)
        self.loop.run_forever()

    @rule(lane=st.sampled_from(Lane), count=st.integers(1, 4))
    def come(self, lane: Lane, count: int) -> None:
        self.callers += [self.loop.create_task(self.call(lane)) for _ in range(count)]

    @precondition(lambda self: self.waiting())
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from(self.waiting())).cancel()

    @precondition(lambda self: self.waiting())
    @rule(data=st.data(), delay=st.sampled_from([0.0, 0.5, 1.0, 1.25]))
    def cancel_later(self, data: st.DataObject, delay: float) -> None:
        """At a time at which a turn may come, too."""
        caller = data.draw(st.sampled_from(self.waiting()))
        self.loop.call_later(delay, caller.cancel)

    @precondition(lambda self: self.waiting() and cast(Any, self.pacer)._timer.is_set)
    @rule(data=st.data(), shift=st.sampled_from([-1e-10, 1e-10]))
    def cancel_with_the_bell(self, data: st.DataObject, shift: float) -> None:
        """In the very iteration in which somebody's turn comes: just before it, just after it."""
        caller = data.draw(st.sampled_from(self.waiting()))
        bell = cast(Any, self.pacer)._timer.due
        self.loop.call_at(bell + shift, caller.cancel)
        self.loop.run_until_complete(asyncio.sleep(bell - self.loop.time() + 1e-5))

    @rule()
    def turn(self) -> None:
        self.turn_once()

    @rule(seconds=st.sampled_from([0.0, 0.01, 0.25, 0.999, 1.0, 1.25, 3.0]))
    def wait(self, seconds: float) -> None:
        self.loop.run_until_complete(asyncio.sleep(seconds))

    @precondition(lambda self: self.permits)
    @rule(data=st.data(), reply=st.none() | REPLIES)
    def report(self, data: st.DataObject, reply: Reply | None) -> None:
        permit = data.draw(st.sampled_from(self.permits))
        fresh = cast(Any, permit).is_released is False
        permit.release(reply)
        if fresh and reply is not None and reply.status == 429:
            with contextlib.suppress(ValueError):
                held = float(reply.headers.get("retry-after", ""))
                # A turn given already is not taken back.
                if not cast(Any, self.pacer)._slots.promised:
                    self.closed_until = max(self.closed_until, self.loop.time() + held)

    @invariant()
    def no_second_holds_more_than_the_limit(self) -> None:
        for earlier, later in zip(self.granted, self.granted[self.SLOTS :], strict=False):
            assert later - earlier >= 1 - 1e-5

    @invariant()
    def the_books_balance(self) -> None:
        pacer = cast(Any, self.pacer)
        slots = pacer._slots
        assert slots.promised >= 0
        assert 0 <= len(slots._refused) <= len(slots._free_at)
        assert slots.in_use == len(slots._free_at) + len(slots._in_flight)
        assert slots.in_use + slots.promised <= self.SLOTS
        assert pacer._timer.is_set is bool(pacer._queue)

    def teardown(self) -> None:
        """Nobody is stranded: whoever was not cancelled gets a turn, and nothing is left over."""

        async def outcomes() -> list[BaseException | None]:
            return await asyncio.gather(*self.callers, return_exceptions=True)

        try:
            ends = self.loop.run_until_complete(asyncio.wait_for(outcomes(), 10_000))
            assert not [end for end in ends if isinstance(end, Exception)]
            assert self.pacer.waiting(Lane.BULK) == self.pacer.waiting(Lane.INTERACTIVE) == 0
            assert cast(Any, self.pacer)._slots.promised == 0
            self.the_books_balance()
            self.no_second_holds_more_than_the_limit()
        finally:
            self.loop.close()


TestPacerMachine = PacerMachine.TestCase


@given(st.lists(st.tuples(STATUSES, HEADERS), min_size=1, max_size=12))
def test_no_header_breaks_or_stalls_it(replies: list[tuple[int, dict[str, str]]]) -> None:
    async def main() -> None:
        loop, pacer = asyncio.get_running_loop(), Pacer()
        for status, headers in replies:
            start = loop.time()
            permit = await pacer.acquire(Lane.BULK)
            assert loop.time() - start <= 61.5
            permit.release(Reply(status, headers, b""))
            assert 1 <= pacer.rate <= 10_000

    run_virtual(main())


FLOORS = {
    0.08: {"fixed": 0.95, "sliding": 0.925, "bucket": 0.95},
    0.02: {"fixed": 0.98, "sliding": 0.97, "bucket": 0.98},
}


@pytest.mark.parametrize("kind", WINDOWS)
@pytest.mark.parametrize("jitter", [0.08, pytest.param(0.02, marks=pytest.mark.long)])
def test_ten_a_second_are_used_and_not_overdrawn(kind: str, jitter: float) -> None:
    runs = [run_virtual(saturate(kind, 10, seed=seed, jitter=jitter)) for seed in range(4)]
    assert sum(run.efficiency for run in runs) / 4 >= FLOORS[jitter][kind]
    assert sum(run.refused_share for run in runs) / 4 <= 0.005
    assert sum(run.failed for run in runs) == 0
    # Two round trips, each of twice the mean delay; a call that met a 429 is among the slowest.
    latencies = sorted(latency for run in runs for latency in run.latencies)
    assert latencies[len(latencies) // 2] <= max(2 * 2 * jitter / 2, 0.1)
    assert latencies[int(len(latencies) * 0.99)] <= 0.35


@pytest.mark.parametrize("kind", WINDOWS)
@pytest.mark.parametrize("jitter", [0.08, pytest.param(0.02, marks=pytest.mark.long)])
def test_a_hundred_a_second_are_used_and_not_overdrawn(kind: str, jitter: float) -> None:
    run = run_virtual(saturate(kind, 100, seed=1, jitter=jitter, seconds=40.0))
    assert run.efficiency >= FLOORS[jitter][kind]
    assert run.refused_share <= 0.005
    assert run.failed == 0


@pytest.mark.parametrize("kind", WINDOWS)
@pytest.mark.parametrize("per_second", [2, 5])
def test_it_leaves_room_for_somebody_else(kind: str, per_second: int) -> None:
    """Another program uses the same team's limit, and cannot be asked to slow down."""

    async def main() -> tuple[float, float, float]:
        loop, chance = asyncio.get_running_loop(), random.Random(3)  # noqa: S311 (a test, no secret)
        window = WINDOWS[kind](10, chance.random())
        server = VirtualLoops(window, chance, jitter=0.08, counts_from=2.0)
        theirs = [0, 0]

        async def somebody_else() -> None:
            while True:
                await asyncio.sleep(chance.uniform(0.5, 1.5) / per_second)
                theirs[window.admit(loop.time()) is None] += 1

        other = asyncio.create_task(somebody_else())
        run = Run(Pacer(), server)
        ours = await run.figures(60.0, 20, None)
        other.cancel()
        return ours.efficiency * 10, ours.refused_share, theirs[1] / sum(theirs)

    ours, our_refusals, their_refusals = run_virtual(main())
    assert ours >= 0.8 * (10 - per_second)
    assert our_refusals <= 0.1  # without yielding: 0.28
    assert their_refusals <= 0.16  # 0.29


class CoarseLoop(VirtualTimeLoop):
    """A loop that is blocked for the first 10 ms of every 25: its timers ring after that."""

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        blocked = max(0.0, 0.010 - when % 0.025)
        return super().call_at(when + blocked, callback, *args, context=context)


@pytest.mark.parametrize("kind", WINDOWS)
def test_a_busy_loop_catches_up(kind: str) -> None:
    with asyncio.Runner(loop_factory=CoarseLoop) as runner:
        run = runner.run(saturate(kind, 100, seed=2, jitter=0.02, seconds=20.0))
    assert run.efficiency >= 0.95
    assert run.failed == 0
