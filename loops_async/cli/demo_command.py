"""``loops-async demo``."""

import asyncio
import os

import click

from loops_async.cli.arguments import json_option
from loops_async.cli.ending import DONE, INCOMPLETE, run
from loops_async.cli.signals import stoppable
from loops_async.cli.talking import Talk


@click.command()
@json_option
def demo(*, as_json: bool) -> None:
    """Import a sample into a local sandbox.

    The sample is an export of 300 rows, which is then read back and compared.
    Needs no account and no network.

    \b
    Example:
      loops-async demo

    \b
    Exit status: 0 Loops then holds what the file said, 1 it does not,
    130 interrupted, 143 terminated.
    """  # noqa: D301 - \b is click's mark for text to leave as it is
    talk = Talk("demo", as_json)
    # It is for accounts, and the demo has none; nobody can get mail from its sandbox.
    os.environ.pop("LOOPS_ALLOWED_RECIPIENTS", None)

    async def job() -> int:
        from loops_async.cli.demo import demo as show  # noqa: PLC0415

        with stoppable():
            return DONE if await show(talk) else INCOMPLETE

    run(talk, lambda: asyncio.run(job()))
