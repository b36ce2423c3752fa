"""The file of rejected rows: in the input's own shape, and read again once it is mended."""

import codecs
import csv
import io
from pathlib import Path

import pytest

from loops_async.importer.mapping import Account, plan_columns
from loops_async.importer.reading import AnyRow, InputRow, open_input
from loops_async.importer.rejects import RejectsFile
from loops_async.importer.type_inference import scan_file

REASON = 'column "a" is\n"wrong", it seems'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rejected"


def rejected(content: bytes, path: Path, name: str = "-", reason: str = REASON) -> bytes:
    """What is written when every row of ``content`` is rejected."""
    with open_input(name, io.BytesIO(content)) as source:
        rejects = RejectsFile(str(path), source)
        rejects.begin(None)
        for reading in source.rows():
            rejects.add(reading, reason)
        rejects.close()
    return path.read_bytes()


def readings(content: bytes) -> list[AnyRow]:
    with open_input("-", io.BytesIO(content)) as source:
        return list(source.rows())


def cells(content: bytes) -> list[dict[str, object]]:
    """The rows as an import sees them, without the reasons."""
    return [
        {name: cell for name, cell in reading.cells.items() if name != "loops_error"}
        for reading in readings(content)
        if isinstance(reading, InputRow)
    ]


CSV = [
    b"email,name\na@example.com,Ada\n",
    b"email;name\r\na@example.com;Ada\r\n",
    b"email\tname\ra@example.com\tAda\r",
    b"sep=|\nemail|name\na@example.com|Ada\n",
    b'sep=;\n"e,mail";name\na@example.com;Ada\n',
    b'email,"the\nname"\na@example.com,"A ""da"", of\r\nL"\n',
    b"email,name\na@example.com,Ada",
    b"email\na@example.com\n",
    b"email,name,\na@example.com,Ada,\n",
]


@pytest.mark.parametrize("content", CSV)
def test_csv_keeps_its_shape_and_gets_one_column(content: bytes, path: Path) -> None:
    written = rejected(content, path)
    assert cells(written) == cells(content)
    assert [next(iter(r.cells.values())) for r in readings(written) if isinstance(r, InputRow)] == [
        " ".join(REASON.split())
    ]
    # Each row as it stands, with the reason before it.
    text = readings(content)[0].text.rstrip("\r\n").encode()
    assert text in written


@pytest.mark.parametrize("content", CSV)
def test_rejected_a_second_time_it_has_the_new_reason_alone(content: bytes, path: Path) -> None:
    once = rejected(content, path, reason="the old one")
    twice = rejected(once, path, reason="the new one")
    assert twice == rejected(content, path, reason="the new one")


@pytest.mark.parametrize(
    ("content", "mark"),
    [
        (codecs.BOM_UTF8 + "email,name\na@example.com,Zoë\n".encode(), codecs.BOM_UTF8),
        ("email\tname\r\na@example.com\tZoë\r\n".encode("utf-16"), codecs.BOM_UTF8),
        ("email,name\na@example.com,Zoë\n".encode(), b""),
    ],
)
def test_it_is_utf_8_with_a_mark_where_the_input_has_one(
    content: bytes, mark: bytes, path: Path
) -> None:
    written = rejected(content, path)
    assert written.startswith(mark + b"loops_error")
    assert cells(written) == cells(content)


@pytest.mark.parametrize(
    "row",
    [b"a@example.com,b,c", b'a@example.com,"x"y"', b'"a@example.com","x\ny"z'],
)
def test_a_row_that_could_not_be_cut_is_rejected_until_it_is_mended(row: bytes, path: Path) -> None:
    content = b"email,name\n" + row + b"\nb@example.com,Bob\n"
    for _ in range(3):
        written = rejected(content, path)
        assert not any(isinstance(r, InputRow) and r.cells["email"] == "a@example.com"
                       for r in readings(written))  # fmt: skip
        assert row in written
        content = written
    mended = written.replace(row, b"a@example.com,Ada", 1)
    assert {"email": "a@example.com", "name": "Ada"} in cells(mended)


