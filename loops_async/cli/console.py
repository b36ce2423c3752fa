"""What a command prints: results and one JSON document on stdout, everything else on stderr."""

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

import attrs
import click

from loops_async.importer.errors import count_noun
from loops_async.importer.events import ImportProgress

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_COLOURS: Final = {"Error:": "red", "Warning:": "yellow"}
_SECONDS_BETWEEN_LINES: Final = 5.0
_TEXT_WIDTH: Final = 68
"""Columns of a terminal that the text around a bar takes."""
_SHORTEST_BAR: Final = 10


@attrs.define
class Console:
    """The output of one command.

    Attributes:
        command: Its name.
        as_json: Whether stdout is for one JSON document; all text goes to stderr then.
        base_url: The value of ``--base-url``.
        json_lines: Whether stderr is for JSON, one object a line.
        is_cut: Whether some output could not be written.
        error: What stopped the command or cut it short; None if nothing did.
        document: The fields of the JSON document besides the name, the exit status and the error.
    """

    command: str
    as_json: bool = False
    base_url: str | None = None
    json_lines: bool = False
    is_cut: bool = False
    error: str | None = None
    document: dict[str, object] = attrs.field(factory=dict[str, object])

    def log(self, text: str) -> None:
        """Print progress and notes to stderr."""
        if self.json_lines:
            print_json({"event": "message", "text": text}, err=True)
            return
        first, space, rest = text.partition(" ")
        # https://no-color.org: any value but an empty one.
        coloured = is_terminal(sys.stderr) and not os.environ.get("NO_COLOR")
        if first in _COLOURS and coloured:
            text = click.style(first, fg=_COLOURS[first], bold=True) + space + rest
        self._echo(text, err=True)

    def print(self, text: str) -> None:
        """Print a result to stdout, or to stderr if stdout is for JSON."""
        if self.as_json and self.json_lines:
            self.log(text)
        else:
            self._echo(text, err=self.as_json)

    def _echo(self, text: str, *, err: bool) -> None:
        try:
            click.echo(text, err=err)
        except OSError:
            # Whoever reads it has gone, as in ``… | head``. The work goes on.
            discard("stderr" if err else "stdout")
            self.is_cut = True

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


def print_json(document: dict[str, object], *, err: bool = False) -> None:
    """Print a JSON document as one line of ASCII."""
    # Not orjson: only the standard library escapes what another encoding could not represent.
    click.echo(json.dumps(document), err=err)


def discard(stream: str) -> None:
    """Drop what is written to ``stdout`` or ``stderr`` from now on."""
    setattr(sys, stream, Path(os.devnull).open("w"))  # noqa: SIM115 - open until the end


def is_terminal(stream: TextIO) -> bool:
    """Whether ``stream`` is a terminal that can do more than print text."""
    return stream.isatty() and os.environ.get("TERM", "").lower() not in ("dumb", "unknown")


class ProgressDisplay:
    """Progress on stderr: a bar on a terminal; elsewhere, a line every few seconds.

    With ``json_lines``, it is a JSON object every second.
    """

    def __init__(self, doing: str, *, json_lines: bool = False) -> None:
        # Not what rich would decide: with FORCE_COLOR, as many CI systems set it, it draws in logs.
        self._bar = _bar(doing) if is_terminal(sys.stderr) and not json_lines else None
        self._json_lines = json_lines
        self._task: TaskID | None = None
        self._printed = -1
        self._at = time.monotonic()

    def update(self, progress: ImportProgress) -> None:
        """Show how far it is."""
        text = describe_progress(progress)
        if self._bar is None:
            is_over = progress.done == progress.rows and progress.done != self._printed
            pause = 1.0 if self._json_lines else _SECONDS_BETWEEN_LINES
            if is_over or time.monotonic() - self._at >= pause:
                self._printed, self._at = progress.done, time.monotonic()
                self._print_line(progress, text)
        elif self._task is None:
            self._task = self._bar.add_task(
                "", total=progress.rows, completed=progress.done, text=text
            )
            self._bar.start()
        else:
            self._bar.update(self._task, completed=progress.done, text=text)

    def _print_line(self, progress: ImportProgress, text: str) -> None:
        if self._json_lines:
            left = progress.seconds_left
            more = {"done": progress.done, "seconds_left": left and round(left, 1)}
            print_json({"event": "progress", **attrs.asdict(progress), **more}, err=True)
        else:
            rows = count_noun(progress.rows, "row")
            click.echo(f"{progress.done} of {rows}, {text}", err=True)

    def print(self, text: str) -> bool:
        """Print a line above the bar; False if there is none."""
        if self._bar is None:
            return False
        # After Ctrl-C, the terminal has printed ^C into the bar's line.
        self._bar.console.print(f"\n{text}", markup=False, highlight=False, soft_wrap=True)
        return True

    def close(self) -> None:
        """Remove the bar; lines stay."""
        if self._bar is not None:
            self._bar.stop()


def _bar(doing: str) -> "Progress":
    # Only here: importing it takes a quarter of the time that a command needs to start.
    from rich import progress  # noqa: PLC0415
    from rich.console import Console as RichConsole  # noqa: PLC0415
    from rich.table import Column  # noqa: PLC0415

    console = RichConsole(stderr=True, force_terminal=True)
    width = console.width - _TEXT_WIDTH
    columns = (
        progress.TextColumn(doing),
        *((progress.BarColumn(bar_width=width),) if width >= _SHORTEST_BAR else ()),
        progress.MofNCompleteColumn(),
        # On a narrow terminal these words wrap, and no number beside them is cut.
        progress.TextColumn("{task.fields[text]}", table_column=Column()),
    )
    # Transient: the summary at the end has the same figures, and more.
    return progress.Progress(*columns, console=console, transient=True)


def describe_progress(progress: ImportProgress) -> str:
    """The pace, what went wrong, and the time that is left."""
    # A validation sends nothing, so its pace means nothing.
    sends = progress.requests > 0
    parts: list[str] = []
    if sends:
        parts.append(f"{progress.rate:.1f} rows/s")
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
