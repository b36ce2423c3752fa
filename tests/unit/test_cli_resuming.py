"""With which options an import goes on, and what it says where they are others."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from loops_async.cli.header import Header
from loops_async.cli.journal import Journal, State
from loops_async.cli.options import Options
from loops_async.cli.refusals import ImportRefused
from loops_async.cli.resuming import as_begun, check_same, journal_of
from loops_async.cli.source import Source, open_source

ROWS = b"email,x\na@example.com,1\nb@example.com,2\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_bytes(ROWS)
    return path


@pytest.fixture
def begun(path: Path) -> Options:
    return Options(str(path), mappings=("x=", "email=email"), create_properties=True)


@pytest.fixture
def header(begun: Options) -> Header:
    return Header(hashlib.sha256(ROWS).hexdigest(), 2, "cd" * 32, begun.settings, [])


@pytest.fixture
def journal(path: Path, header: Header) -> Iterator[Journal]:
    journal = Journal.open(f"{path}.journal")
    journal.begin(header)
    journal.note(0, State.APPLIED)
    yield journal
    journal.close()


@pytest.fixture
def source(path: Path) -> Iterator[Source]:
    with open_source(str(path)) as source:
        yield source


def going_on(path: Path) -> str:
    return (
        "loops-async import --map=email=email --map=x= --create-properties --concurrency=7 "
        f"--resume {path}"
    )


def test_a_bare_resume_goes_on_with_the_options_of_the_journal(
    path: Path, begun: Options, journal: Journal, source: Source
) -> None:
    said: list[str] = []
    bare = Options(str(path), concurrency=7, resume=True)
    taken = as_begun(bare, journal, source, said.append)
    assert taken.settings == begun.settings
    assert (taken.concurrency, taken.resume) == (7, True)
    assert said == [f"Taking the options from {journal.name}: {going_on(path)}"]


@pytest.mark.parametrize(
    "more", [{"resume": False}, {"empty_as_null": True}, {"mappings": ("x=",)}]
)
def test_what_was_said_stays(
    path: Path, journal: Journal, source: Source, more: dict[str, bool]
) -> None:
    options = attrs.evolve(Options(str(path), resume=True), **more)  # type: ignore[arg-type]
    assert as_begun(options, journal, source, pytest.fail) is options
    assert as_begun(options, None, source, pytest.fail) is options


def test_the_options_of_a_complete_import_are_for_the_same_file_alone(
    path: Path, begun: Options, journal: Journal
) -> None:
    journal.note(1, State.REJECTED)
    bare = Options(str(path), resume=True)
    with open_source(str(path)) as source:
        assert as_begun(bare, journal, source, lambda _: None).settings == begun.settings
    path.write_bytes(ROWS + b"c@example.com,3\n")
    with open_source(str(path)) as source:
        assert as_begun(bare, journal, source, pytest.fail) is bare


@pytest.mark.parametrize(
    "options",
    [
        Options("rows.csv", mappings=("a=email", "b=")),
        Options("rows.csv", create_properties=True),
        Options("rows.csv", ignore_unknown=True),
        Options("rows.csv", empty_as_null=True),
    ],
)
def test_every_option_that_a_journal_keeps_is_taken_from_it(options: Options) -> None:
    assert Options("rows.csv").as_begun(options.settings) == options


def test_settings_that_a_hand_wrote_are_not_taken_for_what_they_are_not(path: Path) -> None:
    bare = Options(str(path))
    odd = {"--map": 5, "--create-properties": "yes", "--ignore-unknown": 1, "other": True}
    assert bare.as_begun(odd) == bare
    assert bare.as_begun({}) == bare


def test_other_options_are_refused_with_the_command_that_goes_on(
    path: Path, journal: Journal, header: Header, source: Source
) -> None:
    other = Options(str(path), create_properties=True, concurrency=7, resume=True)
    now = attrs.evolve(header, settings=other.settings)
    with pytest.raises(ImportRefused) as refused:
        check_same(header, now, source, journal, other)
    assert str(refused.value) == (
        "the import was begun with another --map. Begin anew with --restart, or go on with the "
        f"options it had:\n  {going_on(path)}"
    )


def test_an_unfinished_import_is_met_with_the_command_that_goes_on(
    path: Path, header: Header, source: Source
) -> None:
    place = f"{path}.journal"
    journal = Journal.open(place)
    journal.begin(header)
    journal.note(0, State.APPLIED)
    journal.close()
    options = Options(str(path), concurrency=7)
    with (
        pytest.raises(ImportRefused) as refused,
        journal_of(options, place, source, pytest.fail),
    ):
        pytest.fail("it began")
    assert str(refused.value).endswith(
        "1 of 2 rows are done. Begin anew with --restart, or go on with:\n  " + going_on(path)
    )
