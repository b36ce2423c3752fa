"""The options that several commands have."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from loops_async.cli.talking import Talk

F = TypeVar("F", bound=Callable[..., Any])


def json_option(command: F) -> F:
    """Whether the output is for scripts."""
    said = "Print one JSON document, for scripts."
    return click.option("--json", "as_json", is_flag=True, help=said)(command)


def file_argument(command: F) -> F:
    """The file to read."""
    return click.argument("file", type=click.Path())(command)


def account_options(command: F) -> F:
    """Which account: the key and the address."""
    for option in (
        click.option("--base-url", metavar="URL", help="Another address than Loops' own."),
        click.option("--api-key", metavar="KEY", help="The API key; LOOPS_API_KEY is safer."),
    ):
        command = option(command)
    return command


def column_options(command: F) -> F:
    """Where the columns of a file go."""
    for option in (
        click.option(
            "--empty-as-null", is_flag=True, help="Empty a field at Loops where a cell is empty."
        ),
        click.option(
            "--ignore-unknown", is_flag=True, help="Leave out columns that Loops does not know."
        ),
        click.option(
            "--create-properties", is_flag=True, help="Make the properties Loops has not yet."
        ),
        click.option(
            "--map",
            "mappings",
            multiple=True,
            metavar="COLUMN=FIELD",
            help="Send a column to a field, a property's key or mailingLists.ID; 'COLUMN=' leaves "
            "it out. With --create-properties, 'COLUMN=newKey:TYPE' says what to make: string, "
            "number, boolean, date.",
        ),
    ):
        command = option(command)
    return command


def warn_of_key(api_key: str | None, talk: Talk) -> None:
    """Warn of a key that every user of the machine can read in the list of processes."""
    if api_key:
        talk.warn("other users of this machine can see --api-key; LOOPS_API_KEY is safer.")
