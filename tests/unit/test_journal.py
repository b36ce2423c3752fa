"""The journal of an import: what it survives, and what it refuses."""

import fcntl
import os
from pathlib import Path

import attrs
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loops_async.importer.errors import FileRefused
from loops_async.importer.journal import ImportJournal, JournalHeader, RejectsMark, RowState
from loops_async.importer.options import ImportOptions
from loops_async.importer.resume import from_journal

HEADER = JournalHeader(
    "ab" * 32, 5, "cd" * 32, {"--map": []}, [["email", "field", "email", "string"]]
)
MARK = RejectsMark(120, "ef" * 32)
LINE: dict[str, object] = {"loops_async_journal": 1, **attrs.asdict(HEADER)}
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 9) | st.floats(allow_nan=False) | st.text(),
    lambda parts: st.lists(parts, max_size=4) | st.dictionaries(st.text(), parts, max_size=4),
    max_leaves=8,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rows.csv.journal"


def written(path: Path, *records: tuple[int, RowState]) -> None:
    journal = ImportJournal.open(str(path))
    journal.begin(HEADER)
    for row, state in records:
        journal.note(row, state, MARK if state == RowState.REJECTED else None)
    journal.close()


def states(path: Path) -> list[int]:
    journal = ImportJournal.open(str(path))
    journal.close()
    return list(journal.states)


def test_it_comes_back_as_it_was(path: Path) -> None:
    written(path, (3, RowState.APPLIED), (0, RowState.REJECTED), (1, RowState.FAILED))
    journal = ImportJournal.open(str(path))
    assert journal.header == HEADER
    assert list(journal.states) == [RowState.REJECTED, RowState.FAILED, 0, RowState.APPLIED, 0]
    assert journal.mark == MARK
    assert journal.has_records
    assert not journal.complete
    journal.close()
    assert path.exists()


def test_the_last_word_on_a_row_counts(path: Path) -> None:
    written(
        path, (2, RowState.FAILED), (2, RowState.APPLIED), (3, RowState.APPLIED), (3, RowState.OPEN)
    )
    assert states(path) == [0, 0, RowState.APPLIED, 0, 0]


def test_it_is_complete_when_every_row_is_over_for_good(path: Path) -> None:
    journal = ImportJournal.open(str(path))
    journal.begin(HEADER)
    for row in range(5):
        journal.note(row, RowState.APPLIED if row else RowState.FAILED)
    complete = [journal.complete]
    journal.note(0, RowState.APPLIED)
    complete.append(journal.complete)
    assert complete == [False, True]
    journal.close()
    # An import that is killed right after has to know that it is over.
    assert path.exists()


def test_one_that_was_never_begun_leaves_no_file(path: Path) -> None:
    journal = ImportJournal.open(str(path))
    assert path.exists()
    journal.close()
    assert not path.exists()


def test_only_its_owner_may_read_it(path: Path) -> None:
    written(path)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("cut", range(1, 40))
def test_cut_short_anywhere_it_loses_no_more_than_what_is_cut(path: Path, cut: int) -> None:
    written(path, *((row, RowState.APPLIED) for row in range(5)), (0, RowState.REJECTED))
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    found = ImportJournal.open(str(path))
    expected = 5 if cut < len("-0 120 \n") + 64 + 1 else 4
    assert found.count(RowState.APPLIED) == expected
    # What is written next stands in a line of its own.
    found.note(0, RowState.FAILED)
    found.close()
    assert states(path)[0] == RowState.FAILED


@pytest.mark.parametrize("tail", [b"+", b"-3 77 ab", b"\0\0\0\0", b"garbage"])
def test_a_last_line_without_its_end_is_as_if_it_were_not_there(path: Path, tail: bytes) -> None:
    written(path, (1, RowState.APPLIED))
    with path.open("ab") as journal:
        journal.write(tail)
    assert states(path) == [0, RowState.APPLIED, 0, 0, 0]


def test_a_header_that_is_cut_short_is_none(path: Path) -> None:
    written(path)
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        journal = ImportJournal.open(str(path))
        assert journal.header is None
        journal.close()


@pytest.mark.parametrize("line", [b"+99\n", b"+5\n", b"?1\n", b"+x\n", b"\n", b"-1 2\n", b"+1 \n"])
def test_what_makes_no_sense_in_the_middle_is_refused_with_its_line(
    path: Path, line: bytes
) -> None:
    written(path, (1, RowState.APPLIED))
    with path.open("ab") as journal:
        journal.write(line + b"+2\n")
    before = path.read_bytes()
    with pytest.raises(FileRefused, match=r"line 3: was damaged here.*--restart"):
        ImportJournal.open(str(path))
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"email\na@example.com\n", b"{}\n", b"[]\n", b"\0" * 99])
def test_a_file_that_is_no_journal_is_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(FileRefused, match="is not the journal of an import"):
        ImportJournal.open(str(path))
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "change",
    [
        {"sha256": 5},
        {"sha256": "ab"},
        {"rows": "5"},
        {"rows": -1},
        {"rows": True},
        {"rows": 5.0},
        {"rows": 10**15},
        {"rows": None},
        {"team": "someone@example.com"},
        {"settings": []},
        {"plan": {}},
        {"plan": [["email", "field", "email"]]},
        {"plan": [["email", "field", "e-mail", "string"]]},
        {"plan": [["email", "galaxy", "email", "string"]]},
        {"plan": [["plan", "property", "plan", "money"]]},
        {"plan": [["plan", "property", [], "string"]]},
        {"plan": [["news", "list", "id", "string"]]},
        {"more": 1},
    ],
)
def test_a_header_that_a_hand_has_spoilt_is_refused_and_kept(
    path: Path, change: dict[str, object]
) -> None:
    content = orjson.dumps(LINE | change) + b"\n+1\n"
    path.write_bytes(content)
    with pytest.raises(FileRefused, match=r'rows.csv.journal", line 1: was damaged.*--restart'):
        ImportJournal.open(str(path))
    assert path.read_bytes() == content
    journal = ImportJournal.open(str(path), restart=True)
    assert journal.header is None
    assert not journal.states
    assert path.read_bytes() == content
    journal.close()
    assert path.read_bytes() == content


