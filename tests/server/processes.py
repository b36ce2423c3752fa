"""Long-running programs, started as a user starts them: processes of their own, with a port."""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import attrs
import pytest

from loops_async.sandbox import Sandbox
from tests.server.terminal import Finished, environment

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"

_PATIENCE = 40.0

# What is not closed or not awaited is told; how old somebody else's API is, is not.
_WARNINGS = "ignore,default::ResourceWarning,default::RuntimeWarning"


def is_open(port: int) -> bool:
    """Whether somebody listens on ``port``."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@attrs.frozen
class Program:
    """A process that leads a group of its own, and what it wrote."""

    process: asyncio.subprocess.Process
    _out: IO[bytes]
    _err: IO[bytes]

    @property
    def err(self) -> str:
        """What it wrote to stderr so far."""
        return _text(self._err)

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self.process.returncode is None

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> Finished:
        """Ask it to end, as a service manager would, and wait until it has."""
        self.process.send_signal(how)
        return await self.finished()

    async def finished(self) -> Finished:
        """Wait until it has ended."""
        status = await asyncio.wait_for(self.process.wait(), _PATIENCE)
        return Finished(status, _text(self._out), _text(self._err))

    async def kill(self) -> None:
        """End it and all its children at once, as a lost machine would."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        await self.process.wait()


def _text(file: IO[bytes]) -> str:
    # Not by seek and read: the process writes at the same place in the file.
    return os.pread(file.fileno(), 10_000_000, 0).decode()


async def until(condition: Callable[[], object], what: str, *programs: Program) -> None:
    """Wait for ``condition``, long enough for the slowest machine, as long as ``programs`` run."""
    end = time.monotonic() + _PATIENCE
    while not condition():
        is_over = not all(program.is_running for program in programs)
        if is_over or time.monotonic() > end:
            said = "\n".join(program.err[-2000:] for program in programs)
            pytest.fail(f"{'a process ended' if is_over else 'in vain'}, waiting: {what}\n{said}")
        await asyncio.sleep(0.02)


@asynccontextmanager
async def running(*arguments: str, sandbox: Sandbox, **env: str) -> AsyncIterator[Program]:
    """Run ``python ARGUMENTS`` among the examples; nothing of it outlives the block."""
    with TemporaryFile() as out, TemporaryFile() as err:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            cwd=EXAMPLES,
            env=environment(sandbox, PYTHONWARNINGS=_WARNINGS, **env),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        program = Program(process, out, err)
        try:
            yield program
        finally:
            await program.kill()


@asynccontextmanager
async def serving(
    *arguments: str, port: int, sandbox: Sandbox, **env: str
) -> AsyncIterator[Program]:
    """Run a program as ``running`` does, and wait until it listens on ``port``."""
    async with running(*arguments, sandbox=sandbox, **env) as program:
        await until(lambda: is_open(port), f"{arguments} listens on {port}", program)
        yield program


def complaints(err: str) -> list[str]:
    """The lines that speak of a crash, or of what was not closed or awaited."""
    words = ("Traceback", "Error:", "Unclosed", "ResourceWarning", "never awaited", "destroyed")
    return [line for line in err.splitlines() if any(word in line for word in words)]
