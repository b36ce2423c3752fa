"""What a file is, by its first bytes: CSV, JSON Lines, a workbook, or something to refuse."""

import gzip
import re
import shutil
import tempfile
import zipfile
import zlib
from contextlib import ExitStack
from typing import BinaryIO, Final, Literal, cast

from loops_async.importer.errors import FileRefused

_LARGEST_WORKBOOK: Final = 1024**3
_SPOOL_IN_MEMORY: Final = 4 * 1024 * 1024
_JSON_ENDINGS: Final = (".jsonl", ".ndjson")
_ZIP: Final = b"PK\x03\x04"
_GZIP: Final = b"\x1f\x8b"
_BEGINNING: Final = 64 * 1024
_SAVE_AS_CSV: Final = "open it in your spreadsheet and save it as .xlsx or as CSV"
_NOT_TEXT: Final = (
    (b"\xd0\xcf\x11\xe0", "is an Excel workbook of the old format (.xls), or one with a password"),
    (b"%PDF", "is a PDF document"),
    (b"BZh", "is compressed with bzip2; unpack it"),
    (b"\xfd7zXZ", "is compressed with xz; unpack it"),
    (b"\x28\xb5\x2f\xfd", "is compressed with zstd; unpack it"),
    (b"7z\xbc\xaf", "is a 7z archive; unpack it"),
    (b"PAR1", "is a Parquet file; write it as CSV"),
    (b"SQLite format 3", "is an SQLite database; export the table as CSV"),
)
_WEB_PAGE: Final = re.compile(
    r"<(?:!doctype html|html|head|body|meta|style|table|div)\b", re.IGNORECASE
)


def decompressed(stream: BinaryIO, name: str, opened: ExitStack) -> BinaryIO:
    """``stream``, or a copy without its gzip compression that ``opened`` closes.

    Raises:
        FileRefused: It cannot be decompressed.
    """
    stream.seek(0)
    if stream.read(len(_GZIP)) != _GZIP:
        return stream
    stream.seek(0)
    spool = tempfile.SpooledTemporaryFile(_SPOOL_IN_MEMORY)  # noqa: SIM115 - on the stack
    opened.enter_context(spool)
    try:
        with gzip.open(stream) as compressed:
            shutil.copyfileobj(compressed, spool)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        problem = "is a damaged or incomplete gzip file; compress it again"
        raise FileRefused(name, problem) from error
    return cast(BinaryIO, spool)


def detect_form(path: str, name: str, content: BinaryIO) -> Literal["csv", "jsonl"]:
    """Whether it is JSON Lines; workbooks count as CSV.

    Raises:
        FileRefused: It is neither; the message says what it is.
    """
    content.seek(0)
    begins = content.read(_BEGINNING)
    for magic, what in _NOT_TEXT:
        if begins.startswith(magic):
            raise FileRefused(name, what if ";" in what else f"{what}; {_SAVE_AS_CSV}")
    if begins.startswith(_ZIP):
        _check_workbook(name, content)
        return "csv"
    # Enough for the first character, whatever the encoding.
    text = begins.decode("ascii", "ignore").replace("\0", "").lstrip()
    if _WEB_PAGE.match(text):
        raise FileRefused(
            name, f"is a web page with a table, not a workbook or CSV; {_SAVE_AS_CSV}"
        )
    if text.startswith("<?xml"):
        raise FileRefused(name, f"is an XML document; {_SAVE_AS_CSV}")
    if text.upper().startswith("BEGIN:VCARD"):
        raise FileRefused(name, "is a file of vCards; export the contacts as CSV")
    first = text.splitlines()[0].rstrip() if text else ""
    json_lines = path.lower().removesuffix(".gz").endswith(_JSON_ENDINGS)
    if first.startswith("[") and (json_lines or first[1:].lstrip()[:1] in ("", "{")):
        raise FileRefused(
            name, "is one JSON array; write one object a line instead (jq -c '.[]' does)"
        )
    if first == "{":
        raise FileRefused(
            name, "is JSON over several lines; write one object a line instead (jq -c . does)"
        )
    return "jsonl" if json_lines or first.startswith("{") else "csv"


def _check_workbook(name: str, content: BinaryIO) -> None:
    try:
        with zipfile.ZipFile(content) as archive:
            names = archive.namelist()
            size = sum(part.file_size for part in archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise FileRefused(
            name, "is a damaged or incomplete Excel workbook (or another zip file); save it as CSV"
        ) from error
    if "xl/workbook.xml" in names:
        if size > _LARGEST_WORKBOOK:
            # It is read into memory, and a few kilobytes can unpack to any size.
            raise FileRefused(name, "is too large for a workbook; save it as CSV")
        return
    if any(one.startswith("xl/") for one in names):
        raise FileRefused(name, f"is a binary Excel workbook (.xlsb); {_SAVE_AS_CSV}")
    if "content.xml" in names:
        raise FileRefused(name, f"is an OpenDocument file (.ods); {_SAVE_AS_CSV}")
    if any(one.endswith(".iwa") for one in names):
        raise FileRefused(name, "is a Numbers document; export it as .xlsx or as CSV")
    raise FileRefused(name, "is a zip file, not an Excel workbook; unpack it and import the file "
                      "inside")  # fmt: skip


def is_workbook(content: BinaryIO) -> bool:
    """Whether a file that ``detect_form`` accepted is an Excel workbook."""
    content.seek(0)
    return content.read(len(_ZIP)) == _ZIP