@pytest.mark.parametrize("missing", [key for key in LINE if key != "loops_async_journal"])
def test_a_header_without_one_of_its_fields_is_refused(path: Path, missing: str) -> None:
    path.write_bytes(orjson.dumps({key: LINE[key] for key in LINE if key != missing}) + b"\n")
    with pytest.raises(FileRefused, match="line 1: was damaged here"):
        ImportJournal.open(str(path))


def test_one_that_is_damaged_is_begun_anew_on_request(path: Path) -> None:
    written(path, (1, RowState.APPLIED))
    with path.open("ab") as journal:
        journal.write(b"what is this\n+2\n")
    anew = ImportJournal.open(str(path), restart=True)
    assert (anew.header, anew.mark) == (None, None)
    anew.begin(HEADER)
    anew.close()
    assert states(path) == [0] * 5


@pytest.mark.parametrize("content", [b"email\na@example.com\n", b"\0" * 99])
def test_what_is_no_journal_is_not_even_written_over_on_request(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(FileRefused, match="is not the journal of an import"):
        ImportJournal.open(str(path), restart=True)
    assert path.read_bytes() == content


def test_a_long_tail_is_a_line_that_is_cut_short_only_at_the_end(path: Path) -> None:
    # What a power cut leaves on some file systems.
    written(path, (1, RowState.APPLIED))
    with path.open("ab") as journal:
        journal.write(b"\0" * 5000)
    assert states(path) == [0, RowState.APPLIED, 0, 0, 0]
    with path.open("ab") as journal:
        journal.write(b"\0" * 128 + b"+2\n")
    with pytest.raises(FileRefused, match="line 3: was damaged here"):
        ImportJournal.open(str(path))


def check_no_traceback(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    journal, refused = None, ""
    try:
        journal = ImportJournal.open(str(path))
    except FileRefused as error:
        refused = str(error)
    if journal is None:
        assert str(path) in refused
        assert any(way in refused for way in ("--restart", "--journal", "move it away"))
        assert path.read_bytes() == content
        return
    if journal.header is not None:
        from_journal(journal.header, ImportOptions())
    journal.close()


@given(change=st.dictionaries(st.sampled_from(list(LINE)) | st.text(), ANY_JSON), tail=st.binary())
def test_whatever_is_in_the_header_it_ends_in_words(
    tmp_path_factory: pytest.TempPathFactory, change: dict[str, object], tail: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "spoilt.journal"
    check_no_traceback(path, orjson.dumps(LINE | change) + b"\n" + tail)


@given(data=st.data())
def test_whatever_becomes_of_its_bytes_it_ends_in_words(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    whole = orjson.dumps(LINE) + b"\n+0\n-1 120 " + b"ef" * 32 + b"\n!2\n"
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, len(whole)))
    path = tmp_path_factory.getbasetemp() / "bytes.journal"
    check_no_traceback(path, whole[:start] + data.draw(st.binary()) + whole[end:])


def test_a_journal_of_another_version_is_left_to_it(path: Path) -> None:
    path.write_bytes(b'{"loops_async_journal":2}\n')
    with pytest.raises(FileRefused, match=r"another version of loops-async.*move it away"):
        ImportJournal.open(str(path))


def test_two_cannot_have_it_at_a_time(path: Path) -> None:
    journal = ImportJournal.open(str(path))
    with pytest.raises(FileRefused, match="another import is using it"):
        ImportJournal.open(str(path))
    journal.close()
    ImportJournal.open(str(path)).close()


def test_one_that_was_removed_while_it_was_opened_is_made_anew(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(path, (1, RowState.APPLIED))
    lock = fcntl.flock

    def late(fd: int, how: int) -> None:
        # The import that had it ended between the opening and the lock.
        monkeypatch.setattr(fcntl, "flock", lock)
        path.unlink()
        lock(fd, how)

    monkeypatch.setattr(fcntl, "flock", late)
    journal = ImportJournal.open(str(path))
    journal.begin(HEADER)
    journal.note(4, RowState.APPLIED)
    journal.close()
    assert states(path) == [0, 0, 0, 0, RowState.APPLIED]


@pytest.mark.parametrize("place", ["/nowhere/at/all", "/dev/null", "/tmp", "a\0b"])  # noqa: S108
def test_a_place_where_none_can_be_is_refused_with_the_way_out(place: str) -> None:
    with pytest.raises(FileRefused, match="choose another place with --journal PATH"):
        ImportJournal.open(place)
    assert Path("/dev/null").exists()


def test_behind_a_write_that_failed_nothing_is_written() -> None:
    # /dev/full takes no byte: the real error of a disk that is full.
    journal = ImportJournal("rows.csv.journal", os.open("/dev/full", os.O_WRONLY))
    journal.header, journal.states = HEADER, bytearray(5)
    with pytest.raises(FileRefused, match="cannot be written: No space left on device"):
        journal.note(1, RowState.APPLIED)
    with pytest.raises(FileRefused, match="since a write to it failed"):
        journal.note(2, RowState.APPLIED)
    assert not any(journal.states)
    journal.close()
