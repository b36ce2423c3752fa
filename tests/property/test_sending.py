"""Events and mail, over every state of every field, any value, and what no field can hold."""

import itertools
import json
import pickle
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from loops_async import UNSET, Attachment, Event, TransactionalEmail
from loops_async.api.idempotency import check_key
from loops_async.api.resource import contact_identifier
from loops_async.api.suppression import CHECK
from loops_async.codec import encode, to_json
from loops_async.errors import InvalidCall, InvalidInput
from loops_async.pipeline.deadlines import Timeouts
from loops_async.pipeline.messages import Request
from loops_async.transport import AiohttpTransport
from tests.strategies import DAYS, JSON_SCALARS, MOMENTS, PROPERTY_NAMES, PROPERTY_VALUES, TEXT

ADA = "ada@example.com"
NAMES = TEXT.filter(lambda name: name != "")
NOT_CHANGES = frozenset({
    "email", "user_id", "mailing_lists", "properties", "eventName", "eventProperties",
    "first_name", "last_name", "user_group",
})  # fmt: skip

# Our name of each field, its name at Loops, and a value of it; written out by hand on purpose.
WHOSE = [("email", "email", ADA), ("user_id", "userId", "u-1")]
LISTS: list[tuple[str, str, object]] = [("mailing_lists", "mailingLists", {"l1": True})]
CHANGES: list[tuple[str, str, object]] = [
    ("first_name", "firstName", "Ada"), ("last_name", "lastName", "Lovelace"),
    ("source", "source", "import"), ("subscribed", "subscribed", False),
    ("user_group", "userGroup", "pilots"), ("plan", "plan", 3),
]  # fmt: skip


