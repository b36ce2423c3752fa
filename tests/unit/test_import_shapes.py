"""The same 1,000 people in the shapes that other programs write give the same contacts."""

import csv
import gzip
import io
import json
from collections.abc import Callable
from datetime import date, timedelta

import pytest

from loops_async.importer.mapping import Account
from loops_async.importer.options import ImportOptions
from loops_async.importer.planning import plan_import
from loops_async.importer.reading import open_input
from loops_async.importer.row_to_contact import row_to_contact
from loops_async.importer.type_inference import scan_file
from loops_async.records.contacts import ContactUpdate
from tests.workbooks import workbook

HEADER = ["Email", "First Name", "seats", "vip", "joined", "zip"]
NAMES = ["Zoë", "Müller", "Ada", "François", "José", "Anna-Lena", 'Al "Ace", B.', "Two\nlines"]
PEOPLE: list[list[object]] = [
    [
        f"p{i}@example.com",
        NAMES[i % len(NAMES)],
        i * 3,
        i % 2 == 0,
        date(2024, 1, 1) + timedelta(days=i % 300),
        f"{i:05}",
    ]
    for i in range(1_000)
]


def text(delimiter: str = ",", *, end: str = "\r\n") -> str:
    written = io.StringIO(newline="")
    # csv quotes a cell for the line end that it writes itself, not for others.
    writer = csv.writer(
        written,
        delimiter=delimiter,
        lineterminator=end,
        quoting=csv.QUOTE_ALL if end == "\r" else csv.QUOTE_MINIMAL,
    )
    writer.writerow(HEADER)
    writer.writerows([cell if cell is not True else "true" for cell in p] for p in PEOPLE)
    return written.getvalue()


def with_blanks() -> str:
    rows: list[list[object]] = [[*HEADER], *PEOPLE]
    doubled = [[str(cell).replace('"', '""') for cell in row] for row in rows]
    return "\n".join(", ".join(f'"{cell}"' for cell in row) for row in doubled) + "\n"


def json_lines() -> str:
    return "".join(
        json.dumps(dict(zip(HEADER, p, strict=True)), default=str) + "\n" for p in PEOPLE
    )


SHAPES: dict[str, Callable[[], bytes]] = {
    "commas": lambda: text().encode(),
    "semicolons in Windows-1252": lambda: text(";").encode("cp1252"),
    "tabs in UTF-16, as Excel's Unicode text": lambda: text("\t").encode("utf-16"),
    "vertical bars": lambda: text("|").encode(),
    "semicolons with a byte order mark": lambda: text(";").encode("utf-8-sig"),
    "sep=": lambda: b"sep=^\r\n" + text("^").encode(),
    "a title above": lambda: b"Members\r\nas of 1 May\r\n\r\n" + text().encode(),
    "trailing commas": lambda: text().replace("\r\n", ",,\r\n").encode(),
    "blanks after commas": lambda: with_blanks().encode(),
    "gzip": lambda: gzip.compress(text().encode()),
    "JSON Lines": lambda: json_lines().encode(),
    "line ends of old Macs": lambda: text(end="\r").encode(),
    "two columns of one name": lambda: "\n".join(
        f"{line},{'Note' if number == 0 else ''},{'Note' if number == 0 else ''}"
        for number, line in enumerate(text(end="\n").replace("Two\nlines", "Two lines").split("\n"))
        if line
    ).replace("Two lines", "Two\nlines").encode(),
    "a workbook": lambda: workbook(
        {"Notes": [["hello"]], "Members": [["Members"], [], [*HEADER], *PEOPLE]}
    ),
}  # fmt: skip


def contacts(content: bytes, name: str) -> tuple[dict[str, str], list[ContactUpdate]]:
    options = ImportOptions(create_properties=True)
    with open_input(name, io.BytesIO(content), options) as source:
        plan = plan_import(scan_file(source), Account(), options)
        assert plan.objection is None
        types = {new.key: str(new.type) for new in plan.new_properties}
        return types, [row_to_contact(row, plan.columns) for row in source.rows()]


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_gives_the_same_contacts(shape: str) -> None:
    content = SHAPES[shape]()
    types, found = contacts(content, "people.jsonl" if "JSON" in shape else "people.csv")
    expected_types, expected = contacts(SHAPES["commas"](), "people.csv")
    assert types == expected_types == {
        "seats": "number", "vip": "boolean", "joined": "date", "zip": "string",
    }  # fmt: skip
    assert len(found) == 1_000
    assert found == expected
