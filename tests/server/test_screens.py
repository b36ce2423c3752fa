"""The terminal screens outside the tutorial: each command runs, and shows what the page shows."""

import asyncio
import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from loops_async import LoopsClient, PropertyType
from loops_async.sandbox import Sandbox
from tests.server.test_tutorial import typed

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "docs/cli.md", "docs/import.md", "docs/sandbox.md")
CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
ELSEWHERE = {
    "loops-async demo": "tests/server/test_cli.py",
    "loops-async import contacts.csv --ignore-unknown": "Ctrl-C: tests/server/test_cli_stopping.py",
    "export": "set here",
    "pip install": "of the machine; .ci/run does it",
    "echo": "tests/server/test_cli_completion.py",
    "mkdir": "tests/server/test_cli_completion.py",
    "loops-async completion": "tests/server/test_cli_completion.py",
}
"""Commands that are not run here, and where they are."""


def screens(page: str) -> list[tuple[str, list[str]]]:
    """The commands of a page, each with the lines that it shows."""
    found: list[tuple[str, list[str]]] = []
    for block in CONSOLE.findall((ROOT / page).read_text(encoding="utf-8")):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *lines = part.replace("\\\n", " ").splitlines()
            found.append((command.partition(" #")[0].strip(), [line for line in lines if line]))
    return found


def shape(line: str) -> str:
    """A line without what differs from one account, machine and run to another."""
    line = re.sub(r"\bcl[0-9a-z]{23}\b", "ID", line.strip())
    line = re.sub(r"^(team|address|Date|Server): .*", r"\1: …", line)
    line = re.sub(r"^(clock|limit): .*", r"\1: …", line)
    return re.sub(r"^(Content-Length|x-ratelimit-\w+): \d+", r"\1: N", line)


def is_elsewhere(command: str) -> bool:
    return any(command.startswith(start) for start in ELSEWHERE)


COMMANDS = [
    pytest.param(command, lines, id=f"{page}: {command}")
    for page in PAGES
    for command, lines in screens(page)
    if command.startswith("loops-async") and not is_elsewhere(command)
    if not command.startswith("loops-async sandbox")
]
SANDBOXES = [
    pytest.param(
        command,
        lines,
        id=f"{page}: {command}",
        marks=() if page == "README.md" or "--faults" in command else pytest.mark.long,
    )
    for page in PAGES
    for command, lines in screens(page)
    if command.startswith("loops-async sandbox")
]
CURLS = [screen for screen in screens("docs/sandbox.md") if screen[0].startswith("curl")]


def write_contacts(path: Path, seats: str) -> None:
    """1,200 rows with the faults that docs/cli.md shows, one of them in the number of ``seats``."""
    lines = ["Email,Seats", *(f"user{line}@example.com,{line % 40}" for line in range(2, 1202))]
    again = {7: 3, 31: 12, 64: 31, 90: 2, 127: 8} | {line: line - 80 for line in range(200, 207)}
    for line, before in again.items():
        lines[line - 1] = lines[before - 1]
    lines[81 - 1], lines[130 - 1] = "nobody,3", "user130@example.com,3,pro"
    lines[802 - 1] = f"user802@example.com,{seats}"
    path.write_text("\n".join(lines) + "\n")


def write_export(path: Path) -> None:
    """What the README imports: two columns that Loops has no place for."""
    path.write_text(
        "Email Address,MEMBER_RATING,Tags\nada@example.com,2,vip\nbo@example.com,4,new\n"
    )


def test_no_command_is_left_out() -> None:
    run = {str(param.values[0]) for param in COMMANDS + SANDBOXES} | {c for c, _ in CURLS}
    for page in PAGES:
        for command, _ in screens(page):
            assert command in run or is_elsewhere(command), f"{page}: {command}"


@pytest.mark.parametrize(("command", "lines"), COMMANDS)
async def test_a_command_shows_what_the_page_shows(
    tmp_path: Path, command: str, lines: list[str]
) -> None:
    async with Sandbox() as sandbox:
        if "Tags" in " ".join(lines) or not lines:
            write_export(tmp_path / "contacts.csv")
        else:
            seats = "many" if "validate" in command else "3"  # then it is mended
            write_contacts(tmp_path / "contacts.csv", seats)
            async with LoopsClient(sandbox.api_key, base_url=sandbox.url) as loops:
                await loops.contact_properties.create("seats", PropertyType.NUMBER)
        shown = [shape(line) for line in (await typed(command, tmp_path, sandbox)).splitlines()]
    missing = [line for line in map(shape, lines) if line not in shown]
    assert not missing, "\n".join(["missing:", *missing, "shown:", *shown])
    assert not any("Traceback" in line or line.startswith("Usage:") for line in shown)


@pytest.mark.parametrize(("command", "lines"), SANDBOXES)
async def test_a_sandbox_starts_as_the_page_says(command: str, lines: list[str]) -> None:
    arguments = shlex.split(re.sub(r"--port \d+", "", command))[1:]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "loops_async", *arguments, "--port", "0",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdout is not None
    said = (await process.stdout.readline()).decode()
    process.terminate()
    await process.communicate()
    assert said.startswith("The sandbox listens at http://127.0.0.1:"), said
    port = re.compile(r":\d+/")
    assert not lines or port.sub(":N/", lines[0]) == port.sub(":N/", said.strip())


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
async def test_any_language_gets_the_answers_that_the_page_shows() -> None:
    async with Sandbox(api_key="test-key") as sandbox:
        for command, lines in CURLS:
            here = command.replace("http://127.0.0.1:8026/api", sandbox.url)
            process = await asyncio.create_subprocess_exec(
                *shlex.split(here), stdout=asyncio.subprocess.PIPE
            )
            output, _ = await process.communicate()
            shown = [shape(line) for line in output.decode().splitlines()]
            missing = [line for line in map(shape, lines) if line not in shown]
            assert not missing, (command, missing, shown)
