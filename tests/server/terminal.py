"""Runs the command line as a user does: a process of its own, with its own environment."""

import asyncio
import os
import sys

import attrs

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


async def loops_async(
    *arguments: str,
    sandbox: Sandbox | None = None,
    stdin: bytes | None = None,
    env: dict[str, str] | None = None,
) -> Finished:
    """Run ``loops-async`` with ``arguments`` to its end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-W",
        "error",
        "-m",
        "loops_async",
        *arguments,
        env=environment(sandbox, **(env or {})),
        stdin=asyncio.subprocess.PIPE if stdin is not None else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(stdin)
    assert process.returncode is not None
    return Finished(process.returncode, out.decode(), err.decode())
