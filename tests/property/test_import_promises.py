import csv
import io
import math
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loops_async.importer.coercion import CellFormat, ValueType, coerce, is_empty, parse_text
from loops_async.importer.errors import ColumnsRefused, ImportRefused, RowRefused, ValueRefused
from loops_async.importer.mapping import Account, plan_columns
from loops_async.importer.planning import adopt, propose
from loops_async.importer.reading import InputRow, UnreadableRow, open_input
from loops_async.importer.row_to_contact import contact_fields
from loops_async.importer.type_inference import TypeGuess, scan_file
from loops_async.records.contact_properties import ContactProperty, PropertyType

TYPES: st.SearchStrategy[ValueType] = st.sampled_from(["string", "number", "boolean", "date"])
# Bytes that look like a file to the reader far more often than random ones do.
PIECES = [
    b"email", b"@", b"a@example.com", b",", b";", b"\t", b"\n", b"\r", b"\r\n", b'"', b'""', b"{",
    b"}", b"[", b":", b'{"email":"a@example.com"}', b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff",
    b"\0", b"\xc3", b"\xc3\xab", b"\xed\xa0\x80", b" ", b"1", b"2024-01-17", b"\x1b[31m", b"x" * 99,
]  # fmt: skip
FILES = st.one_of(
    st.binary(),
    st.lists(st.sampled_from(PIECES)).map(b"".join),
    st.lists(st.sampled_from(PIECES)).map(lambda parts: b"email,name\n" + b"".join(parts)),
    st.lists(st.sampled_from(PIECES)).map(lambda parts: b"{}\n" + b"".join(parts)),
)
# What UTF-8 can carry; a NUL is refused by name and has its own test.
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


@given(FILES)
def test_any_bytes_are_read_or_refused_by_name(content: bytes) -> None:
    try:
        with open_input("-", io.BytesIO(content)) as source:
            found = scan_file(source)
            plan = plan_columns(found.headers, Account(), {})
            plan = adopt(plan, propose(plan, found, Account())[1])
            readings = list(source.rows())
    except ImportRefused:
        return
    assert len(readings) == found.rows
    for row in readings:
        if isinstance(row, InputRow):
            with suppress(RowRefused):
                contact_fields(row, plan.columns)


@given(FILES)
def test_rows_stand_in_the_file_where_they_say_and_as_they_say(content: bytes) -> None:
    try:
        with open_input("-", io.BytesIO(content)) as source:
            readings = list(source.rows())
            encoding = source.layout.encoding.name
    except ImportRefused:
        return
    whole = content.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    lines = io.StringIO(whole, newline="").readlines()
    for reading in readings:
        assert "".join(lines[reading.line - 1 :]).startswith(reading.text)
    assert [r.line for r in readings] == sorted({r.line for r in readings})


@given(st.lists(st.lists(TEXT, min_size=3, max_size=3)), st.sampled_from(",;\t"))
def test_what_a_csv_writer_writes_is_read_back(rows: list[list[str]], delimiter: str) -> None:
    written = io.StringIO(newline="")
    writer = csv.writer(written, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([["email", "b", "c"], *rows])
    with open_input("-", io.BytesIO(written.getvalue().encode())) as source:
        readings = list(source.rows())
    assert [list(r.cells.values()) for r in readings if isinstance(r, InputRow)] == [
        row for row in rows if any(cell.strip() for cell in row)
    ]
    assert not any(isinstance(r, UnreadableRow) for r in readings)


@given(st.lists(st.dictionaries(TEXT, TEXT | st.booleans() | st.integers(-9, 9) | st.none())))
def test_what_a_json_writer_writes_is_read_back(rows: list[dict[str, object]]) -> None:
    content = b'{"first": 1}\n' + b"".join(orjson.dumps(row) + b"\n" for row in rows)
    with open_input("-", io.BytesIO(content)) as source:
        readings = list(source.rows())
    assert [r.cells for r in readings if isinstance(r, InputRow)] == [{"first": 1}, *rows]


@given(st.text() | TEXT.map(lambda text: "2024-01-17" + text) | st.from_regex(r"\A[\d/:. T+-]+\Z"))
def test_any_text_converts_or_is_refused_without_being_quoted(text: str) -> None:
    declared: ValueType
    for declared in ("string", "number", "boolean", "date"):
        reason = ""
        try:
            parse_text(text, declared)
        except ValueRefused as error:
            reason = error.reason
        assert len(text.strip()) <= 12 or text.strip() not in reason


@given(st.integers(-(2**53) + 1, 2**53 - 1))
def test_whole_numbers_come_back_as_they_were(number: int) -> None:
    converted = parse_text(str(number), "number")
    assert converted == number
    assert isinstance(converted, int)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_fractions_come_back_as_they_were(number: float) -> None:
    converted = parse_text(repr(number), "number")
    assert isinstance(converted, float)
    assert converted == number
    assert math.copysign(1, converted) == math.copysign(1, number)


@given(st.dates())
def test_days_come_back_whichever_way_they_are_spelt(day: date) -> None:
    year = f"{day.year:04}"
    for spelling in (
        day.isoformat(),
        f"{year}/{day.month}/{day.day}",
        f"{day.day} {day:%b} {year}",
        f"{day:%B} {day.day}, {year}",
    ):
        assert parse_text(spelling, "date") == day


@given(st.dates())
def test_a_day_with_its_year_last_is_right_or_refused(day: date) -> None:
    for text in (
        f"{day.day}/{day.month}/{day.year:04}",
        f"{day.month}/{day.day}/{day.year:04}",
    ):
        if day.day <= 12 and day.day != day.month:
            with pytest.raises(ValueRefused, match="day first or month first"):
                parse_text(text, "date")
        else:
            assert parse_text(text, "date") == day


@given(
    st.datetimes(
        min_value=datetime(2, 1, 1),  # noqa: DTZ001  (Hypothesis adds the zone)
        max_value=datetime(9998, 12, 31),  # noqa: DTZ001
        timezones=st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m))),
    ),
    st.sampled_from(" T"),
)
def test_moments_come_back_in_utc(moment: datetime, between: str) -> None:
    converted = parse_text(moment.isoformat(between), "date")
    assert converted == moment
    assert isinstance(converted, datetime)
    assert converted.tzinfo is UTC


