"""No file of an import is written over another, whatever the paths are called."""

import os
from pathlib import Path

import pytest

from loops_async.importer.errors import FileRefused
from loops_async.importer.options import ImportOptions
from loops_async.importer.reading import open_input
from loops_async.importer.rejects import output_paths

ROWS = "email\nada@example.com\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "r.csv").write_text(ROWS)
    (tmp_path / "r.csv.old").write_text(ROWS)
    (tmp_path / "r.jsonl").write_text('{"email": "ada@example.com"}\n')
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(
    file: str, *, journal: str | None = None, rejected: str | None = None
) -> tuple[str | None, str | None]:
    with open_input(file) as source:
        return output_paths(source, ImportOptions(journal=journal, rejected=rejected))


@pytest.mark.parametrize(
    ("file", "journal", "rejected", "said"),
    [
        ("r.csv", "r.csv", None, '"r.csv": cannot be its own journal; .* --journal'),
        ("r.csv", "sub/../r.csv", None, "cannot be its own journal"),
        ("./r.csv", "{folder}/r.csv", None, "cannot be its own journal"),
        ("r.csv", None, "./r.csv", '"r.csv": cannot take its own rejected rows; .* --rejected'),
        ("r.csv.old", None, "r.csv", '"r.csv.old": .* once they are renamed; .* --rejected'),
        ("r.csv.old", None, "{folder}/sub/../r.csv", "once they are renamed"),
        ("r.csv", None, "r.csv.journal", '"r.csv.journal": cannot be both the journal and'),
        (
            "r.csv",
            "r.csv.rejected.csv",
            None,
            '"r.csv.rejected.csv": cannot be both',
        ),
        (
            "r.csv",
            "r.csv.rejected.csv.old",
            None,
            "cannot be both the journal and",
        ),
        ("r.jsonl", "r.jsonl.rejected.jsonl.old", None, "cannot be both the journal and"),
        ("r.csv", "j", "j", "choose another place with --journal or --rejected"),
        ("r.csv", "sub/../j.old", "./j", "choose another place with --journal or --rejected"),
    ],
)
def test_two_names_of_one_file_are_refused(
    folder: Path, file: str, journal: str | None, rejected: str | None, said: str
) -> None:
    journal = journal and journal.format(folder=folder)
    rejected = rejected and rejected.format(folder=folder)
    before = sorted(path.name for path in folder.iterdir())
    with pytest.raises(FileRefused, match=said):
        found(file, journal=journal, rejected=rejected)
    assert sorted(path.name for path in folder.iterdir()) == before


@pytest.mark.parametrize("link", [os.link, os.symlink])
@pytest.mark.parametrize("name", ["r.csv.journal", "r.csv.rejected.csv", "r.csv.rejected.csv.old"])
def test_a_link_to_the_input_is_the_input(folder: Path, link: object, name: str) -> None:
    assert callable(link)
    link(folder / "r.csv", folder / name)
    with pytest.raises(FileRefused, match=r'"r\.csv": cannot'):
        found("r.csv")


def test_a_folder_of_two_names_is_one(folder: Path) -> None:
    (folder / "link").symlink_to("sub")
    # Neither is there yet: only their folder tells.
    with pytest.raises(FileRefused, match="cannot be both the journal and"):
        found("r.csv", journal="link/j", rejected="sub/j")
    (folder / "dangling").symlink_to("sub/j")
    with pytest.raises(FileRefused, match="cannot be both the journal and"):
        found("r.csv", journal="dangling", rejected="sub/j")


def test_files_apart_are_let_be() -> None:
    assert found("r.csv") == ("r.csv.journal", "r.csv.rejected.csv")
    assert found("r.jsonl") == ("r.jsonl.journal", "r.jsonl.rejected.jsonl")
    assert found("r.csv", journal="j", rejected="k") == ("j", "k")
    assert found("r.csv.old") == ("r.csv.old.journal", "r.csv.old.rejected.csv")
    # Mended rows: a rejected file is an input like any other.
    assert found("r.csv", rejected="r.jsonl.rejected.csv")[1] == "r.jsonl.rejected.csv"
