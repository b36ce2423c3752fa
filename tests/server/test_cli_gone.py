"""An import whose Loops goes away in the middle stops, and another goes on where it ended."""

from pathlib import Path

import pytest

from loops_async import LoopsClient, RetryPolicy
from loops_async.importer.events import ImportEvent, ImportStopping
from loops_async.importer.importer import MOST_FAILURES, RowSender
from loops_async.importer.mapping import Account, plan_columns
from loops_async.importer.reading import open_input
from loops_async.importer.report import ImportReport
from loops_async.sandbox import Faults, Sandbox
from tests.server.terminal import ended, loops_async, start, until

pytestmark = pytest.mark.long

ROWS = 400


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text("email\n" + "".join(f"c{n}@example.com\n" for n in range(ROWS)))
    return path


async def imported(path: Path, faults: Faults) -> tuple[ImportReport, int]:
    """An import that tries each row once; and how often it told that Loops is gone."""
    events: list[ImportEvent] = []
    async with Sandbox(rate=1000) as sandbox:
        sandbox.faults = faults
        client = LoopsClient(
            sandbox.api_key, base_url=sandbox.url, retry=RetryPolicy(attempts=1), dry_run=False
        )
        with open_input(str(path)) as source:
            columns = plan_columns(source.headers, Account(), {}).columns
            async with client as loops:
                report = ImportReport(rows=ROWS)
                sender = RowSender(loops, source, columns, report, events.append)
                await sender.run(concurrency=5)
    stopping = [event for event in events if isinstance(event, ImportStopping)]
    assert all(event.reason == "unavailable" for event in stopping)
    return report, len(stopping)


@pytest.mark.parametrize("kind", ["500", "reset_after", "refuse"])
async def test_rows_that_fail_one_after_the_other_stop_it(path: Path, kind: str) -> None:
    report, told = await imported(path, Faults(lambda _: kind))
    assert report.unavailable is not None
    assert told == 1
    # Those that were on their way by then, or read ahead, end too.
    assert MOST_FAILURES <= report.failed.count < ROWS / 2
    assert report.not_done > 0


async def test_a_row_that_goes_in_between_starts_the_count_again(path: Path) -> None:
    seen = [0]

    def choose(_: object) -> str | None:
        seen[0] += 1
        return None if seen[0] % (MOST_FAILURES - 5) == 0 else "500"

    report, told = await imported(path, Faults(choose))
    assert (report.unavailable, told) == (None, 0)
    assert report.not_done == 0


async def test_an_import_says_that_loops_is_gone_and_another_goes_on(path: Path) -> None:
    async with Sandbox(rate=1000) as sandbox:
        arguments = ("--rate", "200", "--concurrency", "25")
        process = await start("import", str(path), *arguments, sandbox=sandbox)
        await until(lambda: len(sandbox.contacts) >= 3)
        sandbox.faults = Faults(lambda _: "503")
        done = await ended(process)
        held = len(sandbox.contacts)
        sandbox.faults = None
        rest = await loops_async("import", str(path), "--resume", sandbox=sandbox)
        assert rest.status == 0, rest.err
        assert len(sandbox.contacts) == ROWS
    assert done.status == 4
    assert f"{ROWS} rows: {held} imported, 0 rejected, " in done.out
    assert f"The last {MOST_FAILURES} rows have failed although nothing is wrong with" in done.err
    assert "Continue with: loops-async import --rate=200.0 --concurrency=25 --resume" in done.err
    assert "Error: the import stopped because Loops is unavailable: " in done.err
    # One line for all of them.
    assert done.out.count(" rows, lines ") == 1
    assert f"Resuming: {held} of {ROWS} rows are done." in rest.err
