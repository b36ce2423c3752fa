"""Excel workbooks: what their cells hold, which sheet, and what is said without the extra."""

import gzip
import io
import sys
import zipfile
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from loops_async.errors import MissingExtra
from loops_async.importer.errors import FileRefused
from loops_async.importer.options import ImportOptions
from loops_async.importer.reading import InputRow, UnreadableRow, open_input
from loops_async.importer.rejects import RejectsFile
from loops_async.importer.type_inference import scan_file
from tests.workbooks import Percent, workbook

HEADER: list[object] = ["email", "x"]


def read(data: bytes, **options: Any) -> list[tuple[int, dict[str, object]]]:
    with open_input("x.xlsx", io.BytesIO(data), ImportOptions(**options)) as source:
        rows = list(source.rows())
    return [(row.line, dict(row.cells)) for row in rows if isinstance(row, InputRow)]


def refusal(data: bytes, **options: Any) -> str:
    with pytest.raises(FileRefused) as caught:
        read(data, **options)
    return str(caught.value)


def cell(value: object) -> object:
    ((_, cells),) = read(workbook({"A": [HEADER, ["a@example.com", value]]}))
    return cells["x"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("01234", "01234"),
        ('text, with "quotes"\nand lines', 'text, with "quotes"\nand lines'),
        (5, "5"),
        (5.0, "5"),
        (12.5, "12.5"),
        (0.1 + 0.2, "0.3"),
        (-3, "-3"),
        (4915112345678, "4915112345678"),
        (1234567890123456789, "1.23456789012346E+18"),
        (True, "true"),
        (False, "false"),
        (Percent(0.12), "0.12"),
        (date(2024, 1, 17), "2024-01-17"),
        (datetime.fromisoformat("2024-01-17T10:21:11"), "2024-01-17T10:21:11"),
        (date(2024, 2, 1), "2024-02-01"),
        (None, ""),
    ],
)
def test_a_cell_is_read_as_it_is_held(value: object, text: str) -> None:
    assert cell(value) == text


def test_the_types_of_columns_are_those_of_their_cells() -> None:
    rows: list[list[object]] = [
        ["email", "seats", "vip", "joined", "zip", "seen"],
        [
            "a@example.com",
            5,
            True,
            date(2024, 1, 2),
            "01234",
            datetime.fromisoformat("2024-01-02T03:04:05"),
        ],
        [
            "b@example.com",
            7.5,
            False,
            date(2024, 3, 4),
            "98765",
            datetime.fromisoformat("2024-01-02"),
        ],
    ]
    with open_input("x.xlsx", io.BytesIO(workbook({"A": rows}))) as source:
        types = {column.name: column.type for column in scan_file(source).columns}
    assert types == {
        "email": "string", "seats": "number", "vip": "boolean", "joined": "date", "zip": "string",
        "seen": "date",
    }  # fmt: skip


def test_rows_have_the_numbers_that_excel_shows() -> None:
    rows: list[list[object]] = [
        ["Members of May"],
        [],
        HEADER,
        ["a@example.com", "1\n2"],
        [],
        ["b@example.com"],
    ]
    found = read(workbook({"A": rows}, first_row=3))
    assert [line for line, _ in found] == [6, 8]
    assert found[0][1] == {"email": "a@example.com", "x": "1\n2"}
    with open_input("x.xlsx", io.BytesIO(workbook({"A": rows}))) as source:
        assert "line 1 stands above the column names on line 3" in source.layout.notes[0]
    assert read(workbook({"A": rows}), header_line=3)[0][0] == 4


def test_the_only_visible_sheet_with_cells_is_read() -> None:
    sheets: dict[str, list[list[object]]] = {
        "Empty": [],
        "People": [HEADER, ["a@example.com", "1"]],
        "Old": [HEADER, ["b@example.com", "2"]],
    }
    assert read(workbook(sheets, hidden=("Old",))) == [(2, {"email": "a@example.com", "x": "1"})]
    assert read(workbook(sheets, hidden=("Old",)), sheet="Old")[0][1]["email"] == "b@example.com"


def test_of_several_sheets_the_one_with_contacts_is_read_and_named() -> None:
    sheets: dict[str, list[list[object]]] = {
        "Summary": [["Total", "2"], ["Made by", "Ada"]],
        "People": [HEADER, ["a@example.com", "1"]],
    }
    data = workbook(sheets)
    assert read(data)[0][1]["email"] == "a@example.com"
    with open_input("x.xlsx", io.BytesIO(data)) as source:
        assert '"People" is read' in source.layout.notes[0]


