"""``loops-async validate``."""

import asyncio
import signal
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from loops_async.cli.console import Console
from loops_async.cli.options import (
    account_options,
    file_argument,
    importer_options,
    json_option,
    warn_of_key,
)
from loops_async.cli.runner import DONE, INCOMPLETE, REFUSED, Stopped, has_key, run, stoppable

if TYPE_CHECKING:
    from loops_async.importer import Account, ImportReport

_ALL: Final = 10**9


@click.command()
@file_argument
@importer_options(validating=True)
@account_options
@click.option("--offline", is_flag=True, help="Do not ask Loops, even with a key.")
@click.option(
    "--all", "every", is_flag=True, help="List every rejected row, not only the first 20."
)
@json_option
def validate(
    file: str,
    *,
    api_key: str | None,
    base_url: str | None,
    offline: bool,
    every: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Check which rows of FILE an import would reject.

    Rejected rows are listed with their line. No contact is sent. With a key,
    Loops is asked for its properties and mailing lists; without one, or with
    --offline, the file is checked by itself.

    \b
    Example:
      loops-async validate contacts.csv --map "Customer Ref=userId"
      loops-async validate contacts.csv --offline --json

    \b
    Exit status: 0 every row would be imported, 1 some rows would be rejected,
    2 the file, a column or an option is invalid, 3 Loops rejected the key,
    4 Loops could not be reached, 130 interrupted, 143 terminated.
    """  # noqa: D301 - \b is click's mark for text to leave as it is
    console = Console("validate", as_json, base_url)
    warn_of_key(console, api_key)

    def work() -> int:
        from loops_async.cli.rendering import (  # noqa: PLC0415
            MOST_REASONS,
            ImportScreen,
            describe_stop,
        )
        from loops_async.importer import ImportOptions, open_input, validate_file  # noqa: PLC0415
        from loops_async.importer.report import MOST_REASONS as MOST_IN_JSON  # noqa: PLC0415
        from loops_async.settings import checked_dry_run  # noqa: PLC0415

        asked = has_key(api_key) and not offline and not checked_dry_run(None, has_transport=False)
        console.document["account_asked"] = asked
        chosen = ImportOptions(**options)
        screen = ImportScreen(console, file, dry=True)
        with closing(screen), open_input(file, options=chosen) as source:
            account = None
            if asked:
                lists = chosen.names_mailing_lists
                account = asyncio.run(_load_account(api_key, base_url, mailing_lists=lists))
            signal.signal(signal.SIGTERM, _stop)
            report = validate_file(
                source,
                chosen,
                account=account,
                on_progress=screen.show,
                most_reasons=_ALL if every else MOST_IN_JSON,
            )
        _show(console, report, _ALL if every else MOST_REASONS)
        if not asked:
            how = "" if has_key(api_key) else " (set LOOPS_API_KEY to ask it)"
            console.print(
                f"Loops was not asked{how}: what only Loops knows, such as the type of a "
                "property, was not checked."
            )
        if report.would_stop:
            console.print(describe_stop(report))
            return REFUSED
        return DONE if report.complete else INCOMPLETE

    run(console, work)


async def _load_account(
    api_key: str | None, base_url: str | None, *, mailing_lists: bool
) -> "Account":
    from loops_async.cli.command_client import CommandClient  # noqa: PLC0415
    from loops_async.importer import load_account  # noqa: PLC0415

    async with CommandClient(api_key, base_url, dry_run=False) as loops:
        with stoppable():
            return await load_account(loops, mailing_lists=mailing_lists)


def _show(console: Console, report: "ImportReport", most: int) -> None:
    from loops_async.cli.rendering import count_checked, problem_lines  # noqa: PLC0415

    document = report.as_dict()
    reasons = [{key: one[key] for key in ("line", "reason")} for one in document["reasons"]]
    same = ("rows", "rejected", "skipped", "would_stop", "resubscribing")
    console.document |= {key: document[key] for key in same} | {
        "valid": report.applied,
        "reasons": reasons,
        "same_contact": report.repeated.count,
    }
    console.print(count_checked(report, "valid"))
    for line in problem_lines(report.rejected, most):
        console.print(line)
    if report.repeated.count:
        console.print(str(report.repeated))


def _stop(number: int, _frame: object) -> NoReturn:
    raise Stopped(number)
