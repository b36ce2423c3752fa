from datetime import UTC, date, datetime

import pytest

from loops_async.importer.coercion import Value, ValueType, coerce, parse_text
from loops_async.importer.errors import ValueRefused


def reason(value: object, declared: ValueType) -> str:
    with pytest.raises(ValueRefused) as caught:
        coerce(value, declared)
    return caught.value.reason


@pytest.mark.parametrize("text", ["", " Zoë ", "42", "a\nb", "李小龙"])
def test_text_for_a_string_stays_exactly_as_it_is(text: str) -> None:
    assert parse_text(text, "string") == text


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("42", 42),
        (" 42 ", 42),
        ("-7", -7),
        ("+7", 7),
        ("007", 7),
        ("3.14", 3.14),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("1E-3", 0.001),
        ("9007199254740991", 2**53 - 1),
    ],
)
def test_text_for_a_number_is_read_exactly(text: str, number: float) -> None:
    converted = parse_text(text, "number")
    assert converted == number
    assert type(converted) is type(number)


@pytest.mark.parametrize("text", ["1,234", "3,14", "1.234,56", "-1,2", ",5"])
def test_a_comma_in_a_number_is_refused_as_the_two_things_it_may_be(text: str) -> None:
    assert "thousands or decimals" in reason(text, "number")


@pytest.mark.parametrize(
    "text",
    ["", "x", "4 2", "1_000", "0x10", "nan", "inf", "$5", "5%", "٣", "1e", "--1", "1.2.3", "True"],
)
def test_what_is_no_number_is_refused(text: str) -> None:
    assert "is not a number" in reason(text, "number")


@pytest.mark.parametrize("text", ["9007199254740993", "-9007199254740992", "1e999", "9" * 5000])
def test_a_number_that_would_not_survive_at_loops_is_refused(text: str) -> None:
    assert "keep it as text" in reason(text, "number")


@pytest.mark.parametrize("text", ["yes", "TRUE", "Y", "on", "1", "t", " True "])
def test_common_words_for_true(text: str) -> None:
    assert parse_text(text, "boolean") is True


@pytest.mark.parametrize("text", ["no", "FALSE", "N", "off", "0", "f"])
def test_common_words_for_false(text: str) -> None:
    assert parse_text(text, "boolean") is False


@pytest.mark.parametrize("text", ["", "maybe", "2", "jain", "1.0", "x", "-"])
def test_what_is_neither_true_nor_false_is_refused(text: str) -> None:
    assert "is not a yes or a no" in reason(text, "boolean")


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-17",
        "2024/01/17",
        "2024/1/17",
        "2024.01.17",
        "17 Jan 2024",
        "17-Jan-2024",
        "17 JANUARY 2024",
        "17th January, 2024",
        "Jan 17, 2024",
        "Jan. 17 2024",
        "January 17th, 2024",
        "17/01/2024",
        "01/17/2024",
        "1/17/2024",
        "17.01.2024",
        "17-1-2024",
    ],
)
def test_common_spellings_of_a_day(text: str) -> None:
    converted = parse_text(text, "date")
    assert converted == date(2024, 1, 17)
    assert type(converted) is date


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-17 10:21:11",
        "2024-01-17T10:21:11",
        "2024-01-17T10:21:11Z",
        "2024-01-17 10:21:11 UTC",
        "2024-01-17T10:21:11.000+00:00",
        "2024-01-17T12:21:11+0200",
        "2024-01-17 05:21:11-05",
        "2024-01-17T15:51:11+05:30",
        "Jan 17, 2024, 10:21:11 AM",
        "17 Jan 2024 10:21:11",
        "1/17/2024 10:21:11 am",
        "1705486871000",
    ],
)
def test_common_spellings_of_a_moment_come_out_in_utc(text: str) -> None:
    assert parse_text(text, "date") == datetime(2024, 1, 17, 10, 21, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "hour"), [("12:00 AM", 0), ("12:00 PM", 12), ("1:00pm", 13), ("23:00", 23)]
)
def test_halves_of_the_day(text: str, hour: int) -> None:
    assert parse_text(f"2024-01-17 {text}", "date") == datetime(2024, 1, 17, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fraction", "microseconds"), [(".5", 500_000), (",25", 250_000), (".123456789", 123_456)]
)
def test_fractions_of_a_second_are_kept_to_the_microsecond(
    fraction: str, microseconds: int
) -> None:
    moment = datetime(2024, 1, 17, 10, 21, 11, microseconds, tzinfo=UTC)
    assert parse_text(f"2024-01-17 10:21:11{fraction}", "date") == moment


