import pytest

from loops_async.importer.coercion import BOOLEANS, parse_text
from loops_async.importer.type_inference import ScannedColumn, TypeGuess


def column(*values: object, written: bool = True) -> ScannedColumn:
    """The column whose first value is on line 2, as below a header."""
    guess = TypeGuess(is_text=written)
    for line, value in enumerate(values, 2):
        guess.note(value, line)
    return guess.column("X")


def remark(*values: object, written: bool = True) -> str | None:
    return column(*values, written=written).remark


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (("0000-00-00", "0000-00-00 00:00:00", "2024-01-17"), 2),
        (("12/25/2024", "25/12/2024", "25/11/2024"), 2),
        (("15/06/52", "25/12/24", "24/12/24"), 2),
        (("01.17.2024", "17.01.2024", "2024-01-17"), 2),
        (("2026/05/28 7:01 PM CET", "2026/05/28 7:01 PM OEZ", "2026/05/28"), 3),
    ],
)
def test_dates_that_do_not_fit_one_pattern_are_remarked_on(
    values: tuple[str, ...], line: int
) -> None:
    assert column(*values).remark == (
        "3 of 3 values look like dates; write them as YYYY-MM-DD to get a date; the first to fix "
        f"is on line {line}"
    )


@pytest.mark.parametrize("values", [("1.234,56", "1,234.56"), ("5", "€5", "$5"), ("5 %", "5")])
def test_numbers_that_do_not_fit_one_pattern_are_remarked_on(values: tuple[str, ...]) -> None:
    found = column(*values)
    assert found.remark == (
        f"{len(values)} of {len(values)} values look like numbers; write them as 1234.56 to get a "
        f"number; the first to fix is on line {len(values) + 1}"
    )


@pytest.mark.parametrize("word", [*BOOLEANS, "TRUE", "No"])
def test_what_looks_like_a_boolean_is_taken_for_one(word: str) -> None:
    found = column("t", *[word] * 5, "maybe")
    assert (found.type, found.may_be) == ("string", "boolean")
    assert (found.remark or "").startswith("6 of 7 values look like booleans")
    parse_text(word, "boolean")


@pytest.mark.parametrize("word", ["jain", "doch", "peut-être", "ye\u017f"])
def test_what_is_not_taken_for_a_boolean_does_not_look_like_one(word: str) -> None:
    assert remark(word, word, "x") is None
    assert (remark("yes", "no", "no", word) or "").startswith("3 of 4 values look like booleans")


def test_the_first_value_that_is_in_the_way_is_named_by_its_line() -> None:
    found = column("yes", "", "NO", "perhaps", "no", "maybe", "1", "0", "y", "n")
    assert found.remark == (
        "7 of 9 values look like booleans; write them as true or false and leave the others empty "
        "to get a boolean; the first to fix is on line 5"
    )
    assert found.may_be == "boolean"


def test_values_that_can_be_read_but_for_the_odd_one_may_have_their_type() -> None:
    assert column("2024-01-17", "2024-01-18", "soon").may_be == "date"
    assert column("5", "6", "unknown").may_be == "number"
    assert column("5", "1,5", "unknown").may_be == "number"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (("2024-01-17", "2024-01-18", "soon"), "2 of 3 values look like dates"),
        (("5", "6", "unknown"), "2 of 3 values look like numbers"),
        (("yes", "no", "1", "perhaps"), "3 of 4 values look like booleans"),
    ],
)
def test_from_two_thirds_of_the_values_on_the_others_are_the_odd_ones(
    values: tuple[str, ...], said: str
) -> None:
    found = remark(*values)
    assert found is not None
    assert found.startswith(said)
    assert "and leave the others empty" in found


@pytest.mark.parametrize(
    "values",
    [
        ("pro", "free"),
        ("5", "pro", "free"),
        ("5", "unknown"),
        ("y", "Smith"),
        ("yes", "no", "1", "perhaps", "maybe", "later"),
        ("n/a", "-"),
        ("01234", "98765", "10001"),  # postcodes
        ("98765", "10001", "01234"),
        ("+46701234567", "46701234567"),
        ("9007199254740993", "9007199254740995"),  # ids
        ("f", "m", "f"),
        ("f", "f", "f", "x"),
        ("192.168.1.1", "10.0.0.1"),
        ("v1.2.3", "1.10.2"),
        ("01.02.03.04.05",),
        (),
        ("", " "),
    ],
)
def test_text_is_text(values: tuple[str, ...]) -> None:
    assert remark(*values) is None


@pytest.mark.parametrize("values", [("1", "2"), ("yes", "no"), ("2024-01-17", "17 Jan 2024")])
def test_a_column_that_has_a_type_needs_no_remark(values: tuple[str, ...]) -> None:
    assert remark(*values) is None


def test_json_text_is_no_number_and_json_numbers_are() -> None:
    assert remark("42", "yes", "x", written=False) is None
    assert (remark(1, 2, "x", written=False) or "").startswith("2 of 3 values look like numbers")
    assert (remark(True, True, "x", written=False) or "").startswith("2 of 3 values look like bool")
    assert (remark("01/02/2024", written=False) or "").startswith("1 of 1 value")


def test_a_thousand_values_are_looked_at_and_no_more() -> None:
    said = remark(*["5"] * 1_000, *["x"] * 5_000)
    assert said == (
        "1000 of the first 1,000 values look like numbers; write them as 1234.56 and leave the "
        "others empty to get a number; the first to fix is on line 1002"
    )
    assert remark(*["x"] * 1_000, *["5"] * 5_000) is None


def test_lists_and_objects_have_no_type() -> None:
    assert column([1], {}, None, written=False) == ScannedColumn("X", 2, None, nested=2)
    assert column("x", None, {}, "y", written=False) == ScannedColumn("X", 3, None, nested=4)
