"""The codec's rules hold for every record there is, without any list of them."""

import enum
import importlib
import json
import pkgutil
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import NoneType
from typing import Any, Literal, get_args, get_origin

import attrs
import orjson
import pytest

from loops_async import UNSET, Contact, InvalidCall, JsonValue, Unset, records
from loops_async.codec import Undecodable, decode, to_json
from loops_async.records._request_record import RequestRecord
from loops_async.records._types import LOCAL, OpenStrEnum, ReplyRecord
from loops_async.records.contacts import ContactFields

# Text that is an address, a name, a MIME type and no value of any enumeration.
TEXT = "text/ada@example.com"
UNKNOWN = {"Brand_new": TEXT}
LOCAL_VALUES = {"attempts": 99, "confirmedByRepeat": True, "dryRun": True}
BASES = {ContactFields, ReplyRecord, RequestRecord}
# Made by the client, of more than a reply holds. Any other record has one of the two bases.
RESULTS = {"ContactReceipt", "SendReceipt"}


def record_classes() -> Iterator[type[Any]]:
    for module in pkgutil.walk_packages(records.__path__, "loops_async.records."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and attrs.has(value) and value.__module__ == module.name:
                yield value


CLASSES = [one for one in record_classes() if one not in BASES]
every_record = pytest.mark.parametrize("record", CLASSES, ids=lambda one: one.__name__)


def camel_case(name: str) -> str:
    return re.sub(r"_(.)", lambda found: found[1].upper(), name)


def wire(hint: Any) -> Any:
    """A JSON value that is not the default of any field, for a field of this type."""
    members = [one for one in get_args(hint) if one not in {NoneType, Unset, ...}]
    if attrs.has(hint):
        return wire_form(hint)
    if get_origin(hint) in {dict, Mapping}:
        return {"Some_key": wire(members[-1])}
    if get_origin(hint) in {list, tuple, Sequence}:
        return [wire(members[0])]
    if members:
        return wire(members[0])
    if issubclass(hint, str):
        return TEXT
    return {bool: True, int: 3, bytes: "AP8=", datetime: "2026-01-02T03:04:05.678Z"}[hint]


def wire_form(record: Any) -> dict[str, Any]:
    """The JSON object of a record with each of its fields, under the name that Loops gives it."""
    return {
        field.metadata.get("key", camel_case(field.name)): wire(field.type)
        for field in attrs.fields(record)
        if not field.metadata.get("local") and not field.metadata.get("flatten")
    }


@every_record
def test_a_record_is_made_from_its_wire_form_with_an_unknown_key_and_back(record: Any) -> None:
    form = wire_form(record)
    assert form
    made = decode(orjson.dumps({**form, **UNKNOWN, **LOCAL_VALUES, "success": True}), record)
    assert type(made) is record
    keeps_unknown = False
    for field in attrs.fields(record):
        value = getattr(made, field.name)
        if field.metadata.get("flatten"):
            keeps_unknown = True
            assert value.items() >= UNKNOWN.items()
        elif field.metadata == LOCAL:
            assert value == field.default
        else:
            assert value not in (field.default, UNSET, None, (), {}, [])
    back = json.loads(json.dumps(to_json(made)))
    expected = {**form, **UNKNOWN} if keeps_unknown else form
    assert {key: back[key] for key in expected} == expected


@every_record
def test_a_record_of_a_reply_is_open_and_one_of_a_request_explains_its_arguments(
    record: Any,
) -> None:
    if record is Contact or record.__name__ in RESULTS:
        return
    assert issubclass(record, RequestRecord) != issubclass(record, ReplyRecord)


@pytest.mark.parametrize("record", [one for one in CLASSES if issubclass(one, ReplyRecord)])
def test_unknown_keys_of_a_reply_are_extra_and_nothing_else_of_the_record(record: Any) -> None:
    form = wire_form(record)
    new = {**UNKNOWN, "other": {"Deep_key": [None, 1.5]}}
    plain = decode(orjson.dumps({"success": True, **form}), record)
    extended = decode(orjson.dumps({"success": True, **form, **new}), record)
    assert plain.extra == {}
    assert extended.extra == new
    assert plain == extended
    assert repr(plain) == repr(extended)
    assert to_json(extended) == {**form, **new}
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        plain.extra = {}


class Kind(OpenStrEnum):
    MAIL = "mail"


class Color(enum.StrEnum):
    RED = "red"


@attrs.frozen
class Stats(ReplyRecord):
    sent_count: int
    open_rate: float | None = None


@attrs.frozen
class Node(ReplyRecord):
    """A record such as later ones may be: nested, recursive, and of many types."""

    node_id: str
    kind: Kind | None
    stats: Stats
    children: "list[Node]" = attrs.field(factory=list)
    sent_at: datetime | None = None
    labels: Mapping[str, Kind] = attrs.field(factory=dict[str, Kind])
    value: str | int | bool | None = None
    either: Stats | str | None = None
    pair: tuple[Color, ...] = ()
    mode: Literal["a", "b"] = "a"
    anything: JsonValue = None
    dry_run: bool = attrs.field(default=False, metadata=LOCAL)


NODE: dict[str, Any] = {"nodeId": "n", "kind": None, "stats": {"sentCount": 5.0}}


def test_any_other_attrs_class_follows_the_same_rules() -> None:
    body = {
        **NODE, "kind": "push", "sentAt": "2026-01-02T03:04:05Z", "dryRun": True, "value": True,
        "children": [{**NODE, "stats": {"sentCount": 1, "openRate": 1, "newRate": 2}}],
        "labels": {"first_label": "mail"}, "either": {"sentCount": 2}, "pair": ["red"],
        "mode": "b", "anything": {"a_b": [1, None]}, "newField": {"a_b": 1},
    }  # fmt: skip
    node = decode(orjson.dumps([body]), list[Node])[0]
    child = Node("n", None, Stats(1, 1))
    assert node == Node(
        "n", Kind("push"), Stats(5), [child], datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        {"first_label": Kind.MAIL}, True, Stats(2), (Color.RED,), "b", {"a_b": [1, None]},
    )  # fmt: skip
    assert isinstance(node.kind, Kind)
    assert type(node.labels["first_label"]) is Kind
    assert type(node.stats.sent_count) is int
    assert node.extra == {"dryRun": True, "newField": {"a_b": 1}}
    assert node.children[0].stats.extra == {"newRate": 2}
    again = decode(orjson.dumps(to_json(node)), Node)
    assert (again, again.extra) == (node, node.extra)


@pytest.mark.parametrize(("change", "says"), [
    ({"stats": {"sentCount": "S3CRET"}}, r"expected a number, got text @ \$.stats.sentCount"),
    ({"stats": {"sentCount": 1.5}}, r"expected a whole number, got a number @ \$.stats.sentCount"),
    ({"stats": {}}, r"required field missing @ \$.stats.sentCount"),
    ({"children": [NODE, {**NODE, "kind": 1}]}, r"text, got a number @ \$.children\[1\].kind"),
    ({"children": {"S3CRET": 1}}, r"expected an array, got an object @ \$.children"),
    ({"sentAt": "S3CRET"}, r"expected a date as ISO 8601 text @ \$.sentAt"),
    ({"labels": {"S3CRET": None}}, r"expected text, got null @ \$.labels"),
    ({"pair": ["S3CRET"]}, r"not of the documented form @ \$.pair\[0\]"),
    ({"mode": "S3CRET"}, r"not of the documented form @ \$.mode"),
    ({"value": ["S3CRET"]}, r"expected text, got an array @ \$.value"),
])  # fmt: skip
def test_what_is_wrong_is_found_at_any_depth(change: dict[str, Any], says: str) -> None:
    with pytest.raises(Undecodable, match=says) as caught:
        decode(orjson.dumps({**NODE, **change}), Node)
    assert "S3CRET" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("hint", [object, complex, range, str | complex])
def test_a_type_that_json_has_not_is_the_callers_mistake(hint: Any) -> None:
    held = attrs.make_class("Held", {"plan": attrs.field(type=hint)}, frozen=True)
    with pytest.raises(InvalidCall, match=r"Held\.plan: has a type") as caught:
        decode(b'{"plan": {"S3CRET": 1}}', held)
    assert "S3CRET" not in str(caught.value)
