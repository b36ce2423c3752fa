"""One file of 1,000 rows in the shapes that people have: each gives the same contacts."""

import gzip
import io
import zipfile
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import orjson
import pytest

from loops_async import LoopsClient
from loops_async.importer import ImportOptions, import_file
from loops_async.sandbox import Sandbox, StoredProperty

pytestmark = pytest.mark.long

ROWS = 1_000
NAMES = ("Zoë", "José", "Jürgen", "Ana", "Søren", "Anaïs", "Ada", "Íñigo")
BEGAN = date(2023, 1, 13)  # the 13th: no day first or month first is open


def people() -> list[tuple[str, str, str, date, float, bool]]:
    return [
        (
            f"user{n}@example.com", NAMES[n % 8], f"Nr. {n}", BEGAN + timedelta(days=n),
            n * 1.25, n % 3 == 0,
        )
        for n in range(ROWS)
    ]  # fmt: skip


HEADERS = ("Email", "First Name", "Last Name", "Joined", "Spent", "Vip")


def text(
    *,
    headers: tuple[str, ...] = HEADERS,
    delimiter: str = ",",
    day: Callable[[date], str] = date.isoformat,
    number: Callable[[float], str] = str,
    words: tuple[str, str] = ("true", "false"),
    above: str = "",
    blank: str = "",
    end: str = "\n",
) -> str:
    lines = [delimiter.join(headers)]
    for email, first, last, joined, spent, vip in people():
        cells = [email, first, last, day(joined), number(spent), words[not vip]]
        cells = [f'"{cell}"' if delimiter in cell else cell for cell in cells]
        lines.append((delimiter + blank).join(cells))
    return above + end.join(lines) + end


def with_comma(number: float) -> str:
    return str(number).replace(".", ",")


def dotted(day: date) -> str:
    return f"{day.day}.{day.month}.{day.year}"


def named(day: date) -> str:
    months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    return f"{day.day} {months[day.month - 1]} {day.year}"


def month_first(day: date) -> str:
    return f"{day.month:02}/{day.day:02}/{day.year}"


def json_lines() -> str:
    return "".join(
        orjson.dumps(
            {
                "email": email, "firstName": first, "lastName": last, "joined": joined,
                "spent": spent, "vip": vip,
            }
        ).decode() + "\n"
        for email, first, last, joined, spent, vip in people()
    )  # fmt: skip


def workbook() -> bytes:
    """An .xlsx file, with dates and numbers as Excel stores them."""

    def cell(value: object) -> str:
        if isinstance(value, bool):
            return f'<c t="b"><v>{int(value)}</v></c>'
        if isinstance(value, date):
            return f'<c s="1"><v>{(value - date(1899, 12, 30)).days}</v></c>'
        if isinstance(value, float):
            return f"<c><v>{value}</v></c>"
        return f'<c t="inlineStr"><is><t>{escape(str(value))}</t></is></c>'

    rows: list[tuple[Any, ...]] = [HEADERS, *people()]
    sheet = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows)
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types">'
        '<Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{kind}.styles+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kind}.worksheet+xml"/>'
        "</Types>",
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
        f'Type="{relations}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="r1" Type="{relations}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="r2" Type="{relations}/styles" Target="styles.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{relations}"><sheets>'
        '<sheet name="People" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/styles.xml": f'<styleSheet xmlns="{main}"><cellXfs count="2"><xf numFmtId="0"/>'
        '<xf numFmtId="14" applyNumberFormat="1"/></cellXfs></styleSheet>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{sheet}</sheetData>'
        "</worksheet>",
    }
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return written.getvalue()


GERMAN = ("E-Mail-Adresse", "Vorname", "Nachname", "Joined", "Spent", "Vip")
FRENCH = ("Adresse e-mail", "Prénom", "Nom", "Joined", "Spent", "Vip")
SPANISH = ("Correo electrónico", "Nombre", "Apellidos", "Joined", "Spent", "Vip")

SHAPES: dict[str, tuple[str, bytes]] = {
    "plain CSV": ("people.csv", text().encode()),
    "semicolons, decimal commas, German": (
        "people.csv",
        text(
            headers=GERMAN, delimiter=";", day=dotted, number=with_comma, words=("WAHR", "FALSCH")
        ).encode("utf-8-sig"),
    ),
    "tabs in UTF-16, as Excel's Unicode text": (
        "people.txt", text(delimiter="\t", day=month_first).encode("utf-16")
    ),
    "French in Windows-1252": (
        "people.csv",
        text(headers=FRENCH, delimiter=";", number=with_comma, words=("oui", "non")).encode(
            "cp1252"
        ),
    ),
    "Spanish, words for dates": (
        "people.csv", text(headers=SPANISH, day=named, words=("si", "no")).encode()
    ),
    "blanks after the delimiter, CRLF": (
        "people.csv", text(blank=" ", end="\r\n", words=("yes", "no")).encode()
    ),
    "sep= and pipes": ("people.csv", text(delimiter="|", above="sep=|\n").encode()),
    "lines above the header": (
        "people.csv", text(above="Export of 2026-11-28\nMy Company\n\n").encode()
    ),
    "gzip": ("people.csv.gz", gzip.compress(text(day=named).encode())),
    "JSON Lines": ("people.jsonl", json_lines().encode()),
    "a workbook": ("people.xlsx", workbook()),
    "every name in capitals": (
        "people.csv",
        text(headers=("EMAIL", "FIRST_NAME", "LAST_NAME", "JOINED", "SPENT", "VIP")).encode(),
    ),
}  # fmt: skip


def test_there_are_twelve() -> None:
    assert len(SHAPES) == 12


OPTIONS = {"French in Windows-1252": ImportOptions(encoding="cp1252")}
"""The encoding is guessed too, and named; it takes effect if it is confirmed."""


async def imported(path: Path, options: ImportOptions) -> dict[str, Any]:
    properties = (
        StoredProperty("joined", "date"),
        StoredProperty("spent", "number"),
        StoredProperty("vip", "boolean"),
    )
    async with (
        Sandbox(rate=10_000, properties=properties) as sandbox,
        LoopsClient(sandbox.api_key, base_url=sandbox.url) as loops,
    ):
        report = await import_file(loops, path, options)
        assert report.complete, report.as_dict()
        return {
            email: (contact.first_name, contact.last_name, dict(contact.properties))
            for email, contact in sandbox.contacts.items()
        }


@pytest.mark.parametrize("shape", SHAPES)
async def test_every_shape_gives_the_same_contacts(tmp_path: Path, shape: str) -> None:
    name, content = SHAPES[shape]
    path = tmp_path / name
    path.write_bytes(content)
    contacts = await imported(path, OPTIONS.get(shape, ImportOptions()))
    assert len(contacts) == ROWS
    for email, first, last, joined, spent, vip in people():
        assert contacts[email] == (
            first, last, {"joined": f"{joined}T00:00:00.000Z", "spent": spent, "vip": vip}
        )  # fmt: skip
