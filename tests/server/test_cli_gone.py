"""An import whose Loops goes away in the middle stops, and another goes on where it ended."""

from pathlib import Path

import pytest

from loops_async import LoopsClient, RetryPolicy
from loops_async.cli.columns import plan_columns
from loops_async.cli.importing import MOST_FAILURES, Import
from loops_async.cli.source import open_source
from loops_async.cli.tally import Tally
from loops_async.sandbox import Faults, Sandbox
from tests.server.terminal import ended, loops_async, start, until

pytestmark = pytest.mark.long

ROWS = 400


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text("email\n" + "".join(f"c{n}@example.com\n" for n in range(ROWS)))
    return path


async def imported(path: Path, faults: Faults) -> tuple[Import, int]:
    """An import that tries each row once; and how often it said that Loops is gone."""
    told: list[None] = []
    async with Sandbox(rate=1000, faults=faults) as sandbox:
        client = LoopsClient(
            sandbox.api_key, base_url=sandbox.url, retry=RetryPolicy(attempts=1), dry_run=False
        )
        with open_source(str(path)) as source:
            plan = plan_columns(source.headers, (), {})
            importing = Import(source, plan, Tally(total=ROWS), on_gone=lambda: told.append(None))
            async with client as loops:
                await importing.run(loops, concurrency=5)
    return importing, len(told)


@pytest.mark.parametrize("kind", ["500", "reset_after", "refuse"])
async def test_rows_that_fail_one_after_the_other_stop_it(path: Path, kind: str) -> None:
    importing, told = await imported(path, Faults(lambda _: kind))
    assert importing.gone is not None
    assert told == 1
    # Those that were on their way by then, or read ahead, end too.
    assert MOST_FAILURES <= importing.tally.failed.count < ROWS / 2
    assert importing.tally.not_done > 0


async def test_a_row_that_goes_in_between_starts_the_count_again(path: Path) -> None:
    seen = [0]

    def choose(_: object) -> str | None:
        seen[0] += 1
        return None if seen[0] % (MOST_FAILURES - 5) == 0 else "500"

    importing, told = await imported(path, Faults(choose))
    assert (importing.gone, told) == (None, 0)
    assert importing.tally.not_done == 0


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
    assert f"{ROWS} rows: {held} applied, 0 rejected, " in done.out
    assert f"{MOST_FAILURES} rows have failed one after the other" in done.err
    assert "Go on with: loops-async import --rate=200.0 --concurrency=25 --resume" in done.err
    assert "Error: the import stopped because Loops went away: " in done.err
    # One line for all of them.
    assert done.out.count(" rows, lines ") == 1
    assert f"Going on: {held} of {ROWS} rows are done." in rest.err
