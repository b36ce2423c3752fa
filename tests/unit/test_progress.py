"""Rows per second and the time that remains, over the ways in which rows come."""

import pytest

from loops_async.bulk.progress import ProgressCounter, RateEstimator


def paced(*stretches: tuple[float, float]) -> tuple[RateEstimator, float]:
    """A pace after stretches of seconds at so many rows per second."""
    pace, now = RateEstimator(0.0), 0.0
    for seconds, rate in stretches:
        end = now + seconds
        for number in range(round(seconds * rate)):
            pace.add(now + (number + 1) / rate)
        now = end
    return pace, now


def test_there_is_no_rate_before_the_first_row() -> None:
    assert RateEstimator(0.0).rate(100.0) == 0.0


@pytest.mark.parametrize("rate", [0.05, 1.0, 10.0, 1000.0])
def test_an_even_pace_is_what_it_is(rate: float) -> None:
    pace, now = paced((max(20.0, 4 / rate), rate))
    assert pace.rate(now) == pytest.approx(rate, rel=0.1)


@pytest.mark.parametrize("seconds", [2.5, 5.0, 20.0, 60.0])
def test_a_burst_at_the_start_does_not_count(seconds: float) -> None:
    pace = RateEstimator(0.0)
    for number in range(100):
        pace.add(0.1 + number / 10_000)
    for number in range(round(seconds * 10)):
        pace.add(0.2 + number / 10)
    assert pace.rate(0.2 + seconds) == pytest.approx(10.0, rel=0.1)


def test_the_first_second_says_no_more_than_what_was_done_in_it() -> None:
    pace = RateEstimator(0.0)
    for _ in range(10):
        pace.add(0.01)
    assert pace.rate(0.02) == 10.0


def test_a_pause_slows_the_rate_while_it_lasts_and_not_when_it_is_over() -> None:
    pace, now = paced((60.0, 10.0))
    assert pace.rate(now + 60) < 5
    assert pace.rate(now + 3600) < 0.1
    now += 3600
    for number in range(5):
        pace.add(now + number / 10)
    assert pace.rate(now + 0.5) == pytest.approx(10.0, rel=0.15)


def test_a_new_pace_is_soon_the_pace() -> None:
    pace, now = paced((300.0, 10.0), (60.0, 2.0))
    assert pace.rate(now) == pytest.approx(2.0, rel=0.5)
    pace, now = paced((300.0, 10.0), (60.0, 50.0))
    assert pace.rate(now) == pytest.approx(50.0, rel=0.2)


def test_what_remains_is_known_where_the_total_and_the_rate_are() -> None:
    tally = ProgressCounter()
    assert tally.totals(0.0, 100).time_remaining is None
    tally.begin(0.0)
    assert tally.totals(5.0, 100).time_remaining is None
    for number in range(100):
        tally.read += 1
        tally.add(number / 10, failed=number % 2 == 0)
    assert tally.totals(10.0, None).time_remaining is None
    totals = tally.totals(10.0, 300)
    assert (totals.succeeded, totals.failed, totals.waiting) == (50, 50, 0)
    assert totals.time_remaining == pytest.approx(20, rel=0.1)
    assert tally.totals(10.0, 100).time_remaining == 0.0
    assert tally.totals(10.0, 0).total == 100
    tally.read += 50
    for length in (300, None):
        stopping = tally.totals(10.0, length, stopping=True)
        assert stopping.total == length
        assert stopping.time_remaining == pytest.approx(5, rel=0.1)


def test_the_clock_of_a_run_stops_with_it() -> None:
    tally = ProgressCounter()
    tally.begin(5.0)
    tally.end(7.0)
    tally.end(9.0)
    assert tally.totals(100.0, None).elapsed == 2.0
