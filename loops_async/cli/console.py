"""What a command prints: results and one JSON document on stdout, everything else on stderr."""

import json
import os
import sys
import time
from typing import Final, Protocol, TextIO

import attrs
import click

from loops_async.importer.errors import count_noun
from loops_async.importer.events import ImportProgress

_COLOURS: Final = {"Error:": "red", "Warning:": "yellow"}
_SECONDS_BETWEEN_LINES: Final = 5.0
_TEXT_WIDTH: Final = 90
"""Columns of a terminal that the text around a bar takes."""
_SHORTEST_BAR: Final = 10


@attrs.define
class Console:
    """The output of one command.

    Attributes:
        command: Its name.
        as_json: Whether stdout is for one JSON document; all text goes to stderr then.
        base_url: The value of ``--base-url``.
        error: What stopped the command or cut it short; None if nothing did.
        document: The fields of the JSON document besides the name, the exit status and the error.
    """

    command: str
    as_json: bool = False
    base_url: str | None = None
    error: str | None = None
    document: dict[str, object] = attrs.field(factory=dict[str, object])

    def log(self, text: str) -> None:
        """Print to stderr what happens meanwhile."""
        first, space, rest = text.partition(" ")
        # https://no-color.org: any value but an empty one.
        coloured = is_terminal(sys.stderr) and not os.environ.get("NO_COLOR")
        if first in _COLOURS and coloured:
            text = click.style(first, fg=_COLOURS[first], bold=True) + space + rest
        click.echo(text, err=True)

    def print(self, text: str) -> None:
        """Print a result to stdout, or to stderr if stdout is for JSON."""
        click.echo(text, err=self.as_json)

    def warn(self, text: str) -> None:
        """Print something that the user should know and that does not stop the command."""
        self.log(f"Warning: {text}")

    def fail(self, text: str) -> None:
        """Print what stops the command or cuts it short."""
        self.log(f"Error: {text}")
        self.error = text

    def finish(self, status: int) -> None:
        """Print the JSON document, if one is wanted."""
        if self.as_json:
            own = {"command": self.command, "exit_status": status, "error": self.error}
            print_json(own | self.document)


def print_json(document: dict[str, object]) -> None:
    """Print a JSON document as one line of ASCII."""
    # Not orjson: only the standard library escapes what another encoding could not represent.
    click.echo(json.dumps(document))


def is_terminal(stream: TextIO) -> bool:
    """Whether ``stream`` is a terminal that can do more than print text."""
    return stream.isatty() and os.environ.get("TERM", "").lower() not in ("dumb", "unknown")


class ProgressDisplay(Protocol):
    """Shows progress on stderr."""

    def update(self, progress: ImportProgress) -> None:
        """Show how far it is."""
        ...

    def close(self) -> None:
        """Remove what should not stay on the screen."""
        ...


def progress_display(doing: str) -> ProgressDisplay:
    """A bar on a terminal, plain lines elsewhere."""
    # Not what rich would decide: with FORCE_COLOR, which many CI systems set, it draws into a log.
    return ProgressBar(doing) if is_terminal(sys.stderr) else ProgressLines()


class ProgressBar:
    """A bar with the counts beside it."""

    def __init__(self, doing: str) -> None:
        # Only here, because it takes a quarter of the time that a command needs to start.
        from rich.console import Console as RichConsole  # noqa: PLC0415
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TaskID,
            TextColumn,
        )
        from rich.table import Column  # noqa: PLC0415

        console = RichConsole(stderr=True, force_terminal=True)
        width = console.width - _TEXT_WIDTH
        columns = (
            TextColumn(doing),
            *((BarColumn(bar_width=width),) if width >= _SHORTEST_BAR else ()),
            MofNCompleteColumn(),
            # On a narrow terminal these words wrap, and no number beside them is cut.
            TextColumn("{task.fields[text]}", table_column=Column()),
        )
        # Transient: the summary says at the end what the bar says, and more.
        self._progress = Progress(*columns, console=console, transient=True)
        self._task: TaskID | None = None

    def update(self, progress: ImportProgress) -> None:
        """Move the bar."""
        text = describe_progress(progress)
        if self._task is None:
            self._task = self._progress.add_task("", total=progress.rows, text=text)
            self._progress.start()
        self._progress.update(self._task, completed=progress.done, text=text)

    def close(self) -> None:
        """Remove the bar."""
        self._progress.stop()


class ProgressLines:
    """A line every few seconds, and one at the end."""

    def __init__(self) -> None:
        self._printed = -1
        self._at = time.monotonic()

    def update(self, progress: ImportProgress) -> None:
        """Print a line if it is time for one."""
        is_over = progress.done == progress.rows and progress.done != self._printed
        if is_over or time.monotonic() - self._at >= _SECONDS_BETWEEN_LINES:
            self._printed, self._at = progress.done, time.monotonic()
            rows = count_noun(progress.rows, "row")
            click.echo(f"{progress.done} of {rows}, {describe_progress(progress)}", err=True)

    def close(self) -> None:
        """Lines stay."""


def describe_progress(progress: ImportProgress) -> str:
    """The pace, what went wrong, and the time that is left."""
    # A validation sends nothing, so its pace means nothing.
    sends = progress.requests > 0
    parts: list[str] = []
    if sends:
        parts += [f"{progress.rate:.1f} rows/s", f"{progress.rate_limited} rate-limited"]
    parts.append(f"{progress.rejected} rejected")
    if progress.failed:
        parts.append(f"{progress.failed} failed")
    if sends and progress.seconds_left:
        parts.append(f"{format_duration(progress.seconds_left)} left")
    return ", ".join(parts)


def format_duration(seconds: float) -> str:
    """``45 s``, ``6 min 30 s``, ``2 h 05 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"
