"""The commands. Each imports what it needs when it runs, so that ``--help`` answers at once."""

import asyncio
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, NoReturn

import click

from loops_async import errors
from loops_async.cli.refusals import ImportRefused
from loops_async.cli.signals import Stopped, stoppable

INCOMPLETE, REFUSED, KEY_REFUSED, UNREACHABLE, INTERRUPTED = 1, 2, 3, 4, 130


def say(text: str) -> None:
    """What happens on the way, on the error stream."""
    click.echo(text, err=True)


def run(work: Callable[[], int]) -> NoReturn:
    """Do ``work`` and leave with its exit status; say in a sentence what stopped it."""
    try:
        status = work()
    except KeyboardInterrupt:
        say("Stopped.")
        status = INTERRUPTED
    except Stopped as stopped:
        say("Stopped.")
        status = stopped.status
    except (ImportRefused, errors.ConfigurationError, errors.InvalidCall) as error:
        say(f"Error: {error}")
        status = REFUSED
    except errors.Unauthorized:
        say("Error: Loops refused the API key; check LOOPS_API_KEY, and --base-url if you set it")
        status = KEY_REFUSED
    except errors.NotFound as error:
        say(f"Error: {error} Is --base-url right? Loops' own ends with /api.")
        status = UNREACHABLE
    except errors.LoopsError as error:
        say(f"Error: {error}")
        status = UNREACHABLE
    except OSError as error:
        say(f"Error: {error.strerror or type(error).__name__}")
        status = INCOMPLETE
    sys.exit(status)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="The API key is read from LOOPS_API_KEY.",
)
@click.version_option(version("loops-async"), prog_name="loops-async")
def cli() -> None:
    """Talk to Loops (loops.so) from a terminal."""


@cli.command()
def demo() -> None:
    """Import a sample export into a local sandbox and read it back.

    Needs no account and no network. Exit status 0 only if Loops then holds what the file said.
    """
    from loops_async.cli.demo import demo as show  # noqa: PLC0415

    async def job() -> int:
        return 0 if await show(say, click.echo) else INCOMPLETE

    run(lambda: asyncio.run(job()))


@cli.command("import")
@click.argument("file")
@click.option(
    "--map",
    "mappings",
    multiple=True,
    metavar="COLUMN=FIELD",
    help="Send a column to a field, a property's key or mailingLists.ID; 'COLUMN=' leaves it out. "
    "With --create-properties, 'COLUMN=newKey:TYPE' says what to make: string, number, boolean, "
    "date.",
)
@click.option("--create-properties", is_flag=True, help="Make the properties Loops has not yet.")
@click.option("--ignore-unknown", is_flag=True, help="Leave out columns that Loops does not know.")
@click.option("--empty-as-null", is_flag=True, help="Empty a field at Loops where a cell is empty.")
@click.option("--api-key", metavar="KEY", help="The API key; LOOPS_API_KEY is safer.")
@click.option("--base-url", metavar="URL", help="Another address than Loops' own.")
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    help="Requests per second at the most.  [default: what Loops says it takes]",
)
@click.option(
    "--concurrency",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    help="Rows in flight at the most.",
)
@click.option("--resume", is_flag=True, help="Go on where an import of FILE ended, or was killed.")
@click.option("--restart", is_flag=True, help="Forget an import of FILE that did not finish.")
@click.option("--journal", metavar="PATH", help="Which rows are done.  [default: FILE.journal]")
@click.option(
    "--rejected",
    metavar="PATH",
    help="Where rejected rows go, with the reason.  [default: FILE.rejected.csv or .jsonl]",
)
def import_(file: str, **options: Any) -> None:
    """Update or create a contact for each row of FILE, CSV or JSON Lines; '-' is standard input.

    \b
    Example:
      loops-async import contacts.csv --map "Customer Ref=userId" --ignore-unknown
      loops-async import contacts.csv --map "Customer Ref=userId" --ignore-unknown --resume

    \b
    Exit status: 0 every row went in, 1 some rows did not, 2 the file or the
    options cannot work and nothing was sent, 3 Loops refused the key,
    4 Loops could not be reached, 130 interrupted, 143 terminated.
    """  # noqa: D301 - \b is click's mark for text to leave as it is
    if options["resume"] and options["restart"]:
        raise click.UsageError("--resume goes on and --restart begins anew: give one of them.")
    if options["api_key"]:
        say("Warning: other users of this machine can see --api-key; LOOPS_API_KEY is safer.")

    def work() -> int:
        from loops_async.cli.launching import import_file  # noqa: PLC0415
        from loops_async.cli.options import Options  # noqa: PLC0415

        return 0 if import_file(Options(file, **options), say, click.echo) else INCOMPLETE

    run(work)


@cli.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8026, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--rate",
    type=click.FloatRange(min=0),
    default=10.0,
    show_default=True,
    help="Requests per second that it takes; 0 for no limit.",
)
@click.option("--api-key", default="test-key", show_default=True, help="The key that it takes.")
@click.option("--strict-properties", is_flag=True, help="Refuse unknown properties.")
@click.option(
    "--faults",
    "spec",
    metavar="SPEC",
    help="Let things go wrong: rate=0.3,kinds=5xx+reset_after or script=500,reset_after,ok.",
)
@click.option("--seed", type=int, metavar="N", help="Draw the faults from here.")
def sandbox(
    port: int,
    host: str,
    rate: float,
    api_key: str,
    *,
    strict_properties: bool,
    spec: str | None,
    seed: int | None,
) -> None:
    """Serve a local stand-in for the Loops API until Ctrl-C or SIGTERM, for any language.

    \b
    Example:
      loops-async sandbox --port 8026 --rate 10
      curl -H "Authorization: Bearer test-key" http://127.0.0.1:8026/api/v1/api-key
    """  # noqa: D301 - \b is click's mark for text to leave as it is
    from loops_async.cli.serving import read_faults, serve  # noqa: PLC0415
    from loops_async.sandbox import Sandbox  # noqa: PLC0415

    try:
        served = Sandbox(
            api_key=api_key,
            host=host,
            port=port,
            rate=rate or None,
            strict_properties=strict_properties,
            faults=read_faults(spec, seed),
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from None

    async def job() -> int:
        with stoppable():
            return 0 if await serve(served, say) else REFUSED

    run(lambda: asyncio.run(job()))
