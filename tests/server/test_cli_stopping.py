"""Ctrl-C and SIGTERM, sent to real processes; and the ceiling of ``--rate``."""

import asyncio
import contextlib
import os
import pty
import re
import signal
import sys
from pathlib import Path

import pytest

from loops_async.sandbox import Sandbox
from tests.server.terminal import environment, loops_async

STOPS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]


@pytest.fixture
def rows(tmp_path: Path) -> str:
    path = tmp_path / "rows.csv"
    path.write_text("email\n" + "".join(f"c{n}@example.com\n" for n in range(40)))
    return str(path)


async def start(
    *arguments: str, sandbox: Sandbox | None = None, terminal: int | None = None
) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE if terminal is None else terminal
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-m", "loops_async", *arguments),
        env=environment(sandbox, TERM="xterm", COLUMNS="100"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=pipe,
        stderr=pipe,
    )


async def some_contacts(sandbox: Sandbox) -> None:
    for _ in range(1_000):
        if len(sandbox.contacts) >= 3:
            return
        await asyncio.sleep(0.02)
    pytest.fail("no contact came")


def counts(summary: str) -> tuple[int, int]:
    found = re.search(
        r"40 rows: (\d+) applied, 0 rejected, (\d+) not done; "
        r"run it again: an update may be repeated",
        summary,
    )
    assert found is not None, summary
    return int(found[1]), int(found[2])


@pytest.mark.parametrize(("stop", "status"), STOPS)
async def test_an_import_that_is_stopped_says_how_far_it_came(
    rows: str, stop: signal.Signals, status: int
) -> None:
    async with Sandbox(rate=5) as sandbox:
        process = await start("import", rows, sandbox=sandbox)
        await some_contacts(sandbox)
        process.send_signal(stop)
        out, err = await process.communicate()
        held = len(sandbox.contacts)
    assert process.returncode == status
    applied, left = counts(out.decode())
    assert applied + left == 40
    # What was on its way may have arrived without an answer.
    assert 3 <= applied <= held < 40
    assert err.decode().endswith("Stopped.\n")
    assert "Traceback" not in err.decode()


async def test_the_bar_is_gone_before_the_summary_of_a_stopped_import(rows: str) -> None:
    leader, follower = pty.openpty()
    os.set_blocking(leader, False)
    async with Sandbox(rate=5) as sandbox:
        process = await start("import", rows, sandbox=sandbox, terminal=follower)
        os.close(follower)
        await some_contacts(sandbox)
        process.send_signal(signal.SIGTERM)
        await process.wait()
    seen = b""
    with contextlib.suppress(BlockingIOError, OSError):
        while chunk := os.read(leader, 65536):
            seen += chunk
    os.close(leader)
    bar, summary, after = seen.decode().partition("40 rows: ")
    assert summary
    assert "━" in bar
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


async def test_a_rate_is_a_ceiling_whatever_loops_takes(rows: str) -> None:
    async with Sandbox(rate=50) as sandbox:
        done = await loops_async("import", rows, "--rate", "10", sandbox=sandbox)
        at = [request.at for request in sandbox.requests]
    assert done.status == 0, done.err
    assert len(at) > 40
    # Ten leave in any second; one more may arrive in it, having been longer on its way.
    for begin in at:
        assert sum(begin <= other < begin + 1.0 for other in at) <= 11
    assert at[-1] - at[0] > 2.5
