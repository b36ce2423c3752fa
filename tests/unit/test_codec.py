import enum
import json
import time
from collections import OrderedDict
from datetime import UTC, date, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

import attrs
import orjson
import pytest

from loops_async import (
    UNSET,
    Contact,
    ContactCreate,
    ContactProperty,
    ContactUpdate,
    MailingList,
    OptInStatus,
    PropertyType,
    Team,
    Unset,
)
from loops_async.codec import Undecodable, decode, decode_json, encode, encode_json, to_json
from loops_async.errors import InvalidInput

ADA = "ada@example.com"
FOUND: dict[str, Any] = {
    "id": "c1", "email": ADA, "firstName": None, "lastName": "Lovelace", "source": "API",
    "subscribed": True, "userGroup": "", "userId": None, "mailingLists": {"l1": True},
    "optInStatus": None,
}  # fmt: skip


@attrs.frozen
class AppContact(ContactUpdate):
    plan: str | None | Unset = UNSET
    trial_ends: datetime | Unset = UNSET
    seats: int | Unset = attrs.field(default=UNSET, metadata={"key": "seatCount"})
    origin: str = "app"


class Plan(enum.StrEnum):
    PRO = "pro"


class Level(enum.IntEnum):
    HIGH = 3


def custom(**properties: Any) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(encode(ContactUpdate(email=ADA, properties=properties)))
    del fields["email"]
    return fields


@pytest.mark.parametrize(("value", "sent"), [
    (datetime(2024, 1, 17, 10, 21, 11, 999_999, tzinfo=UTC), "2024-01-17T10:21:11.999Z"),
    (datetime(2024, 1, 17, 1, tzinfo=timezone(timedelta(hours=2))), "2024-01-16T23:00:00.000Z"),
    (datetime(987, 1, 1, tzinfo=UTC), "0987-01-01T00:00:00.000Z"),
    (date(2024, 1, 17), "2024-01-17"),
    (Plan.PRO, "pro"),
    (Level.HIGH, 3),
    (2**70, 2**70),
    (-(2**64), -(2**64)),
    (2**63, 2**63),
    (0.1, 0.1),
    (5e-324, 5e-324),
    (-0.0, -0.0),
    (1e22, 1e22),
    (True, True),
    (None, None),
    ("", ""),
    ("\0\u2028\N{GRINNING FACE}", "\0\u2028\N{GRINNING FACE}"),
])  # fmt: skip
def test_a_custom_property_is_sent_as(value: Any, sent: Any) -> None:
    assert repr(custom(x=value)["x"]) == repr(sent)


def test_a_large_integer_does_not_change_what_else_is_sent() -> None:
    assert custom(n=2**70, s="é\n", f=0.1, b=True) == {"n": 2**70, "s": "é\n", "f": 0.1, "b": True}


def test_a_mapping_of_any_kind_is_sent_as_an_object() -> None:
    record = ContactUpdate(
        email=ADA,
        mailing_lists=MappingProxyType({"l1": True}),
        properties=OrderedDict(plan="pro"),
    )
    assert to_json(record) == {"email": ADA, "mailingLists": {"l1": True}, "plan": "pro"}


def test_a_typed_property_is_sent_under_its_name_at_loops() -> None:
    ends = datetime(2024, 1, 17, tzinfo=UTC)
    assert to_json(AppContact(email=ADA, plan="pro", trial_ends=ends, seats=3)) == {
        "email": ADA,
        "plan": "pro",
        "trialEnds": "2024-01-17T00:00:00.000Z",
        "seatCount": 3,
        "origin": "app",
    }


def test_a_typed_property_has_three_states_too_and_a_default_is_sent() -> None:
    assert to_json(AppContact(email=ADA)) == {"email": ADA, "origin": "app"}
    assert to_json(AppContact(email=ADA, plan=None)) == {
        "email": ADA,
        "plan": None,
        "origin": "app",
    }


def test_a_subclass_may_give_a_default_field_a_default_of_its_own() -> None:
    @attrs.frozen(kw_only=True)
    class Imported(ContactCreate):
        source: str | None | Unset = "import"

    assert to_json(Imported(email=ADA)) == {"email": ADA, "source": "import"}
    assert to_json(Imported(email=ADA, source=UNSET)) == {"email": ADA}


