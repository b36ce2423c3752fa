import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import attrs
import orjson
from hypothesis import example, given
from hypothesis import strategies as st

from loops_async import Contact, ContactProperty, ContactUpdate, MailingList, Team
from loops_async.codec import Undecodable, decode, decode_json, encode, encode_json
from tests.strategies import (
    DAYS,
    JSON_SCALARS,
    MOMENTS,
    PROPERTY_NAMES,
    TEXT,
)

JSON = st.recursive(
    JSON_SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
KEYS = [a.name for a in attrs.fields(Contact)] + [
    "firstName", "optInStatus", "mailingLists", "teamName", "key", "label", "type", "isPublic",
]  # fmt: skip


def through_json(properties: dict[str, Any]) -> dict[str, Any]:
    sent = encode(ContactUpdate(email="a@x.io", properties=properties))
    held = {"id": "c1", **json.loads(sent)}
    return dict(decode(encode_json(held), Contact).properties)


@given(st.dictionaries(PROPERTY_NAMES, JSON_SCALARS, max_size=5))
@example({"a": 2**70, "b": 0.1, "c": 5e-324, "d": -0.0, "e": 1e308, "f": 2**63, "g": 1.0})
def test_what_is_not_a_date_comes_back_as_it_was_sent(properties: dict[str, Any]) -> None:
    assert repr(through_json(properties)) == repr(properties)


@given(MOMENTS)
def test_a_moment_comes_back_as_the_same_millisecond(moment: datetime) -> None:
    text = through_json({"at": moment})["at"]
    back = datetime.fromisoformat(text)
    assert text.endswith("Z")
    assert timedelta(0) <= moment - back < timedelta(milliseconds=1)
    assert back.tzinfo == UTC


@given(DAYS)
def test_a_day_comes_back_as_the_same_day(day: date) -> None:
    assert date.fromisoformat(through_json({"on": day})["on"]) == day


@given(JSON)
def test_any_json_value_survives_both_ways(value: object) -> None:
    assert repr(decode_json(encode_json(value))) == repr(value)
    assert repr(json.loads(encode_json(value))) == repr(value)


@given(
    body=st.binary()
    | JSON.map(encode_json)
    | st.dictionaries(st.sampled_from(KEYS), JSON).map(encode_json)
    | st.lists(st.dictionaries(st.sampled_from(KEYS), JSON)).map(encode_json),
    into=st.sampled_from([Contact, Team, list[Contact], list[ContactProperty], list[MailingList]]),
)
def test_any_bytes_become_a_record_or_one_short_error(body: bytes, into: type[object]) -> None:
    try:
        decode(body, into)
    except Undecodable as error:
        found = error
    else:
        return
    assert len(str(found)) <= 80
    assert found.__context__ is None


@given(st.dictionaries(TEXT.map(lambda t: f"new{t}"), JSON, max_size=4))
def test_new_fields_of_a_reply_never_break_decoding(new: dict[str, Any]) -> None:
    body = encode_json({"id": "c1", "email": "a@x.io", **new})
    assert decode(body, Contact) == Contact(id="c1", email="a@x.io", properties=new)
    assert decode(encode_json({"teamName": "T", **new}), Team) == Team("T")
    lists = decode(encode_json([{"id": "l", "name": "N", **new}]), list[MailingList])
    assert lists == [MailingList("l", "N")]


def test_orjson_still_makes_floats_of_long_integers() -> None:
    """The reason for the second decoder; when this fails, it can go."""
    assert isinstance(orjson.loads(b"1180591620717411303424"), float)
