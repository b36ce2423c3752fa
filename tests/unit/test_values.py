"""Ids and values that are really gaps, and NumPy's own kinds of values, by look-alikes of them.

tests/compat has the real ones.
"""

import math
import uuid
from decimal import Decimal
from typing import Any

import pytest

from loops_async import ContactUpdate, Event, InvalidInput, LoopsClient, TransactionalEmail
from loops_async.testing import ScriptedTransport

ADA = "ada@example.com"


def like(library: str, name: str, **members: Any) -> Any:
    """A value whose class is called as one of another library."""
    return type(name, (), {"__module__": f"{library}.core", **members})()


NAT = like("pandas", "NaTType")
NA = like("pandas", "NAType", __bool__=lambda _: 1 / 0)
SCALAR = {"shape": ()}
NP_BOOL = like("numpy", "bool", **SCALAR, __str__=lambda _: "True")
NP_INT = like("numpy", "int64", **SCALAR, __str__=lambda _: "3")
NP_NAN = like("numpy", "float32", **SCALAR, __str__=lambda _: "nan")
NP_NAT = like("numpy", "datetime64", **SCALAR, __str__=lambda _: "NaT")
NP_DATE = like("numpy", "datetime64", **SCALAR, __str__=lambda _: "2026-01-01")
NP_ARRAY = like("numpy", "ndarray", shape=(2,), __str__=lambda _: "[nan nan]")
GAPS = [
    (math.nan, "NaN"), (Decimal("nan"), "NaN"), (Decimal("sNaN"), "NaN"), (NP_NAN, "NaN"),
    (NAT, "NaT"), (NP_NAT, "NaT"), (NA, "NA"), (like("numpy", "MaskedConstant"), "masked"),
]  # fmt: skip


def said(**fields: Any) -> str:
    with pytest.raises(InvalidInput) as caught:
        ContactUpdate(**{"email": ADA, **fields})
    return str(caught.value)


@pytest.mark.parametrize("text", [
    "None", "nan", "null", "undefined", "NONE", "NaN", "NULL", "Null", "Undefined", " None ",
    "nan\n", "<NA>", "NaT", "<nil>", "(null)", "#N/A", "\\N",
])  # fmt: skip
def test_the_text_of_a_missing_id_is_no_id(text: str) -> None:
    expected = "user_id: is the text of a missing value, such as 'None' or 'nan'; pass the"
    assert said(user_id=text).startswith(expected)
    with pytest.raises(InvalidInput, match="user_id: is the text of a missing value"):
        Event(event_name="e", user_id=text)


@pytest.mark.parametrize("text", [
    "0", "00", "-1", "1", "nana", "nancy", "none-of-them", "null@", "n", "NA", "Nil", "nat",
    "undefined-1", "None.", "7.0", "-", "u1",
])  # fmt: skip
def test_what_could_be_an_id_is_one(text: str) -> None:
    assert ContactUpdate(email=ADA, user_id=text).user_id == text


@pytest.mark.parametrize("call", [
    lambda c: c.contacts.find(user_id="None"),
    lambda c: c.contacts.delete(user_id="nan"),
    lambda c: c.contacts.suppression(user_id="null"),
    lambda c: c.contacts.remove_suppression(user_id="undefined"),
    lambda c: c.contacts.create(email=ADA, user_id="None"),
    lambda c: c.events.send("e", user_id="None"),
])  # fmt: skip
async def test_no_call_takes_the_text_of_a_missing_id(call: Any) -> None:
    transport = ScriptedTransport([])
    async with LoopsClient("k", transport=transport) as loops:
        with pytest.raises(InvalidInput, match="user_id: is the text of a missing value"):
            await call(loops)
    assert not transport.requests


