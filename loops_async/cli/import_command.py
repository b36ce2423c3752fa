"""``loops-async import``."""

from typing import Any

import click

from loops_async.cli.arguments import (
    account_options,
    column_options,
    file_argument,
    json_option,
    warn_of_key,
)
from loops_async.cli.ending import DONE, INCOMPLETE, run
from loops_async.cli.talking import Talk


@click.command("import")
@file_argument
@column_options
@account_options
@click.option(
    "--rate",
    metavar="N",
    type=click.FloatRange(min=0, min_open=True),
    help="Requests per second at the most.  [default: what Loops says it takes]",
)
@click.option(
    "--concurrency",
    metavar="N",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    help="Rows in flight at the most.",
)
@click.option("--resume", is_flag=True, help="Go on where an import of FILE ended, or was killed.")
@click.option("--restart", is_flag=True, help="Forget an import of FILE that did not finish.")
@click.option(
    "--journal",
    metavar="PATH",
    type=click.Path(),
    help="Which rows are done.  [default: FILE.journal]",
)
@click.option(
    "--rejected",
    metavar="PATH",
    type=click.Path(),
    help="Where rejected rows go, with the reason. Those of standard input are kept only with "
    "this.  [default: FILE.rejected.csv or .jsonl]",
)
@click.option("--dry-run", is_flag=True, help="Judge every row, send nothing, write no file.")
@json_option
def import_(file: str, *, as_json: bool, **options: Any) -> None:
    """Update or create a contact for each row of FILE.

    FILE is CSV or JSON Lines; '-' is standard input.

    \b
    Example:
      loops-async import contacts.csv --map "Customer Ref=userId" --ignore-unknown
      loops-async import contacts.csv --map "Customer Ref=userId" --ignore-unknown --resume

    \b
    Exit status: 0 every row went in, 1 some rows did not, 2 the file or the
    options cannot work and nothing was sent, 3 Loops refused the key,
    4 Loops could not be reached, or went away in the middle, 130 interrupted,
    143 terminated.
    """  # noqa: D301 - \b is click's mark for text to leave as it is
    if options["resume"] and options["restart"]:
        raise click.UsageError("--resume goes on and --restart begins anew: give one of them.")
    talk = Talk("import", as_json, options["base_url"])
    warn_of_key(options["api_key"], talk)

    def work() -> int:
        from loops_async.cli.launching import import_file  # noqa: PLC0415
        from loops_async.cli.options import Options  # noqa: PLC0415
        from loops_async.cli.validating import is_dry_run, rehearse_import  # noqa: PLC0415

        wanted = Options(file, **options)
        done = rehearse_import if is_dry_run(wanted) else import_file
        return DONE if done(wanted, talk) else INCOMPLETE

    run(talk, work)
