"""Progress on the error stream: a bar on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from loops_async.cli.tally import Tally, counted

_SECONDS_BETWEEN_LINES = 5.0


@contextmanager
def progress(tally: Tally) -> Iterator[Callable[[], None]]:
    """Show how far ``tally`` has come; call what it yields whenever that may have changed."""
    console = Console(stderr=True)
    if console.is_terminal:
        with _bar(console, tally) as update:
            yield update
    else:
        yield _lines(tally)


@contextmanager
def _bar(console: Console, tally: Tally) -> Iterator[Callable[[], None]]:
    columns = (
        TextColumn("importing"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"),
        TimeRemainingColumn(),
    )
    # Printing what is left over at the end would repeat what the summary says better.
    with Progress(*columns, console=console, transient=True) as shown:
        bar = shown.add_task("importing", total=tally.total, pace="")
        yield lambda: shown.update(bar, completed=tally.done, pace=_pace(tally))


def _lines(tally: Tally) -> Callable[[], None]:
    said, at = -1, time.monotonic()

    def update() -> None:
        nonlocal said, at
        over = tally.done == tally.total and tally.done != said
        if over or time.monotonic() - at >= _SECONDS_BETWEEN_LINES:
            said, at = tally.done, time.monotonic()
            print(
                f"{tally.done} of {counted(tally.total, 'row')}, {_pace(tally)}",
                file=sys.stderr,
                flush=True,
            )

    return update


def _pace(tally: Tally) -> str:
    rows = tally.done / tally.seconds if tally.seconds > 0 else 0.0
    return (
        f"{rows:.1f} rows/s, {tally.rejected.count + tally.failed.count} rejected, "
        f"{tally.rate_limited} answered with 429"
    )
