"""Many time limits on one timer: each ends what it should, when it should, and nothing else."""

import asyncio

import pytest

from loops_async.watchdog import Watchdog
from tests.virtual_time import run_virtual


def test_each_limit_ends_its_own_block_on_time_whatever_their_order() -> None:
    async def blocked(watchdog: Watchdog, seconds: float) -> float:
        with pytest.raises(TimeoutError), watchdog.within(seconds):
            await asyncio.sleep(1000)
        return asyncio.get_running_loop().time()

    async def scene() -> list[float]:
        watchdog = Watchdog()
        begin = asyncio.get_running_loop().time()
        ends = await asyncio.gather(*(blocked(watchdog, s) for s in (3, 1, 2, 1, 30)))
        return [round(end - begin, 3) for end in ends]

    assert run_virtual(scene()) == [3, 1, 2, 1, 30]


def test_a_block_that_is_done_in_time_is_left_alone_and_so_is_what_follows() -> None:
    async def scene() -> None:
        watchdog = Watchdog()
        with watchdog.within(1):
            await asyncio.sleep(0.9)
        await asyncio.sleep(5)

    run_virtual(scene())


def test_a_limit_may_be_shortened_and_moved_back_but_not_beyond_its_first_time() -> None:
    async def scene() -> list[float]:
        watchdog = Watchdog()
        loop = asyncio.get_running_loop()
        ends = []
        for steps, wait in (((1,), 50), ((2, 2, 2), 1.5), ((4,) * 9, 3)):
            begin = loop.time()
            with pytest.raises(TimeoutError), watchdog.within(10) as limit:  # noqa: PT012
                for seconds in steps:
                    limit.shorten(seconds)
                    await asyncio.sleep(wait)
                await asyncio.sleep(50)
            ends.append(round(loop.time() - begin, 3))
        return ends

    assert run_virtual(scene()) == [1, 5, 10]


def test_somebody_elses_cancellation_stays_one_even_when_the_time_is_up_as_well() -> None:
    async def scene() -> tuple[bool, int]:
        watchdog = Watchdog()

        async def block() -> None:
            with watchdog.within(1):
                await asyncio.sleep(1000)

        task = asyncio.create_task(block())
        asyncio.get_running_loop().call_later(1, task.cancel)
        await asyncio.wait([task])
        return task.cancelled(), task.cancelling()

    cancelled, _ = run_virtual(scene())
    assert cancelled


def test_a_task_whose_time_was_up_can_wait_again() -> None:
    async def scene() -> int:
        watchdog = Watchdog()
        with pytest.raises(TimeoutError), watchdog.within(1):
            await asyncio.sleep(1000)
        await asyncio.sleep(1)
        task = asyncio.current_task()
        assert task is not None
        return task.cancelling()

    assert run_virtual(scene()) == 0
