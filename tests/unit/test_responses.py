import math
import time
from email.utils import formatdate
from typing import Any

import orjson
import pytest

from loops_async import errors
from loops_async.api import contact_properties
from loops_async.api.contacts import CREATE, DELETE, FIND, UPDATE
from loops_async.codec import Undecodable
from loops_async.pipeline.messages import Endpoint, Reply, Request
from loops_async.pipeline.redaction import redacted_excerpt
from loops_async.pipeline.responses import parse_response
from loops_async.pipeline.retry_policy import parse_retry_after
from tests.scripted import done, reply

WALL = 1_700_000_000.0


def verdict(
    answer: Reply, endpoint: Endpoint[Any] = UPDATE, **sent: object
) -> errors.APIError | errors.InvalidReply:
    with pytest.raises(errors.LoopsError) as caught:
        parse_response(Request(endpoint, body=orjson.dumps(sent)), answer, lambda: WALL)
    assert caught.value.__context__ is None
    assert isinstance(caught.value, errors.APIError | errors.InvalidReply)
    return caught.value


@pytest.mark.parametrize(("status", "kind"), [
    (301, errors.RedirectRefused), (302, errors.RedirectRefused), (304, errors.RedirectRefused),
    (400, errors.BadRequest), (401, errors.Unauthorized), (402, errors.BadRequest),
    (403, errors.Forbidden), (404, errors.NotFound), (405, errors.BadRequest),
    (407, errors.BadRequest), (408, errors.ServerError), (425, errors.ServerError),
    (409, errors.Conflict), (413, errors.BadRequest), (422, errors.BadRequest),
    (429, errors.RateLimited), (500, errors.ServerError), (502, errors.ServerError),
    (503, errors.ServerError), (599, errors.ServerError), (999, errors.ServerError),
])  # fmt: skip
def test_each_status_has_its_error(status: int, kind: type[errors.APIError]) -> None:
    error = verdict(reply(status, {"success": False, "message": "No."}))
    assert type(error) is kind
    assert str(error).startswith(f"PUT /v1/contacts/update: {status} No.")
    assert error.status == status
    assert error.message == "No."


JSON = {"success": False, "message": "No."}
PAGE = b"<html><h1>No</h1></html>"


@pytest.mark.parametrize(("status", "body", "concerns"), [
    (400, JSON, True), (409, JSON, True), (413, JSON, True), (422, JSON, True),
    (400, {"error": "No."}, True), (413, PAGE, True), (413, b"", True),
    # From a proxy or a firewall, which knows nothing of the fields.
    (400, PAGE, False), (400, b"", False), (422, b"no", False), (409, PAGE, False),
    # About the key, the address, the network, the time or the team, whatever is sent.
    *((status, JSON, False) for status in (
        301, 401, 402, 403, 404, 405, 406, 407, 408, 410, 411, 412, 414, 415, 417, 418, 421, 423,
        424, 425, 426, 428, 429, 431, 451, 499, 500, 502, 503, 504, 520, 599,
    )),
])  # fmt: skip
def test_an_error_says_whether_the_input_is_the_reason(
    status: int, body: Any, concerns: bool
) -> None:
    assert verdict(reply(status, body)).concerns_input == concerns


def test_an_endpoint_may_have_an_error_of_its_own() -> None:
    assert type(verdict(reply(409), CREATE)) is errors.ContactAlreadyExists
    assert type(verdict(reply(404), DELETE)) is errors.ContactNotFound


def test_a_success_is_the_value_that_was_promised() -> None:
    assert parse_response(Request(UPDATE), done("c7")) == "c7"
    assert (
        parse_response(Request(UPDATE), reply(201, {"success": True, "id": "c8", "new": []}))
        == "c8"
    )


