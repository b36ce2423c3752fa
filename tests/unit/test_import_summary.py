import pytest

from loops_async.cli.tally import Setbacks, Tally


def tally(total: int, applied: int, *, seconds: float = 2.0, requests: int = 4) -> Tally:
    times = iter((0.0, seconds))
    return Tally(total=total, applied=applied, requests=requests, clock=lambda: next(times))


def test_a_summary_of_one_speaks_of_one() -> None:
    assert tally(1, 1, requests=1).summary() == (
        "1 row: 1 applied, 0 rejected\n2.0 s, 1 request, 0.5 per second, 0 of them 429"
    )


@pytest.mark.parametrize(("seconds", "is_told"), [(0.0, False), (0.99, False), (1.0, True)])
def test_a_pace_is_told_from_one_second_on(seconds: float, is_told: bool) -> None:
    assert ("per second" in tally(2, 2, seconds=seconds).summary()) is is_told


def test_what_is_done_is_not_said_to_be_missing() -> None:
    done = tally(300, 298)
    done.rejected = Setbacks(2)
    first = done.summary(created=293).splitlines()[0]
    assert first == "300 rows: 298 applied (293 created, 5 updated), 2 rejected"


def test_rows_that_are_not_over_are_counted_and_may_be_sent_again() -> None:
    first = tally(300, 57).summary().splitlines()[0]
    assert first == (
        "300 rows: 57 applied, 0 rejected, 243 not done; run it again: an update may be repeated"
    )