@pytest.mark.parametrize("name", ["Sep", "Sept", "September"])
def test_september_has_three_spellings(name: str) -> None:
    assert parse_text(f"{name} 3, 2024", "date") == date(2024, 9, 3)


@pytest.mark.parametrize("text", ["01/02/2024", "1/2/2024", "12-11-2024", "02/01/2024 10:00"])
def test_a_date_that_is_two_days_is_refused_with_the_way_out(text: str) -> None:
    assert "day first or month first" in reason(text, "date")
    assert "YYYY-MM-DD" in reason(text, "date")


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("25/12/2024", date(2024, 12, 25)),
        ("12/25/2024", date(2024, 12, 25)),
        ("05/05/2024", date(2024, 5, 5)),
    ],
)
def test_a_date_that_can_be_only_one_day_is_read(text: str, day: date) -> None:
    assert parse_text(text, "date") == day


@pytest.mark.parametrize(
    "text",
    [
        "2024-02-30",
        "2023-02-29",
        "0000-00-00 00:00:00",
        "31/31/2024",
        "31 Feb 2024",
        "2024-01-17 24:00",
        "2024-01-17 13:00 PM",
        "2024-01-17 0:30 AM",
        "2024-01-17 10:21:11+25:00",
        "2024-01-17 10:21:11+01:75",
        "0001-01-01 00:00+14:00",
        "9999-12-31 23:59-05:00",
    ],
)
def test_a_day_that_never_was_is_refused(text: str) -> None:
    assert "does not exist" in reason(text, "date")


@pytest.mark.parametrize(
    "text", ["", "soon", "2024", "17/01", "2024-W03-3", "17 Foo 2024", "17 Janu 2024", "45308"]
)
def test_what_is_no_date_is_refused(text: str) -> None:
    assert "is not a date such as" in reason(text, "date")


def test_epoch_seconds_are_refused_because_loops_counts_milliseconds() -> None:
    assert "milliseconds" in reason("1705486871", "date")
    assert "milliseconds" in reason(1705486871, "date")


@pytest.mark.parametrize(
    ("value", "declared", "expected"),
    [
        (42, "number", 42),
        (4.5, "number", 4.5),
        ("42", "number", 42),
        (True, "boolean", True),
        (1, "boolean", True),
        ("no", "boolean", False),
        (42, "string", "42"),
        (4.5, "string", "4.5"),
        (True, "string", "true"),
        (1705486871000, "date", datetime(2024, 1, 17, 10, 21, 11, tzinfo=UTC)),
        ("2024-01-17", "date", date(2024, 1, 17)),
    ],
)
def test_json_values_that_fit_are_kept_and_others_follow_their_text(
    value: object, declared: ValueType, expected: Value
) -> None:
    converted = coerce(value, declared)
    assert converted == expected
    assert type(converted) is type(expected)


@pytest.mark.parametrize("value", [True, False])
def test_a_json_boolean_is_no_number(value: bool) -> None:
    assert "is not a number" in reason(value, "number")


@pytest.mark.parametrize("declared", ["string", "number", "boolean", "date"])
@pytest.mark.parametrize("value", [[], [1], {}, {"a": 1}, None])
def test_nested_json_is_refused(value: object, declared: ValueType) -> None:
    assert "one plain value" in reason(value, declared)


def test_a_json_number_that_reading_has_rounded_does_not_become_text() -> None:
    assert "in quotes" in reason(1.2345678901234568e29, "string")
    assert "keep it as text" in reason(2**60, "number")
