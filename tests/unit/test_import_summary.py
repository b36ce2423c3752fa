import re

import pytest

from loops_async.cli import console
from loops_async.cli.console import describe_progress, format_duration
from loops_async.cli.rendering import reason_lines, summarize
from loops_async.importer.events import ImportProgress
from loops_async.importer.report import ImportReport, RowProblems


def report(rows: int, applied: int, *, seconds: float = 2.0, requests: int = 4) -> ImportReport:
    return ImportReport(rows=rows, applied=applied, requests=requests, seconds=seconds)


def test_a_summary_of_one_speaks_of_one() -> None:
    assert summarize(report(1, 1, requests=1)) == [
        "1 row: 1 imported, 0 rejected",
        "2.0 s, 1 request, 0.5 per second, 0 rate-limited",
    ]


@pytest.mark.parametrize(("seconds", "is_told"), [(0.0, False), (0.99, False), (1.0, True)])
def test_a_pace_is_told_from_one_second_on(seconds: float, is_told: bool) -> None:
    assert ("per second" in summarize(report(2, 2, seconds=seconds))[-1]) is is_told


def test_what_is_done_is_not_said_to_be_missing() -> None:
    done = report(300, 298)
    done.rejected = RowProblems(2)
    first = summarize(done, created=293)[0]
    assert first == "300 rows: 298 imported (293 created, 5 updated), 2 rejected"


def test_rows_that_are_not_over_are_counted_and_may_be_sent_again() -> None:
    first = summarize(report(300, 57))[0]
    assert first == (
        "300 rows: 57 imported, 0 rejected, 243 not done; run it again: some rows may be sent twice"
    )


def test_an_import_that_another_can_go_on_with_does_not_ask_for_it_all_again() -> None:
    going = report(300, 57)
    going.failed.add(3, "no connection")
    going.rejected.count = going.rejected.before = 2
    going.done_before, going.has_journal = 40, True
    first, second, _ = summarize(going)
    assert first.startswith("300 rows: 57 imported, 2 rejected, 1 failed, 240 not done (40 of ")
    assert second == "  line 3: no connection"
    assert first.endswith(
        "(40 of these rows were done before; the 2 rejected then are not named again)"
    )


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0 s"), (59.4, "59 s"), (60, "1 min 00 s"), (3599, "59 min 59 s"), (7500, "2 h 05 min")],
)
def test_times_are_spelt_as_one_says_them(seconds: float, said: str) -> None:
    assert format_duration(seconds) == said


def test_progress_tells_pace_limits_rejections_and_the_time_that_is_left() -> None:
    going = ImportReport(rows=1_000, applied=390, requests=402, rate_limited=12, rate=10.0)
    going.rejected.add(2, "is no address")
    going.rejected.count += 9
    assert describe_progress(going.progress()) == "10.0 rows/s, 10 rejected, 1 min 00 s left"
    going.failed.add(5, "no connection")
    assert "1 failed" in describe_progress(going.progress())


@pytest.mark.parametrize("columns", ["50", "60", "80", "100", "140"])
def test_no_terminal_is_so_narrow_that_a_number_is_cut(
    columns: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("TERM", "xterm")
    going = ImportReport(rows=30_000, applied=13_000, requests=15_000, rate_limited=1_234, rate=1.0)
    going.rejected.count, going.failed.count = 1_001, 800
    monkeypatch.setattr(console, "is_terminal", lambda _: True)
    bar = console.ProgressDisplay("importing")
    bar.update(going.progress())
    bar.close()
    seen = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", capsys.readouterr().err)
    assert "14801/30000" in seen
    assert "…" not in seen
    # The words may take two lines.
    assert all(word in seen for word in describe_progress(going.progress()).split())
    assert ("━" in seen) is (int(columns) >= 80)


def test_without_a_pace_no_time_is_promised() -> None:
    progress = ImportProgress(rows=9, requests=1)
    assert describe_progress(progress) == "0.0 rows/s, 0 rejected"


def test_where_nothing_is_sent_there_is_no_pace_and_no_answer() -> None:
    assert describe_progress(ImportProgress(rows=9, applied=3, rate=6.0)) == "0 rejected"


def test_failed_rows_of_one_reason_are_one_line() -> None:
    going = report(300, 57)
    for line in (7, 3, 40):
        going.failed.add(line, "no connection")
    going.failed.add(5, "status 500")
    assert summarize(going)[1:3] == [
        "  3 rows, lines 3 to 40: no connection",
        "  line 5: status 500",
    ]


def test_of_many_reasons_the_rest_is_counted() -> None:
    going = RowProblems()
    for line in range(2, 32):
        going.add(line, f"reason {line}")
    assert reason_lines(going)[-1] == "  … and 10 more"
