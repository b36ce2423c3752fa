"""Rejected rows are kept: through other imports, failing disks and power cuts."""

import csv
import os
import threading
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from loops_async.client import LoopsClient
from loops_async.importer.errors import FileRefused
from loops_async.importer.importer import RowSender
from loops_async.importer.journal import ImportJournal, JournalHeader, RejectsMark
from loops_async.importer.reading import is_on_disk, open_input
from loops_async.importer.rejects import RejectsFile
from loops_async.importer.report import ImportReport

ROWS = "email\n" + "nobody\n" * 4
HEADER = JournalHeader("ab" * 32, 4, "cd" * 32, {}, [])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text(ROWS)
    return path


def rejects_at(place: Path, path: Path) -> RejectsFile:
    with open_input(str(path)) as source:
        return RejectsFile(str(place), source)


def test_what_was_put_aside_is_not_lost_to_what_is_put_aside_next(path: Path) -> None:
    place = path.with_name("kept.csv")
    kept: list[str | None] = []
    for text in ("mended by hand", "another", "another", "a third", "mended by hand"):
        place.write_text(text)
        kept.append(rejects_at(place, path).begin(None))
        assert not place.exists()
    names = ["kept.csv.old", "kept.csv.old.2", "kept.csv.old.2", "kept.csv.old.3", "kept.csv.old"]
    assert kept == [str(path.with_name(name)) for name in names]
    texts = [path.with_name(name).read_text() for name in names[:2] + names[3:4]]
    assert texts == ["mended by hand", "another", "a third"]


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_a_link_beside_it_takes_nothing_away(
    path: Path, link: Callable[[Path, Path], None]
) -> None:
    place, old = path.with_name("kept.csv"), path.with_name("kept.csv.old")
    place.write_text("precious")
    link(place, old)
    kept = rejects_at(place, path).begin(None)
    assert kept is not None
    assert Path(kept).read_text() == "precious"
    assert not place.exists()


@pytest.mark.parametrize("name", [".", "/dev/null", "folder", "no/such/place.csv"])
def test_what_is_no_file_is_neither_moved_nor_written(path: Path, name: str) -> None:
    (path.parent / "folder").mkdir()
    with pytest.raises(FileRefused, match="choose another place with --rejected PATH"):
        rejects_at(path.parent / name, path)
    assert not list(path.parent.glob("*.old"))


def test_a_folder_that_is_still_to_be_made_is_no_file(path: Path) -> None:
    with (
        open_input(str(path)) as source,
        pytest.raises(FileRefused, match="choose another place with --rejected"),
    ):
        RejectsFile(f"{path.parent}/new/", source)


def test_nothing_goes_beside_standard_input_whatever_it_is_called() -> None:
    for name in ("/dev/stdin", "/dev/fd/0", "/proc/self/fd/0", "-"):
        assert not is_on_disk(name)


def test_what_goes_by_a_name_in_dev_is_not_moved(path: Path) -> None:
    # With the output redirected, /dev/stdout is a link to an ordinary file.
    with pytest.raises(FileRefused, match="choose another place with --rejected PATH"):
        rejects_at(Path("/dev/stdout"), path)


def test_behind_a_row_that_is_cut_short_none_is_written(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = path.with_name("kept.csv")
    with open_input(str(path)) as source:
        rejects = RejectsFile(str(place), source)
        row = next(iter(source.rows()))
    mark = rejects.add(row, "why")
    write = os.write

    def full(fd: int, data: bytes) -> int:
        # As on a disk that has room for three bytes more.
        monkeypatch.setattr(os, "write", write)
        write(fd, bytes(data)[:3])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(FileRefused, match="No space left on device"):
        rejects.add(row, "another")
    with pytest.raises(FileRefused, match="since a write to it failed"):
        rejects.add(row, "a third")
    rejects.close()
    again = rejects_at(place, path)
    assert again.begin(mark) is None
    again.add(row, "another")
    again.close()
    with place.open(newline="") as file:
        assert [found["loops_error"] for found in csv.DictReader(file)] == ["why", "another"]


@attrs.define
class _Disk:
    """What has come to the disk, of two files that are written to."""

    journal: Path
    rejects: Path
    kept: int = 0
    torn: list[int] = attrs.field(factory=list[int])
    syncs: int = 0

    def fsync(self, fd: int) -> None:
        self.syncs += 1
        found = os.fstat(fd)
        if self.rejects.exists() and os.path.samestat(found, self.rejects.stat()):
            self.kept = found.st_size
        elif os.path.samestat(found, self.journal.stat()):
            noted = [line.split() for line in self.journal.read_text().splitlines()[1:]]
            self.torn += [int(line[1]) for line in noted if int(line[1]) > self.kept]


def test_the_journal_never_comes_to_the_disk_before_the_rows_it_speaks_of(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = path.with_name("kept.csv")
    journal = ImportJournal.open(str(path.with_name("journal")))
    journal.begin(HEADER)
    disk = _Disk(path.with_name("journal"), place)
    with open_input(str(path)) as source:
        rejects = RejectsFile(str(place), source)
        loops = LoopsClient("", dry_run=True)
        importing = RowSender(
            loops, source, (), ImportReport(rows=4), journal=journal, rejects=rejects
        )
        rows = list(source.rows())
        importing._reject(0, rows[0], "why")
        late = threading.Thread(target=importing._reject, args=(1, rows[1], "why"))

        def fsync(fd: int) -> None:
            disk.fsync(fd)
            if not late.ident:
                # Between the two files, a row is rejected.
                late.start()
                late.join(0.2)

        monkeypatch.setattr(os, "fsync", fsync)
        importing._sync()
        late.join()
        assert disk.torn == []
        importing._sync()
    assert disk.torn == []
    assert disk.kept == place.stat().st_size
    assert disk.syncs == 4
    rejects.close()
    journal.close()


async def test_all_of_it_is_on_the_disk_when_an_import_has_ended(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = path.with_name("kept.csv")
    journal = ImportJournal.open(str(path.with_name("journal")))
    journal.begin(HEADER)
    disk = _Disk(path.with_name("journal"), place)
    monkeypatch.setattr(os, "fsync", disk.fsync)
    with open_input(str(path)) as source:
        rejects = RejectsFile(str(place), source)
        async with LoopsClient("", dry_run=True) as loops:
            importing = RowSender(
                loops, source, (), ImportReport(rows=4), journal=journal, rejects=rejects
            )
            await importing.run(concurrency=2)
    rejects.close()
    assert importing.report.rejected.count == 4
    assert disk.kept == place.stat().st_size > 0
    assert (disk.torn, journal.mark) == ([], RejectsMark(disk.kept, rejects._digest.hexdigest()))
    journal.close()
