"""Whole replies that are not what was promised, through the client: one named error each."""

import pytest

from loops_async import (
    BadRequest,
    Forbidden,
    InvalidReply,
    LoopsError,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    RedirectRefused,
    ReplyTooLarge,
    RetryPolicy,
    ServerError,
    Unauthorized,
)
from loops_async.transport import LARGEST_REPLY
from tests.transport.bare import (
    EMAIL,
    BareServer,
    client_to,
    http,
    says,
    shows_nothing,
)

pytestmark = pytest.mark.virtual_time

PAGE = b"""<!DOCTYPE html><html><head><style>p { color: red }</style><title>Oops</title></head>
<body><script>alert('x')</script><p>Checking your browser &amp; %s</p></body></html>"""


async def refused_find(reply: bytes) -> LoopsError:
    """The error of a find that is answered with ``reply``."""
    async with BareServer(says(reply)) as server:
        async with client_to(server) as loops:
            with pytest.raises(LoopsError) as caught:
                await loops.contacts.find(email=EMAIL)
        assert len(server.requests) == 1
    shows_nothing(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("body", "excerpt"),
    [
        pytest.param(PAGE % EMAIL.encode(), "Oops Checking your browser & …", id="HTML"),
        pytest.param(b"upstream went away", "upstream went away", id="plain text"),
        pytest.param(b"", "", id="nothing"),
        pytest.param(b"   \r\n ", "", id="only white space"),
        pytest.param(b"null", "null", id="null"),
        pytest.param(b'{"success":true}', '{"success":true}', id="an object where a list was due"),
        pytest.param(b'"text"', '"text"', id="text where a list was due"),
        pytest.param(b"[1]", "[…]", id="a number where a contact was due"),
        pytest.param(b"NaN", "NaN", id="a constant that JSON has not"),
    ],
)
async def test_a_success_that_is_not_what_was_promised_keeps_status_and_excerpt(
    body: bytes, excerpt: str
) -> None:
    error = await refused_find(http(200, body))
    assert type(error) is InvalidReply
    assert (error.status, error.attempts) == (200, 1)
    assert error.excerpt.replace("…@…", "…") == excerpt
    assert str(error).startswith("GET /v1/contacts/find: 200, but ")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'[{"id":"cl1","email":"ada.secret@example.com","firstN', id="truncated JSON"),
        pytest.param(b'[{"id":"cl1","email":"ada.secret@example.com",}]', id="invalid JSON"),
        pytest.param(b'[{"id":1,"email":"ada.secret@example.com"}]', id="an id that is no text"),
        pytest.param(b'[{"email":"ada.secret@example.com"}]', id="no id"),
        pytest.param(b'{"email":"ada.secret@example.com"}', id="an object where a list was due"),
        pytest.param('[{"id":"cl1","email":"ada\xe9"}]'.encode("latin-1"), id="not UTF-8"),
        pytest.param(b"\xff\xfe\x00\x01ada.secret@example.com", id="no text at all"),
        pytest.param(b"[" * 100_000, id="nested without end"),
    ],
)
async def test_json_that_cannot_be_read_is_an_invalid_reply_without_any_value(body: bytes) -> None:
    error = await refused_find(http(200, body))
    assert type(error) is InvalidReply
    assert error.status == 200
    assert len(error.excerpt) <= 200
    assert "cl1" not in f"{error}{error.excerpt}"
    assert error.excerpt.isprintable()


async def test_the_wrong_place_in_json_is_named() -> None:
    error = await refused_find(http(200, b'[{"id":"cl1","email":["a"]}]'))
    assert "expected text, got an array @ $[0].email" in str(error)


async def test_a_reply_over_8_mib_keeps_status_and_excerpt() -> None:
    error = await refused_find(http(200, b"[1, 2," + b" " * LARGEST_REPLY))
    assert type(error) is ReplyTooLarge
    assert (error.status, error.excerpt) == (200, "[…, …,")


@pytest.mark.parametrize("body", [b"", b"<html>created</html>", b'{"success":true}', b'{"id":"x"}'])
async def test_a_write_whose_success_cannot_be_read_is_an_unknown_outcome(body: bytes) -> None:
    async with BareServer(says(http(200, body))) as server, client_to(server) as loops:
        with pytest.raises(OutcomeUnknown) as caught:
            await loops.contacts.update(email=EMAIL)
    shows_nothing(caught.value)
    assert type(caught.value.__cause__) is InvalidReply
    assert caught.value.status == 200
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (101, InvalidReply),
        (300, RedirectRefused),
        (400, BadRequest),
        (401, Unauthorized),
        (403, Forbidden),
        (404, NotFound),
        (418, BadRequest),
        (422, BadRequest),
        (429, RateLimited),
        (500, ServerError),
        (503, ServerError),
        (599, ServerError),
    ],
)
async def test_a_refusal_is_the_error_of_its_status_whatever_page_comes_with_it(
    status: int, expected: type[LoopsError]
) -> None:
    async with BareServer(says(http(status, PAGE % EMAIL.encode()))) as server:
        retry = RetryPolicy(attempts=1, rate_limited_attempts=1)
        async with client_to(server, retry=retry) as loops:
            with pytest.raises(LoopsError) as caught:
                await loops.contacts.find(email=EMAIL)
    shows_nothing(caught.value)
    assert type(caught.value) is expected
    assert caught.value.status == status
    assert len(server.requests) == 1


async def test_an_empty_refusal_needs_no_words() -> None:
    error = await refused_find(http(400, b""))
    assert (type(error), str(error)) == (BadRequest, "GET /v1/contacts/find: 400")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("call", ["find", "update"])
async def test_a_redirect_is_refused_and_the_key_never_reaches_the_other_host(
    status: int, call: str
) -> None:
    async with BareServer(says(http(200, b"[]"))) as other:
        location = f"{other.url}/v1/contacts/find?email={EMAIL}"
        moved = http(status, b"", headers={"Location": location})
        async with BareServer(says(moved)) as server, client_to(server) as loops:
            with pytest.raises(RedirectRefused) as caught:
                await getattr(loops.contacts, call)(email=EMAIL)
        assert caught.value.status == status
        assert (len(server.requests), other.accepted) == (1, 0)
    shows_nothing(caught.value)
