"""Files as other programs write them: delimiters, encodings, headers, workbooks."""

import codecs
import gzip
import io
import json
import shlex
from typing import Any

import pytest

from loops_async.errors import ConfigurationError
from loops_async.importer.errors import ColumnsRefused, FileRefused
from loops_async.importer.mapping import Account, parse_mappings, plan_columns, resolve_columns
from loops_async.importer.options import ImportOptions
from loops_async.importer.reading import InputRow, UnreadableRow, open_input
from loops_async.importer.validation import validate_file

ADA = {"email": "ada@example.com", "name": "Ada"}


def rows(content: str | bytes, path: str = "x.csv", **options: Any) -> list[dict[str, object]]:
    data = content.encode() if isinstance(content, str) else content
    with open_input(path, io.BytesIO(data), ImportOptions(**options)) as source:
        found = list(source.rows())
    assert not [row for row in found if isinstance(row, UnreadableRow)]
    return [dict(row.cells) for row in found if isinstance(row, InputRow)]


def bad(content: str) -> list[tuple[int, str]]:
    with open_input("x.csv", io.BytesIO(content.encode())) as source:
        return [(r.line, r.reason) for r in source.rows() if isinstance(r, UnreadableRow)]


def notes(content: str | bytes, **options: Any) -> str:
    data = content.encode() if isinstance(content, str) else content
    with open_input("x.csv", io.BytesIO(data), ImportOptions(**options)) as source:
        return " ".join(source.layout.notes)


def refusal(content: str | bytes, path: str = "x.csv", **options: Any) -> str:
    with pytest.raises(FileRefused) as caught:
        rows(content, path, **options)
    return str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        'email, name\nada@example.com, "Ada"\n',
        'email, "name"\nada@example.com, "Ada"\n',
        '"email", "name"\n"ada@example.com", "Ada"\n',
        '"email" , "name"\n"ada@example.com" , "Ada" \n',
        'email;  "name"\nada@example.com;   "Ada"\n',
        "email, name\nada@example.com, Ada\n",
        "email,name\nada@example.com, Ada\n",
        "email| name\nada@example.com| Ada\n",
        'email,name\n"ada@example.com",\t"Ada"\n',
        '"email"\t "name"\n"ada@example.com"\t "Ada"\n',
        '"email" \t"name"\n"ada@example.com" \t "Ada"\n',
    ],
)
def test_blanks_after_a_delimiter_and_quotes_behind_them(content: str) -> None:
    assert rows(content) == [ADA]


def test_an_empty_cell_between_tabs_and_a_quote_stays() -> None:
    found = rows('email\ta\tb\nada@example.com\t\t"B"\n"c@example.com"\t\t "B" \n')
    assert [list(row.values()) for row in found] == [
        ["ada@example.com", "", "B"],
        ["c@example.com", "", "B"],
    ]


def test_blanks_and_quotes_far_into_a_file() -> None:
    plain = "b@example.com,B\n" * 500
    found = rows(f'email,name\n{plain}ada@example.com, "Ada, L."\n')
    assert found[-1] == {"email": "ada@example.com", "name": "Ada, L."}


def test_a_blank_that_begins_one_cell_of_many_stays() -> None:
    assert rows("email,name\na@example.com, A\nb@example.com,B\n")[0]["name"] == " A"