VALUES = st.one_of(
    TEXT,
    st.sampled_from(
        ["yes", "no", "1", "0", "TRUE", "2024-01-17", "25/12/2024", "007", "+46", "1,5"]
    ),
    st.integers().map(str),
    st.floats().map(str),
    st.dates().map(str),
)


@given(st.lists(VALUES, min_size=1))
def test_every_value_of_a_column_converts_to_the_type_suggested_for_it(values: list[str]) -> None:
    guess = TypeGuess()
    for value in values:
        guess.note(value)
    column = guess.column("x")
    if column.type is not None and column.remark is None:
        form = CellFormat(column.styles.get(column.type, ""))
        for value in values:
            if not is_empty(value):
                coerce(value, column.type, form)


@given(
    st.lists(VALUES | st.booleans() | st.floats(allow_nan=False, allow_infinity=False), min_size=1)
)
def test_every_json_value_converts_to_the_type_suggested_for_it(values: list[object]) -> None:
    guess = TypeGuess(is_text=False)
    for value in values:
        guess.note(value)
    suggested = guess.type
    for value in values:
        is_long = isinstance(value, float) and abs(value) >= 2**53
        if suggested is not None and str(value).strip() and not (is_long and suggested == "string"):
            coerce(value, suggested)


NAMES = st.sampled_from(
    ["email", "E-Mail", "Email Address", "FNAME", "First Name", "userId", "Plan", "plan ", "id",
     "MEMBER_RATING", "Notes", "notes", "x=y", "李", "???", "planName"]
) | TEXT.filter(bool)  # fmt: skip
PROPERTIES = st.lists(
    st.builds(ContactProperty, NAMES, NAMES, (TYPES | st.just("json")).map(PropertyType))
)
WANTED = st.sampled_from(
    [
        "",
        "email",
        "first_name",
        "firstName",
        "plan",
        "mailingLists.a",
        "id",
        "newOne",
        "mailingLists.",
    ]
)


@given(
    st.lists(NAMES, unique=True),
    PROPERTIES,
    st.dictionaries(NAMES, WANTED, max_size=4),
    st.booleans(),
)
def test_no_two_columns_share_a_target_and_none_is_lost(
    headers: list[str], properties: list[ContactProperty], mappings: dict[str, str], new: bool
) -> None:
    try:
        plan = plan_columns(headers, Account(properties), mappings, allow_new=new)
    except ColumnsRefused:
        return
    targets = [planned.target for planned in plan.columns]
    assert len(targets) == len(set(targets))
    assert {"email", "user_id"} & {target.name for target in targets}
    placed = [
        *(planned.column for planned in plan.columns),
        *(unknown.column for unknown in plan.unknown),
        *plan.left_out,
    ]
    assert sorted(placed) == sorted(headers)


@given(st.lists(NAMES, unique=True, min_size=1), PROPERTIES)
def test_proposed_names_are_free_and_written_as_loops_writes_them(
    headers: list[str], properties: list[ContactProperty]
) -> None:
    columns = [name for name in headers if name != "Work Mail"]
    content = io.StringIO(newline="")
    csv.writer(content, quoting=csv.QUOTE_ALL).writerows([["Work Mail", *columns], ["1"] * 99])
    lines = orjson.dumps({"Work Mail": "a@example.com", **dict.fromkeys(columns, 1)})
    with open_input("-", io.BytesIO(lines)) as source:
        found = scan_file(source)
    try:
        plan = plan_columns(found.headers, Account(properties), {"Work Mail": "email"})
    except ColumnsRefused:
        return
    # A property that is there already, under the key that would be chosen, is used.
    plan, proposals = propose(plan, found, Account(properties))
    keys = [proposal.key for proposal in proposals]
    assert len(keys) == len(set(keys)) == len(plan.unknown)
    assert not set(keys) & {known.key for known in properties}
    assert all(key.isascii() and key.isalnum() and key[0].islower() for key in keys)
    assert adopt(plan, proposals).unknown == ()
