"""Reading the rows of an Excel workbook (.xlsx) as text."""

import csv
import io
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import attrs

from loops_async.errors import MissingExtra
from loops_async.importer.csv_format import HEADER_WITHIN, has_identifier
from loops_async.importer.csv_records import Record
from loops_async.importer.errors import FileRefused, quote_name

if TYPE_CHECKING:
    from collections.abc import Collection

    from python_calamine import CalamineSheet, CalamineWorkbook

_MOST_COLUMNS: Final = 1_000

_EXACT_DIGITS: Final = 15
"""Excel keeps no more digits of a number."""


@attrs.frozen(eq=False)
class Sheet:
    """One sheet of a workbook.

    Attributes:
        name: Its name.
        note: Why it was chosen, if there are several.
        cells: Its cells.
    """

    name: str
    note: str = ""
    cells: "CalamineSheet" = attrs.field(kw_only=True, repr=False)

    def records(self) -> Iterator[Record]:
        """Its rows that are not empty, each with the number that Excel shows."""
        for number, row in enumerate(self.cells.iter_rows(), 1):
            cells = [_text(cell) for cell in row]
            if any(cell.strip() for cell in cells):
                yield Record(number, _as_csv(cells), cells)


def open_sheet(
    stream: BinaryIO, name: str, wanted: str | None, mapped: "Collection[str]" = ()
) -> Sheet:
    """The sheet called ``wanted``, or the one with contacts.

    Without a name, that is the only visible sheet with any cells, or else the only one whose
    first rows name an email address or a user id.

    Args:
        stream: The workbook.
        name: What messages call the file.
        wanted: The name of the sheet, or its position, counted from 1.
        mapped: Column names that are known to identify a contact.

    Raises:
        FileRefused: The workbook cannot be read, or the sheet cannot be determined.
        MissingExtra: The package python-calamine is not installed.
    """
    workbook = _open(stream, name)
    from python_calamine import SheetVisibleEnum  # noqa: PLC0415 - optional

    if wanted is not None:
        return Sheet(found := _named(workbook, name, wanted), cells=_sheet(workbook, name, found))
    hidden = {m.name for m in workbook.sheets_metadata if m.visible != SheetVisibleEnum.Visible}
    sheets = {
        title: cells
        for title in workbook.sheet_names
        if title not in hidden and (cells := _sheet(workbook, name, title)).height
    }
    if not sheets:
        raise FileRefused(name, "is empty: no visible sheet of this workbook has any cells")
    note = ""
    if len(sheets) > 1:
        fitting = {t: c for t, c in sheets.items() if _has_contacts(Sheet(t, cells=c), mapped)}
        names = ", ".join(map(quote_name, sheets))
        if len(fitting) != 1:
            raise FileRefused(name, f"has several sheets: {names}; choose one with --sheet NAME")
        sheets = fitting
        note = (
            f"{name} has several sheets: {names}; {quote_name(next(iter(sheets)))} is read, since "
            "only its column names identify contacts. --sheet NAME reads another."
        )
    ((title, cells),) = sheets.items()
    return Sheet(title, note, cells=cells)


def _open(stream: BinaryIO, name: str) -> "CalamineWorkbook":
    try:
        from python_calamine import CalamineError, CalamineWorkbook  # noqa: PLC0415 - optional
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "python_calamine":
            raise
        raise MissingExtra(
            f"{name} is an Excel workbook, which needs the files extra: pip install "
            "'loops-async[files]'; or save it as CSV"
        ) from error
    stream.seek(0)
    try:
        # A copy: the original stays open for whoever opened it.
        return CalamineWorkbook.from_filelike(io.BytesIO(stream.read()))
    except CalamineError as error:
        raise FileRefused(
            name, "is a damaged Excel workbook, or has a password; save it as CSV"
        ) from error


def _sheet(workbook: "CalamineWorkbook", name: str, title: str) -> "CalamineSheet":
    from python_calamine import CalamineError  # noqa: PLC0415 - as above

    try:
        cells = workbook.get_sheet_by_name(title)
    except CalamineError as error:
        problem = f"its sheet {quote_name(title)} cannot be read; save it as CSV"
        raise FileRefused(name, problem) from error
    if cells.total_width > _MOST_COLUMNS:
        # Every row would be that long, for the sake of one stray cell.
        raise FileRefused(
            name,
            f"its sheet {quote_name(title)} has cells beyond column {_MOST_COLUMNS:,}; delete them",
        )
    return cells


def _named(workbook: "CalamineWorkbook", name: str, wanted: str) -> str:
    titles = workbook.sheet_names
    for title in titles:
        if wanted.strip().casefold() == title.strip().casefold():
            return title
    if wanted.isascii() and wanted.isdigit() and 1 <= int(wanted) <= len(titles):
        return titles[int(wanted) - 1]
    names = ", ".join(map(quote_name, titles))
    raise FileRefused(name, f"has no sheet {quote_name(wanted)}; it has {names}")


def _has_contacts(sheet: Sheet, mapped: "Collection[str]") -> bool:
    records = (record for record, _ in zip(sheet.records(), range(HEADER_WITHIN), strict=False))
    return any(has_identifier(record.cells, mapped) for record in records)


def _text(cell: Any) -> str:
    """A cell as text that is read back as the same value."""
    match cell:
        case bool():
            return "true" if cell else "false"
        case int() | float():
            return _number(cell)
        case datetime():
            is_day = cell.time() == time()
            return cell.date().isoformat() if is_day else cell.isoformat(timespec="seconds")
        case date():
            return cell.isoformat()
        case time():
            return cell.isoformat(timespec="seconds")
        case timedelta():
            seconds = round(cell.total_seconds())
            return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        case _:
            return str(cell)


def _number(number: float) -> str:
    if number == int(number) and abs(number) < 10**_EXACT_DIGITS:
        return str(int(number))
    # Longer ones were rounded by Excel; the exponent shows it.
    return format(number, f".{_EXACT_DIGITS}G")


def _as_csv(cells: list[str]) -> str:
    written = io.StringIO(newline="")
    csv.writer(written).writerow(cells)
    return written.getvalue()