@pytest.mark.parametrize(
    "content",
    [
        "email,name\nada@example.com,Ada,\n",
        "email,name\nada@example.com,Ada,,,\n",
        "email,name,\nada@example.com,Ada\n",
        "email,name,,,\nada@example.com,Ada,,,\n",
        "email;name;\nada@example.com;Ada;\n",
        "email\tname\t\nada@example.com\tAda\n",
        "email,name\nada@example.com,Ada, , \n",
        'email,name\nada@example.com,Ada,""\n',
        "email,name,note\nada@example.com,Ada\n",
        "email,name,a,b,c\nada@example.com,Ada,\n",
    ],
)
def test_empty_cells_at_the_end_change_nothing(content: str) -> None:
    ((found),) = rows(content)
    assert {name: cell for name, cell in found.items() if cell} == ADA


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("email,name,city\na@example.com,Jo\nhn,Paris\nb@example.com,B,Rome\n", 2),
        ("userId,name,city\nu1,Jo\nhn x,Paris\nu2,B,Rome\n", 2),
        ("email;name;city;zip\na@example.com;Jo;12 Rue\nde Lille;75007\n", 2),
    ],
)
def test_a_row_that_a_line_break_has_cut_is_rejected(content: str, line: int) -> None:
    assert (line, True) in [(at, "may be the rest of it" in why) for at, why in bad(content)]


def test_short_rows_one_after_another_are_not_parts_of_one() -> None:
    assert bad("email,name,note\na@example.com,A\nb@example.com,B\n") == []
    assert bad("userId,name,note\n1,A\n2,B\n") == []


@pytest.mark.parametrize(
    ("above", "line"),
    [
        ('Notes:\n"When exporting, some addresses may be missing."\n\n', 4),
        ("Report of 1 May\n", 2),
        ("Report of 1 May\n\n", 3),
        ("Report,,\nMade by,Ada,\n\n", 4),
        ("Contact,,\n", 2),
        ("Segment: VIP\nRows: 2\nDate: 2024-01-01\n", 4),
        ("# exported by a tool\n", 2),
        ("\ufeffExport\n", 2),
        ('"My list, of May"\n', 2),
    ],
)
def test_plain_lines_above_the_column_names_are_left_out_and_named(above: str, line: int) -> None:
    content = above + "email,name,city\nada@example.com,Ada,Paris\n"
    assert rows(content) == [{**ADA, "city": "Paris"}]
    assert f"on line {line} " in notes(content)
    assert rows(content, header_line=line) == [{**ADA, "city": "Paris"}]


def test_lines_above_unknown_column_names_are_left_out() -> None:
    content = "Bericht\n\nMitglied;Ort\nada@example.com;Paris\nb@example.com;Rom\n"
    assert rows(content)[0] == {"Mitglied": "ada@example.com", "Ort": "Paris"}


def test_lines_above_that_are_not_plain_are_asked_about() -> None:
    content = "Contact,Contact,Address\nemail,first name,city\na@example.com,A,Paris\n"
    assert "--header-line 2" in refusal(content)
    assert rows(content, header_line=2)[0]["email"] == "a@example.com"
    assert "--header-line" in refusal(content, header_line=9)


@pytest.mark.parametrize(
    "content",
    [
        "userId,channel\n17,email\n18,phone\n",
        "Ref,channel\n17,email\n18,phone\n",
        "Title\na\nb\n",
        "email\nada@example.com\n",
    ],
)
def test_a_header_on_the_first_line_stays_the_header(content: str) -> None:
    assert notes(content) == ""
    assert list(rows(content)[0]) == content.splitlines()[0].split(",")


def test_columns_of_one_name_are_told_apart() -> None:
    headers = ("email", "Notes", "Notes#2", "Email#2", "x#1")
    plan = plan_columns(headers, Account(), {"Notes#2": ""})
    assert plan.left_out == ("Notes#2",)
    with pytest.raises(ColumnsRefused, match='leave one out with --map "Email#2="'):
        plan_columns(("Email", "name", "Email#2"), Account(), {})
    plan = plan_columns(("Email", "name", "Email#2"), Account(), {"Email": ""})
    assert [planned.column for planned in plan.columns] == ["Email#2"]