def states(fields: list[tuple[str, str, Any]]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Every combination of left out, None and a value: the arguments and their JSON."""
    for chosen in itertools.product((UNSET, None, "value"), repeat=len(fields)):
        states_of = [
            (name, key, value if state == "value" else state)
            for (name, key, value), state in zip(fields, chosen, strict=True)
        ]
        arguments: dict[str, Any] = {name: value for name, _, value in states_of}
        yield arguments, {key: value for _, key, value in states_of if value is not UNSET}


def exact(fields: object) -> str:
    """JSON in one spelling: unlike ``==`` on values, it tells True from 1."""
    return json.dumps(fields, sort_keys=True)


def test_every_combination_of_an_event_sends_what_was_given_and_nothing_else() -> None:
    refused = 0
    for arguments, sent in states(WHOSE + LISTS):
        if not (arguments["email"] or arguments["user_id"]):
            refused += 1
            with pytest.raises(InvalidInput, match="give email or user_id"):
                Event(event_name="e", **arguments)
            continue
        body = encode(Event(event_name="e", **arguments))
        assert exact(json.loads(body)) == exact({"eventName": "e", **sent})
    assert refused == 2 * 2 * 3


def test_every_combination_of_changes_of_the_contact_is_sent_beside_the_event() -> None:
    for changes, sent in states(CHANGES):
        body = encode(Event(event_name="e", email=ADA, contact=changes))
        assert exact(json.loads(body)) == exact({"eventName": "e", "email": ADA, **sent})


@given(st.dictionaries(NAMES, PROPERTY_VALUES))
def test_event_properties_keep_their_types_and_never_mix_with_the_contact(
    properties: dict[str, Any],
) -> None:
    sent = json.loads(encode(Event(event_name="e", email=ADA, properties=properties)))
    assert set(sent) - {"eventProperties"} == {"eventName", "email"}
    for name, value in properties.items():
        read = sent["eventProperties"][name]
        if isinstance(value, datetime):
            late = value - datetime.fromisoformat(read)
            assert timedelta(0) <= late < timedelta(milliseconds=1)
        elif isinstance(value, date):
            assert date.fromisoformat(read) == value
        else:
            assert exact(read) == exact(value)


@given(st.dictionaries(PROPERTY_NAMES.filter(lambda n: n not in NOT_CHANGES), JSON_SCALARS))
def test_custom_changes_of_the_contact_are_sent_as_they_are(changes: dict[str, Any]) -> None:
    sent = to_json(Event(event_name="e", email=ADA, contact=changes))
    assert exact(sent) == exact({"eventName": "e", "email": ADA, **changes})


VARIABLES = st.one_of(
    TEXT, st.integers(-(2**80), 2**80), st.floats(allow_nan=False, allow_infinity=False)
)
ITEMS = st.lists(st.dictionaries(NAMES, VARIABLES, max_size=3), max_size=3)


@given(st.dictionaries(NAMES, VARIABLES | ITEMS))
def test_data_variables_are_sent_as_they_are(variables: dict[str, Any]) -> None:
    record = TransactionalEmail(transactional_id="t", email=ADA, data_variables=variables)
    sent = json.loads(encode(record))
    assert exact(sent.get("dataVariables", {})) == exact(variables)


UNFIT = st.one_of(
    st.none(), st.booleans(), DAYS, MOMENTS, st.binary(), st.sampled_from([float("nan"), 10**500]),
    st.dictionaries(TEXT, TEXT), st.lists(TEXT, min_size=1), st.just("\ud800"), st.just({1}),
    st.sampled_from([[{"deep": []}], [{"deep": [{"a": 1}]}], [{}, {"deep": None}], [None], [[]]]),
)  # fmt: skip


@given(st.text("aZ_ß 9", min_size=1, max_size=9), UNFIT, st.booleans())
def test_a_variable_that_a_template_cannot_take_is_refused(
    name: str, value: object, within: bool
) -> None:
    variables: Any = {"items": [{name: value}]} if within else {name: value}
    with pytest.raises(InvalidInput) as caught:
        TransactionalEmail(transactional_id="t", email=ADA, data_variables=variables)
    assert caught.value.field.startswith(f"items.{name}" if within else name)
    assert caught.value.__context__ is None


@given(st.text())
def test_a_key_is_1_to_100_printable_characters_or_refused(key: str) -> None:
    good = 0 < len(key) <= 100 and key.isascii() and key.isprintable() and key == key.strip()
    try:
        assert check_key(key) == key
    except InvalidInput:
        assert not good
    else:
        assert good


# What cannot be right is refused by its name, before it is sent, and never repeated.

SECRET = "S3CRET"
ODD = f"{SECRET}@private.io"


def event(**fields: Any) -> Callable[[], object]:
    return lambda: encode(Event(**{"event_name": "e", "email": ADA, **fields}))


def mail(**fields: Any) -> Callable[[], object]:
    return lambda: encode(TransactionalEmail(**{"transactional_id": "t", "email": ADA, **fields}))


def attached(*arguments: Any) -> Callable[[], object]:
    return lambda: Attachment(*arguments)


@pytest.mark.parametrize(("do", "field", "says"), [
    (event(event_name=" "), "event_name", "non-empty text"),
    (event(event_name=SECRET * 100), "event_name", "has 600 characters"),
    (event(email=SECRET), "email", "name@domain"),
    (event(user_id=7), "user_id", r"pass str\(user_id\)"),
    (event(mailing_lists={"l1": SECRET}), "mailing_lists", "True .add. or False"),
    (event(properties=[SECRET]), "properties", "map names to values"),
    (event(properties={7: SECRET}), "properties", "non-empty text"),
    (event(properties={"plan": [SECRET]}), "plan", "flatten it"),
    (event(properties={"plan": UNSET}), "plan", "is UNSET; leave its name out"),
    (event(properties={"plan": f"{SECRET}\ud800"}), "plan", "lone surrogate"),
    (event(properties={"at": datetime(2026, 1, 2)}), "at", "without a time zone"),  # noqa: DTZ001
    (event(properties={ODD: {}}), "…@…", "flatten it"),
    (event(contact=[SECRET]), "contact", "map names to values"),
    (event(contact={"first_name": 7}), "first_name", "must be text"),
    (event(contact={"subscribed": SECRET}), "subscribed", "True, False"),
    (event(contact={"firstName": SECRET}), "firstName", "pass first_name="),
    (event(contact={"email": ODD}), "email", "as a separate argument"),
    (event(contact={"user_id": SECRET}), "user_id", "as a separate argument"),
    (event(contact={"mailing_lists": {}}), "mailing_lists", "as a separate argument"),
    (event(properties={"plan\ud800": SECRET}), "plan ", "lone surrogate"),
    (event(contact={"eventName": SECRET}), "eventName", "part of the event"),
    (event(contact={"eventProperties": {}}), "eventProperties", "part of the event"),
    (event(contact={"id": SECRET}), "id", "reserved"),
    (event(contact={"plan": SECRET * 100}), "plan", "600 characters"),
    (event(contact={ODD: {}}), "…@…", "flatten it"),
    (mail(transactional_id=""), "transactional_id", "non-empty text"),
    (mail(email=None), "email", "must be text"),
    (mail(email=ODD + " "), "email", "stray white space"),
    (mail(data_variables=SECRET), "data_variables", "map names to values"),
    (mail(data_variables={"": SECRET}), "data_variables", "non-empty text"),
    (mail(data_variables={7: SECRET}), "data_variables", "non-empty text"),
    (mail(data_variables={"name": None}), "name", "does not accept null"),
    (mail(data_variables={"name\ud800": SECRET}), "name ", "lone surrogate"),
    (mail(data_variables={"on": True}), "on", "format it"),
    (mail(data_variables={ODD: None}), "…@…", "does not accept null"),
    (mail(data_variables={"items": [SECRET]}), "items", "must contain mappings"),
    (mail(data_variables={"items": [{7: SECRET}]}), "data_variables", "non-empty text"),
    (mail(data_variables={"items": [{"deep": [{"a": 1}]}]}), "items.deep", "must be text"),
    (mail(add_to_audience=SECRET), "add_to_audience", "True, False or left out"),
    (mail(attachments=7), "attachments", "list of Attachment records, not int"),
    (mail(attachments=Attachment("a", b"")), "attachments", "list of Attachment records"),
    (mail(attachments=[SECRET]), "attachments", "Attachment records, not str"),
    (attached("", b""), "attachments", "filename"),
    (attached(7, b""), "attachments", "filename"),
    (attached(f"{SECRET}\n", b""), "attachments", "filename"),
    (attached("a", SECRET), "attachments", "use Attachment.from_path"),
    (attached("a", bytearray(b"")), "attachments", "not bytearray"),
    (attached("a", b"", SECRET), "attachments", "MIME type"),
    (attached("a", b"", f"a/b\r\n{SECRET}: x"), "attachments", "MIME type"),
    (lambda: Attachment.from_path(7), "attachments", "path must be text"),  # type: ignore[arg-type]
    (lambda: Attachment.from_path("/"), "attachments", "filename"),
])  # fmt: skip
def test_a_refusal_names_the_field_and_what_to_do_and_never_the_value(
    do: Callable[[], object], field: str, says: str
) -> None:
    with pytest.raises(InvalidInput, match=says) as caught:
        do()
    error = caught.value
    assert error.field == field
    assert error.__context__ is None
    for shown in (str(error), repr(error), repr(vars(error)), str(pickle.dumps(error))):
        assert SECRET not in shown
        assert "private" not in shown


@pytest.mark.parametrize(("do", "begins"), [
    (event(properties={"plan": [1]}), "properties['plan']: "),
    (event(properties={7: 1}), "properties: "),
    (event(contact={"first_name": 7}), "contact['first_name']: "),
    (event(contact={"plan": [1]}), "contact['plan']: "),
    (event(contact={"email": ADA}), "contact: email cannot be set here"),
    (event(email=7, properties={"email": 1}), "email: "),
    (mail(data_variables={"name": None}), "data_variables['name']: "),
    (mail(data_variables={"items": [{"price": None}]}), "data_variables['items.price']: "),
])  # fmt: skip
def test_a_refusal_says_what_the_field_is_part_of(do: Callable[[], object], begins: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        do()
    assert str(caught.value).startswith(begins)


# What identifies a contact stays where it belongs, whatever it looks like.


@given(st.text() | st.text("/\\.?#&=%;+ :@\r\n2Fab", min_size=1))
def test_an_identifier_never_leaves_its_place_in_the_query(user_id: str) -> None:
    try:
        query = contact_identifier(None, user_id)
    except (InvalidCall, InvalidInput):
        return
    unused: Any = None
    home = URL("https://loops.example/api")
    transport = AiohttpTransport(
        http=unused, base_url=home, api_key=unused, timeouts=Timeouts(), now=unused
    )
    request = Request(CHECK, query=query)
    url = urlsplit(str(transport._url(request).with_query(request.query)))
    assert (url.netloc, url.path) == ("loops.example", "/api/v1/contacts/suppression")
    assert not url.fragment
    assert parse_qs(url.query, keep_blank_values=True, strict_parsing=True) == {"userId": [user_id]}
