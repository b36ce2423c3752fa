"""With which options an import goes on, and what it says where they are others."""

import hashlib
import pickle
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from loops_async.importer.errors import FileRefused, UnfinishedImport
from loops_async.importer.events import ImportEvent, OptionsRestored
from loops_async.importer.journal import ImportJournal, JournalHeader, RowState
from loops_async.importer.options import ImportOptions
from loops_async.importer.reading import InputFile, open_input
from loops_async.importer.resume import open_journal, restore_options, resumed_header

ROWS = b"email,x\na@example.com,1\nb@example.com,2\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_bytes(ROWS)
    return path


@pytest.fixture
def begun() -> ImportOptions:
    return ImportOptions(mappings=("x=", "email=email"), create_properties=True)


@pytest.fixture
def header(begun: ImportOptions) -> JournalHeader:
    return JournalHeader(hashlib.sha256(ROWS).hexdigest(), 2, "cd" * 32, begun.recorded(), [])


@pytest.fixture
def journal(path: Path, header: JournalHeader) -> Iterator[ImportJournal]:
    journal = ImportJournal.open(f"{path}.journal")
    journal.begin(header)
    journal.note(0, RowState.APPLIED)
    yield journal
    journal.close()


@pytest.fixture
def source(path: Path) -> Iterator[InputFile]:
    with open_input(str(path)) as source:
        yield source


def going_on(path: Path) -> str:
    return (
        "loops-async import --map=email=email --map=x= --create-properties --concurrency=7 "
        f"--resume {path}"
    )


def nothing(event: ImportEvent) -> None:
    pytest.fail(f"unexpected: {event}")


def test_a_bare_resume_goes_on_with_the_options_of_the_journal(
    path: Path, begun: ImportOptions, journal: ImportJournal, source: InputFile
) -> None:
    events: list[ImportEvent] = []
    bare = ImportOptions(concurrency=7, resume=True)
    taken = restore_options(bare, journal, source, events.append)
    assert taken.recorded() == begun.recorded()
    assert (taken.concurrency, taken.resume) == (7, True)
    assert events == [OptionsRestored(taken, journal.name)]
    assert taken.command(str(path), resume=True) == going_on(path)


@pytest.mark.parametrize(
    "more", [{"resume": False}, {"empty_as_null": True}, {"mappings": ("x=",)}]
)
def test_what_was_said_stays(
    journal: ImportJournal, source: InputFile, more: dict[str, bool]
) -> None:
    options = attrs.evolve(ImportOptions(resume=True), **more)  # type: ignore[arg-type]
    assert restore_options(options, journal, source, nothing) is options
    assert restore_options(options, None, source, nothing) is options


def test_the_options_of_a_complete_import_are_for_the_same_file_alone(
    path: Path, begun: ImportOptions, journal: ImportJournal
) -> None:
    journal.note(1, RowState.REJECTED)
    bare = ImportOptions(resume=True)
    with open_input(str(path)) as source:
        taken = restore_options(bare, journal, source, lambda _: None)
        assert taken.recorded() == begun.recorded()
    path.write_bytes(ROWS + b"c@example.com,3\n")
    with open_input(str(path)) as source:
        assert restore_options(bare, journal, source, nothing) is bare


@pytest.mark.parametrize(
    "options",
    [
        ImportOptions(mappings=("a=email", "b=")),
        ImportOptions(create_properties=True),
        ImportOptions(ignore_unknown=True),
        ImportOptions(empty_as_null=True),
    ],
)
def test_every_option_that_a_journal_keeps_is_taken_from_it(options: ImportOptions) -> None:
    assert ImportOptions().with_recorded(options.recorded()) == options


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"--map": 5}, "options that make no sense; start over with --restart"),
        ({"--map": [5]}, "options that make no sense"),
        ({"--create-properties": "yes"}, "options that make no sense"),
        ({"--ignore-unknown": 1}, "options that make no sense"),
        ({"--newer-option": "skip"}, "newer version .* option --newer-option; .* --restart"),
    ],
)
def test_settings_that_this_version_cannot_read_are_refused(
    header: JournalHeader,
    journal: ImportJournal,
    source: InputFile,
    settings: dict[str, object],
    message: str,
) -> None:
    journal.begin(attrs.evolve(header, settings=settings))
    with pytest.raises(FileRefused, match=message):
        restore_options(ImportOptions(resume=True), journal, source, nothing)


def test_other_options_are_refused_with_those_that_go_on(
    path: Path,
    begun: ImportOptions,
    journal: ImportJournal,
    header: JournalHeader,
    source: InputFile,
) -> None:
    other = ImportOptions(create_properties=True, concurrency=7, resume=True)
    now = attrs.evolve(header, settings=other.recorded())
    with pytest.raises(UnfinishedImport) as refused:
        resumed_header(journal, now, other, source)
    assert str(refused.value) == (
        "the import began with a different --map; continue it with the options it began with, or "
        "start over with --restart"
    )
    assert refused.value.options.command(str(path), resume=True) == going_on(path)


def test_an_unfinished_import_is_met_with_the_options_that_go_on(
    path: Path, header: JournalHeader, source: InputFile
) -> None:
    place = f"{path}.journal"
    journal = ImportJournal.open(place)
    journal.begin(header)
    journal.note(0, RowState.APPLIED)
    journal.close()
    with (
        pytest.raises(UnfinishedImport) as refused,
        open_journal(source, place, ImportOptions(concurrency=7), nothing),
    ):
        pytest.fail("it began")
    assert str(refused.value).endswith(
        "1 of 2 rows are done; continue it with --resume, or start over with --restart"
    )
    assert refused.value.options.command(str(path), resume=True) == going_on(path)
    again = pickle.loads(pickle.dumps(refused.value))  # noqa: S301
    assert (str(again), again.options) == (str(refused.value), refused.value.options)
