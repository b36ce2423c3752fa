"""What a terminal shows: colours where they are wanted, and what a shell completes."""

import asyncio
import contextlib
import os
import pty
import re
import sys
from pathlib import Path

import pytest

from loops_async.sandbox import Sandbox
from tests.server.terminal import environment, loops_async, start

pytestmark = pytest.mark.long

COLOUR = re.compile(rb"\x1b\[(?:\d+;)*[349]\d[;m]")


async def on_a_terminal(
    *arguments: str, env: dict[str, str], sandbox: Sandbox | None = None
) -> bytes:
    """All that a terminal is sent."""
    leader, follower = pty.openpty()
    os.set_blocking(leader, False)
    process = await start(
        *arguments, sandbox=sandbox, env={"COLUMNS": "100"} | env, terminal=follower
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


async def completed(*words: str, folder: Path) -> list[str]:
    """What bash offers for the last of ``words``, by the script that the command prints."""
    script = """
        eval "$(loops-async completion bash)"
        complete -p loops-async > /dev/null || exit 9
        COMP_WORDS=("$@")
        COMP_CWORD=$(($# - 1))
        compopt() { echo "option $2"; }
        _loops_async_completion loops-async
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    process = await asyncio.create_subprocess_exec(
        *("bash", "--norc", "-c", script, "bash", *words),
        cwd=folder,
        env=environment() | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err
    assert err == b""
    return out.decode().split("\n")[:-1]


async def test_bash_completes_commands_options_and_files(tmp_path: Path) -> None:
    assert await completed("loops-async", "im", folder=tmp_path) == ["import"]
    assert await completed("loops-async", "validate", "--of", folder=tmp_path) == ["--offline"]
    # Files are bash's own business, which it is asked to mind.
    assert "option default" in await completed("loops-async", "import", "ro", folder=tmp_path)