def test_a_sheet_that_is_not_clear_is_asked_for() -> None:
    sheets: dict[str, list[list[object]]] = {
        "May": [HEADER, ["a@example.com", "1"]],
        "June": [HEADER, ["b@example.com", "2"]],
    }
    message = refusal(workbook(sheets))
    assert '"May", "June"; choose one with --sheet NAME' in message
    assert read(workbook(sheets), sheet="june")[0][1]["email"] == "b@example.com"
    assert read(workbook(sheets), sheet="1")[0][1]["email"] == "a@example.com"
    assert 'no sheet "July"; it has "May", "June"' in refusal(workbook(sheets), sheet="July")


def test_a_workbook_without_cells_is_empty() -> None:
    assert "is empty" in refusal(workbook({"A": []}))


def test_a_file_without_sheets_has_none_to_choose() -> None:
    assert "--sheet" in refusal(b"email\na@example.com\n", sheet="A")


def test_a_workbook_is_known_by_its_bytes() -> None:
    data = workbook({"A": [HEADER, ["a@example.com", "1"]]})
    for content in (data, gzip.compress(data)):
        with open_input("upload.bin", io.BytesIO(content)) as source:
            assert len(list(source.rows())) == 1
            assert len(list(source.rows())) == 1


def test_a_workbook_that_unpacks_to_gigabytes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = workbook({"A": [HEADER, ["a@example.com", "1"]]})
    monkeypatch.setattr("loops_async.importer.file_kind._LARGEST_WORKBOOK", 100)
    assert "too large" in refusal(data)


def test_a_stray_cell_far_to_the_right_is_named() -> None:
    data = workbook({"A": [HEADER, ["a@example.com", "1"]]})
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(written, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b'r="B2"', b'r="XFD2"'))
    assert 'sheet "A" has cells beyond column 1,000' in refusal(written.getvalue())


def test_a_workbook_with_damaged_bytes_is_refused_or_read() -> None:
    whole = workbook({"A": [HEADER, ["a@example.com", "1"]]})
    for place in range(0, len(whole), 7):
        damaged = whole[:place] + b"\xf1" + whole[place + 1 :]
        with suppress(FileRefused):
            read(damaged)


def test_a_damaged_workbook_is_refused() -> None:
    data = workbook({"A": [HEADER, ["a@example.com", "1"]]})
    assert "damaged" in refusal(data[:-40])
    broken = io.BytesIO()
    with zipfile.ZipFile(broken, "w") as archive:
        archive.writestr("xl/workbook.xml", "<nonsense")
    assert "damaged" in refusal(broken.getvalue())


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("xl/workbook.bin", ".xlsb"),
        ("content.xml", ".ods"),
        ("Index/Document.iwa", "Numbers"),
        ("contacts.csv", "unpack it"),
    ],
)
def test_other_zip_files_are_named(name: str, says: str) -> None:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr(name, "x")
    assert says in refusal(written.getvalue())


def test_without_the_extra_the_message_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(MissingExtra, match=r"pip install 'loops-async\[files\]'"):
        read(workbook({"A": [HEADER]}))
    monkeypatch.setitem(sys.modules, "charset_normalizer", None)
    with pytest.raises(FileRefused, match=r"pip install 'loops-async\[files\]'"):
        read("email,name\na@example.com,Żak\n".encode("cp1250"))


def test_rejected_rows_of_a_workbook_are_csv(tmp_path: Path) -> None:
    rows: list[list[object]] = [["Title"], ["email", "joined"], ["nobody", date(2024, 1, 17)]]
    path = str(tmp_path / "x.rejected.csv")
    with open_input("x.xlsx", io.BytesIO(workbook({"A": rows}))) as source:
        rejects = RejectsFile(path, source)
        (row,) = source.rows()
        rejects.add(row, "has no @")
        rejects.close()
    written = Path(path).read_bytes().decode()
    assert written == "\ufeffloops_error,email,joined\r\nhas no @,nobody,2024-01-17\r\n"
    with open_input(path, options=ImportOptions(encoding="cp1252")) as source:
        (again,) = source.rows()
        assert not isinstance(again, UnreadableRow)
        assert again.cells["email"] == "nobody"
