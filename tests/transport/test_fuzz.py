"""Whatever comes back, however it is sent: a value or one of our errors, and never much memory."""

import asyncio
import itertools
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loops_async import Attachment, LoopsClient, LoopsError, Pacer, RetryPolicy, Timeouts
from loops_async.pipeline.clock import Clock
from loops_async.pipeline.messages import Reply
from loops_async.pipeline.retrying import Retrying
from tests.scripted import ScriptedPacer, ScriptedTransport
from tests.transport.bare import (
    EMAIL,
    KEY,
    TEST,
    BareServer,
    Exchange,
    client_to,
    failure,
    shows_nothing,
    transport_to,
)
from tests.transport.bare import http as http_reply
from tests.virtual_time import run_virtual

MIB = 1024 * 1024
Call = Callable[[LoopsClient], Awaitable[Any]]


async def bulk(loops: LoopsClient) -> None:
    async for outcome in loops.contacts.upsert_many([{"email": EMAIL}]):
        if outcome.error is not None:
            raise outcome.error


CALLS: dict[str, Call] = {
    "create": lambda to: to.contacts.create(email=EMAIL, first_name="ada.secret"),
    "update": lambda to: to.contacts.update(email=EMAIL),
    "find": lambda to: to.contacts.find(email=EMAIL),
    "delete": lambda to: to.contacts.delete(email=EMAIL),
    "suppression": lambda to: to.contacts.suppression(email=EMAIL),
    "remove": lambda to: to.contacts.remove_suppression(email=EMAIL),
    "bulk": bulk,
    "event": lambda to: to.events.send("signup", email=EMAIL, contact={"n": "ada.secret"}),
    "mail": lambda to: to.transactional.send("t", EMAIL, attachments=[Attachment("a", b"b")]),
    "key": lambda to: to.api_key.test(),
    "properties": lambda to: to.contact_properties.list(),
    "new property": lambda to: to.contact_properties.create("plan", "string"),
    "lists": lambda to: to.mailing_lists.list(),
    "addresses": lambda to: to.dedicated_sending_ips.list(),
}


async def value_or_error(loops: LoopsClient, call: Call) -> None:
    """Fail if the call ends in anything but a value or an error of ours that shows nothing."""
    try:
        await call(loops)
    except LoopsError as error:
        shows_nothing(error)


# Bytes that mean something to one of the parsers on the way, and those that mean nothing.

JSON = [
    b"", b"null", b"{}", b"[]", b"[{}]", b'{"success":true}', b'{"success":true,"id":"c1"}',
    b'[{"id":"c1","email":"x@y.io"}]', b'{"success":true,"teamName":"T"}', b'["1.2.3.4"]',
    b'{"isSuppressed":false,"contact":{"id":"c","email":"e"},"removalQuota":{"limit":1e999}}',
    b'{"success":true,"removalQuota":{"limit":9e99,"remaining":-0.0}}', b"[1e999]", b"[" * 5000,
    b'{"message":"' + EMAIL.encode() + b'"}', b'{"error":{"reason":["' + EMAIL.encode() + b'"]}}',
    b'[{"id":"c1","email":"' + EMAIL.encode() + b'","mailingLists":[]}]', b'"\\ud800"', b"\xff{}",
    b"<html>Bearer " + KEY.encode() + b"</html>", b'{"message":{"a":"\\u0000' + b"\\" * 99 + b'"}}',
]  # fmt: skip
BODIES = st.sampled_from(JSON) | st.binary(max_size=200)
NAMES = st.sampled_from([
    b"Retry-After", b"x-ratelimit-limit", b"x-ratelimit-remaining", b"Content-Type", b"Location",
    b"Content-Encoding", b"Set-Cookie", b"Connection", b"Transfer-Encoding", b"Content-Length",
    b"Date", b"Upgrade", b"Keep-Alive", b"WWW-Authenticate", b"Link", b"X-Other", b"",
])  # fmt: skip
VALUES = st.binary(max_size=30) | st.sampled_from([
    b"0", b"-1", b"1", b"1e9", b"9" * 50, b"nan", b"gzip", b"deflate", b"br", b"zstd", b"identity",
    b"chunked", b"close", b"keep-alive", b"text/html; charset=no-such", b"a=b; Max-Age=x; Path=/",
    b"Wed, 21 Oct 2099 07:28:00 GMT", b"Mon, 99 Foo 0000 99:99:99", b"//[",
    b"h2c", b"websocket", b"", b"\xc3\x28", b"a" * 9000, KEY.encode(), EMAIL.encode(),
])  # fmt: skip
STATUSES = st.sampled_from([
    b"200 OK", b"200", b"201 Made", b"204 None", b"304 Same", b"301 Moved", b"400 No", b"401 Key",
    b"404 None", b"409 Was", b"429 Slow", b"500 Oh", b"503 Oh", b"100 Go", b"101 Up", b"999 X",
    b"000 X", b"-1 X", b"two hundred", b"2000 X", b"200 " + KEY.encode() + EMAIL.encode(),
])  # fmt: skip