@pytest.mark.parametrize(("value", "fix"), [
    (7, "not int; pass str(user_id)"),
    (uuid.UUID(int=1), "not UUID; pass str(user_id)"),
    (NP_INT, "not numpy.int64; pass str(user_id)"),
    (True, "not bool; pass the contact's id"),
    (NP_BOOL, "not numpy.bool; pass the contact's id"),
    (b"u1", "not bytes; pass the contact's id as text"),
    ([1], "not list; pass the contact's id as text"),
    (7.0, "not float; ids get a decimal point where a column with gaps is read as numbers; read t"),
    (math.inf, "not float; ids get a decimal point where"),
    (Decimal("7.0"), "not Decimal; ids get a decimal point where"),
])  # fmt: skip
def test_an_id_that_is_no_text_is_met_with_what_to_pass(value: object, fix: str) -> None:
    assert said(user_id=value).startswith(f"user_id: must be text, {fix}")
    assert not isinstance(value, float) or "str(" not in said(user_id=value)


@pytest.mark.parametrize(("gap", "name"), GAPS, ids=range(len(GAPS)))
def test_a_gap_is_called_by_its_name(gap: object, name: str) -> None:
    keep = "leave it out to keep the value at Loops, or pass None to empty it"
    is_gap = f"is {name}, a missing value; "
    assert said(email=gap) == f"email: {is_gap}pass an address, or leave it out"
    assert said(user_id=gap) == f"user_id: {is_gap}pass the contact's id, or leave it out"
    assert said(first_name=gap) == f"first_name: {is_gap}{keep}"
    assert said(subscribed=gap) == f"subscribed: {is_gap}{keep}"
    assert said(mailing_lists=gap) == f"mailing_lists: {is_gap}{keep}"
    assert said(mailing_lists={"l": gap}) == f"mailing_lists: {is_gap}pass True or False"
    assert said(properties=gap) == f"properties: {is_gap}leave it out to send none"
    assert said(properties={"plan": gap}) == f"properties['plan']: {is_gap}{keep}"
    with pytest.raises(InvalidInput, match=r"^data_variables\['plan'\]: is N?\w+, a missing value"):
        TransactionalEmail(transactional_id="t", email=ADA, data_variables={"plan": gap})  # type: ignore[dict-item]


@pytest.mark.parametrize(("value", "fix"), [
    (NP_BOOL, "not numpy.bool; convert it with bool()"),
    (NP_INT, "not numpy.int64; convert it with int()"),
    (like("numpy", "uint8", **SCALAR), "not numpy.uint8; convert it with int()"),
    (like("numpy", "float32", **SCALAR), "not numpy.float32; convert it with float()"),
    (NP_DATE, "not numpy.datetime64; convert it to a datetime with a time zone"),
    (NP_ARRAY, "not numpy.ndarray; flatten it into several properties"),
    (like("pandas", "Timedelta"), "not pandas.Timedelta; convert it to text or to a number first"),
    (Decimal("1.5"), "not Decimal; convert it to text or to a number first"),
], ids=range(8))  # fmt: skip
def test_a_property_says_how_to_convert_it(value: object, fix: str) -> None:
    expected = "properties['p']: a property is text, a number, a boolean, a date or None, "
    assert said(properties={"p": value}) == expected + fix


def test_a_boolean_of_numpy_is_converted_with_bool() -> None:
    expected = "must be True, False, None or left out, not numpy.bool; convert it with bool()"
    assert said(subscribed=NP_BOOL) == f"subscribed: {expected}"
    assert said(subscribed=NP_INT).endswith("left out, not numpy.int64")
    assert said(mailing_lists={"l": NP_BOOL}).endswith("not numpy.bool; convert it with bool()")
    with pytest.raises(InvalidInput, match="add_to_audience: must be True, False or left out, not"):
        TransactionalEmail(transactional_id="t", email=ADA, add_to_audience=NP_BOOL)
    with pytest.raises(InvalidInput, match="format it as it should appear in the email"):
        TransactionalEmail(transactional_id="t", email=ADA, data_variables={"x": NP_BOOL})
