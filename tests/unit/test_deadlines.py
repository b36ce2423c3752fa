"""Many time limits on one timer: each ends what it should, when it should, and nothing else."""

import asyncio
import sys
from typing import Any

import pytest

from loops_async.pipeline.clock import loop_time
from loops_async.pipeline.deadlines import Limit, Watchdog
from tests.virtual_time import run_virtual


def test_each_limit_ends_its_own_block_on_time_whatever_their_order() -> None:
    async def blocked(watchdog: Watchdog, seconds: float) -> float:
        with pytest.raises(TimeoutError), Limit(watchdog, loop_time() + seconds):
            await asyncio.sleep(1000)
        return asyncio.get_running_loop().time()

    async def scene() -> list[float]:
        watchdog = Watchdog(loop_time)
        begin = asyncio.get_running_loop().time()
        ends = await asyncio.gather(*(blocked(watchdog, s) for s in (3, 1, 2, 1, 30)))
        return [round(end - begin, 3) for end in ends]

    assert run_virtual(scene()) == [3, 1, 2, 1, 30]


def test_a_block_that_is_done_in_time_is_left_alone_and_so_is_what_follows() -> None:
    async def scene() -> None:
        watchdog = Watchdog(loop_time)
        with Limit(watchdog, loop_time() + 1):
            await asyncio.sleep(0.9)
        await asyncio.sleep(5)

    run_virtual(scene())


def test_a_limit_may_be_shortened_and_moved_back_but_not_beyond_its_first_time() -> None:
    async def scene() -> list[float]:
        watchdog = Watchdog(loop_time)
        loop = asyncio.get_running_loop()
        ends = []
        for steps, wait in (((1,), 50), ((2, 2, 2), 1.5), ((4,) * 9, 3)):
            begin = loop.time()
            with pytest.raises(TimeoutError), Limit(watchdog, loop_time() + 10) as limit:  # noqa: PT012
                for seconds in steps:
                    limit.shorten(seconds)
                    await asyncio.sleep(wait)
                await asyncio.sleep(50)
            ends.append(round(loop.time() - begin, 3))
        return ends

    assert run_virtual(scene()) == [1, 5, 10]


def test_somebody_elses_cancellation_stays_one_even_when_the_time_is_up_as_well() -> None:
    async def scene() -> tuple[bool, int]:
        watchdog = Watchdog(loop_time)

        async def block() -> None:
            with Limit(watchdog, loop_time() + 1):
                await asyncio.sleep(1000)

        task = asyncio.create_task(block())
        asyncio.get_running_loop().call_later(1, task.cancel)
        await asyncio.wait([task])
        return task.cancelled(), task.cancelling()

    cancelled, _ = run_virtual(scene())
    assert cancelled


def test_a_task_whose_time_was_up_can_wait_again() -> None:
    async def scene() -> int:
        watchdog = Watchdog(loop_time)
        with pytest.raises(TimeoutError), Limit(watchdog, loop_time() + 1):
            await asyncio.sleep(1000)
        await asyncio.sleep(1)
        task = asyncio.current_task()
        assert task is not None
        return task.cancelling()

    assert run_virtual(scene()) == 0


def test_of_two_limits_within_each_other_the_one_whose_time_is_up_ends_its_own_block() -> None:
    async def scene(outer: float, inner: float) -> tuple[str, float]:
        watchdog = Watchdog(loop_time)
        begin, ended = loop_time(), "none"
        try:
            with Limit(watchdog, begin + outer):
                try:
                    with Limit(watchdog, begin + inner):
                        await asyncio.sleep(1000)
                except TimeoutError:
                    ended = "inner"
                    await asyncio.sleep(1000)
        except TimeoutError:
            ended += ", outer"
        return ended, round(loop_time() - begin, 3)

    assert run_virtual(scene(5, 1)) == ("inner, outer", 5)
    assert run_virtual(scene(1, 5)) == ("none, outer", 1)


@pytest.mark.parametrize(("outer", "inner", "ended"), [(5, 1, "inner"), (1, 5, "outer")])
def test_within_a_timeout_of_asyncios_each_ends_its_own_block(
    outer: float, inner: float, ended: str
) -> None:
    async def scene() -> tuple[str, int]:
        watchdog = Watchdog(loop_time)
        task = asyncio.current_task()
        assert task is not None
        try:
            async with asyncio.timeout(outer):
                try:
                    with Limit(watchdog, loop_time() + inner):
                        await asyncio.sleep(1000)
                except TimeoutError:
                    return "inner", task.cancelling()
        except TimeoutError:
            return "outer", task.cancelling()
        return "none", task.cancelling()

    assert run_virtual(scene()) == (ended, 0)


