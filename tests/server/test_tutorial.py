"""The tutorial as a reader types it: each file written, each command run, each output as shown."""

import asyncio
import os
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

from loops_async.sandbox import Sandbox

PAGE = Path(__file__).parents[2] / "docs" / "tutorial.md"
FILE_OR_CONSOLE = re.compile(
    r"`(\w+\.\w+)`:\n\n```\w+\n(.*?)^```|^```console\n(.*?)^```", re.MULTILINE | re.DOTALL
)
PROGRAMS = {"python": [sys.executable], "loops-async": [sys.executable, "-m", "loops_async"]}
NOT_TYPED = ("python -m venv", ". .venv", "pip install", "loops-async sandbox", "export")
"""What makes the place in which the rest is typed."""


def steps() -> Iterator[tuple[str, str]]:
    """A file's name and content, or ``$ command`` and what the page shows for it."""
    for name, content, console in FILE_OR_CONSOLE.findall(PAGE.read_text(encoding="utf-8")):
        if name:
            yield name, content
        for shown in re.split(r"^(?=\$ )", console, flags=re.MULTILINE):
            command, _, output = shown.partition("\n")
            if command:
                yield command, output


async def typed(command: str, folder: Path, sandbox: Sandbox) -> str:
    """What a terminal shows for ``command``."""
    program, *arguments = shlex.split(command.removeprefix("$ "))
    process = await asyncio.create_subprocess_exec(
        *PROGRAMS[program],
        *arguments,
        cwd=folder,
        env={
            **os.environ,
            "LOOPS_API_KEY": sandbox.api_key,
            "LOOPS_BASE_URL": sandbox.url,
            "COLUMNS": "100",
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return output.decode()


def comparable(output: str) -> str:
    """``output`` without what differs from run to run: ids, frames, progress, times and rates."""
    output = re.sub(r"\bcl[0-9a-z]{23}\b", "ID", output)
    output = re.sub(r"(Traceback .*\n)(?:  .*\n)+", r"\1  …\n", output)
    output = re.sub(r"(http://127\.0\.0\.1):\d+/", r"\1:N/", output)
    output = re.sub(r"^\d+ of \d+ rows, .*\n|, \d+\.\d+ per second", "", output, flags=re.MULTILINE)
    return re.sub(r"\d+\.\d+ s\b", "N s", output)


async def test_every_command_shows_what_the_page_says(tmp_path: Path) -> None:
    ran = 0
    async with Sandbox(rate=100) as sandbox:
        for what, content in steps():
            if not what.startswith("$ "):
                (tmp_path / what).write_text(content, encoding="utf-8")
            elif not what[2:].startswith(NOT_TYPED):
                shown = await typed(what, tmp_path, sandbox)
                assert comparable(shown) == comparable(content), what
                ran += 1
        assert len(sandbox.contacts) == 28
    assert ran == 8
