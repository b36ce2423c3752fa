"""What is said of a file beside its rejected rows: who is re-subscribed, and which rows repeat."""

from pathlib import Path

import pytest

from loops_async.importer.journal import ImportJournal, JournalHeader, RowState
from loops_async.importer.mapping import Account, ColumnPlan, plan_columns
from loops_async.importer.reading import open_input
from loops_async.importer.warnings import (
    RepeatedContacts,
    count_resubscribing,
    resubscribing_notice,
)
from loops_async.records.contacts import ContactUpdate

ROWS = """\
email,Opt in
a@example.com,true
b@example.com,1
c@example.com,no
nobody,yes
d@example.com,
e@example.com,yes,x
f@example.com,perhaps
"""
TO_SUBSCRIBED = {"Opt in": "subscribed"}


def plan(mappings: dict[str, str]) -> ColumnPlan:
    return plan_columns(("email", "Opt in"), Account(), mappings)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text(ROWS)
    return path


def counted(path: Path, mappings: dict[str, str], journal: ImportJournal | None = None) -> int:
    with open_input(str(path)) as source:
        return count_resubscribing(source, plan(mappings).columns, journal)


def test_rows_that_subscribe_are_counted_and_the_way_out_is_named(path: Path) -> None:
    assert counted(path, TO_SUBSCRIBED) == 2
    assert resubscribing_notice(2, plan(TO_SUBSCRIBED).columns).message == (
        "Note: 2 rows set subscribed to true, which re-subscribes people who have unsubscribed; "
        '--map "Opt in=" leaves the column out.'
    )
    message = resubscribing_notice(1, plan(TO_SUBSCRIBED).columns).message
    assert message.startswith("Note: 1 row sets subscribed to true")


def test_without_any_nothing_is_said(path: Path) -> None:
    assert counted(path, {"Opt in": ""}) == 0
    path.write_text("email,Opt in\na@example.com,no\nb@example.com,\n")
    assert counted(path, TO_SUBSCRIBED) == 0


def test_rows_that_are_over_do_not_count(path: Path) -> None:
    journal = ImportJournal.open(str(path.with_name("journal")))
    journal.begin(JournalHeader("ab" * 32, 7, "cd" * 32, {}, []))
    journal.note(0, RowState.APPLIED)
    journal.note(1, RowState.FAILED)
    assert counted(path, TO_SUBSCRIBED, journal) == 1
    journal.close()


def test_a_row_is_named_with_the_one_before_it_of_the_same_contact() -> None:
    repeats = RepeatedContacts()
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
        "4 rows have the same contact as an earlier row (line 4 after line 2, line 5 after line "
        "4, line 6 after line 5, line 7 after line 6); the later row wins."
    )
    for line in range(8, 12):
        repeats.note(line, ContactUpdate(email="bob@example.net"))
    assert repeats.count == 8
    assert "(line 4 after line 2, " in str(repeats)
    assert str(repeats).endswith("line 8 after line 6, …); the later row wins.")
