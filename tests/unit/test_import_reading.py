import codecs
import io
import os
import threading
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from loops_async.importer.errors import FileRefused
from loops_async.importer.line_reader import LONGEST_RECORD, LineReader
from loops_async.importer.reading import AnyRow, InputRow, UnreadableRow, open_input
from loops_async.importer.type_inference import scan_file


def read(content: str | bytes, path: str = "-") -> list[AnyRow]:
    data = content.encode() if isinstance(content, str) else content
    with open_input(path, io.BytesIO(data)) as source:
        return list(source.rows())


def good(readings: list[AnyRow]) -> list[tuple[int, dict[str, object]]]:
    return [(r.line, dict(r.cells)) for r in readings if isinstance(r, InputRow)]


def bad(readings: list[AnyRow]) -> list[tuple[int, str]]:
    return [(r.line, r.reason) for r in readings if isinstance(r, UnreadableRow)]


def refusal(content: str | bytes) -> FileRefused:
    with pytest.raises(FileRefused) as caught:
        read(content)
    return caught.value


def test_a_row_has_its_cells_by_column_its_line_and_its_own_text() -> None:
    rows = read('email,note\r\na@example.com,"x, y"\r\n')
    assert rows == [
        InputRow(2, {"email": "a@example.com", "note": "x, y"}, 'a@example.com,"x, y"\r\n')
    ]


def test_quoted_line_ends_count_as_an_editor_counts_them() -> None:
    rows = read('email,note\n"a@example.com","one\ntwo\r\nthree"\n\nb@example.com,x\n')
    assert good(rows) == [
        (2, {"email": "a@example.com", "note": "one\ntwo\r\nthree"}),
        (6, {"email": "b@example.com", "note": "x"}),
    ]


def test_line_ends_of_old_macs_part_rows_too() -> None:
    rows = good(read("email,n\ra@example.com,1\rb@example.com,2\r"))
    assert [line for line, _ in rows] == [2, 3]


@pytest.mark.parametrize(
    "encoded",
    [
        pytest.param(lambda text: text.encode(), id="UTF-8"),
        pytest.param(lambda text: codecs.BOM_UTF8 + text.encode(), id="UTF-8 with a BOM"),
        pytest.param(
            lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"), id="UTF-16 as Excel has it"
        ),
        pytest.param(
            lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"), id="UTF-16 big end first"
        ),
    ],
)
def test_text_is_decoded_and_its_byte_order_mark_is_no_part_of_a_name(encoded: object) -> None:
    assert callable(encoded)
    rows = read(encoded("email\tname\nz@example.com\tZoë 李小龙\n"))
    assert good(rows) == [(2, {"email": "z@example.com", "name": "Zoë 李小龙"})]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_told_by_the_header_outside_its_quotes(delimiter: str) -> None:
    with_others = '"' + ",;\t".replace(delimiter, "") * 9 + '"'
    rows = read(delimiter.join(["email", with_others, "n"]) + "\n" + delimiter.join("xyz") + "\n")
    assert [list(cells.values()) for _, cells in good(rows)] == [["x", "y", "z"]]


def test_another_encoding_is_refused_with_the_line_and_the_way_out() -> None:
    error = refusal("email,name\na@example.com,Ann\nz@example.com,Żaneta\n".encode("cp1250"))
    assert error.line == 3
    assert "UTF-8" in str(error)
    assert "--encoding" in str(error)
    assert "aneta" not in str(error)


def test_a_bad_byte_far_into_a_file_is_named_by_its_line() -> None:
    # Further in than any buffer: the line must not be counted from the start of a block.
    rows = [b"a@example.com,x\n"] * 20_000
    rows[15_000] = b"a@example.com,\xff\n"
    assert refusal(b"email,name\n" + b"".join(rows)).line == 15_002


def test_utf_16_cut_short_or_with_half_a_character_is_refused() -> None:
    whole = codecs.BOM_UTF16_LE + "email\na@example.com\n".encode("utf-16-le")
    assert "UTF-16" in str(refusal(whole[:-1]))
    assert refusal(whole + b"\x00\xd8\n\x00").line == 3


def test_utf_16_without_a_mark_is_refused_with_advice() -> None:
    assert "save the file as UTF-8" in str(refusal("email,n\nx,y\n".encode("utf-16-le")))


