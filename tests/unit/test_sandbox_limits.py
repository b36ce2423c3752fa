import pytest

from loops_async.sandbox.latency import make_latency
from loops_async.sandbox.limits import RequestLimit, Window, make_limit

WINDOWS: tuple[Window, ...] = ("fixed", "sliding", "bucket")


def limit(rate: float, window: Window) -> RequestLimit:
    made = make_limit(rate, window)
    assert made is not None
    return made


def admitted(subject: RequestLimit, arrivals: list[float]) -> list[bool]:
    return [subject.decide(at).admitted for at in arrivals]


@pytest.mark.parametrize("window", WINDOWS)
def test_a_burst_of_the_whole_rate_is_admitted_and_the_next_request_is_not(window: Window) -> None:
    subject = limit(3, window)
    verdicts = [subject.decide(100.0) for _ in range(4)]
    assert [verdict.admitted for verdict in verdicts] == [True, True, True, False]
    assert [verdict.remaining for verdict in verdicts] == [2, 1, 0, 0]


@pytest.mark.parametrize("window", WINDOWS)
def test_one_second_after_a_burst_the_whole_rate_is_there_again(window: Window) -> None:
    subject = limit(10, window)
    assert all(admitted(subject, [100.0] * 10))
    assert admitted(subject, [101.0] * 11) == [True] * 10 + [False]


@pytest.mark.parametrize("window", WINDOWS)
def test_requests_turned_away_are_not_charged(window: Window) -> None:
    subject = limit(2, window)
    assert admitted(subject, [5.0, 5.0, *[5.0 + tenth / 100 for tenth in range(1, 30)]])[2:] == (
        [False] * 29
    )
    assert admitted(subject, [6.0, 6.0, 6.0]) == [True, True, False]


@pytest.mark.parametrize("window", WINDOWS)
def test_asking_what_remains_charges_nothing(window: Window) -> None:
    subject = limit(2, window)
    assert [subject.remaining(1.0) for _ in range(5)] == [2] * 5
    assert subject.decide(1.0).remaining == 1
    assert subject.remaining(1.0) == 1
    assert subject.remaining(2.5) == 2


def test_a_fixed_window_admits_twice_the_rate_around_its_edge() -> None:
    subject = limit(2, "fixed")
    assert admitted(subject, [7.98, 7.99, 7.999, 8.0, 8.01, 8.02]) == [
        True, True, False, True, True, False,
    ]  # fmt: skip


def test_a_sliding_window_admits_the_rate_in_every_second_wherever_it_begins() -> None:
    subject = limit(2, "sliding")
    assert admitted(subject, [7.6, 7.9, 8.0, 8.59, 8.6, 8.89, 8.9]) == [
        True, True, False, False, True, False, True,
    ]  # fmt: skip


def test_a_bucket_refills_evenly_and_never_above_its_size() -> None:
    subject = limit(10, "bucket")
    assert all(admitted(subject, [50.0] * 10))
    assert admitted(subject, [50.05, 50.1, 50.1, 50.2, 50.25]) == [False, True, False, True, False]
    assert subject.remaining(1050.0) == 10


def test_a_bucket_keeps_its_rate_in_spite_of_float_dust() -> None:
    subject = limit(10, "bucket")
    assert all(admitted(subject, [0.0] * 10))
    assert all(admitted(subject, [tick / 10 for tick in range(1, 1001)]))


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("rate", [0.5, 1, 2.5, 10, 100])
def test_over_a_minute_the_rate_is_met_and_not_exceeded(window: Window, rate: float) -> None:
    subject = limit(rate, window)
    count = sum(admitted(subject, [1000 + tick / 250 for tick in range(60 * 250)]))
    assert rate * 60 * 0.97 - 1 <= count <= rate * 60 + subject.size


def test_the_size_is_the_whole_number_of_requests_that_may_come_at_once() -> None:
    assert [limit(rate, "sliding").size for rate in (0.5, 1, 2.5, 10.0, 300)] == [1, 1, 2, 10, 300]


def test_no_rate_is_no_limit() -> None:
    assert make_limit(None, "fixed") is None


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf")])
def test_a_rate_that_is_no_positive_number_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="rate must be a positive number"):
        make_limit(rate, "fixed")


def test_an_unknown_kind_of_window_is_refused() -> None:
    with pytest.raises(ValueError, match="window must be one of fixed, sliding, bucket"):
        make_limit(10, "rolling")  # type: ignore[arg-type]


def test_a_delay_is_drawn_anew_for_each_way_all_between_its_bounds() -> None:
    latency = make_latency((0.02, 0.08))
    assert latency is not None
    drawn = [latency.draw() for _ in range(1000)]
    assert all(0.02 <= seconds <= 0.08 for seconds in drawn)
    # Each of six equal spans has its share, 167, but for a chance of less than one in a billion.
    for span in range(6):
        low = 0.02 + span * 0.01
        assert sum(low <= seconds < low + 0.01 for seconds in drawn) > 80


def test_no_bounds_are_no_delay() -> None:
    assert make_latency(None) is None
