"""``loops-async import`` with paths that collide: nothing is touched, and nothing is sent."""

# ruff: noqa: ASYNC240 - the files are a few lines long

import os
from pathlib import Path

import pytest

from loops_async.sandbox import Sandbox
from tests.server.terminal import ended, loops_async, start

ROWS = "email\nada@example.com\nnobody\n"


def content(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


@pytest.mark.parametrize(
    "arguments",
    [
        ["r.csv.old", "--rejected", "r.csv"],
        ["r.csv", "--journal", "r.csv.rejected.csv.old", "--restart"],
        pytest.param(["r.csv", "--rejected", "r.csv.journal"], marks=pytest.mark.long),
        pytest.param(["r.csv", "--journal", "link.csv"], marks=pytest.mark.long),
    ],
)
async def test_nothing_is_written_over(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "r.csv").write_text(ROWS)
    (tmp_path / "r.csv.old").write_text(ROWS.replace("ada", "bob"))
    (tmp_path / "r.csv.rejected.csv").write_text(
        "loops_error,email\nmended by hand,x@example.com\n"
    )
    os.link(tmp_path / "r.csv", tmp_path / "link.csv")
    before = content(tmp_path)
    paths = [word if word.startswith("-") else str(tmp_path / word) for word in arguments]
    async with Sandbox(rate=None) as sandbox:
        done = await loops_async("import", *paths, sandbox=sandbox)
        assert sandbox.counts.requests == 0
    assert done.status == 2
    assert done.err.startswith("Error: ")
    assert done.err.count("\n") == 1
    assert content(tmp_path) == before


@pytest.mark.parametrize(
    "option", ["--rejected", pytest.param("--journal", marks=pytest.mark.long)]
)
async def test_a_file_that_comes_by_standard_input_is_an_input(tmp_path: Path, option: str) -> None:
    path = tmp_path / "r.csv"
    path.write_text(ROWS)
    async with Sandbox(rate=None) as sandbox:
        with path.open("rb") as file:
            arguments = ("import", "-", option, str(path))
            done = await ended(await start(*arguments, sandbox=sandbox, stdin=file.fileno()))
        assert sandbox.counts.requests == 0
    assert done.status == 2
    assert '"standard input"' not in done.err
    assert "Error: standard input: cannot " in done.err
    assert content(tmp_path) == {"r.csv": ROWS}


@pytest.mark.long
@pytest.mark.parametrize("place", ["", "no/such/rejected.csv"])
async def test_rejected_rows_that_can_be_kept_nowhere_are_said_before_anything_is_sent(
    tmp_path: Path, place: str
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    path = tmp_path / "r.csv"
    path.write_text(ROWS)
    async with Sandbox(rate=None) as sandbox:
        arguments = ("import", str(path), "--rejected", str(folder / place))
        done = await loops_async(*arguments, sandbox=sandbox)
        assert sandbox.counts.requests == 0
    assert done.status == 2
    assert "choose another place with --rejected PATH" in done.err
    assert sorted(found.name for found in tmp_path.iterdir()) == ["folder", "r.csv"]


DAMAGED = (
    '{"loops_async_journal":1,"sha256":5,"rows":"2","team":null,"settings":[],"plan":{}}\n+0\n'
)


@pytest.mark.long
async def test_a_damaged_journal_is_kept_until_another_is_begun_in_its_place(
    tmp_path: Path,
) -> None:
    path, journal = tmp_path / "r.csv", tmp_path / "r.csv.journal"
    path.write_text(ROWS)
    journal.write_text(DAMAGED)
    async with Sandbox(rate=None) as sandbox:
        for option in ([], ["--resume"], ["--restart", "--map", "no=such"]):
            refused = await loops_async("import", str(path), *option, sandbox=sandbox)
            assert refused.status == 2
            assert refused.err.startswith("Error: ")
            assert refused.err.count("\n") == 1
            assert journal.read_text() == DAMAGED
        assert "damaged" not in refused.err
        assert not sandbox.contacts
        done = await loops_async("import", str(path), "--restart", sandbox=sandbox)
        assert len(sandbox.contacts) == 1
    assert done.status == 1, done.err
    assert "2 rows: 1 imported, 1 rejected" in done.out