@pytest.mark.parametrize("content", ["", "\n\n", "   \n\t\n", b"\xef\xbb\xbf", ",,\n,,\n"])
def test_an_empty_file_is_refused(content: str | bytes) -> None:
    assert "is empty" in str(refusal(content))


def test_a_file_with_a_header_alone_is_refused_by_the_survey() -> None:
    source_of = open_input("-", io.BytesIO(b"email,name\n\n,\n"))
    with source_of as source, pytest.raises(FileRefused, match="no rows below"):
        scan_file(source)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(FileRefused, match=r"gone\.csv.*No such file"),
        open_input(str(tmp_path / "gone.csv")),
    ):
        pass


def test_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="directory"), open_input(str(tmp_path)):
        pass


def test_a_name_no_file_can_have_is_refused() -> None:
    with pytest.raises(FileRefused, match="NUL"), open_input("a\0b"):
        pass


def test_a_closed_standard_input_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(FileRefused, match="no standard input"), open_input("-"):
        pass


def test_a_pipe_is_read_twice_all_the_same(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"email\na@example.com\n",))
    writer.start()
    with open_input(str(pipe)) as source:
        writer.join()
        assert good(list(source.rows())) == good(list(source.rows()))
        assert scan_file(source).rows == 1


def test_rows_can_be_left_early_and_read_again_from_the_start() -> None:
    with open_input("-", io.BytesIO(b"email\na@example.com\nb@example.com\n")) as source:
        first = next(iter(source.rows()))
        assert good([first, *source.rows()])[:2] == [
            (2, {"email": "a@example.com"}),
            (2, {"email": "a@example.com"}),
        ]


def test_rows_with_too_few_or_too_many_cells_are_rejected_and_the_rest_goes_on() -> None:
    rows = read("email,name\na@example.com\nb@example.com,B,x\nc@example.com,C\n")
    assert bad(rows) == [
        (3, "has 3 cells where the header has 2"),
    ]
    # An empty cell at the end may be missing. It stays missing, so that it clears nothing.
    assert good(rows) == [
        (2, {"email": "a@example.com"}),
        (4, {"email": "c@example.com", "name": "C"}),
    ]


def test_a_rejected_row_keeps_its_text_as_it_stands_in_the_file() -> None:
    rows = read('email,name\n"a@example.com",A,x\r\n"b"x,"1\n2",3,4\nc@example.com,C\n')
    assert [r.text for r in rows if isinstance(r, UnreadableRow)] == [
        '"a@example.com",A,x\r\n',
        '"b"x,"1\n',
        '2",3,4\n',
    ]


def test_a_nul_character_rejects_its_row() -> None:
    rows = read("email,name\na@example.com,A\0\nb@example.com,B\n")
    assert bad(rows) == [(2, "contains a NUL character")]
    assert [line for line, _ in good(rows)] == [3]


def test_a_stray_quote_rejects_its_row_and_moves_no_text() -> None:
    rows = read('email,name,plan\na@example.com,"Al "Ace, B" C",pro\nb@example.com,B,pro\n')
    ((line, reason),) = bad(rows)
    assert line == 2
    assert "doubled" in reason
    assert [line for line, _ in good(rows)] == [3]


def test_an_unclosed_quote_that_meets_another_one_names_the_lines_it_swallowed() -> None:
    rows = read('email,name\na@example.com,"A\nb@example.com,B\nc@example.com,"C"\nd@x.com,D\n')
    ((line, reason),) = bad(rows)
    assert line == 2
    assert "lines 2 to 4" in reason
    assert [line for line, _ in good(rows)] == [5]


def test_an_unclosed_quote_at_the_end_refuses_the_file_where_it_opens() -> None:
    error = refusal('email,name\na@example.com,A\nb@example.com,"B\nc@example.com,C\n')
    assert error.line == 3
    assert "never closed" in str(error)


def test_an_unclosed_quote_in_a_large_file_is_refused_before_it_fills_memory() -> None:
    rows = 'email,name\na@example.com,"A\n' + "b@example.com,B\n" * 20_000
    assert refusal(rows).line == 2


def test_a_line_without_an_end_is_refused_before_it_fills_memory() -> None:
    class Endless(io.RawIOBase):
        given = 0

        def seekable(self) -> bool:
            return True

        def seek(self, offset: int, whence: int = 0, /) -> int:
            return 0

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: bytearray, /) -> int:  # type: ignore[override]
            self.given += len(buffer)
            assert self.given < 10 * LONGEST_RECORD
            buffer[:] = b"x" * len(buffer)
            return len(buffer)

    with pytest.raises(FileRefused, match="line 1"):
        next(LineReader(cast(BinaryIO, io.BufferedReader(cast(io.FileIO, Endless()))), "endless"))


