"""``loops-async import``."""

import asyncio
import signal
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

import click

from loops_async.cli.console import Console, is_terminal
from loops_async.cli.options import (
    account_options,
    file_argument,
    importer_options,
    json_option,
    warn_of_key,
)
from loops_async.cli.runner import (
    DONE,
    INCOMPLETE,
    REFUSED,
    UNREACHABLE,
    Stopped,
    require_key,
    run,
    stoppable,
)
from loops_async.errors import LoopsError, Unauthorized
from loops_async.importer.errors import count_noun, quote_name

if TYPE_CHECKING:
    from loops_async.cli.command_client import CommandClient
    from loops_async.cli.rendering import ImportScreen
    from loops_async.client import LoopsClient
    from loops_async.importer import ImportOptions, ImportReport, InputFile


_ASK_FROM: Final = 1_000
"""Rows above which the import asks before it sends them to a real account."""

_TEAM_TIMEOUT: Final = 5.0
"""Seconds to wait for the team's name."""


@click.command("import")
@file_argument
@importer_options()
@account_options
@click.option(
    "--rate",
    metavar="N",
    type=click.FloatRange(min=0, min_open=True),
    help="Send at most N requests per second.  [default: the limit that Loops reports]",
)
@click.option("--yes", is_flag=True, help="Do not ask before importing more than 1,000 people.")
@click.option(
    "--progress",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Print progress and messages to the error stream as text, or as one JSON object a line.",
)
@json_option
def import_(
    file: str,
    *,
    api_key: str | None,
    base_url: str | None,
    rate: float | None,
    yes: bool,
    progress: str,
    as_json: bool,
    **options: Any,
) -> None:
    """Update or create a contact for each row of FILE.

    FILE is CSV, JSON Lines or an Excel workbook (.xlsx), which may be
    compressed with gzip; '-' is standard input.

    \b
    Example:
      loops-async import contacts.csv --map "Customer Ref=userId" --ignore-unknown
      loops-async import contacts.csv --map "Customer Ref=userId" --ignore-unknown --resume

    \b
    Exit status: 0 every row was imported, 1 some rows were not, 2 the file, a
    column or an option is invalid and nothing was sent, 3 Loops rejected the
    key, 4 Loops could not be reached, or became unavailable, 130 interrupted,
    143 terminated.
    """  # noqa: D301 - \b is click's mark for text to leave as it is
    console = Console("import", as_json, base_url, json_lines=progress == "json")
    warn_of_key(console, api_key)

    def work() -> int:
        from loops_async.importer import ImportOptions  # noqa: PLC0415

        return _import(console, file, ImportOptions(**options), api_key, rate, ask=not yes)

    run(console, work)


def _import(
    console: Console,
    file: str,
    options: "ImportOptions",
    api_key: str | None,
    rate: float | None,
    *,
    ask: bool,
) -> int:
    from loops_async.cli.command_client import CommandClient  # noqa: PLC0415
    from loops_async.cli.rendering import ImportScreen  # noqa: PLC0415
    from loops_async.importer import ImportRefused, UnfinishedImport, open_input  # noqa: PLC0415
    from loops_async.pacing.pacer import Pacer  # noqa: PLC0415
    from loops_async.settings import checked_dry_run  # noqa: PLC0415

    base_url = console.base_url
    dry_run = options.dry_run or checked_dry_run(None, has_transport=False)
    without_key = "or send nothing, with --dry-run or LOOPS_DRY_RUN=1"
    if dry_run:
        console.log("Dry run: nothing is sent, Loops is not asked, and no file is written.")
        if options.resume:
            console.log("The journal is not read: every row is checked.")
        api_key = ""
    elif file == "-":
        # Before the user types a whole file in vain.
        require_key(api_key, without_key)
    given = {"--base-url": base_url, "--rate": rate}
    more = [f"{flag}={value}" for flag, value in given.items() if value is not None]
    screen = ImportScreen(console, file, more, dry_run)
    with closing(screen), open_input(file, options=options) as source:
        if not dry_run:
            require_key(api_key, without_key)
        pacer = Pacer(rate, max_rate=rate) if rate else None
        client = CommandClient(api_key, base_url, pacer=pacer, dry_run=dry_run)
        # Nobody can answer if the file comes from standard input.
        ask = ask and file != "-" and is_terminal(sys.stdin) and is_terminal(sys.stderr)
        try:
            report = asyncio.run(_run(client, source, options, screen, ask=ask))
        except UnfinishedImport as error:
            command = error.options.command(file, resume=True, more=more)
            raise ImportRefused(f"{error}. To continue:\n  {command}") from None
    if report.unavailable:
        console.fail(f"the import stopped because Loops is unavailable: {report.unavailable}")
        return UNREACHABLE
    if report.plan.objection:
        return REFUSED
    return DONE if report.complete else INCOMPLETE


async def _team(loops: "LoopsClient") -> str:
    """What to call the team; its name is for people only, so an import does not fail for it."""
    try:
        team = await loops.api_key.test(timeout=_TEAM_TIMEOUT)
    except Unauthorized:
        raise
    except LoopsError:
        return "Loops"
    return f"the team {quote_name(team.team_name)}"


async def _run(
    client: "CommandClient",
    source: "InputFile",
    options: "ImportOptions",
    screen: "ImportScreen",
    *,
    ask: bool,
) -> "ImportReport":
    from loops_async.importer import import_file  # noqa: PLC0415

    stop = asyncio.Event()
    async with client as loops:
        with stoppable() as signals:
            screen.on_started = lambda: setattr(signals, "drain", stop.set)
            screen.how_to_stop_now = lambda: signals.how_to_stop_now

            async def confirm(report: "ImportReport") -> bool:
                people = count_noun(report.rows - report.done, "row")
                team = await _team(loops)
                screen.console.log(f"Importing {people} into {team} at {client.address}.")
                if not ask or client.is_local or report.rows - report.done <= _ASK_FROM:
                    return True
                with signals.paused():
                    try:
                        return click.confirm("Continue?", err=True)
                    except click.Abort:
                        raise Stopped(signal.SIGINT) from None

            report = await import_file(
                loops, source, options, on_progress=screen.show, stop=stop, confirm=confirm
            )
    if signals.stopped is not None:
        raise signals.stopped
    return report
