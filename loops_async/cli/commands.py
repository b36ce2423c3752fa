"""The commands. Each imports what it needs when it runs, so that ``--help`` answers at once."""

import asyncio
import os

import click

from loops_async.cli.arguments import account_options, json_option, warn_of_key
from loops_async.cli.ending import DONE, INCOMPLETE, REFUSED, run
from loops_async.cli.file_commands import import_, validate
from loops_async.cli.signals import stoppable
from loops_async.cli.talking import Talk
from loops_async.version import __version__


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="loops-async")
def cli() -> None:
    """Talk to Loops (loops.so) from a terminal.

    The API key is read from LOOPS_API_KEY; demo, sandbox and validate --offline need none.

    \b
    Example:
      loops-async demo
      loops-async validate contacts.csv
      loops-async import contacts.csv
    """  # noqa: D301 - \b is click's mark for text to leave as it is


cli.add_command(import_)
cli.add_command(validate)


@cli.command()
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


@cli.command()
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


@cli.command()
@click.option(
    "--port",
    metavar="N",
    type=click.IntRange(0, 65535),
    default=8026,
    show_default=True,
    help="The port to listen on; 0 takes a free one.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--rate",
    metavar="N",
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
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line once it listens.")
def sandbox(
    port: int,
    host: str,
    rate: float,
    api_key: str,
    *,
    strict_properties: bool,
    spec: str | None,
    seed: int | None,
    as_json: bool,
) -> None:
    """Serve a local stand-in for the Loops API.

    It answers clients of any language until Ctrl-C or SIGTERM.

    \b
    Example:
      loops-async sandbox --port 8026 --rate 10
      curl -H "Authorization: Bearer test-key" http://127.0.0.1:8026/api/v1/api-key

    \b
    Exit status: 2 it cannot listen or an option cannot work, 130 interrupted,
    143 terminated.
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
    talk = Talk("sandbox", as_json)
    if api_key != "test-key":
        talk.warn("other users of this machine can see --api-key: never give it a real one.")

    async def job() -> int:
        with stoppable():
            return DONE if await serve(served, talk) else REFUSED

    run(talk, lambda: asyncio.run(job()))


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what completes commands in a SHELL.

    Commands, options and file names are completed.

    \b
    Example:
      echo 'eval "$(loops-async completion bash)"' >> ~/.bashrc
      echo 'eval "$(loops-async completion zsh)"' >> ~/.zshrc
      mkdir -p ~/.config/fish/completions
      loops-async completion fish > ~/.config/fish/completions/loops-async.fish

    \b
    Exit status: 0 printed, 2 there is no such shell.
    """  # noqa: D301 - \b is click's mark for text to leave as it is
    from loops_async.cli.completing import completion_script  # noqa: PLC0415

    click.echo(completion_script(cli, shell))
