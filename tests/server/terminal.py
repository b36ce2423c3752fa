"""Runs the command line as a user does: a process of its own, with its own environment."""

import asyncio
import os
import sys
from collections.abc import Callable

import attrs
from click.testing import CliRunner

from loops_async.cli.main import cli
from loops_async.sandbox import Sandbox


@attrs.frozen
class Finished:
    """A process that has ended."""

    status: int
    out: str
    err: str


def environment(sandbox: Sandbox | None = None, **more: str) -> dict[str, str]:
    """The environment of a user who has set up the sandbox's key, or none at all."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("LOOPS_")}
    if sandbox is not None:
        kept |= {"LOOPS_API_KEY": sandbox.api_key, "LOOPS_BASE_URL": sandbox.url}
    return kept | more


async def start(
    *arguments: str,
    sandbox: Sandbox | None = None,
    env: dict[str, str] | None = None,
    stdin: int = asyncio.subprocess.DEVNULL,
    terminal: int | None = None,
) -> asyncio.subprocess.Process:
    """Start ``loops-async`` with ``arguments``; what it says goes to pipes, or to ``terminal``."""
    pipe = asyncio.subprocess.PIPE if terminal is None else terminal
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-m", "loops_async", *arguments),
        env=environment(sandbox, **(env or {})),
        stdin=stdin,
        stdout=pipe,
        stderr=pipe,
    )


async def ended(process: asyncio.subprocess.Process, stdin: bytes | None = None) -> Finished:
    """Wait until ``process`` has ended."""
    out, err = await process.communicate(stdin)
    assert process.returncode is not None
    return Finished(process.returncode, out.decode(), err.decode())


async def loops_async(
    *arguments: str,
    sandbox: Sandbox | None = None,
    stdin: bytes | None = None,
    env: dict[str, str] | None = None,
) -> Finished:
    """Run ``loops-async`` with ``arguments`` to its end."""
    pipe = asyncio.subprocess.PIPE if stdin is not None else asyncio.subprocess.DEVNULL
    return await ended(await start(*arguments, sandbox=sandbox, env=env, stdin=pipe), stdin)


def refused(
    *arguments: str, stdin: bytes | None = None, env: dict[str, str] | None = None
) -> Finished:
    """Run ``loops-async`` in this process, which is faster.

    For command lines that are refused before anything is sent.
    """
    clean = dict.fromkeys(name for name in os.environ if name.startswith("LOOPS_"))
    done = CliRunner().invoke(
        cli, arguments, input=stdin, env={**clean, **(env or {})}, prog_name="loops-async"
    )
    return Finished(done.exit_code, done.stdout, done.stderr)


async def until(seen: Callable[[], bool]) -> None:
    """Wait until something can be seen, such as a request in the sandbox."""
    async with asyncio.timeout(30):
        while not seen():  # noqa: ASYNC110 - what is looked at tells nobody when it changes
            await asyncio.sleep(0.001)