@pytest.mark.parametrize(("body", "says", "excerpt"), [
    (b"", "the body is empty", ""),
    (b"<html><h1>Hello</h1><script>S3CRET</script></html>", "not valid JSON", "Hello"),
    ({"success": False}, r"expected true @ \$.success", '{"success": false}'),
    ({"success": "true", "id": "S3CRET"}, "expected true", '{"success": "…", "…": "…"}'),
    ({"success": True}, r"expected text @ \$.id", '{"success": true}'),
    ({"success": True, "id": 5_550_123}, r"expected text @ \$.id", '{"success": true, "…": …}'),
    ({"success": True, "id": ""}, r"expected text @ \$.id", '{"success": true, "…": "…"}'),
    (["S3CRET", -5.5e3], "expected an object", '["…", …]'),
    ({'a"b': {"x": ["S3CRET\\"]}}, "expected true", '{"a"b": {"x": ["…"]}}'),
    (b'{"success": true, "id": "S3CRET', "not valid JSON", '{"success": true, "…": "…"'),
    (b'\xef\xbb\xbf{"success": true, "id": "S3CRET"}', "not valid JSON",
     '{"success": true, "…": "…"}'),
])  # fmt: skip
def test_a_success_of_the_wrong_shape_keeps_the_status_and_a_cleaned_excerpt(
    body: object, says: str, excerpt: str
) -> None:
    error = verdict(reply(200, body))
    assert isinstance(error, errors.InvalidReply)
    assert error.status == 200
    assert error.excerpt == excerpt
    with pytest.raises(errors.InvalidReply, match=says):
        raise error


def test_an_excerpt_is_short_and_has_no_value_in_it_even_where_the_reply_was_cut() -> None:
    for length in range(3900, 4110):
        filling = b"S3CRET " * 600
        error = verdict(reply(200, b'{"x":"' + filling[: length - 8] + b'\\"S3CRET"}'))
        assert isinstance(error, errors.InvalidReply)
        assert len(error.excerpt) <= 200
        assert "S3CRET" not in f"{error}{error.excerpt}"


def test_a_value_is_not_in_the_excerpt_although_the_message_was_cut_within_it() -> None:
    value = "S3CRET value, " * 20
    for offset in range(0, 300, 7):
        said = "x" * offset + " " + f" {value}" * 10
        error = verdict(reply(400, {"message": said}), plan=value)
        assert "S3CRET" not in str(error)


@pytest.mark.parametrize(("body", "said"), [
    ({"success": False, "message": "New."}, "New."),
    ({"success": False, "message": "New.", "error": "Old."}, "New."),
    ({"error": "Old.", "path": "email"}, "Old."),
    ({"error": {"path": "email", "message": "Nested."}}, "Nested."),
    ({"success": False, "error": {"reason": "Why."}}, "Why."),
    ({"message": "", "error": "Old."}, "Old."),
    ({"message": ["S3CRET"]}, '{"message": ["…"]}'),
    ({"message": None}, '{"message": null}'),
    (["S3CRET"], '["…"]'),
    (b"", ""),
    (b"upstream  down\r\n", "upstream down"),
    ((b"<!doctype html><html><head><title>502 Bad Gateway</title><style>a{}</style></head><body>"
     b"<center>cloud<b>flare</b></center><script>var a = 1;</script></body></html>"),
     "502 Bad Gateway cloud flare"),
    (b"<p>a</p><script>never closed", "a"),
    (b"\xff\xfe\x00bad\x1b[31m", "\ufffd\ufffd bad [31m"),
    ({"message": "a\nb\u202ec"}, "a b c"),
    ({"message": "x" * 300}, "x" * 199 + "…"),
])  # fmt: skip
def test_what_loops_said_is_found_in_every_shape_of_an_error(body: object, said: str) -> None:
    error = verdict(reply(400, body))
    assert isinstance(error, errors.APIError)
    assert error.message == said


