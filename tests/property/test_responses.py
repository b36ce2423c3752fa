import html
import json
import pickle
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

import orjson
from hypothesis import example, given
from hypothesis import strategies as st

from loops_async import ContactCreate, errors
from loops_async.api import api_key, contact_properties
from loops_async.api.contacts import CREATE, DELETE, FIND, UPDATE
from loops_async.codec import encode
from loops_async.pipeline.messages import Endpoint, Reply, Request
from loops_async.pipeline.responses import parse_response
from loops_async.pipeline.retry_policy import parse_retry_after
from tests.scripted import reply
from tests.strategies import SECRET_ADDRESSES, SECRET_VALUES

ENDPOINTS: list[Endpoint[Any]] = [
    CREATE, UPDATE, DELETE, FIND, api_key.TEST, contact_properties.LIST, contact_properties.CREATE,
]  # fmt: skip


def shown(error: BaseException | None) -> str:
    """All that a log, a traceback or a pickle may show of an error and of what led to it."""
    if error is None:
        return ""
    notes = getattr(error, "__notes__", [])
    parts = [str(error), repr(error), repr(error.args), repr(vars(error)), repr(notes)]
    parts.append(pickle.dumps(error).decode("utf-8", "replace"))
    return " ".join([*parts, shown(error.__cause__), shown(error.__context__)])


def failure(request: Request[Any], answer: Reply) -> errors.LoopsError | None:
    try:
        parse_response(request, answer)
    except errors.LoopsError as error:
        return error
    return None


def as_json(text: str) -> str:
    return json.dumps(text)[1:-1]


ENCODINGS: list[Callable[[str], str]] = [
    lambda text: text,
    lambda text: quote(text, safe=""),
    quote,
    quote_plus,
    html.escape,
    lambda text: "".join(f"&#{ord(c)};" for c in text),
    lambda text: "".join(f"&#x{ord(c):X};" for c in text),
    as_json,
    lambda text: as_json(as_json(text)),
    lambda text: quote(quote(text, safe=""), safe=""),
    lambda text: html.escape(as_json(text)),
    lambda text: as_json(html.escape(text)),
    str.strip,
    str.upper,
]
SHAPES: list[Callable[[str], bytes]] = [
    lambda said: orjson.dumps({"success": False, "message": said}),
    lambda said: orjson.dumps({"error": said, "path": "email"}),
    lambda said: orjson.dumps({"error": {"path": "email", "message": said}}),
    lambda said: orjson.dumps({"success": False, "error": {"reason": said}}),
    lambda said: orjson.dumps({"success": True, "id": [said], "other": {"deep": said}}),
    lambda said: orjson.dumps([said, {"message": said}]),
    lambda said: orjson.dumps({"email": said, "firstName": said})[:-8],
    lambda said: f"<html><body><h1>502</h1><p>{said}</p></body></html>".encode(),
    lambda said: said.encode(),
]


@example(
    email="Zq@0.example",
    value="Zq-Vt\\' Rm-Xw",
    encode_echo=quote_plus,
    shape=SHAPES[0],
    status=302,
    words="{}",
)
@given(
    email=SECRET_ADDRESSES,
    value=SECRET_VALUES,
    encode_echo=st.sampled_from(ENCODINGS),
    shape=st.sampled_from(SHAPES),
    status=st.sampled_from([200, 302, 400, 404, 409, 422, 429, 500, 502]),
    words=st.sampled_from(["{}", "Invalid: {}.", "x={}&y", '"{}"', "un{}ed", "{} {}", "a\n{}"]),
)
def test_no_error_shows_what_was_sent_however_the_reply_quotes_it(
    *,
    email: str,
    value: str,
    encode_echo: Callable[[str], str],
    shape: Callable[[str], bytes],
    status: int,
    words: str,
) -> None:
    record = ContactCreate(email=email, first_name=value, properties={"plan": value})
    for echoed in (email, value):
        said = words.replace("{}", encode_echo(echoed))
        request = Request(CREATE, body=encode(record))
        told = shown(failure(request, Reply(status, {}, shape(said))))
        assert "Zq" not in told
        assert "ZQ" not in told
        assert "Xw" not in told


@given(email=SECRET_ADDRESSES, status=st.sampled_from([200, 404, 500]))
def test_no_error_shows_what_was_asked_for(email: str, status: int) -> None:
    request = Request(FIND, query={"email": email})
    told = shown(failure(request, reply(status, {"message": f"{email} {email}"})))
    assert str(status) in told
    assert "Zq" not in told


@given(
    endpoint=st.sampled_from(ENDPOINTS),
    status=st.integers(100, 999),
    body=st.binary()
    | st.text().map(lambda text: text.encode("utf-8", "replace"))
    | st.sampled_from([b"null", b"{}", b"[]", b'{"success":true}', b'{"success":true,"id":"x"}']),
    sent=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
    header=st.text(max_size=20),
)
def test_any_reply_is_the_promised_value_or_a_named_error(
    endpoint: Endpoint[Any], status: int, body: bytes, sent: dict[str, str], header: str
) -> None:
    try:
        content = orjson.dumps(sent)
    except TypeError:
        content = None
    error = failure(Request(endpoint, body=content), Reply(status, {"retry-after": header}, body))
    if error is None:
        assert 200 <= status < 300
        return
    assert error.status == status
    assert len(str(error)) < 450
    assert str(error).isprintable()
    assert error.__context__ is None
    assert isinstance(error, errors.InvalidReply) == (status < 300)


DATE_PARTS = st.sampled_from([
    "Mon,", "06", "Nov", "1994", "08:49:37", "GMT", "+0000", "-0000", "-", ":", ",", "0", "99",
    "99999999999999999999", "nan", "1e999", "-1", " ", "(", ")", "'", '"', "Z", "EST", "+9999",
    "٣", "\0", "am", "1.5", "24:00:00", "08.49.37", "8:9",
])  # fmt: skip


@given(
    st.text() | st.lists(DATE_PARTS).map(" ".join) | st.lists(DATE_PARTS).map("".join),
    st.floats(0, 4e9),
)
def test_any_retry_after_is_a_finite_wait_or_none(header: str, wall: float) -> None:
    seconds = parse_retry_after(reply(429, retry_after=header), wall)
    assert seconds is None or 0 <= seconds < 1e12
