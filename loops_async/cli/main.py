"""The ``loops-async`` command group."""

import click

from loops_async.cli.check_command import check
from loops_async.cli.completion import completion
from loops_async.cli.demo_command import demo
from loops_async.cli.import_command import import_
from loops_async.cli.sandbox_command import sandbox
from loops_async.cli.validate_command import validate
from loops_async.version import __version__


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="loops-async")
def cli() -> None:
    """Import contacts into Loops (loops.so), and check files and API keys.

    The API key is read from LOOPS_API_KEY; demo, sandbox and validate --offline need none.

    \b
    Example:
      loops-async demo
      loops-async validate contacts.csv
      loops-async import contacts.csv
    """  # noqa: D301 - \b is click's mark for text to leave as it is


for _command in (check, completion, demo, import_, sandbox, validate):
    cli.add_command(_command)
