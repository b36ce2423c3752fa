"""Which rejected rows are of contacts that later rows have updated."""

import pytest

from loops_async.importer import warnings
from loops_async.importer.mapping import Account, plan_columns
from loops_async.importer.reading import InputRow, UnreadableRow
from loops_async.importer.warnings import OvertakenRows

COLUMNS = plan_columns(["email", "userId"], Account(), {}).columns


def row(line: int, email: str = "", user: object = "") -> InputRow:
    return InputRow(line, {"email": email, "userId": user}, "")


def test_a_later_row_of_the_contact_is_told_by_either_name_and_once() -> None:
    found = OvertakenRows()
    found.rejected(row(2, " Ada@example.com ", "u1"), COLUMNS)
    found.rejected(row(3, "bob@example.com"), COLUMNS)
    found.applied(row(5, "ada@example.com"), COLUMNS)
    found.applied(row(6, user="u1"), COLUMNS)
    assert (found.count, found.first) == (1, [(2, 5)])
    assert str(found).endswith("would undo that update: line 2 by line 5")
    assert "@" not in repr(found)


def test_an_earlier_row_that_is_told_of_later_undoes_nothing() -> None:
    found = OvertakenRows()
    found.rejected(row(7, "ada@example.com"), COLUMNS)
    found.applied(row(3, "ada@example.com"), COLUMNS)
    assert (found.count, str(found)) == (0, "")
    found.applied(row(9, "ada@example.com"), COLUMNS)
    assert found.first == [(7, 9)]


def test_a_row_that_nobody_can_read_is_not_looked_out_for() -> None:
    found = OvertakenRows()
    found.rejected(UnreadableRow(2, "has 1 cell", "ada@example.com"), COLUMNS)
    found.rejected(row(3), COLUMNS)
    found.applied(row(4), COLUMNS)
    assert not found.count


def test_no_more_than_so_many_are_remembered_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warnings, "MOST_KEPT", 30)
    found = OvertakenRows()
    for line in range(2, 42):
        found.rejected(row(line, user=line), COLUMNS)
    for line in range(2, 42):
        found.applied(row(100 + line, user=line), COLUMNS)
    assert (found.count, len(found.first)) == (30, 20)
    assert str(found).startswith("30 rejected rows belong to contacts")
    assert str(found).endswith("line 21 by line 121, …")