def test_a_subclass_of_a_subclass_and_one_without_attrs_are_sent_whole() -> None:
    @attrs.frozen
    class Deeper(AppContact):
        is_admin: bool = False

    class Bare(Deeper):
        pass

    fields = {"email": ADA, "origin": "app", "isAdmin": False}
    assert to_json(Deeper(email=ADA)) == to_json(Bare(email=ADA)) == fields


@pytest.mark.parametrize("value", [float("nan"), {"a": 1}, datetime(2024, 1, 1)])  # noqa: DTZ001
def test_a_property_that_became_unfit_after_the_record_was_made_is_still_refused(
    value: Any,
) -> None:
    record = ContactUpdate(email=ADA, properties={"plan": "pro"})
    record.properties["plan"] = value  # type: ignore[index]
    with pytest.raises(InvalidInput, match=r"^plan: "):
        encode(record)


@pytest.mark.parametrize(
    "value",
    ["\ud800", pytest.param(10**5000, id="long"), float("nan"), object()],
)
def test_what_json_cannot_carry_is_refused_without_the_value(value: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        encode_json({"x": value, "big": 2**70})
    assert caught.value.__context__ is None


def test_a_contact_is_read_with_its_custom_properties_and_what_is_newer_than_this_version() -> None:
    body = orjson.dumps(
        {**FOUND, "plan": "pro", "seats": 3, "newField": {"deep": [1]}, "optInStatus": "accepted"}
    )
    assert decode(body, Contact) == Contact(
        id="c1",
        email=ADA,
        last_name="Lovelace",
        source="API",
        subscribed=True,
        user_group="",
        mailing_lists={"l1": True},
        opt_in_status=OptInStatus.ACCEPTED,
        properties={"plan": "pro", "seats": 3, "newField": {"deep": [1]}},
    )


def test_a_contact_may_lack_everything_but_its_id_and_address() -> None:
    assert decode(b'{"id":"c1","email":"a@x.io"}', Contact) == Contact(id="c1", email="a@x.io")


def test_no_list_of_mailing_lists_is_none_of_them() -> None:
    assert decode(b'{"id":"c1","email":"a@x.io","mailingLists":null}', Contact).mailing_lists == {}


def test_an_opt_in_status_that_is_new_keeps_its_text() -> None:
    body = orjson.dumps({**FOUND, "optInStatus": "postponed"})
    assert decode(body, Contact).opt_in_status == OptInStatus("postponed")


def test_numbers_of_a_contact_survive_unchanged() -> None:
    text = (
        b'{"id":"c1","email":"a@x.io","a":1180591620717411303424,"b":0.1,"c":5e-324,"d":-9223372036'
        b'854775809,"e":1.0,"f":12345678901234567890.5,"g":"1180591620717411303424"}'
    )
    assert repr(decode(text, Contact).properties) == repr({
        "a": 2**70, "b": 0.1, "c": 5e-324, "d": -(2**63) - 1, "e": 1.0,
        "f": 12345678901234567890.5, "g": "1180591620717411303424",
    })  # fmt: skip


def test_a_subclass_reads_custom_properties_typed_and_keeps_the_rest() -> None:
    @attrs.frozen(kw_only=True)
    class Held(Contact):
        plan: str | None = None
        trial_ends: datetime | None = None
        born: date | None = None
        seats: int | None = attrs.field(default=None, metadata={"key": "seatCount"})
        rate: float = 0.0

    body = orjson.dumps({
        **FOUND, "plan": "pro", "trialEnds": "2024-01-17T10:21:11.000Z", "born": "1815-12-10",
        "seatCount": 3, "rate": 2, "other": 1,
    })  # fmt: skip
    held = decode(body, Held)
    assert (held.plan, held.born, held.seats, held.rate) == ("pro", date(1815, 12, 10), 3, 2)
    assert held.trial_ends == datetime(2024, 1, 17, 10, 21, 11, tzinfo=UTC)
    assert held.properties == {"other": 1}
    with pytest.raises(Undecodable, match="expected a number, got a boolean"):
        decode(orjson.dumps({**FOUND, "rate": True}), Held)
    assert decode(orjson.dumps({**FOUND, "trialEnds": "2024-01-17"}), Held).trial_ends == datetime(
        2024, 1, 17, tzinfo=UTC
    )


def test_other_records_are_read_and_what_is_new_in_them_is_passed_over() -> None:
    assert decode(b'{"success":true,"teamName":"T","new":1}', Team) == Team("T")
    assert decode(
        b'[{"key":"k","label":"L","type":"currency","new":1}]', list[ContactProperty]
    ) == [ContactProperty("k", "L", PropertyType("currency"))]
    assert decode(
        b'[{"id":"l","name":"N","description":null,"isPublic":true,"new":1}]', list[MailingList]
    ) == [MailingList("l", "N", None, is_public=True)]


@pytest.mark.parametrize(("body", "into", "says"), [
    (b"", Team, "the body is empty"),
    (b" \n", Team, "the body is empty"),
    (b"<html>", Team, "not valid JSON"),
    (b"\xff\xfe", Team, "not valid JSON"),
    (b'{"teamName":"S3CRET"', Team, "not valid JSON"),
    (b"NaN", Team, "not valid JSON"),
    (b'{"a":NaN,"b":1234567890123456789}', Team, "not valid JSON"),
    (b"[" * 100_000, Team, "not valid JSON"),
    (b"[" * 100_000 + b"1234567890123456789", Team, "not valid JSON"),
    (b"9" * 5000, Team, "not valid JSON"),
    (b'"S3CRET"', Team, "expected an object, got text @ $"),
    (b"[]", Team, "expected an object, got an array @ $"),
    (b"null", Team, "expected an object, got null @ $"),
    (b"7", Team, "expected an object, got a number @ $"),
    (b"{}", Team, "required field missing @ $.team"),
    (b'{"teamName":["S3CRET"]}', Team, "expected text, got an array @ $.team"),
    (b'{"teamName":true}', Team, "expected text, got a boolean @ $.team"),
    (b'{"id":"S3CRET"}', list[Contact], r"expected an array, got an object @ \$"),
    (b'["S3CRET"]', list[Contact], r"expected an object, got text @ \$\[0\]"),
    (b'[{"id":"S3CRET","email":7}]', list[Contact], r"expected text, got a number @ \$\[0\].email"),
    (b'{"id":"c","email":"e","subscribed":"S3CRET"}', Contact, "expected a boolean, got text"),
    (b'{"id":"c","email":"e","subscribed":1}', Contact, "expected a boolean, got a number"),
    (b'{"id":"c","email":"e","optInStatus":7}', Contact, "expected text, got a number"),
    (b'{"id":"c","email":"e","mailingLists":{"l":"S3CRET"}}', Contact, "expected a boolean"),
    (b'{"id":"c","email":"e","mailingLists":["S3CRET"]}', Contact, "mailing"),
])  # fmt: skip
def test_a_value_of_the_wrong_shape_is_said_as_where_and_what_and_never_repeated(
    body: bytes, into: type[object], says: str
) -> None:
    says = says.replace("@ $.", r"@ \$.").replace("@ $", r"@ \$") if "\\" not in says else says
    with pytest.raises(Undecodable, match=says) as caught:
        decode(body, into)
    assert "S3CRET" not in str(caught.value)
    assert caught.value.__context__ is None


def test_a_field_that_is_named_with_an_address_or_a_megabyte_is_cut_and_masked_at_once() -> None:
    begin = time.thread_time()
    for name in ("x" * 2**20, "S3CRET@x.io", "S3CRET@" * 2**17):
        with pytest.raises(Undecodable) as caught:
            decode(orjson.dumps({**FOUND, "mailingLists": {name: 1}}), Contact)
        assert len(str(caught.value)) <= 80
        assert "S3CRET" not in str(caught.value)
    assert time.thread_time() - begin < 5  # of CPU time


def test_a_long_number_within_text_changes_nothing() -> None:
    assert decode_json(b'["1234567890123456789012"]') == ["1234567890123456789012"]