@pytest.mark.parametrize(
    ("header", "typed"),
    [
        ("E-Mail\n(work)", r"E-Mail\n(work)"),
        ("E-Mail\r\n(work)", r"E-Mail\r\n(work)"),
        ("E-Mail\n(work)", "E-Mail (work)"),
        ("tab\there", r"tab\there"),
        ("x" * 70, "x" * 59 + "…"),
        ("a=b", "a=b"),
        ("soft\u00adhyphen", r"soft\xadhyphen"),
    ],
)
def test_a_column_is_named_in_a_mapping_as_it_is_shown(header: str, typed: str) -> None:
    mappings = parse_mappings([f"{typed}=email"])
    assert resolve_columns(mappings, ["other", header]) == {header: "email"}


@pytest.mark.parametrize(
    ("content", "delimiter"),
    [
        ("Name;Address, street, zip, city;Email\nAda;1 St;a@x.com\nG;2 St;g@x.com\n", ";"),
        ("email;tags\na@x.com;a, b, c\nb@x.com;a, b\n", ";"),
        ("email|name\na@x.com|A\n", "|"),
        ("email\tName, first\na@x.com\tA\n", "\t"),
        ("Kunde, Mail;Ort\na@x.com;Paris\nb@x.com;Rom\n", ";"),
        ("email,a;b;c;d\na@x.com,x\n", ","),
        ("Ref;Betrag\n1;12,50\n2;4,90\n", ";"),
        ("email;amount\na@x.com;12,50\n", ";"),
        ("Full name, title;E-Mail;Phone, mobile\nAda, Dr;a@x.com;1\n", ";"),
        ("email\na@x.com\n", ","),
        ("Name\nAda, L.\n", ","),
        ("email;\na@x.com;\nb@x.com;\n", ";"),
        ("email,\na@x.com,\nb@x.com,\n", ","),
        ("Report, May, 2024\n\nemail;first name\na@x.com;A\n", ";"),
        ("email,first name\na@x.com\n", ","),
        ("sep=^\nemail^name\na@x.com^A\n", "^"),
    ],
)
def test_the_delimiter_is_judged_by_the_names_and_the_rows(content: str, delimiter: str) -> None:
    with open_input("x.csv", io.BytesIO(content.encode())) as source:
        assert source.delimiter == delimiter


@pytest.mark.parametrize(
    "content", ["a,b;c\n1,2;3\n4,5;6\n", "a,b\n1;2;3\n1;2;3\n", "email\tfirst name\na@x.com,A\n"]
)
def test_a_delimiter_that_is_not_clear_is_asked_for(content: str) -> None:
    message = refusal(content)
    assert "--delimiter" in message
    assert "sep=;" in message


@pytest.mark.parametrize(
    ("given", "character"),
    [(";", ";"), ("semicolon", ";"), ("tab", "\t"), (r"\t", "\t"), ("\t", "\t"), ("pipe", "|"),
     ("comma", ","), ("^", "^"), (":", ":"), ("~", "~"), ("§", "§"), (" ", " ")],
)  # fmt: skip
def test_a_delimiter_can_be_named(given: str, character: str) -> None:
    content = f"email{character}name\nada@example.com{character}Ada\n"
    assert rows(content, delimiter=given) == [ADA]


@pytest.mark.parametrize("given", ["", ",,", '"', "\n", "comma or tab"])
def test_a_delimiter_that_cannot_be_one_is_refused(given: str) -> None:
    with pytest.raises(ConfigurationError, match="--delimiter"):
        ImportOptions(delimiter=given)


