"""A sandbox in a process of its own, so that the client's event loop is the client's alone."""

import asyncio
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

from loops_async.sandbox import Sandbox
from tests.benchmarks.pacing_figures import Arrival

_SPAWN = multiprocessing.get_context("spawn")
_KEEP = 1_000_000


class RemoteSandbox:
    """What runs in the other process.

    Attributes:
        url: The base URL for a client; the key is ``test-key``.
    """

    def __init__(self, url: str, pipe: "Connection[Any, Any]") -> None:
        self.url = url
        self._pipe = pipe

    def arrivals(self) -> list[Arrival]:
        """Every request it received. Their clock, ``time.monotonic``, is this process's too."""
        self._pipe.send(None)
        return [Arrival(*received) for received in self._pipe.recv()]


@contextmanager
def remote_sandbox(**options: Any) -> Iterator[RemoteSandbox]:
    """Serve ``Sandbox(**options)`` from another process for the length of the block."""
    here, there = _SPAWN.Pipe()
    process = _SPAWN.Process(target=_run, args=(there, options), daemon=True)
    process.start()
    # The child's end must be open in the child alone: else nobody would notice that it died.
    there.close()
    try:
        yield RemoteSandbox(here.recv(), here)
    finally:
        here.close()
        process.join()


def _run(pipe: "Connection[Any, Any]", options: dict[str, Any]) -> None:
    asyncio.run(_serve(pipe, options))


async def _serve(pipe: "Connection[Any, Any]", options: dict[str, Any]) -> None:
    async with Sandbox(**options, keep_requests=_KEEP) as sandbox:
        pipe.send(sandbox.url)
        try:
            while True:
                await asyncio.to_thread(pipe.recv)
                pipe.send(
                    [
                        # Without faults, what is not processed was over the limit.
                        (one.at, one.processed, one.headers["user-agent"].startswith("loops_async"))
                        for one in sandbox.requests
                    ]
                )
        except EOFError:
            pass  # The other end has seen enough.