@pytest.mark.parametrize("form", ['email,note\na@example.com,"{}"\n', '{{"note": "{}"}}\n'])
def test_a_row_of_the_greatest_length_is_still_read(form: str) -> None:
    room = LONGEST_RECORD - len(form.splitlines()[-1].replace("{{", "{").replace("}}", "}")) + 1
    assert len(good(read(form.format("x" * room)))) == 1
    assert refusal(form.format("x" * (room + 1))).line == form.count("\n")


def test_two_columns_of_one_name_are_numbered() -> None:
    rows = read("email,Notes,x,Notes ,Notes#2,Notes\na,b,c,d,e,f\n")
    assert [list(cells) for _, cells in good(rows)] == [
        ["email", "Notes", "x", "Notes#3", "Notes#2", "Notes#4"]
    ]


def test_a_column_without_a_name_is_called_after_its_place() -> None:
    assert good(read("email,,plan\na,b,c\n")) == [(2, {"email": "a", "column 2": "b", "plan": "c"})]


def test_a_contact_in_the_place_of_the_column_names_is_not_taken_for_them() -> None:
    error = refusal("ada@example.com,Ada\ngrace@example.com,Grace\n")
    assert "column names" in str(error)
    assert "ada" not in str(error).lower()


def test_a_header_whose_quote_is_broken_is_refused() -> None:
    assert refusal('"email"x,name\na,b\n').line == 1


def test_escape_sequences_in_a_column_name_are_not_sent_to_the_terminal() -> None:
    assert "\x1b" not in str(refusal("\x1b[31mx:email\na\n"))


def test_rows_of_commas_alone_are_passed_over() -> None:
    assert good(read("email,name\n,\n  ,\na@example.com,A\n,\n")) == [
        (4, {"email": "a@example.com", "name": "A"})
    ]


def test_json_lines_are_known_by_their_first_character() -> None:
    rows = read('\n {"email": "a@example.com", "seats": 3, "vip": true, "gone": null}\n')
    assert good(rows) == [(2, {"email": "a@example.com", "seats": 3, "vip": True, "gone": None})]