@pytest.mark.parametrize("row", [b"a@example.com", b"a@example.com,b,c,d", b'a@example.com,"x"y"'])
def test_the_reason_is_the_first_cell_whatever_number_of_cells_the_row_has(
    row: bytes, path: Path
) -> None:
    written = rejected(b"email,name\n" + row + b"\n", path, reason="why").decode()
    assert [line.split(",")[0] for line in written.splitlines()] == ["loops_error", "why"]
    assert written.endswith(f"why,{row.decode()}\n")


@pytest.mark.parametrize(
    ("line", "written"),
    [
        (b'{"email": "a@x.y"}', b'{"email": "a@x.y","loops_error":"why"}'),
        (b'{"n": 12345678901234567890123}', b'{"n": 12345678901234567890123,"loops_error":"why"}'),
        (b'{"n": 1, "loops_error":"old"}', None),
        (b'{"n": 1,"loops_error":"old"}', b'{"n": 1,"loops_error":"why"}'),
        (b"nonsense", b'{"loops_error":"why"}\nnonsense'),
        (b"[1]", b'{"loops_error":"why"}\n[1]'),
    ],
)
def test_json_lines_get_one_key(line: bytes, written: bytes | None, path: Path) -> None:
    first = b'{"email": "z@example.com"}\n'
    got = rejected(first + line + b"\n", path, reason="why")
    last = got.split(b"\n", 1)[1].rstrip(b"\n")
    if written is not None:
        assert last == written
    assert cells(got) == cells(first + line)


def test_reasons_without_a_row_are_passed_over(path: Path) -> None:
    content = b'{"loops_error":"why"}\n{"email": "a@example.com"}\n'
    assert cells(content) == [{"email": "a@example.com"}]


def test_its_column_is_left_out_unless_it_is_mapped() -> None:
    plan = plan_columns(["email", "loops_error"], Account(), {})
    assert plan.left_out == ("loops_error",)
    assert not plan.unknown
    mapped = plan_columns(["email", "loops_error"], Account(), {"loops_error": "lastName"})
    assert [str(planned.target) for planned in mapped.columns] == ["email", "last_name"]


def test_the_survey_of_a_rejected_file_is_that_of_the_input(path: Path) -> None:
    content = b"email,n\na@example.com,1\n"
    with open_input("-", io.BytesIO(rejected(content, path))) as source:
        found = scan_file(source)
    assert [(c.name, c.type) for c in found.columns][1:] == [("email", "string"), ("n", "number")]


def open_rejects(path: Path, content: bytes = CSV[0]) -> tuple[RejectsFile, AnyRow]:
    with open_input("-", io.BytesIO(content)) as source:
        return RejectsFile(str(path), source), next(iter(source.rows()))


def test_without_a_rejected_row_there_is_no_file(path: Path) -> None:
    rejects, _ = open_rejects(path)
    assert not rejects.begin(None)
    rejects.sync()
    rejects.close()
    assert not path.exists()


def test_only_its_owner_may_read_it(path: Path) -> None:
    rejects, row = open_rejects(path)
    rejects.add(row, "why")
    rejects.close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_it_goes_on_at_the_mark_and_a_row_behind_that_goes(path: Path) -> None:
    rejects, row = open_rejects(path)
    mark = rejects.add(row, "first")
    rejects.add(row, "the journal knows nothing of it")
    rejects.close()
    again, row = open_rejects(path)
    assert not again.begin(mark)
    again.add(row, "second")
    again.close()
    with path.open(newline="") as file:
        assert [r["loops_error"] for r in csv.DictReader(file)] == ["first", "second"]


@pytest.mark.parametrize("edit", [b"mine", b"email,name,loops_error\n", b""])
def test_what_somebody_changed_is_put_aside_and_not_written_over(path: Path, edit: bytes) -> None:
    rejects, row = open_rejects(path)
    mark = rejects.add(row, "first")
    rejects.close()
    path.write_bytes(edit)
    again, row = open_rejects(path)
    assert again.begin(mark)
    again.add(row, "second")
    again.close()
    assert Path(f"{path}.old").read_bytes() == edit
    assert path.read_text().count("loops_error") == 1


def test_that_of_another_import_is_put_aside(path: Path) -> None:
    path.write_text("precious")
    rejects, _ = open_rejects(path)
    assert rejects.begin(None)
    assert Path(f"{path}.old").read_text() == "precious"
    assert not path.exists()
