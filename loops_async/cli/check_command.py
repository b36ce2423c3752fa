"""``loops-async check``."""

import asyncio

import click

from loops_async.cli.arguments import account_options, json_option, warn_of_key
from loops_async.cli.ending import DONE, run
from loops_async.cli.signals import stoppable
from loops_async.cli.talking import Talk


@click.command()
@account_options
@json_option
def check(api_key: str | None, base_url: str | None, *, as_json: bool) -> None:
    """Ask Loops whose key it is.

    Tells whether the key is valid, which team it belongs to, what limit the team
    has, and how far the clock of this machine is from Loops'.

    \b
    Example:
      LOOPS_API_KEY=... loops-async check
      loops-async check --json

    \b
    Exit status: 0 the key is valid, 2 no key or an option cannot work, 3 Loops
    refused the key, 4 Loops could not be reached, 130 interrupted,
    143 terminated.
    """  # noqa: D301 - \b is click's mark for text to leave as it is
    talk = Talk("check", as_json, base_url)
    warn_of_key(api_key, talk)

    async def job() -> int:
        from loops_async.cli.checking import check_account  # noqa: PLC0415

        with stoppable():
            await check_account(api_key, base_url, talk)
        return DONE

    run(talk, lambda: asyncio.run(job()))
