"""How many files of the package a call passes through: ``python -m tests.benchmarks.path``.

Prints, for one ``contacts.update`` and for the import of a CSV file with one row, in how many of
the package's files a function was called, and how often one call was in another file than the call
before it. Both run once beforehand, so that nothing is imported or opened while it counts. The
sandbox, which plays the server, is left out.
"""

# ruff: noqa: T201 (it prints figures)

import argparse
import asyncio
import contextlib
import io
import itertools
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from unittest.mock import patch

import loops_async
from loops_async import LoopsClient, Pacer
from loops_async.__main__ import main as command_line
from loops_async.testing.threaded import ThreadedSandbox

_PACKAGE = Path(loops_async.__file__).parent
_LEFT_OUT = ("sandbox", "testing")


@contextlib.contextmanager
def recorded() -> Iterator[list[str]]:
    """The file of each function of the package that the block calls, also in new threads."""
    files: list[str] = []

    def note(frame: FrameType, event: str, _: object) -> None:
        if event != "call":
            return
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(_PACKAGE):
            inside = path.relative_to(_PACKAGE)
            if inside.parts[0] not in _LEFT_OUT:
                files.append(str(inside))

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield files
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


async def update(url: str, key: str) -> list[str]:
    """What a contact update passes through."""
    async with LoopsClient(key, base_url=url, pacer=Pacer(10_000.0)) as loops:
        for number in range(3):
            await loops.contacts.update(email=f"{number}@example.com", properties={"plan": "pro"})
        with recorded() as files:
            await loops.contacts.update(email="ada@example.com", properties={"plan": "pro"})
    return files


def import_row(url: str, key: str) -> list[str]:
    """What the command ``import`` passes through for a file with one row."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "contacts.csv"
        file.write_text("email,firstName,plan\nada@example.com,Ada,pro\n", encoding="utf-8")
        command = ["loops-async", "import", str(file), "--api-key", key, "--base-url", url]
        _run([*command, "--create-properties"])
        with recorded() as files:
            _run(command)
    return files


def _run(command: list[str]) -> None:
    quiet = io.StringIO()
    try:
        with (
            patch("sys.argv", command),
            contextlib.redirect_stdout(quiet),
            contextlib.redirect_stderr(quiet),
        ):
            command_line()
    except SystemExit as ended:
        if ended.code:
            raise RuntimeError(quiet.getvalue()) from ended


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.path", description=__doc__)
    parser.add_argument("--files", action="store_true", help="list the files as well")
    shows_files = parser.parse_args().files
    with ThreadedSandbox() as sandbox:
        paths = {
            "contacts.update": asyncio.run(update(sandbox.url, sandbox.api_key)),
            "import of one row": import_row(sandbox.url, sandbox.api_key),
        }
    for name, files in paths.items():
        moves = sum(one != other for one, other in itertools.pairwise(files))
        print(f"{name}: {len(set(files))} files, {moves} moves between them")
        for file in sorted(set(files)) if shows_files else ():
            print(f"    {file}")


if __name__ == "__main__":
    main()
