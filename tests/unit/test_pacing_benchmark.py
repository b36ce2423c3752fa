"""The pieces of the pacing benchmark: no promise of the pacer's is tested here, nor any speed."""

import cattrs
import pytest

from tests.benchmarks import pacing_figures, pacing_runs
from tests.benchmarks.pacing_figures import WARM_UP, Arrival, flow, percentile, settled_after
from tests.benchmarks.pacing_plan import PHASES, plan
from tests.benchmarks.pacing_rivals import BACKOFF, OURS, pacer_of
from tests.benchmarks.pacing_rows import Burst, Results, Saturation
from tests.benchmarks.pacing_tables import rewritten, sections


def evenly(rate: float, seconds: float, start: float = 0.0) -> list[Arrival]:
    return [Arrival(start + (n + 0.5) / rate, taken=True) for n in range(int(rate * seconds))]


def row(efficiency: float, refused: float = 0.0, failed: int = 0) -> Saturation:
    counted = pacing_figures.Flow(efficiency, refused, [10] * 22, [0] * 22)
    return Saturation(OURS, 10, "sliding", 80, 20.0, failed, counted)


def test_a_flow_counts_what_came_after_the_warm_up_and_what_was_refused_of_it() -> None:
    refused = [Arrival(100 + WARM_UP + 0.1 * n, taken=False) for n in range(5)]
    early_and_late = [Arrival(99.9, taken=True), Arrival(112.1, taken=True)]
    counted = flow([*evenly(10, 12, 100.0), *refused, *early_and_late], 10, 100.0, 10.0)
    assert counted.efficiency == pytest.approx(1.0)
    assert counted.refused_share == pytest.approx(5 / 105)
    assert counted.taken_by_second == [10] * 12
    assert counted.refused_by_second == [0, 0, 5, *[0] * 9]


def test_nothing_arrived_is_no_division_by_nothing() -> None:
    assert flow([], 10, 0.0, 3.0) == pacing_figures.Flow(0.0, 0.0, [0] * 5, [0] * 5)


def test_the_pace_is_settled_once_it_is_right_and_stays_so() -> None:
    assert settled_after(evenly(10, 8), 10, 8.0) == 0.0
    slow_at_first = [*evenly(5, 3), *evenly(10, 5, 3.0)]
    settled = settled_after(slow_at_first, 10, 8.0)
    assert settled is not None
    assert 2.0 < settled < 3.0
    assert settled_after(evenly(5, 8), 10, 8.0) is None
    assert settled_after([*evenly(10, 6), *evenly(20, 2, 6.0)], 10, 8.0) is None


def test_a_percentile_is_a_value_that_was_met() -> None:
    assert [percentile([3.0, 1.0, 2.0, 4.0], share) for share in (0, 0.5, 0.99, 1)] == [1, 3, 4, 4]


def test_a_promise_is_kept_by_all_three_figures_together() -> None:
    assert row(0.93, 0.005).kept
    assert not row(0.92).kept
    assert not row(0.93, 0.006).kept
    assert not row(0.93, failed=1).kept


def test_what_missed_its_aim_is_bold_and_the_run_as_a_whole_has_missed() -> None:
    good, bad = Results(saturation=[row(0.93)]), Results(saturation=[row(0.9)])
    assert (good.kept, bad.kept) == (True, False)
    assert "0.930 (≥ 0.925)" in sections(good)["saturation"]
    assert "**0.900** (≥ 0.925)" in sections(bad)["saturation"]


def test_a_saved_run_is_the_same_when_it_is_loaded() -> None:
    results = Results(saturation=[row(0.93)], bursts=[Burst("fixed", 10, 0, 0.002)])
    assert cattrs.structure(cattrs.unstructure(results), Results) == results


def test_the_page_gets_new_tables_and_keeps_what_is_around_them() -> None:
    page = "one\n<!-- pacing: busy -->\nold\n<!-- end -->\ntwo\n"
    once = rewritten(page, {"busy": "new"})
    assert once == page.replace("old\n", "\nnew\n\n")
    assert rewritten(once, {"busy": "new"}) == once
    with pytest.raises(ValueError, match="no place for the table 'sharing'"):
        rewritten(page, {"sharing": "new"})


def test_every_section_of_the_plan_has_its_phase() -> None:
    planned = [job.section for job in plan(20.0)]
    assert set(planned) == set().union(*PHASES)
    assert planned.count("saturation") == 12


async def test_a_rival_without_pacing_waits_for_nothing() -> None:
    pacing = pacer_of(BACKOFF, 1)
    assert pacing is not None
    for permit in [await pacing.acquire() for _ in range(100)]:
        permit.release(None)


def test_a_short_run_over_real_sockets_gives_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (pacing_runs, pacing_figures):
        monkeypatch.setattr(module, "WARM_UP", 0.2)
    made = pacing_runs.saturate(OURS, 100, "sliding", 20, 0.8)
    assert (made.pacer, made.rate, made.window, made.failed) == (OURS, 100, "sliding", 0)
    assert len(made.flow.taken_by_second) == 1
    assert 0 < made.flow.taken_by_second[0] <= 100
    assert "100 a second" in sections(Results(saturation=[made]))["saturation"]
