"""Progress on the error stream: a bar on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from loops_async.cli.talking import is_terminal
from loops_async.cli.tally import Tally, counted

_SECONDS_BETWEEN_LINES = 5.0
_WORDS = 90
"""Columns of a terminal that the words around a bar take."""
_SHORTEST_BAR = 10


@contextmanager
def progress(tally: Tally, doing: str = "importing") -> Generator[Callable[[], None], None, None]:
    """Show how far ``tally`` has come; call what it yields now and then, never twice at a time."""
    # Not what rich would say, which with FORCE_COLOR, as many a CI sets it, draws into a log.
    if is_terminal(sys.stderr):
        with _bar(tally, doing) as update:
            yield update
    else:
        yield _lines(tally)


@contextmanager
def _bar(tally: Tally, doing: str) -> Generator[Callable[[], None], None, None]:
    # A quarter of the time it takes to start, which only a terminal has any use for.
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415
    from rich.table import Column  # noqa: PLC0415

    console = Console(stderr=True, force_terminal=True)
    room = console.width - _WORDS
    columns = (
        TextColumn(doing),
        *((BarColumn(bar_width=room),) if room >= _SHORTEST_BAR else ()),
        MofNCompleteColumn(),
        # Where there is no room, these words take two lines, and no number beside them is cut.
        TextColumn("{task.fields[pace]}", table_column=Column()),
    )
    # Printing what is left over at the end would repeat what the summary says better.
    with Progress(*columns, console=console, transient=True) as shown:
        bar = shown.add_task(doing, total=tally.total, completed=tally.done, pace="")

        def update() -> None:
            shown.update(bar, completed=tally.done, pace=described(tally))

        update()
        yield update


def _lines(tally: Tally) -> Callable[[], None]:
    said, at = -1, time.monotonic()

    def update() -> None:
        nonlocal said, at
        over = tally.done == tally.total and tally.done != said
        if over or time.monotonic() - at >= _SECONDS_BETWEEN_LINES:
            said, at = tally.done, time.monotonic()
            print(
                f"{tally.done} of {counted(tally.total, 'row')}, {described(tally)}",
                file=sys.stderr,
                flush=True,
            )

    return update


def described(tally: Tally) -> str:
    """The pace, what went wrong, and the time that is left, in a few words."""
    # A file that is only looked at is sent nowhere, and has no pace that would tell anything.
    sent = tally.requests > 0
    parts = [f"{tally.rate:.1f} rows/s", f"{tally.rate_limited} answered with 429"] if sent else []
    parts.append(f"{tally.rejected.count} rejected")
    if tally.failed.count:
        parts.append(f"{tally.failed.count} failed")
    if sent and tally.not_done and tally.seconds_left is not None:
        parts.append(f"{spelt(tally.seconds_left)} left")
    return ", ".join(parts)


def spelt(seconds: float) -> str:
    """``45 s``, ``6 min 30 s``, ``2 h 05 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"
