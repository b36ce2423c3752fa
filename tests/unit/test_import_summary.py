import re

import pytest

from loops_async.cli.progress import _bar, described, spelt
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


def test_an_import_that_another_can_go_on_with_does_not_ask_for_it_all_again() -> None:
    going = tally(300, 57)
    going.failed.add(3, "no connection")
    going.rejected.count = going.rejected.before = 2
    going.before = 40
    summary = going.summary(resumable=True)
    first, second, _ = summary.splitlines()
    assert first.startswith("300 rows: 57 applied, 2 rejected, 1 failed, 240 not done (40 of ")
    assert second == "  line 3: no connection"
    assert first.endswith(
        "(40 of these rows were done before; the 2 rejected then are not named again)"
    )


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0 s"), (59.4, "59 s"), (60, "1 min 00 s"), (3599, "59 min 59 s"), (7500, "2 h 05 min")],
)
def test_times_are_spelt_as_one_says_them(seconds: float, said: str) -> None:
    assert spelt(seconds) == said


def test_progress_tells_pace_limits_rejections_and_the_time_that_is_left() -> None:
    going = Tally(total=1_000, applied=390, requests=402, rate_limited=12, rate=10.0)
    going.rejected.add(2, "is no address")
    going.rejected.count += 9
    assert described(going) == "10.0 rows/s, 12 answered with 429, 10 rejected, 1 min 00 s left"
    going.failed.add(5, "no connection")
    assert "1 failed" in described(going)


@pytest.mark.parametrize("columns", ["50", "60", "80", "100", "140"])
def test_no_terminal_is_so_narrow_that_a_number_is_cut(
    columns: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("TERM", "xterm")
    going = Tally(total=30_000, applied=13_000, requests=15_000, rate_limited=1_234, rate=1.0)
    going.rejected.count, going.failed.count = 1_001, 800
    with _bar(going, "importing"):
        pass
    seen = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", capsys.readouterr().err)
    assert "14801/30000" in seen
    assert "…" not in seen
    # The words may take two lines.
    assert all(word in seen for word in described(going).split())
    assert ("━" in seen) is (int(columns) >= 100)


def test_without_a_pace_no_time_is_promised() -> None:
    assert described(Tally(total=9, requests=1)) == "0.0 rows/s, 0 answered with 429, 0 rejected"


def test_where_nothing_is_sent_there_is_no_pace_and_no_answer() -> None:
    assert described(Tally(total=9, applied=3, rate=6.0)) == "0 rejected"


def test_failed_rows_of_one_reason_are_one_line() -> None:
    going = tally(300, 57)
    for line in (7, 3, 40):
        going.failed.add(line, "no connection")
    going.failed.add(5, "status 500")
    assert going.summary().splitlines()[1:3] == [
        "  3 rows, lines 3 to 40: no connection",
        "  line 5: status 500",
    ]


def test_of_many_reasons_the_rest_is_counted() -> None:
    going = Setbacks()
    for line in range(2, 32):
        going.add(line, f"reason {line}")
    assert going.folded_lines()[-1] == "  … and 10 more"
