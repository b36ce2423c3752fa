"""Ctrl-C and SIGTERM, sent to real processes; and the ceiling of ``--rate``."""

import contextlib
import os
import pty
import re
import shlex
import signal
from pathlib import Path

import pytest

from loops_async.sandbox import Fault, Faults, Sandbox
from tests.server.terminal import ended, loops_async, start, until

STOPS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]


@pytest.fixture
def rows(tmp_path: Path) -> str:
    path = tmp_path / "rows.csv"
    path.write_text("email\n" + "".join(f"c{n}@example.com\n" for n in range(40)))
    return str(path)


def counts(summary: str) -> tuple[int, int]:
    found = re.search(r"40 rows: (\d+) imported, 0 rejected, (\d+) not done\n", summary)
    assert found is not None, summary
    return int(found[1]), int(found[2])


@pytest.mark.parametrize(("stop", "status"), STOPS)
async def test_an_import_that_is_stopped_finishes_what_is_under_way_and_says_how_to_go_on(
    rows: str, stop: signal.Signals, status: int
) -> None:
    async with Sandbox(rate=20) as sandbox:
        process = await start("import", rows, "--concurrency", "2", sandbox=sandbox)
        await until(lambda: len(sandbox.contacts) >= 3)
        process.send_signal(stop)
        done = await ended(process)
        held = len(sandbox.contacts)
        assert done.status == status
        applied, left = counts(done.out)
        # Nothing that was sent is in doubt.
        assert applied == held
        assert applied + left == 40
        again = "press Ctrl-C again to stop" if stop == signal.SIGINT else "a second SIGTERM stops"
        time = r"(, about \d+ s)?"
        assert re.search(rf"Finishing \d rows? in progress{time}; {again} at once\.\n", done.err)
        assert done.err.endswith(
            f"Continue with: loops-async import --concurrency=2 --resume {rows}\nStopped.\n"
        )
        assert "Traceback" not in done.err
        on = re.search(r"Continue with: loops-async (.*)", done.err)
        assert on is not None
        rest = await loops_async(*shlex.split(on[1]), sandbox=sandbox)
        sent = [r for r in sandbox.requests if r.path == "/v1/contacts/update" and r.processed]
    assert rest.status == 0, rest.err
    assert (
        f"40 rows: 40 imported, 0 rejected ({applied} of these rows were done before)" in rest.out
    )
    assert len(sent) == 40


async def test_a_second_ctrl_c_stops_at_once_and_says_how_to_go_on(rows: str) -> None:
    # Every reply but the first few takes longer than the test.
    slow = Faults(lambda _: Fault("delay", 30.0) if len(sandbox.contacts) >= 3 else None)
    async with Sandbox(rate=100) as sandbox:
        sandbox.faults = slow
        process = await start("import", rows, "--concurrency", "2", sandbox=sandbox)
        await until(lambda: slow.counts.get("delay", 0) >= 1)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        said = b""
        while b"Finishing" not in said:
            said += await process.stderr.readline()
        process.send_signal(signal.SIGINT)
        done = await ended(process)
    assert done.status == 130
    applied, left = counts(done.out)
    assert applied + left == 40
    assert "Continue with: loops-async import" in done.err
    assert done.err.endswith("Stopped.\n")
    assert "Traceback" not in done.err


async def test_the_bar_is_gone_before_the_summary_of_a_stopped_import(rows: str) -> None:
    leader, follower = pty.openpty()
    os.set_blocking(leader, False)
    async with Sandbox(rate=5) as sandbox:
        process = await start(
            *("import", rows, "--concurrency", "2"),
            sandbox=sandbox,
            env={"TERM": "xterm", "COLUMNS": "100"},
            terminal=follower,
        )
        os.close(follower)
        await until(lambda: len(sandbox.contacts) >= 3)
        process.send_signal(signal.SIGTERM)
        await process.wait()
    seen = b""
    with contextlib.suppress(BlockingIOError, OSError):
        while chunk := os.read(leader, 65536):
            seen += chunk
    os.close(leader)
    bar, summary, after = seen.decode().partition("40 rows: ")
    words = re.sub(r"\x1b\[[\d;]*m", "", bar)
    assert summary
    assert "━" in bar
    assert re.search(r"\d/40 .* rows/s, 0 rejected, \d+ s left", words)
    assert "━" not in after
    # The cursor is shown again and the bar's line erased.
    assert bar.rindex("\x1b[?25h") > bar.rindex("━")
    assert bar.rindex("\x1b[2K") > bar.rindex("━")


@pytest.mark.parametrize(("stop", "status"), STOPS)
async def test_the_sandbox_ends_in_order(stop: signal.Signals, status: int) -> None:
    process = await start("sandbox", "--port", "0")
    assert process.stderr is not None
    assert b"listens" in await process.stderr.readline()
    process.send_signal(stop)
    _, err = await process.communicate()
    assert process.returncode == status
    assert err.decode() == "Stopped.\n"


@pytest.mark.long
async def test_a_rate_is_a_ceiling_whatever_loops_takes(rows: str) -> None:
    async with Sandbox(rate=50) as sandbox:
        done = await loops_async("import", rows, "--rate", "10", sandbox=sandbox)
        at = [request.at for request in sandbox.requests]
    assert done.status == 0, done.err
    assert len(at) > 40
    # Ten leave in any second, and some more may arrive in it on a busy machine; Loops takes 50.
    for begin in at:
        assert sum(begin <= other < begin + 1.0 for other in at) <= 20
    assert len(at) <= 10 * (at[-1] - at[0] + 1)
