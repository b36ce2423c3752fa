"""How the values of a column are read, and what has to be asked."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from loops_async import LoopsClient
from loops_async.errors import ConfigurationError
from loops_async.importer import ImportOptions, import_file, open_input, validate_file
from loops_async.importer.coercion import CellFormat, Value, ValueType, coerce, is_empty, parse_text
from loops_async.importer.column_names import known_spelling
from loops_async.importer.journal import JournalHeader
from loops_async.importer.reading import InputRow
from loops_async.importer.resume import from_journal, to_journal
from loops_async.importer.type_inference import ScannedColumn, TypeGuess
from loops_async.sandbox import Sandbox


def column(*values: str, options: ImportOptions | None = None) -> ScannedColumn:
    guess = TypeGuess(options=options or ImportOptions())
    for line, value in enumerate(values, 2):
        guess.note(value, line)
    return guess.column("X")


def read(*values: str, options: ImportOptions | None = None) -> list[Value]:
    """The values, read as the import of a new property reads them."""
    found = column(*values, options=options)
    assert found.type is not None
    assert found.remark is None
    form = CellFormat(found.styles.get(found.type, ""), (options or ImportOptions()).booleans)
    return [parse_text(value, found.type, form) for value in values]


@pytest.mark.parametrize(
    "text",
    [
        "17-Jan-24",
        "17/Jan/2024",
        "Wednesday, January 17, 2024",
        "Mittwoch, 17. Januar 2024",
        "17. Jänner 2024",
        "17 janv. 2024",
        "le 17 janvier 2024",
        "17 de enero de 2024",
        "17 gennaio 2024",
        "woensdag 17 januari 2024",
        "den 17 januari 2024",
        "17 de janeiro de 2024",
        "17.1.2024",
        "17. 1. 2024",
        "17.01.24",
        "2024-Jan-17",
        "2024年1月17日",
    ],
)
def test_dates_in_the_words_of_several_languages(text: str) -> None:
    assert read(text) == [date(2024, 1, 17)]


@pytest.mark.parametrize(
    "text",
    [
        "Wed, 17 Jan 2024 10:21:11 GMT",
        "Wed, 17 Jan 2024 12:21:11 +0200",
        "Wed Jan 17 2024 11:21:11 GMT+0100 (Central European Standard Time)",
        "Wed Jan 17 10:21:11 UTC 2024",
        "Wed Jan 17 10:21:11 +0000 2024",
        "20240117T102111Z",
        "2024-01-17 at 10:21:11",
        "2024/01/17 12:21:11 PM GMT+2",
        "2024/01/17 11:21:11 AM MEZ",
        "1/17/2024, 10:21:11\u202fAM",
        "17.01.2024 um 10:21:11 Uhr",
        "2024-01-17T11:21:11+01:00[Europe/Berlin]",
        "17/Jan/2024:10:21:11 +0000",
        "1/17/2024 5:21:11 EST",
    ],
)
def test_times_of_mail_programs_browsers_and_forms(text: str) -> None:
    assert read(text) == [datetime(2024, 1, 17, 10, 21, 11, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("values", "first"),
    [
        (("01/02/2024", "25/12/2024"), date(2024, 2, 1)),
        (("01/02/2024", "12/25/2024"), date(2024, 1, 2)),
        (("01-02-2024", "25-12-2024"), date(2024, 2, 1)),
        (("01.02.2024", "03.04.2024"), date(2024, 2, 1)),
        (("01/02/24", "31/12/99"), date(2024, 2, 1)),
        (("05/05/2024",), date(2024, 5, 5)),
    ],
)
def test_one_value_decides_for_its_column(values: tuple[str, ...], first: date) -> None:
    assert read(*values)[0] == first


@pytest.mark.parametrize(
    ("values", "ways"),
    [
        (("05/05/2024", "01/02/2024"), "DD/MM/YYYY or --date-format MM/DD/YYYY"),
        (("24-01-17",), "DD-MM-YYYY or --date-format YYYY-MM-DD"),
        (("17/01/24",), "DD/MM/YYYY or --date-format YYYY/MM/DD"),
        (("1,234", "5"), "--decimal , or --decimal ."),
        (("1.234",), "--decimal , or --decimal ."),
    ],
)
def test_what_values_may_mean_in_two_ways_is_asked(values: tuple[str, ...], ways: str) -> None:
    found = column(*values)
    assert (found.type, found.may_be) == ("string", None)
    assert ways in (found.remark or "")


@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        (("€1.234,56", "€7"), [1234.56, 7]),
        (("1.234,56 €", "12 €"), [1234.56, 12]),
        (("$1,234.56", "$7"), [1234.56, 7]),
        (("CHF 1'234.50", "CHF 12.00"), [1234.5, 12.0]),
        (("1 234,50 kr", "7 kr"), [1234.5, 7]),
        (("R$ 2,50",), [2.5]),
        (("12,34,567.50",), [1234567.5]),
        (("12 %", "5,5 %"), [12, 5.5]),
        (("-$5.25",), [-5.25]),
        (("3,14", "1.234"), [3.14, 1234]),
        (("1\u202f234,5",), [1234.5]),
    ],
)
def test_amounts(values: tuple[str, ...], numbers: list[float]) -> None:
    assert read(*values) == numbers


@pytest.mark.parametrize(
    "values",
    [("ja", "Nein"), ("oui", "non"), ("sí", "no"), ("WAHR", "FALSCH"), ("VRAI", "FAUX"), ("y", "n"),
     ("sim", "não"), ("vero", "falso"), ("ja", "nee"), ("ja", "nej")],
)  # fmt: skip
def test_booleans_of_several_languages(values: tuple[str, ...]) -> None:
    assert read(*values) == [True, False]


@pytest.mark.parametrize("first", ["0170", "+4917012345", "007"])
def test_a_leading_zero_or_plus_keeps_a_column_text_wherever_it_stands(first: str) -> None:
    found = column(*["12345"] * 1_500, first)
    assert (found.type, found.remark) == ("string", None)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (("612 345 678", "612 345 679"), "telephone numbers"),
        (("20240117", "20240118"), "dates such as 20240117"),
    ],
)
def test_numbers_that_may_be_something_else_are_asked_about(
    values: tuple[str, ...], said: str
) -> None:
    found = column(*values)
    assert found.type == "string"
    assert said in (found.remark or "")


@pytest.mark.parametrize(
    ("values", "declared"),
    [
        (("yes", "no"), "boolean"),
        (("t", "f"), "boolean"),
        (("1", "2.5"), "number"),
        (("1,5", "2"), "number"),
        (("2024-01-17", "17 Jan 2024"), "date"),
        (("25/12/2024", "01/02/2024"), "date"),
        (("pro", "free"), "string"),
    ],
)
def test_long_columns_have_the_type_of_short_ones(
    values: tuple[str, ...], declared: ValueType
) -> None:
    found = column(*values * 1_000)
    assert (found.type, found.remark) == (declared, None)


def test_the_first_misfit_of_a_long_column_is_found() -> None:
    found = column(*["1,5"] * 3_000, "much", "1,5")
    assert (found.type, found.may_be) == ("string", "number")
    assert (found.remark or "").endswith("the first to fix is on line 3002")


def test_a_day_that_does_not_exist_leaves_the_date_as_a_way_out() -> None:
    found = column("25/12/2024", "31/02/2024", "01/02/2024")
    assert (found.type, found.may_be, dict(found.styles)) == ("string", "date", {"date": "dmy/"})
    assert (found.remark or "").endswith("the first to fix is on line 3")


def test_options_decide() -> None:
    by_day = ImportOptions(date_formats=("DD/MM/YYYY",))
    assert read("01/02/2024", options=by_day) == [date(2024, 2, 1)]
    assert read("01/02/24", options=ImportOptions(date_formats=("%m/%d/%y",))) == [date(2024, 1, 2)]
    assert read("1,234", options=ImportOptions(decimal=",")) == [1.234]
    words = ImportOptions(true_words="x, aktiv", false_words="leer")
    assert read("x", "leer", "Aktiv", options=words) == [True, False, True]
    with pytest.raises(ConfigurationError, match="--date-format"):
        ImportOptions(date_formats=("tomorrow",))


@pytest.mark.parametrize(
    "word", ["NULL", "null", r"\N", "nan", "NaN", "None", "#N/A", "N/A", "undefined", "-", "<NA>"]
)
def test_words_for_nothing_are_empty(word: str) -> None:
    assert is_empty(word)
    assert is_empty(f" {word} ")
    assert not is_empty(word, keep_null_words=True)
    assert column(word, word).type is None
    assert column("5", word).type == "number"


@pytest.mark.parametrize("name", ["Null", "Nan", "NA", "0", "false", "Nil"])
def test_names_and_values_are_not_words_for_nothing(name: str) -> None:
    assert not is_empty(name)


def test_a_dry_run_stops_at_the_types_that_stop_an_import(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("email,Since,created_at,Gone\na@example.com,01/02/2024,2024-01-17,NULL\n")
    with open_input(path) as source:
        report = validate_file(source, ImportOptions(create_properties=True))
    assert "--date-format DD/MM/YYYY" in (report.plan.objection or "")
    assert "Loops was not asked" in (report.plan.objection or "")
    targets = {planned.column: str(planned.target) for planned in report.plan.columns}
    assert targets == {"email": "email", "Since": "since", "created_at": "createdAt"}


@pytest.mark.parametrize(
    ("headers", "fields"),
    [
        (("Vorname", "Nachname", "E-Mail-Adresse"), ("firstName", "lastName", "email")),
        (("Prénom", "Nom", "Adresse électronique"), ("firstName", "lastName", "email")),
        (("NOM", "PRENOM"), ("lastName", "firstName")),
        (("Nombre", "Apellidos", "Correo electrónico"), ("firstName", "lastName", "email")),
        (("Nome", "Cognome", "Indirizzo email"), ("firstName", "lastName", "email")),
        (("Voornaam", "Achternaam", "E-mailadres"), ("firstName", "lastName", "email")),
        (("Förnamn", "Efternamn", "E-post"), ("firstName", "lastName", "email")),
        (("Nome", "Sobrenome", "Endereço de e-mail"), ("firstName", "lastName", "email")),
        (("Nom",), (None,)),
        (("Nome",), (None,)),
    ],
)
def test_headers_in_several_languages(
    headers: tuple[str, ...], fields: tuple[str | None, ...]
) -> None:
    assert tuple(known_spelling(header, headers) for header in headers) == fields


@pytest.mark.parametrize(
    ("text", "declared", "style", "value"),
    [
        ("01/02/2024", "date", "dmy/", date(2024, 2, 1)),
        ("01/02/2024", "date", "mdy/ dmy-", date(2024, 1, 2)),
        ("1.234,50 €", "number", ",€", 1234.5),
    ],
)
def test_a_style_is_text_that_a_journal_can_hold(
    text: str, declared: ValueType, style: str, value: Value
) -> None:
    assert parse_text(text, declared, CellFormat(style)) == value


def test_a_resumed_import_reads_dates_as_it_began() -> None:
    header: dict[str, Any] = {
        "sha256": "0" * 64, "rows": 1, "team": "1" * 64, "settings": {},
        "plan": [["A", "property", "a", "date", "dmy/"], ["B", "property", "b", "number", ",€"]],
    }  # fmt: skip
    columns = from_journal(JournalHeader(**header), ImportOptions())
    row = InputRow(2, {"A": "01/02/2024", "B": "1.234,50 €"}, "")
    found = [coerce(row.cells[p.column], p.target.type, p.form) for p in columns]
    assert found == [date(2024, 2, 1), 1234.5]
    assert [entry[4] for entry in to_journal(columns)] == ["dmy/", ",€"]
    for wrong in (["A", "property", "a", "date", "ddd/"], ["B", "property", "b", "number", "x"]):
        with pytest.raises(ValueError, match="not a column"):
            JournalHeader(**{**header, "plan": [wrong]})


async def test_no_property_is_created_for_rows_that_are_all_rejected(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("email,Plan,created_at\na@example.com,pro,1705486871\n")
    async with Sandbox() as box, LoopsClient(box.api_key, base_url=box.url) as loops:
        report = await import_file(loops, path, ImportOptions(create_properties=True))
        assert (report.applied, report.rejected.count) == (0, 1)
        assert "plan" not in box.properties