@pytest.mark.parametrize("first", ["cancelled", "expired"])
def test_a_cancellation_in_the_very_moment_when_the_time_is_up_is_not_lost(first: str) -> None:
    async def scene() -> tuple[bool, int]:
        watchdog, ends = Watchdog(loop_time), loop_time() + 1

        async def block() -> None:
            with Limit(watchdog, ends):
                await asyncio.sleep(1000)

        task = asyncio.create_task(block())
        if first == "expired":
            await asyncio.sleep(0)  # so that its timer is set before, and rings before
        asyncio.get_running_loop().call_at(ends, task.cancel)
        await asyncio.wait([task])
        # Both have asked for it; the limit takes back its own and leaves the other's.
        return task.cancelled(), task.cancelling()

    assert run_virtual(scene()) == (True, 1)


def test_a_block_that_ends_or_fails_in_the_moment_its_time_is_up_leaves_nothing_behind() -> None:
    async def scene() -> tuple[list[str], int, int]:
        watchdog, seen = Watchdog(loop_time), []
        task = asyncio.current_task()
        assert task is not None
        for _ in range(3):
            try:
                with Limit(watchdog, loop_time() + 1):
                    try:
                        await asyncio.sleep(1000)
                    finally:
                        raise ValueError("of its own")
            except (ValueError, TimeoutError) as error:
                seen.append(type(error).__name__)
            await asyncio.sleep(2)
        return seen, task.cancelling(), len(watchdog.limits)

    assert run_virtual(scene()) == (["ValueError"] * 3, 0, 0)


def test_a_task_that_is_cancelled_leaves_no_limit_and_the_next_one_is_watched_all_the_same() -> (
    None
):
    async def scene() -> tuple[int, float]:
        watchdog = Watchdog(loop_time)

        async def block(seconds: float) -> None:
            with Limit(watchdog, loop_time() + seconds):
                await asyncio.sleep(1000)

        task = asyncio.create_task(block(1))
        await asyncio.sleep(0.5)
        task.cancel()
        await asyncio.wait([task])
        left, begin = len(watchdog.limits), loop_time()
        # The timer of the first one rings in between, and finds that there is more to come.
        with pytest.raises(TimeoutError):
            await block(3)
        return left, round(loop_time() - begin, 3)

    assert run_virtual(scene()) == (0, 3)


def test_there_is_one_timer_however_many_limits_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scene() -> int:
        watchdog, loop = Watchdog(loop_time), asyncio.get_running_loop()
        timers: list[float] = []
        real = loop.call_at

        def call_at(when: float, *arguments: Any, **options: Any) -> asyncio.TimerHandle:
            timers.append(when)
            return real(when, *arguments, **options)

        monkeypatch.setattr(loop, "call_at", call_at)

        async def block() -> None:
            for _ in range(10):
                with Limit(watchdog, loop_time() + 60):
                    await asyncio.sleep(0)

        await asyncio.gather(*(block() for _ in range(10)))
        return len(timers)

    assert run_virtual(scene()) == 1


async def _ended(watchdog: Watchdog) -> str:
    with Limit(watchdog, loop_time() + 0.01) as limit:
        limit.shorten(0.001)
        await asyncio.sleep(30)
    return "not"


async def _ended_in_time() -> tuple[list[str], int]:
    watchdog = Watchdog(loop_time)
    tasks = [asyncio.create_task(_ended(watchdog)) for _ in range(5)]
    results = await asyncio.gather(*tasks, return_exceptions=True)
    return [type(result).__name__ for result in results], len(watchdog.limits)


def test_it_does_the_same_on_uvloop() -> None:
    uvloop = pytest.importorskip("uvloop")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(_ended_in_time()) == (["TimeoutError"] * 5, 0)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
def test_it_does_the_same_in_eager_tasks() -> None:
    async def scene() -> tuple[list[str], int]:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined,unused-ignore]
        return await _ended_in_time()

    with asyncio.Runner() as runner:
        assert runner.run(scene()) == (["TimeoutError"] * 5, 0)