@pytest.mark.parametrize("name", ["people.jsonl", "people.NDJSON"])
def test_json_lines_are_known_by_their_name(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text('nonsense\n{"email": "a@example.com"}\n')
    with open_input(str(path)) as source:
        rows = list(source.rows())
    assert bad(rows) == [(1, "is not valid JSON, at character 1")]
    assert good(rows) == [(2, {"email": "a@example.com"})]


@pytest.mark.parametrize(
    "line",
    ['{"email": ', "[1]", "3", '{"a": NaN}', '{"a": "\\ud800"}', "[" * 2000, '{"a": "\0"}'],
)
def test_a_bad_line_of_json_is_rejected_and_the_rest_goes_on(line: str) -> None:
    rows = read('{"email": "a@example.com"}\n' + line + '\n{"email": "b@example.com"}\n')
    assert [number for number, _ in bad(rows)] == [2]
    assert [number for number, _ in good(rows)] == [1, 3]


def test_a_json_array_is_refused_with_the_way_out() -> None:
    assert "jq" in str(refusal('[\n  {"email": "a@example.com"}\n]\n'))


def test_a_survey_counts_what_is_filled_and_gives_the_narrowest_type_all_values_fit() -> None:
    content = (
        "email,rating,vip,joined,zip,flag,mixed,none\n"
        "a@example.com,5,yes,2024-01-17 10:21:11,01234,1,5,\n"
        "b@example.com,,FALSE,17 Jan 2024,98765,0,yes,\n"
        "c@example.com,3.5,,,,1,, \n"
        "d@example.com,1,yes,2024-01-17,1,1,1,1,1\n"
    )
    with open_input("-", io.BytesIO(content.encode())) as source:
        found = scan_file(source)
    assert (found.readable, found.unreadable) == (3, 1)
    assert {c.name: (c.filled, c.type) for c in found.columns} == {
        "email": (3, "string"),
        "rating": (2, "number"),
        "vip": (2, "boolean"),
        "joined": (2, "date"),
        "zip": (2, "string"),
        "flag": (3, "number"),
        "mixed": (2, "string"),
        "none": (0, None),
    }


def test_a_survey_of_json_lines_finds_keys_wherever_they_first_appear() -> None:
    content = (
        '{"email": "a@example.com", "seats": 3, "code": "42"}\n'
        '{"email": "b@example.com", "since": "2024-01-17", "vip": false, "odd": [1], "part": {}}\n'
        '{"email": "c@example.com", "part": "x"}\n'
    )
    with open_input("-", io.BytesIO(content.encode())) as source:
        found = scan_file(source)
    assert [(c.name, c.type) for c in found.columns] == [
        ("email", "string"),
        ("seats", "number"),
        ("code", "string"),
        ("since", "date"),
        ("vip", "boolean"),
        ("odd", None),
        ("part", None),
    ]
    assert found.nested == {"odd": 2, "part": 2}


def test_json_lines_that_never_repeat_a_key_are_refused_before_they_fill_memory() -> None:
    content = "".join(f'{{"key{n}": 1}}\n' for n in range(2_000)).encode()
    with open_input("-", io.BytesIO(content)) as source, pytest.raises(FileRefused) as caught:
        scan_file(source)
    assert caught.value.line == 1_001


def test_a_file_called_json_lines_without_one_object_is_refused_with_the_way_out(
    tmp_path: Path,
) -> None:
    path = tmp_path / "people.jsonl"
    path.write_text("email,name\na@example.com,A\n3\n")
    with open_input(str(path)) as source, pytest.raises(FileRefused) as caught:
        scan_file(source)
    assert "no line is a JSON object" in str(caught.value)
    assert "name that ends in .csv" in str(caught.value)


def test_broken_json_lines_alone_are_refused_where_they_break_and_not_taken_for_csv() -> None:
    content = io.BytesIO(b'{"email": \n{"x"}\n')
    with open_input("-", content) as source, pytest.raises(FileRefused) as caught:
        scan_file(source)
    assert caught.value.line == 1
    assert "is not valid JSON" in str(caught.value)
    assert ".csv" not in str(caught.value)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_the_delimiter_that_excel_names_is_obeyed_and_its_line_counted(
    delimiter: str, mark: str
) -> None:
    # The header alone would tell another one.
    name = '"' + "," * 3 + '"' if delimiter == "," else "a,b,c,d"
    content = f"{mark}sep={delimiter}\r\nemail{delimiter}{name}\r\nx{delimiter}y\r\n"
    ((line, cells),) = good(read(content))
    assert (line, list(cells.values())) == (3, ["x", "y"])
    assert list(cells) == ["email", name.strip('"')]


def test_what_only_resembles_excels_line_is_a_header() -> None:
    assert good(read("sep=x,email\n1,2\n")) == [(2, {"sep=x": "1", "email": "2"})]
    assert good(read("email\nsep=;\n")) == [(2, {"email": "sep=;"})]
    assert good(read("sep=;\nsep=;\n1;2\n")) == [(3, {"sep=": "1", "column 2": "2"})]


def test_a_workbook_is_refused_as_one() -> None:
    message = str(refusal(b"PK\x03\x04\x14\x00\x06\x00"))
    assert "Excel workbook (or another zip file); save it as CSV" in message
    assert good(read("PKW,email\n1,2\n"))


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ('{"email": "a@example.com", "seats": NaN}', "NaN"),
        ('{"email": "a@example.com", "seats": Infinity}', "Infinity"),
        ('{"email": "a@example.com", "seats": -Infinity}', "-Infinity"),
        ('{"a": [1, {"b": NaN}]}', "NaN"),
    ],
)
def test_what_json_has_no_number_for_is_named(line: str, name: str) -> None:
    rows = read('{"email": "NaN"}\n' + line + "\n")
    assert bad(rows) == [
        (2, f"contains {name}, which Python writes and JSON does not have; write null instead")
    ]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{'email': 'a@example.com', 'vip': True}", "json.dumps"),
        ('{"email": "a@example.com"}{"email": "b@example.com"}', "one object a line"),
        ('{"email": "a@example.com"}, {"email": "b@example.com"}', "one object a line"),
        ('{"email": "a@example.com",}', "is not valid JSON, at character"),
    ],
)
def test_what_is_not_quite_json_is_named(line: str, says: str) -> None:
    ((_, reason),) = bad(read('{"email": "x@example.com"}\n' + line + "\n"))
    assert says in reason
