"""One contender in a process of its own: reads a number of calls, makes them, prints the time.

``python -m tests.benchmarks.speed.child NAME URL [--loop asyncio|uvloop|eager]``, then one number
a line.
"""

# ruff: noqa: T201 (it talks over its standard output)

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable

from tests.benchmarks.speed.contenders import names, opened


async def _answer(name: str, url: str) -> None:
    async with opened(name, url) as run:
        # Blocks the loop on purpose: while the parent is busy with another, nothing runs here.
        for line in sys.stdin:
            wall, cpu = time.perf_counter(), time.process_time()
            await run(int(line))
            took = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
            print(json.dumps(took), flush=True)


def _loop_factory(kind: str) -> Callable[[], asyncio.AbstractEventLoop]:
    if kind == "uvloop":
        import uvloop  # noqa: PLC0415 - the user's choice, not ours

        return uvloop.new_event_loop

    def new() -> asyncio.AbstractEventLoop:
        loop = asyncio.new_event_loop()
        if kind == "eager":
            loop.set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined,unused-ignore]
        return loop

    return new


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=list(names()))
    parser.add_argument("url")
    parser.add_argument("--loop", choices=["asyncio", "uvloop", "eager"], default="asyncio")
    given = parser.parse_args()
    with asyncio.Runner(loop_factory=_loop_factory(given.loop)) as runner:
        runner.run(_answer(given.name, given.url))


if __name__ == "__main__":
    main()
