"""What is said of a file beside its rejected rows: who is re-subscribed, and which rows repeat."""

from pathlib import Path

import pytest

from loops_async.cli.columns import Plan, plan_columns
from loops_async.cli.header import Header
from loops_async.cli.journal import Journal, State
from loops_async.cli.repeats import Repeats
from loops_async.cli.resubscribing import tell_resubscribing
from loops_async.cli.source import open_source
from loops_async.cli.talking import Talk
from loops_async.records.contacts import ContactUpdate

ROWS = """\
email,Opt in
a@example.com,true
b@example.com,1
c@example.com,no
nobody,yes
d@example.com,
e@example.com,yes,
f@example.com,perhaps
"""
TO_SUBSCRIBED = {"Opt in": "subscribed"}


def plan(mappings: dict[str, str]) -> Plan:
    return plan_columns(("email", "Opt in"), (), mappings)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text(ROWS)
    return path


def told(path: Path, mappings: dict[str, str], journal: Journal | None = None) -> object:
    talk = Talk("import")
    with open_source(str(path)) as source:
        tell_resubscribing(source, plan(mappings), talk, journal)
    return talk.document["resubscribing"]


def test_rows_that_subscribe_are_counted_and_the_way_out_is_named(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(path, TO_SUBSCRIBED) == 2
    seen = capsys.readouterr()
    assert seen.err == (
        "Note: 2 rows set subscribed to true, which re-subscribes people who have left; "
        '--map "Opt in=" leaves the column out.\n'
    )
    assert seen.out == ""


def test_without_any_nothing_is_said(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(path, {"Opt in": ""}) == 0
    path.write_text("email,Opt in\na@example.com,no\nb@example.com,\n")
    assert told(path, TO_SUBSCRIBED) == 0
    assert capsys.readouterr().err == ""


def test_rows_that_are_over_do_not_count(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal = Journal.open(str(path.with_name("journal")))
    journal.begin(Header("ab" * 32, 7, "cd" * 32, {}, []))
    journal.note(0, State.APPLIED)
    journal.note(1, State.FAILED)
    assert told(path, TO_SUBSCRIBED, journal) == 1
    assert "Note: 1 row sets subscribed to true" in capsys.readouterr().err
    journal.close()


def test_a_row_is_named_with_the_one_before_it_of_the_same_contact() -> None:
    repeats = Repeats()
    assert str(repeats) == ""
    for line, address, user in (
        (2, "ada@example.com", None),
        (3, "bob@example.com", "u1"),
        (4, "ADA@example.com", None),
        (5, "ada@example.com", "u2"),
        (6, "bob@example.net", "u2"),
        (7, "bob@example.com", "u2"),
    ):
        repeats.note(line, ContactUpdate(email=address, user_id=user))
    assert str(repeats) == (
        "4 rows are of a contact that an earlier row has (line 4 after line 2, line 5 after line "
        "4, line 6 after line 5, line 7 after line 6): the later one wins."
    )
    for line in range(8, 12):
        repeats.note(line, ContactUpdate(email="bob@example.net"))
    assert repeats.count == 8
    assert "(line 4 after line 2, " in str(repeats)
    assert str(repeats).endswith("line 8 after line 6, …): the later one wins.")
