"""What a terminal shows: colours where they are wanted."""

import asyncio
import contextlib
import os
import pty
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from loops_async.sandbox import Sandbox
from tests.server.terminal import loops_async, start

pytestmark = pytest.mark.long

COLOUR = re.compile(rb"\x1b\[(?:\d+;)*[349]\d[;m]")


def is_asleep(process: asyncio.subprocess.Process) -> bool:
    """Whether a process waits for something; True where the system does not tell."""
    stat = Path(f"/proc/{process.pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(") ")[2].startswith("S")


async def on_a_terminal(
    *arguments: str,
    env: dict[str, str],
    sandbox: Sandbox | None = None,
    asked: bytes = b"?",
    answer: Callable[[asyncio.subprocess.Process, int], object] | None = None,
) -> bytes:
    """All that a terminal is sent; ``answer`` is called once ``asked`` was seen.

    It is called while the process reads: Python notices a signal that comes just before it reads
    only when it has read a line.
    """
    leader, follower = pty.openpty()
    os.set_blocking(leader, False)
    process = await start(
        *arguments,
        sandbox=sandbox,
        env={"COLUMNS": "100"} | env,
        terminal=follower,
        stdin=follower if answer is not None else asyncio.subprocess.DEVNULL,
    )
    os.close(follower)
    seen = b""
    over = False
    while not over:
        over = process.returncode is not None
        await asyncio.sleep(0.01)
        # Nothing to read yet, or, at the very end, nobody on the other side.
        with contextlib.suppress(BlockingIOError, OSError):
            while more := os.read(leader, 65536):
                seen += more
        if answer is not None and asked in seen and is_asleep(process):
            answer(process, leader)
            answer = None
    os.close(leader)
    return seen


async def test_an_error_is_red_on_a_terminal() -> None:
    seen = await on_a_terminal("check", env={"TERM": "xterm"})
    assert seen.startswith(b"\x1b[31m\x1b[1mError:\x1b[0m no API key")
    assert COLOUR.match(seen)


@pytest.mark.parametrize("env", [{"TERM": "xterm", "NO_COLOR": "1"}, {"TERM": "dumb"}])
async def test_nobody_gets_colours_who_does_not_want_them(
    tmp_path: Path, env: dict[str, str]
) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("email\nada@example.com\nnobody\n")
    seen = await on_a_terminal("validate", str(path), "--api-key", "k", "--offline", env=env)
    assert seen.startswith(b"Warning: other users")
    assert b"line 3:" in seen
    assert not COLOUR.search(seen)
    # Without colours, a terminal still moves its cursor for the bar; a dumb one cannot.
    assert (b"\x1b" in seen) is (env["TERM"] != "dumb")


async def test_a_terminal_gets_a_bar_in_colours(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("email\nada@example.com\nbob@example.com\n")
    async with Sandbox(rate=None) as sandbox:
        env = {"TERM": "xterm-256color"}
        seen = await on_a_terminal("import", str(path), sandbox=sandbox, env=env)
    assert "━".encode() in seen
    assert b"rows/s" in seen
    assert COLOUR.search(seen)


async def test_a_pipe_gets_none_whatever_is_forced(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("email\nada@example.com\n")
    env = {"TERM": "xterm", "FORCE_COLOR": "1"}
    async with Sandbox(rate=None) as sandbox:
        done = await loops_async("import", str(path), sandbox=sandbox, env=env)
    failed = await loops_async("check", env=env)
    assert "1 of 1 row" in done.err
    assert "\x1b" not in done.out + done.err + failed.err