@pytest.mark.parametrize(
    "name",
    [
        "Zoë",
        "Müller",
        "François",
        "José Peña",
        "Åsa",
        "João",
        "Weiß",
        "O\u2019Neil é",
        "Ñandú",
        "Chloé",
        "Søren Å",
        "Kjær",
        "Niccolò",
        "Cantù",
        "5 rue à Lyon",
    ],
)
def test_windows_1252_is_read_and_named(name: str) -> None:
    content = f"email;name\r\nz@example.com;{name}\r\n".encode("cp1252")
    assert rows(content)[0]["name"] == name
    assert "cp1252" in notes(content)
    assert notes(content, encoding="cp1252") == ""


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("Paweł Żak", "cp1250"),
        ("Tomáš Řehoř", "cp1250"),
        ("Анна Иванова", "cp1251"),
        ("Γιώργος", "cp1253"),
        ("Ayşe Yağmur", "cp1254"),
        ("田中太郎", "shift_jis"),
        ("张伟", "gb18030"),
        ("Zoë Müller", "mac_roman"),
        ("Zoë Müller", "cp850"),
        ("Søren Šulc", "cp1252"),
        ("Zdeněk", "cp1250"),
        ("Ondřej Novák", "cp1250"),
    ],
)
def test_an_encoding_that_is_not_clear_is_asked_for_and_can_be_named(
    name: str, encoding: str
) -> None:
    content = f"email,name\nx@example.com,X\nz@example.com,{name}\n".encode(encoding)
    message = refusal(content)
    assert "line 3: the text is not UTF-8" in message
    assert "--encoding" in message
    assert name not in message
    assert rows(content, encoding=encoding)[1]["name"] == name


def test_utf_16_without_a_mark_can_be_named() -> None:
    content = "email,name\nada@example.com,Ada\n".encode("utf-16-le")
    assert "--encoding, such as utf-16-le" in refusal(content)
    assert rows(content, encoding="utf-16-le") == [ADA]
    assert rows(codecs.BOM_UTF32_LE + "email,name\nada@example.com,Ada\n".encode("utf-32-le")) == [
        ADA
    ]


def test_a_byte_order_mark_outweighs_the_option() -> None:
    assert rows(codecs.BOM_UTF8 + b"email,name\nada@example.com,Ada\n", encoding="cp1252") == [ADA]


@pytest.mark.parametrize("name", ["nonsense", "base64", "", "rot13", "cp1252\0"])
def test_an_encoding_that_python_does_not_know_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="--encoding"):
        ImportOptions(encoding=name)


def test_text_that_does_not_decode_as_named_is_refused_with_its_line() -> None:
    message = refusal("email,name\na@example.com,Zo\xeb\n".encode("cp1252"), encoding="ascii")
    assert "line 2" in message


@pytest.mark.parametrize(
    ("cell", "read"),
    [
        ('="01234"', "01234"),
        ('"=""01234"""', "01234"),
        ('="+49 30 1"', "+49 30 1"),
        ('=""', ""),
        ('="a', '="a'),
        ('="a"&"b"', '="a"&"b"'),
        ("=1+1", "=1+1"),
        ('x="1"', 'x="1"'),
    ],
)
def test_a_text_formula_is_its_text(cell: str, read: str) -> None:
    assert rows(f"email,zip\na@example.com,{cell}\n")[0]["zip"] == read


@pytest.mark.parametrize("path", ["x.csv.gz", "x.csv", "x.jsonl.gz"])
def test_gzip_is_read(path: str) -> None:
    text = json.dumps(ADA) + "\n" if "jsonl" in path else "email,name\nada@example.com,Ada\n"
    assert rows(gzip.compress(text.encode()), path) == [ADA]


