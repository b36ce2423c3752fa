"""The suite can fail: each of these breaks the retry table, and the suite's own checks say so."""

import pytest

from loops_async import RetryPolicy, Timeouts
from tests.chaos.broken import WAYS
from tests.chaos.plan import Size
from tests.chaos.promises import PromiseBroken
from tests.chaos.running import Run
from tests.chaos.weather import MANY, Weather, all_but

pytestmark = [
    pytest.mark.usefixtures("nothing_is_left"),
    pytest.mark.long,
    pytest.mark.virtual_time,
]

_SIZE = Size(updates=100, creates=120, events=80, mails=80, deletes=80, finds=20, removals=10)


def _run(seed: int) -> Run:
    """Small, and with a fault in every second request, so that it shows what a large one would."""
    return Run(
        Weather(
            seed=seed,
            rate=0.5,
            kinds=all_but("429_date"),  # costs up to a second
            # More attempts than elsewhere, or too many calls would rightly stay in doubt.
            retry=RetryPolicy(attempts=6, base=0.005, cap=0.02, budget=MANY),
            timeouts=Timeouts(connect=2.0, read=0.25, total=30.0),
            in_flight=120,
        ),
        _SIZE,
    )


async def test_the_small_run_passes_with_the_table_as_it_is(seed: int) -> None:
    await _run(seed).go()


@pytest.mark.parametrize("way", WAYS)
async def test_a_broken_table_makes_the_suite_fail(
    way: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaks, complaint = WAYS[way]
    breaks(monkeypatch)
    run = _run(seed)
    with pytest.raises(PromiseBroken, match=f"LOOPS_CHAOS_SEED={seed}"):
        await run.go()
    assert any(complaint in what for what in run.broken), run.broken