@pytest.mark.parametrize(("message", "shown"), [
    ("Email ada@example.com is taken.", "Email …@… is taken."),
    ("Contact ADA@EXAMPLE.COM", "Contact …@…"),
    ("grace@other.io is taken", "…@… is taken"),
    ("plan 'enterprise' unknown", "plan '…' unknown"),
    ("unenterprised", "un…d"),
    ("user_id u-1, not u-12", "user_id …, not u-12"),
    ("seats 7 of 17", "seats … of 17"),
    ("x?name=Ada%20Lovelace&y", "x?name=…&y"),
    ("x?name=Ada+Lovelace&y", "x?name=…&y"),
    ("&quot;R&amp;D&quot;", '"…"'),
    ('{"t": "say \\"hi\\"", "j": "J\\u00e9r\\u00f4me"}', '{"t": "…", "j": "…"}'),
    ("ada%2540example.com", "…@…"),
])  # fmt: skip
def test_nothing_that_was_sent_comes_back_in_a_message(message: str, shown: str) -> None:
    error = verdict(
        reply(400, {"message": message}), email="ada@example.com", plan="enterprise", user="u-1",
        seats=7, name="Ada Lovelace", group="R&D", title='say "hi"', first="Jérôme",
        lists={"l": True}, nothing=None, empty="",
    )  # fmt: skip
    assert isinstance(error, errors.APIError)
    assert error.message == shown


def test_a_word_of_ours_is_not_taken_out_of_what_loops_says() -> None:
    says = "Property name must be a string in camelCase."
    error = verdict(
        reply(400, {"message": says}), contact_properties.CREATE, name="camelCase", type="string"
    )
    assert isinstance(error, errors.APIError)
    assert error.message == "Property name must be a string in …."
    # Elsewhere the word may be somebody's value.
    error = verdict(reply(400, {"message": says}), type="string")
    assert isinstance(error, errors.APIError)
    assert error.message == "Property name must be a … in camelCase."


def test_nothing_of_the_query_comes_back_in_a_message() -> None:
    request = Request(FIND, query={"userId": "u/17"})
    assert redacted_excerpt(Reply(400, {}, b"no such user: u%2F17"), request) == "no such user: …"


@pytest.mark.parametrize(("header", "seconds"), [
    ("0", 0.0), ("1", 1.0), ("1.5", 1.5), (" 7 ", 7.0), ("999999999", 999_999_999.0),
    (formatdate(WALL + 90, usegmt=True), 90.0), (formatdate(WALL - 90, usegmt=True), 0.0),
    ("Sunday, 06-Nov-94 08:49:37 GMT", 0.0), (formatdate(WALL + 90), 90.0),
    ("", None), ("-1", None), ("nan", None), ("inf", None), ("1e999", None), ("1e3", None),
    ("0x10", None), ("1_0", None), ("9" * 5000, None), ("٣", None), ("+1", None), ("soon", None),
    ("1;2", None), ("1, 2", None), ("\0", None), ("Mon", None),
    ("Wed, 99 Foo 2024 99:99:99 GMT", None),
    ("Wed, 01 Jan 99999999999999999999 00:00:00 GMT", None),
    ("Wed, 01 Jan 2024 00:00:00 +99999999999999999999", None),
    ("Fri, 31 Dec 9999 23:59:59 GMT", None), ("Wed, 01 Jan ٢٠٢٤ 00:00:00 GMT", None),
    (formatdate(WALL + 90) + " " * 5000 + "(a comment)", None),
])  # fmt: skip
def test_retry_after_is_read_in_both_forms_and_garbage_is_none(
    header: str, seconds: float | None
) -> None:
    assert parse_retry_after(reply(429, retry_after=header), WALL) == seconds
    error = verdict(reply(503, retry_after=header))
    assert isinstance(error, errors.ServerError)
    assert error.retry_after == seconds


def test_a_reply_without_retry_after_asks_for_nothing() -> None:
    error = verdict(reply(429))
    assert isinstance(error, errors.RateLimited)
    assert error.retry_after is None


