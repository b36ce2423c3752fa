"""Excel workbooks for tests, written by hand."""

import io
import zipfile
from datetime import date, datetime, time, timedelta
from typing import Final
from xml.sax.saxutils import escape

_ROOT: Final = "http://schemas.openxmlformats.org"
_STYLES: Final = (
    f'<styleSheet xmlns="{_ROOT}/spreadsheetml/2006/main"><numFmts count="1">'
    '<numFmt numFmtId="170" formatCode="yyyy-mm-dd hh:mm:ss"/></numFmts><fonts count="1"><font/>'
    '</fonts><fills count="1"><fill/></fills><borders count="1"><border/></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0"/></cellStyleXfs><cellXfs count="4">'
    '<xf numFmtId="0"/><xf numFmtId="14" applyNumberFormat="1"/>'
    '<xf numFmtId="170" applyNumberFormat="1"/><xf numFmtId="9" applyNumberFormat="1"/>'
    "</cellXfs></styleSheet>"
)
_EPOCH: Final = date(1899, 12, 30)


class Percent(float):
    """A number that is shown as a percentage."""


def workbook(
    sheets: dict[str, list[list[object]]], hidden: tuple[str, ...] = (), first_row: int = 1
) -> bytes:
    """The bytes of an .xlsx file."""
    written = io.BytesIO()
    numbered = list(enumerate(sheets.items(), 1))
    relation = f"{_ROOT}/officeDocument/2006/relationships"
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{_ROOT}/package/2006/content-types">'
            '<Default Extension="xml" ContentType="application/xml"/></Types>',
        )
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{_ROOT}/package/2006/relationships"><Relationship Id="r1" '
            f'Type="{relation}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{_ROOT}/package/2006/relationships">'
            + "".join(
                f'<Relationship Id="s{n}" Type="{relation}/worksheet" '
                f'Target="worksheets/sheet{n}.xml"/>'
                for n, _ in numbered
            )
            + f'<Relationship Id="st" Type="{relation}/styles" Target="styles.xml"/>'
            "</Relationships>",
        )
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{_ROOT}/spreadsheetml/2006/main" xmlns:r="{relation}"><sheets>'
            + "".join(
                f'<sheet name="{escape(title)}" sheetId="{n}" r:id="s{n}"'
                + (' state="hidden"/>' if title in hidden else "/>")
                for n, (title, _) in numbered
            )
            + "</sheets></workbook>",
        )
        archive.writestr("xl/styles.xml", _STYLES)
        for n, (_, rows) in numbered:
            body = "".join(
                f'<row r="{r}">' + "".join(_cell(f"{chr(64 + c)}{r}", v) for c, v in
                                           enumerate(row, 1)) + "</row>"
                for r, row in enumerate(rows, first_row)
            )  # fmt: skip
            archive.writestr(
                f"xl/worksheets/sheet{n}.xml",
                f'<worksheet xmlns="{_ROOT}/spreadsheetml/2006/main"><sheetData>{body}'
                "</sheetData></worksheet>",
            )
    return written.getvalue()


def _cell(place: str, value: object) -> str:
    style = 0
    match value:
        case None:
            return ""
        case bool():
            return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
        case Percent():
            style = 3
        case datetime():
            since = value - datetime.combine(value.date(), time())
            value, style = (value.date() - _EPOCH).days + since / timedelta(days=1), 2
        case date():
            value, style = (value - _EPOCH).days, 1
        case str():
            text = escape(value)
            return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'
        case _:
            pass
    return f'<c r="{place}" s="{style}"><v>{value!r}</v></c>'
