"""``loops-async validate``."""

from typing import Any

import click

from loops_async.cli.arguments import (
    account_options,
    column_options,
    file_argument,
    json_option,
    warn_of_key,
)
from loops_async.cli.ending import DONE, INCOMPLETE, REFUSED, run
from loops_async.cli.talking import Talk


@click.command()
@file_argument
@column_options
@account_options
@click.option("--offline", is_flag=True, help="Do not ask Loops, even with a key.")
@click.option("--all", "every", is_flag=True, help="Name every rejected row, not the first 20.")
@json_option
def validate(file: str, *, offline: bool, every: bool, as_json: bool, **options: Any) -> None:
    """Tell what import would refuse in FILE.

    Rejected rows are named with their line. No contact is sent. With a key,
    Loops is asked for its properties and mailing lists; without one, or with
    --offline, the file is judged by itself.

    \b
    Example:
      loops-async validate contacts.csv --map "Customer Ref=userId"
      loops-async validate contacts.csv --offline --json

    \b
    Exit status: 0 every row would go in, 1 some rows would be rejected, 2 the
    file, a column or an option cannot work, 3 Loops refused the key, 4 Loops
    could not be reached, 130 interrupted, 143 terminated.
    """  # noqa: D301 - \b is click's mark for text to leave as it is
    talk = Talk("validate", as_json, options["base_url"])
    warn_of_key(options["api_key"], talk)

    def work() -> int:
        from loops_async.cli.options import Options  # noqa: PLC0415
        from loops_async.cli.validating import validate_file  # noqa: PLC0415

        good = validate_file(Options(file, **options), talk, offline=offline, every=every)
        return REFUSED if good is None else DONE if good else INCOMPLETE

    run(talk, work)
