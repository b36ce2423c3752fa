"""The promises of the package in bad weather, over real sockets.

``LOOPS_CHAOS_SEED`` sets the seed, "random" draws one; every failure and the end of the test
session name it.
"""

from collections.abc import Callable

import pytest

from loops_async import DeadlineExceeded, RetryPolicy, Timeouts
from tests.chaos.plan import Size
from tests.chaos.running import Run
from tests.chaos.weather import Weather, all_but

pytestmark = [pytest.mark.usefixtures("nothing_is_left"), pytest.mark.virtual_time]

Show = Callable[[Run], None]


async def _shown(run: Run, show: Show) -> None:
    try:
        await run.go()
    finally:
        show(run)


@pytest.mark.parametrize("times", [0.4, pytest.param(1.0, marks=pytest.mark.long)])
async def test_every_promise_is_kept_at_three_faults_in_ten_requests(
    times: float, seed: int, show: Show
) -> None:
    run = Run(Weather(seed=seed), Size().times(times))
    await _shown(run, show)
    families = {"delay", "refuse", "reset", "limit", "5xx", "garbled", "slow", "no_answer"}
    assert families == set(run.faults)


@pytest.mark.chaos
@pytest.mark.timeout(900)
async def test_every_promise_is_kept_ten_times_as_long(seed: int, show: Show) -> None:
    run = Run(Weather(seed=seed), Size().times(10))
    await _shown(run, show)


@pytest.mark.long
async def test_every_promise_is_kept_within_the_default_budget(seed: int, show: Show) -> None:
    retry = RetryPolicy(base=0.005, cap=0.02)
    run = Run(Weather(seed=seed, retry=retry), Size().times(0.2))
    await _shown(run, show)


@pytest.mark.long
async def test_every_promise_is_kept_once_the_default_budget_is_spent(
    seed: int, show: Show
) -> None:
    retry = RetryPolicy(base=0.005, cap=0.02)
    patience = Timeouts(connect=2.0, read=0.25, total=30.0)
    # Without retries most calls fail.
    weather = Weather(seed=seed, rate=0.8, retry=retry, timeouts=patience, failures=1.0)
    run = Run(weather, Size().times(0.1))
    await _shown(run, show)
    assert any(attempt.reason == "retry budget exhausted" for attempt in run.attempts)


@pytest.mark.long
async def test_every_promise_is_kept_in_a_hurry(seed: int, show: Show) -> None:
    # Not delayed: a request that begins to be worked on just as its client leaves could land
    # after the contact's next call, and no client can help that.
    weather = Weather(
        seed=seed,
        kinds=all_but("delay"),
        timeouts=Timeouts(connect=0.1, read=0.1, total=0.1),
        failures=1.0,
    )
    run = Run(weather, Size().times(0.2))
    await _shown(run, show)
    assert any(isinstance(call.error, DeadlineExceeded) for call in run.calls)


async def test_every_promise_is_kept_while_the_server_goes_down_and_up(
    seed: int, show: Show
) -> None:
    run = Run(Weather(seed=seed, restarts=5, downtime=0.005, failures=0.5), Size().times(0.3))
    await _shown(run, show)
    assert any(attempt.error == "ConnectFailed" for attempt in run.attempts)