@st.composite
def replies(draw: st.DrawFn) -> bytes:
    """Something like an HTTP reply: with a length that is right or wrong, with chunks, or cut."""
    body, version = draw(BODIES), draw(st.sampled_from([b"1.1", b"1.1", b"1.0", b"2", b"0.9"]))
    headers = draw(st.lists(st.tuples(NAMES, VALUES), max_size=4))
    framing = draw(st.sampled_from(["length", "length", "longer", "shorter", "chunks", "none"]))
    if framing == "chunks":
        headers.append((b"Transfer-Encoding", b"chunked"))
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body) or 7, body)
    elif framing != "none":
        wrong = {"length": 0, "longer": 3, "shorter": -1}[framing]
        headers.append((b"Content-Length", b"%d" % max(0, len(body) + wrong)))
    lines = [b"%b: %b" % header for header in headers]
    reply = b"\r\n".join([b"HTTP/%b %b" % (version, draw(STATUSES)), *lines, b"", body])
    cut = draw(st.just(len(reply)) | st.integers(0, len(reply)))
    return reply[:cut] + draw(st.sampled_from([b"", b"", b"\r\n", http_reply(200, b"{}")]))


@pytest.mark.parametrize("call", CALLS)
@settings(max_examples=settings().max_examples // 4)
@given(
    answers=st.lists(replies() | st.binary(max_size=300), min_size=1, max_size=3),
    stays=st.booleans(),
)
def test_any_bytes_from_the_server_are_a_value_or_an_error_of_ours(
    call: str, answers: list[bytes], stays: bool
) -> None:
    turns = itertools.cycle(answers)

    async def answer(exchange: Exchange) -> None:
        await exchange.write(next(turns))
        if not stays:
            exchange.close()

    async def main() -> None:
        complaints: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, what: complaints.append(what))
        retry = RetryPolicy(
            attempts=2, rate_limited_attempts=2, base=0.001, cap=0.002, max_retry_after=0.001
        )
        timeout = Timeouts(connect=1.0, read=0.02, total=0.2)
        pacer = ScriptedPacer()
        async with (
            BareServer(answer) as server,
            client_to(server, retry=retry, timeout=timeout, pacer=pacer) as loops,
        ):
            await value_or_error(loops, CALLS[call])
        assert not complaints

    run_virtual(main(), sockets=True)


HEADERS = st.dictionaries(
    st.sampled_from(["retry-after", "x-ratelimit-limit", "x-ratelimit-remaining"]),
    st.text(max_size=20) | st.sampled_from(["0", "1", "-1", "1.5", "1e999", "٣", "9" * 400, "nan"]),
)
# The key is what the transport takes out, and there is none here.
KEYLESS = BODIES.filter(lambda body: KEY.encode() not in body)
REPLIES = st.builds(Reply, st.integers(0, 999) | st.just(200), HEADERS, KEYLESS)


@pytest.mark.parametrize("call", CALLS)
@given(answers=st.lists(REPLIES, min_size=1, max_size=5))
def test_any_replies_are_a_value_or_an_error_of_ours_with_the_real_pacer(
    call: str, answers: list[Reply]
) -> None:
    transport = ScriptedTransport(respond=lambda _: answers[len(transport.sent) % len(answers)])

    async def main() -> float:
        async with LoopsClient(KEY, timeout=None) as loops:
            loops._layer = Retrying(transport, Pacer(), clock=Clock(random=lambda: 0.5))
            await value_or_error(loops, CALLS[call])
        return asyncio.get_running_loop().time()

    # Twenty times a Retry-After of a minute, for each of the requests that a create may make.
    assert run_virtual(main()) < 7 * 20 * 61
    assert len(transport.sent) <= 7 * 23


# Memory: what goes on without end takes no more than its bound (bodies have their own tests).


@contextmanager
def at_most(bytes_: int) -> Iterator[None]:
    """Fail if the block allocates more than ``bytes_`` at any moment."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < bytes_, f"{peak / MIB:.0f} MiB"


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ENDLESS = {
    "lines": (b"", b"\r\n"),
    "a status line": (b"HTTP/1.1 200 ", b"a"),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n"),
    "a header": (b"HTTP/1.1 200 OK\r\nX-A: ", b"a"),
    "interim replies": (b"", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"),
    "a size of a chunk": (CHUNKED, b"0"),
    "an extension of a chunk": (CHUNKED + b"1;", b"a"),
    "chunks of one byte": (CHUNKED, b"1\r\n \r\n"),
    "trailers": (CHUNKED + b"0\r\n", b"X-A: b\r\n"),
    "a body without a length": (b"HTTP/1.1 200 OK\r\n\r\n", b" "),
    "a body of a great length": (b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n", b" "),
}


@pytest.mark.parametrize("what", ENDLESS)
async def test_what_has_no_end_is_an_error_and_memory_stays_bounded(what: str) -> None:
    begin, unit = ENDLESS[what]

    async def answer(exchange: Exchange) -> None:
        await exchange.write(begin)
        piece = unit * (65536 // len(unit))
        for _ in range(1600):  # 100 MiB, should the client take it all
            await exchange.write(piece)

    timeouts = Timeouts(connect=0.1, read=0.1, total=None)
    async with (
        BareServer(answer) as server,
        transport_to(server.url, timeouts=timeouts) as transport,
    ):
        with at_most(24 * MIB):
            await failure(transport, TEST)
        await server.has_lost(1)
