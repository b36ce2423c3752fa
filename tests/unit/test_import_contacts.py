from datetime import date

import pytest

from loops_async.importer.errors import RowRefused
from loops_async.importer.mapping import Account, plan_columns
from loops_async.importer.reading import InputRow
from loops_async.importer.row_to_contact import clean_address, contact_fields
from loops_async.records.contact_properties import ContactProperty, PropertyType

PLAN = plan_columns(
    ["email", "userId", "firstName", "subscribed", "plan", "seats", "vip", "joined", "List"],
    Account(
        [
            ContactProperty("plan", "plan", PropertyType("string")),
            ContactProperty("seats", "seats", PropertyType("number")),
            ContactProperty("vip", "vip", PropertyType("boolean")),
            ContactProperty("joined", "joined", PropertyType("date")),
        ]
    ),
    {"List": "mailingLists.abc"},
)


def fields(**cells: object) -> dict[str, object]:
    return contact_fields(InputRow(7, cells, ""), PLAN.columns)


def emptying(**cells: object) -> dict[str, object]:
    return contact_fields(InputRow(7, cells, ""), PLAN.columns, empty_as_null=True)


def refusal(**cells: object) -> RowRefused:
    with pytest.raises(RowRefused) as caught:
        fields(**cells)
    return caught.value


def test_a_row_becomes_the_arguments_of_a_contact_update() -> None:
    assert fields(
        email=" ada@example.com ",
        userId="u1",
        firstName="Ada",
        subscribed="no",
        plan="pro",
        seats="42",
        vip="TRUE",
        joined="17 Jan 2024",
        List="yes",
    ) == {
        "email": "ada@example.com",
        "user_id": "u1",
        "first_name": "Ada",
        "subscribed": False,
        "properties": {"plan": "pro", "seats": 42, "vip": True, "joined": date(2024, 1, 17)},
        "mailing_lists": {"abc": True},
    }


def test_text_that_identifies_nobody_keeps_its_spaces() -> None:
    found = fields(email="a@example.com", firstName=" Zoë ", plan="a\n b ")
    assert found["first_name"] == " Zoë "
    assert found["properties"] == {"plan": "a\n b "}


@pytest.mark.parametrize("empty", ["", "  ", "\u00a0", None])
def test_an_empty_cell_is_left_out(empty: object) -> None:
    found = fields(
        email="a@example.com", userId=empty, firstName=empty, subscribed=empty, plan=empty, List=""
    )
    assert found == {"email": "a@example.com"}


@pytest.mark.parametrize("empty", ["", " ", None])
def test_an_empty_cell_empties_the_property_only_when_asked_and_never_an_identifier(
    empty: object,
) -> None:
    found = emptying(
        email="a@example.com",
        userId=empty,
        firstName=empty,
        subscribed=empty,
        plan=empty,
        seats=empty,
        List=empty,
    )
    assert found == {
        "email": "a@example.com",
        "first_name": None,
        "properties": {"plan": None, "seats": None},
    }


def test_a_key_a_json_row_does_not_have_is_not_emptied() -> None:
    assert emptying(email="a@example.com") == {"email": "a@example.com"}


def test_a_column_without_a_target_is_not_sent() -> None:
    assert fields(email="a@example.com", other="x") == {"email": "a@example.com"}


def test_every_fault_of_a_row_is_named_by_line_and_column_and_no_value_is() -> None:
    error = refusal(email="ada.example.com", seats="1,234", vip="perhaps", joined="01/02/2024")
    assert error.line == 7
    assert str(error).startswith("line 7: ")
    for column in ("email", "seats", "vip", "joined"):
        assert f'column "{column}"' in error.reason
    for value in ("ada", "1,234", "perhaps", "01/02"):
        assert value not in str(error)


def test_a_row_for_nobody_is_refused_with_the_columns_that_could_have_told() -> None:
    assert '"email" or "userId"' in refusal(email=" ", userId="", plan="pro").reason


def test_an_address_that_is_not_one_is_refused_even_beside_a_user_id() -> None:
    assert "no @" in refusal(email="nobody", userId="u1").reason


@pytest.mark.parametrize(
    "address",
    ["@example.com", "a@", "a@b@example.com", "a b@example.com", "a@x.com, b@x.com", "a@\x00b"],
)
def test_what_can_be_no_single_address_is_refused(address: str) -> None:
    assert "is not one email address" in refusal(email=address).reason


@pytest.mark.parametrize(
    "address",
    ["linus@example.c", "zoë@example.com", "a+b@example.com", "o'brien@example.com", "a@b"],
)
def test_what_loops_may_refuse_is_left_to_loops(address: str) -> None:
    assert fields(email=address) == {"email": address}


@pytest.mark.parametrize(("given", "sent"), [("007", "007"), (42, "42"), (" x ", "x")])
def test_user_ids_are_text(given: object, sent: str) -> None:
    assert fields(userId=given) == {"user_id": sent}


@pytest.mark.parametrize("given", [1.5, True, ["u1"], {"id": 1}])
def test_what_is_no_user_id_is_refused(given: object) -> None:
    assert '"userId"' in refusal(userId=given).reason


def test_typed_json_values_are_kept() -> None:
    found = fields(email="a@example.com", seats=3, vip=False, plan="pro")
    assert found["properties"] == {"seats": 3, "vip": False, "plan": "pro"}


@pytest.mark.parametrize(
    "cell",
    [
        "mailto:ada@example.com",
        "MAILTO: ada@example.com",
        "mailto:ada@example.com?subject=Hello",
        "<ada@example.com>",
        "Ada Lovelace <ada@example.com>",
        '"Lovelace, Ada" <ada@example.com>;',
        "<mailto:ada@example.com>",
        "ada@example.com;",
        "ada@example.com ; ",
        "ada@example.com,",
        "'ada@example.com'",
        '"ada@example.com"',
        "\u00a0ada@example.com\u00a0",
    ],
)
def test_what_mail_programs_write_around_an_address_is_removed(cell: str) -> None:
    assert clean_address(cell) == "ada@example.com"
    assert fields(email=cell)["email"] == "ada@example.com"


@pytest.mark.parametrize(
    "cell",
    [
        "a@x.com; b@x.com",
        "<a@x.com> <b@x.com>",
        "a@x.com <b@x.com>",
        "mailto:a@x.com,b@x.com",
        "a@x.com,Ada",
    ],
)
def test_two_addresses_in_a_cell_are_not_cut_to_one(cell: str) -> None:
    assert "is not one email address" in refusal(email=cell).reason


@pytest.mark.parametrize(
    ("character", "code"),
    [
        ("\u200b", "U+200B zero width space"),
        ("\u200c", "U+200C"),
        ("\u200d", "U+200D"),
        ("\u2060", "U+2060"),
        ("\ufeff", "U+FEFF"),
        ("\u00ad", "U+00AD soft hyphen"),
        ("\u202a", "U+202A"),
        ("\u202c", "U+202C"),
        ("\u200e", "U+200E"),
        ("\u2068", "U+2068"),
    ],
)
def test_an_invisible_character_in_an_address_is_named(character: str, code: str) -> None:
    for address in (f"{character}ada@example.com", f"ada@exa{character}mple.com"):
        reason = refusal(email=address).reason
        assert f"contains an invisible character, {code}" in reason
        assert "ada" not in reason
