"""The export that ships in the package is the demo's input: what it holds is a promise."""

from collections import Counter
from importlib.resources import as_file, files

import pytest

from loops_async.importer.errors import RowRefused
from loops_async.importer.mapping import Account, ColumnPlan, plan_columns
from loops_async.importer.planning import adopt, propose
from loops_async.importer.reading import InputRow, open_input
from loops_async.importer.row_to_contact import contact_fields
from loops_async.importer.type_inference import FileScan, scan_file

SAMPLE = files("loops_async.cli") / "sample" / "contacts.csv"


@pytest.fixture(scope="module")
def read() -> tuple[FileScan, ColumnPlan, list[InputRow]]:
    with as_file(SAMPLE) as path, open_input(str(path)) as source:
        found = scan_file(source)
        plan = plan_columns(found.headers, Account(), {})
        plan = adopt(plan, propose(plan, found, Account())[1])
        return found, plan, [row for row in source.rows() if isinstance(row, InputRow)]


def test_the_sample_is_utf_8_with_a_byte_order_mark() -> None:
    assert SAMPLE.read_bytes().startswith(b"\xef\xbb\xbf")


def test_the_sample_has_three_hundred_readable_rows_of_typed_columns(
    read: tuple[FileScan, ColumnPlan, list[InputRow]],
) -> None:
    found, _, rows = read
    assert (found.readable, found.unreadable, len(rows)) == (300, 0, 300)
    assert {column.name: column.type for column in found.columns} == {
        "Email Address": "string",
        "First Name": "string",
        "Last Name": "string",
        "Company": "string",
        "User ID": "string",
        "VIP": "boolean",
        "Signup Source": "string",
        "MEMBER_RATING": "number",
        "OPTIN_TIME": "date",
        "CONFIRM_TIME": "date",
        "LAST_CHANGED": "date",
        "LEID": "number",
        "NOTES": "string",
        "Tags": "string",
    }


def test_one_row_is_no_contact_to_anybody_and_one_only_to_loops(
    read: tuple[FileScan, ColumnPlan, list[InputRow]],
) -> None:
    _, plan, rows = read
    refused, sent = [], []
    for row in rows:
        try:
            sent.append(contact_fields(row, plan.columns))
        except RowRefused as error:
            refused.append((error.line, error.reason))
    ((line, reason),) = refused
    assert line == 81
    assert "no @" in reason
    assert [f["email"] for f in sent if len(str(f["email"]).rpartition(".")[2]) == 1] == [
        "linus@example.c"
    ]


def test_the_samples_addresses_repeat_as_real_ones_do(
    read: tuple[FileScan, ColumnPlan, list[InputRow]],
) -> None:
    addresses = [str(row.cells["Email Address"]).strip() for row in read[2]]
    repeated = {a: n for a, n in Counter(addresses).items() if n > 1}
    assert repeated == {
        "ada.lovelace@example.com": 3,
        "amara.maric@example.net": 2,
        "linus.kuznetsova@example.com": 2,
    }
    assert len(set(addresses)) == 296
    assert len({address.casefold() for address in addresses}) == 295
    assert any("+" in address for address in addresses)


def test_the_sample_has_the_names_and_cells_that_break_careless_readers(
    read: tuple[FileScan, ColumnPlan, list[InputRow]],
) -> None:
    cells = {str(cell) for row in read[2] for cell in row.cells.values()}
    assert {"Zoë", "O'Brien", "李小龙", ""} <= cells
    assert any("," in cell for cell in cells)
    assert any("\n" in cell for cell in cells)
    assert max(map(len, cells)) <= 500


def test_the_samples_addresses_belong_to_nobody(
    read: tuple[FileScan, ColumnPlan, list[InputRow]],
) -> None:
    domains = {
        str(row.cells["Email Address"]).strip().lower().rpartition("@")[2] for row in read[2]
    }
    assert domains == {
        "example.com",
        "example.org",
        "example.net",
        "example.c",
        "grace.example.com",
    }
