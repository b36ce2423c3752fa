"""``loops-async import`` of a file that somebody writes to meanwhile."""

# ruff: noqa: ASYNC240 - the files are a few lines long

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from loops_async.sandbox import Faults, Sandbox
from tests.server.terminal import Finished, loops_async

ROWS = "email,firstName\n" + "".join(f"c{n}@example.com,old\n" for n in range(6))


def rewrite(path: Path) -> None:
    with path.open("r+") as file:
        file.write(ROWS.replace("old", "new"))


def replace(path: Path) -> None:
    other = path.with_name("other.csv")
    other.write_text(ROWS.replace("old", "new"))
    other.replace(path)


def touch(path: Path) -> None:
    os.utime(path, (1, 1))


def copy(path: Path) -> None:
    other = path.with_name("other.csv")
    other.write_text(ROWS)
    other.replace(path)


def move(path: Path) -> None:
    path.rename(path.with_name("elsewhere.csv"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text(ROWS)
    return path


async def meanwhile(
    sandbox: Sandbox, path: Path, change: Callable[[Path], None], *arguments: str
) -> Finished:
    """An import during which ``change`` happens to the file, once."""
    left = [change]

    def choose(_: object) -> None:
        if sandbox.contacts and left:
            left.pop()(path)

    sandbox.faults = Faults(choose)
    done = await loops_async("import", str(path), *arguments, "--concurrency=1", sandbox=sandbox)
    assert not left
    return done


async def test_a_file_rewritten_in_place_is_no_success_though_every_row_went_in(
    path: Path,
) -> None:
    size = path.stat().st_size
    async with Sandbox(rate=None) as sandbox:
        done = await meanwhile(sandbox, path, rewrite, "--json")
        assert path.stat().st_size == size
        told = json.loads(done.out)
        assert (told["rows"], told["applied"], told["not_done"]) == (6, 6, 0)
        assert (done.status, told["exit_status"]) == (1, 1)
        assert "changed while it was imported" in told["error"]
        assert told["resume"] is None
        assert f"Warning: {told['error']}\n" in done.err
        assert "Continue with" not in done.err
        # What it says to do is what helps.
        again = await loops_async("import", str(path), "--restart", sandbox=sandbox)
        assert again.status == 0, again.err
        assert {contact.first_name for contact in sandbox.contacts.values()} == {"new"}


@pytest.mark.long
async def test_a_file_replaced_by_another_is_no_success(path: Path) -> None:
    async with Sandbox(rate=None) as sandbox:
        done = await meanwhile(sandbox, path, replace)
        assert done.status == 1
        assert "Warning:" in done.err
        # The journal is that of the old file, and knows it.
        again = await loops_async("import", str(path), "--resume", sandbox=sandbox)
        assert again.status == 0, again.err
        assert {contact.first_name for contact in sandbox.contacts.values()} == {"new"}


@pytest.mark.long
async def test_of_a_file_that_is_cut_short_it_promises_no_going_on(path: Path) -> None:
    # More than is read at a time, so that the last rows are not there when their turn comes.
    path.write_text("email\n" + "".join(f"c{n}@example.com\n" for n in range(1500)))
    async with Sandbox(rate=1000.0) as sandbox:
        done = await meanwhile(sandbox, path, lambda path: os.truncate(path, 0), "--json")
    told = json.loads(done.out)
    assert told["not_done"] > 0
    assert (done.status, told["resume"]) == (1, None)
    assert "Continue with" not in done.err
    assert "changed while it was imported" in told["error"]


@pytest.mark.long
@pytest.mark.parametrize("change", [touch, copy, move])
async def test_the_same_bytes_are_no_change(path: Path, change: Callable[[Path], None]) -> None:
    async with Sandbox(rate=None) as sandbox:
        done = await meanwhile(sandbox, path, change)
        assert len(sandbox.contacts) == 6
    assert done.status == 0, done.err
    assert "Warning" not in done.err
