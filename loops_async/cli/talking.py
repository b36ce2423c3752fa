"""What a command says and where: words for people, one JSON document for scripts."""

import json
import os
import sys
from typing import TextIO

import attrs
import click

_COLOURS = {"Error:": "red", "Warning:": "yellow"}


@attrs.define
class Talk:
    """The two streams of one command.

    Attributes:
        command: Its name.
        as_json: Whether standard output is for one JSON document alone; all words go to the error
            stream then.
        base_url: Loops' address, as it was given with ``--base-url``.
        error: What stopped the command, or cut it short, in a sentence; None if nothing did.
        document: What the JSON document says beside the name, the exit status and the error.
    """

    command: str
    as_json: bool = False
    base_url: str | None = None
    error: str | None = None
    document: dict[str, object] = attrs.field(factory=dict[str, object])

    def say(self, text: str) -> None:
        """What happens on the way, on the error stream."""
        click.echo(_coloured(text), err=True)

    def tell(self, text: str) -> None:
        """The result, on standard output unless that is for JSON."""
        click.echo(text, err=self.as_json)

    def warn(self, text: str) -> None:
        """What does not stop the command and should be known."""
        self.say(f"Warning: {text}")

    def fail(self, text: str) -> None:
        """What stops the command, or cuts it short."""
        self.say(f"Error: {text}")
        self.error = text

    def finish(self, status: int) -> None:
        """Print the JSON document, if one is wanted."""
        if self.as_json:
            said = {"command": self.command, "exit_status": status, "error": self.error}
            print_json(said | self.document)


def print_json(document: dict[str, object]) -> None:
    """Print a JSON document in one line of ASCII, which any reader of standard output can take."""
    # Not orjson: only this one escapes what a terminal of another encoding could not show.
    click.echo(json.dumps(document))


def is_terminal(stream: TextIO) -> bool:
    """Whether ``stream`` is a terminal that knows more than to print letters."""
    return stream.isatty() and os.environ.get("TERM", "").lower() not in ("dumb", "unknown")


def _coloured(text: str) -> str:
    first, space, rest = text.partition(" ")
    # https://no-color.org: any value but an empty one.
    if first in _COLOURS and is_terminal(sys.stderr) and not os.environ.get("NO_COLOR"):
        return click.style(first, fg=_COLOURS[first], bold=True) + space + rest
    return text