@pytest.mark.parametrize("unit", [
    b"<", b"<script>", b"<script", b"</script >", b"<style><", b"a", b"@", b"a@", b"a@b ", b"&",
    b"&amp;", b"&#64;", b"%25", b"%", b'{:"\\"', b':"', b'["', b"[", b":  ", b"{\\", b'"', b" ",
    b"\n", b"\\u0040", b"\\", b"1", b"\xff", b"\xf0\x9f\x98\x80", b"(<", b",", b"=",
])  # fmt: skip
@pytest.mark.parametrize("start", [b"", b"{", b'{"a":"'])
def test_a_hostile_reply_is_read_in_no_time(unit: bytes, start: bytes) -> None:
    body = start + unit * (65536 // len(unit))
    request = Request(UPDATE, body=orjson.dumps({"email": "a@x.io", "plan": unit.hex() * 50}))
    begin = time.thread_time()
    for status in (200, 400, 502):
        with pytest.raises(errors.LoopsError):
            parse_response(request, Reply(status, {}, body))
    # A message of the same text, which is decoded first.
    with pytest.raises(errors.LoopsError):
        parse_response(request, reply(400, {"message": body.decode("latin-1")}))
    assert time.thread_time() - begin < 0.5  # of CPU time


def test_a_reader_that_finds_no_fault_is_not_second_guessed() -> None:
    def read(_: Reply) -> float:
        return math.pi

    assert (
        parse_response(Request(Endpoint("GET", "/v1/x", UPDATE.replay, read)), reply(204))
        == math.pi
    )


def test_a_fault_of_a_reader_is_the_one_error_with_its_words() -> None:
    def read(_: Reply) -> None:
        raise Undecodable("expected pi @ $")

    error = verdict(reply(200, {"pi": 3}), Endpoint("GET", "/v1/x", UPDATE.replay, read))
    assert str(error) == 'GET /v1/x: 200, but expected pi @ $: {"pi": …}'


def test_an_attachment_of_megabytes_does_not_slow_an_error_down() -> None:
    request = Request(UPDATE, body=orjson.dumps({"data": "QUJD" * 2**20}))
    begin = time.thread_time()
    for said in ("No. " * 1000, "QUJD" * 1000):
        with pytest.raises(errors.BadRequest):
            parse_response(request, reply(400, {"message": said}))
    assert time.thread_time() - begin < 5  # of CPU time


def test_where_the_fix_is_known_the_error_says_it() -> None:
    assert str(verdict(reply(401))).endswith("(check api_key=… or LOOPS_API_KEY)")
    assert str(verdict(reply(409), CREATE)).endswith("(use contacts.update to change it)")
    assert str(verdict(reply(407))).endswith(
        "407 (a proxy between you and Loops requires a user name and a password)"
    )
    assert str(verdict(reply(413, PAGE))).endswith(
        "413 No (the request is too large; Loops accepts 4 MB, attachments included)"
    )


@pytest.mark.parametrize(
    "body",
    [
        rb'{"message": "Invalid key \u0073k/live-9f8e7d"}',
        b'{"message": "bad SK/LIVE-9F8E7D"}',
        b'{"message": "bad sk%2Flive-9f8e7d"}',
        b"<p>bad sk&#47;live-9f8e7d</p>",
    ],
)
def test_the_key_is_not_quoted_in_any_spelling(body: bytes) -> None:
    with pytest.raises(errors.Unauthorized) as caught:
        parse_response(Request(UPDATE), Reply(401, {}, body, secret="sk/live-9f8e7d"))
    assert "9f8e7d" not in str(caught.value).lower()


def test_the_key_as_a_name_in_a_success_is_not_quoted() -> None:
    with pytest.raises(errors.InvalidReply) as caught:
        parse_response(
            Request(UPDATE), Reply(200, {}, b'{"sk-live-9f8e7d": 1}', secret="sk-live-9f8e7d")
        )
    assert "9f8e7d" not in str(caught.value)


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b'{"salary": 123456.0}', "salary 123456 is not valid"),
        (b'{"n": 12345678901234567890}', "12345678901234567000 is too large"),
        (b'{"name": "Ada  King  Lovelace"}', "no such name: Ada King Lovelace"),
    ],
)
def test_a_value_is_not_quoted_in_another_form_either(sent: bytes, said: str) -> None:
    with pytest.raises(errors.BadRequest) as caught:
        parse_response(Request(UPDATE, body=sent), reply(400, {"message": said}))
    for value in ("123456", "Lovelace"):
        assert value not in str(caught.value)