def test_damaged_gzip_is_refused() -> None:
    whole = gzip.compress(b"email\n" + b"a@example.com\n" * 99)
    assert "gzip" in refusal(whole[:-9])
    assert "gzip" in refusal(whole[:20] + b"x" * 9 + whole[30:])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 99, "old format (.xls)"),
        (b"<html><body><table><tr><td>email</td></tr></table>", "web page"),
        (b"\xef\xbb\xbf  <table border=1><tr><td>email", "web page"),
        (b'<!DOCTYPE html PUBLIC "x">', "web page"),
        (codecs.BOM_UTF16_LE + "<HTML>".encode("utf-16-le"), "web page"),
        (b'<?xml version="1.0"?><Workbook/>', "XML"),
        ('{\n  "email": "a@example.com"\n}\n', "JSON over several lines"),
        (b"%PDF-1.4", "PDF"),
        (b"BEGIN:VCARD\nVERSION:3.0\n", "vCards"),
        (b"BZh91AY&SY", "bzip2"),
        (b"PAR1\0\0", "Parquet"),
        (b"SQLite format 3\0", "SQLite"),
        ('"email,name"\n"ada@example.com,Ada"\n', "each line is one cell in quotes"),
        ('"email;name"\n"ada@example.com;Ada"\n', "semicolons"),
        ("ada@example.com\ngrace@example.com\n", "a list of addresses without a column name"),
        ("email:name\nada@example.com:Ada\n", "--delimiter"),
        ("email^name\nada@example.com^Ada\n", "--delimiter"),
        ("email name\nada@example.com Ada\n", "--delimiter"),
    ],
)
def test_what_is_not_a_table_is_named(content: str | bytes, says: str) -> None:
    assert says in refusal(content)


def test_a_wrong_delimiter_is_named() -> None:
    assert "separated by commas" in refusal("email,name\na@example.com,A\n", delimiter=";")


def test_lines_above_with_an_address_are_asked_about() -> None:
    content = "Owner,ada@example.com\nemail,first name,city\na@example.com,A,Paris\n"
    assert "--header-line 2" in refusal(content)
    assert rows("Owner: ada@example.com\n\nemail,name\nada@example.com,Ada\n") == [ADA]


def test_rejected_rows_are_imported_without_the_options_of_the_file() -> None:
    options = ImportOptions(
        encoding="cp1252", header_line=3, sheet="A", delimiter=";", ignore_unknown=True
    )
    other = options.command("x.rejected.csv", resume=False)
    assert shlex.split(other) == [
        "loops-async", "import", "--ignore-unknown", "--delimiter=;", "x.rejected.csv",
    ]  # fmt: skip
    same = options.command("x.csv", resume=True)
    for word in ("--encoding=cp1252", "--header-line=3", "--sheet=A"):
        assert word in same


def test_an_older_journal_has_none_of_the_options() -> None:
    options = ImportOptions(encoding="cp1252", header_line=3)
    older = options.with_recorded({})
    assert (older.encoding, older.header_line, older.sheet) == (None, None, None)
    assert ImportOptions().with_recorded(options.recorded()) == options


def test_addresses_that_are_cleaned_are_said_once() -> None:
    content = b"email,userId\nmailto:a@x.com,1\n<b@x.com>,2\nc@x.com;,3\n d@x.com ,4\n"
    said: list[str] = []
    with open_input("x.csv", io.BytesIO(content)) as source:
        report = validate_file(source, on_progress=lambda event: said.append(str(event)))
    assert report.applied == 4
    (cleaned,) = [line for line in said if "addresses_cleaned" in line]
    assert "3 addresses" in cleaned
    assert "line 2" in cleaned


def test_one_person_is_one_person_however_the_address_is_written() -> None:
    content = b"email,userId\nmailto:a@x.com,1\n<A@x.com>,1\n"
    with open_input("x.csv", io.BytesIO(content)) as source:
        assert validate_file(source).plan.objection is None


def test_notes_on_the_file_are_events() -> None:
    said: list[str] = []
    with open_input("x.csv", io.BytesIO(b"Report\nemail,source\na@example.com,A\n")) as source:
        validate_file(source, on_progress=lambda event: said.append(str(event)))
    assert any("file_read" in line and "line 1" in line for line in said)


def test_a_file_opened_without_options_is_read_with_those_of_the_import() -> None:
    content = "email,source\nz@example.com,Zoë\n".encode("cp1252")
    with open_input("x.csv", io.BytesIO(content)) as source:
        said: list[str] = []
        validate_file(
            source, ImportOptions(encoding="cp1252"), on_progress=lambda e: said.append(str(e))
        )
        assert not any("file_read" in line for line in said)
