"""What breaks on the way: each is one documented error, one request, and no connection left."""

import asyncio
import gzip

import pytest

from loops_async import errors
from loops_async.pipeline.deadlines import Timeouts
from loops_async.pipeline.messages import Request
from tests.transport.bare import (
    CREATE_ADA,
    FIND_ADA,
    TEAM,
    TEST,
    UPDATE_ADA,
    Answer,
    BareServer,
    Exchange,
    failure,
    hangs_up,
    http,
    resets,
    says,
    says_and_closes,
    says_nothing,
    shows_nothing,
    transport_to,
)

pytestmark = pytest.mark.virtual_time

GET_PUT_POST = pytest.mark.parametrize(
    "request_", [FIND_ADA, UPDATE_ADA, CREATE_ADA], ids=["GET", "PUT", "POST"]
)


async def test_a_good_reply_comes_back_whole_with_lower_cased_header_names() -> None:
    reply = http(200, b'{"a":1}', headers={"X-RateLimit-Limit": "10"})
    async with BareServer(says(reply)) as server, transport_to(server.url) as transport:
        got = await transport.send(TEST)
    assert (got.status, got.body, got.headers["x-ratelimit-limit"]) == (200, b'{"a":1}', "10")


async def test_a_request_goes_out_with_its_method_path_query_body_and_key() -> None:
    async with BareServer(says(TEAM)) as server, transport_to(server.url) as transport:
        await transport.send(FIND_ADA)
        await transport.send(UPDATE_ADA)
    find, update = server.requests
    assert (find.method, find.target) == (
        "GET",
        "/api/v1/contacts/find?email=ada.secret@example.com",
    )
    assert find.body == b""
    assert (update.method, update.target) == ("PUT", "/api/v1/contacts/update")
    assert update.body == UPDATE_ADA.body
    assert update.headers["authorization"] == "Bearer key-that-nobody-may-see"


async def test_a_refused_port_is_no_connection() -> None:
    async with BareServer(says(TEAM)) as server:
        url = server.url
    async with transport_to(url) as transport:
        error = await failure(transport, UPDATE_ADA)
    assert type(error) is errors.ConnectFailed
    assert "PUT /v1/contacts/update: no connection to Loops" in str(error)


async def test_a_host_without_an_address_is_no_connection() -> None:
    async with transport_to("http://nowhere.invalid/api") as transport:
        error = await failure(transport, UPDATE_ADA)
    assert type(error) is errors.ConnectFailed


@GET_PUT_POST
@pytest.mark.parametrize("breaks", [resets, hangs_up])
async def test_a_connection_broken_before_the_answer_is_lost_after_one_request(
    request_: Request[object], breaks: Answer
) -> None:
    # aiohttp by itself sends GET, PUT and DELETE a second time here.
    async with BareServer(breaks) as server, transport_to(server.url) as transport:
        error = await failure(transport, request_)
    assert type(error) is errors.ConnectionLost
    assert error.status is None
    assert (len(server.requests), server.accepted) == (1, 1)


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(b"NONSENSE\r\n\r\n", id="no status line"),
        pytest.param(b"\r\n\r\n", id="nothing but an empty line"),
        pytest.param(b"HTTP/2 200 OK\r\n\r\n", id="another version of HTTP"),
        pytest.param(b"\x15\x03\x03\x00\x02\x02\x46", id="a TLS alert"),
        pytest.param(http(99, b""), id="a status below 100"),
        pytest.param(http(200, b"{}", length=-1), id="a negative length"),
        pytest.param(http(200, b"{}", headers={"X": "a" * 100_000}), id="a huge header"),
        pytest.param(
            http(200, b"{}", headers={f"X-{i}": "a" for i in range(5000)}), id="5000 of them"
        ),
        pytest.param(http(200, b"{}", headers={"Content-Encoding": "br"}), id="unknown encoding"),
    ],
)
async def test_what_is_no_http_reply_is_a_lost_connection(reply: bytes) -> None:
    async with BareServer(says_and_closes(reply)) as server, transport_to(server.url) as transport:
        error = await failure(transport, FIND_ADA)
    assert type(error) is errors.ConnectionLost
    assert len(server.requests) == 1


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
PACKED = {"Content-Encoding": "gzip"}


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(http(200, b'{"success":true', length=100), id="fewer bytes than promised"),
        pytest.param(CHUNKED + b"64\r\nhalf a chunk", id="half a chunk"),
        pytest.param(CHUNKED + b"4\r\nfour\r\n", id="no last chunk"),
        pytest.param(http(200, b"not gzip at all", headers=PACKED), id="gzip that is none"),
        pytest.param(
            http(200, gzip.compress(bytes(5000))[:-12], length=500, headers=PACKED), id="cut gzip"
        ),
    ],
)
async def test_a_broken_body_of_a_success_is_a_lost_connection_that_keeps_the_status(
    reply: bytes,
) -> None:
    async with BareServer(says_and_closes(reply)) as server, transport_to(server.url) as transport:
        error = await failure(transport, FIND_ADA)
    assert type(error) is errors.ConnectionLost
    assert error.status == 200
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [400, 409, 503])
async def test_of_a_refusal_with_a_broken_body_the_status_still_decides(status: int) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.write(http(status, b'{"message":"No."', length=100))
        await asyncio.sleep(0.02)  # the client shall have the head before the RST overtakes it
        exchange.reset()

    async with BareServer(answer) as server, transport_to(server.url) as transport:
        reply = await transport.send(UPDATE_ADA)
    assert (reply.status, reply.body) == (status, b'{"message":"No."')


@GET_PUT_POST
async def test_a_silent_server_times_out_after_the_read_time_whatever_the_connect_time_is(
    request_: Request[object],
) -> None:
    timeouts = Timeouts(connect=5.0, read=0.15, total=None)
    async with (
        BareServer(says_nothing) as server,
        transport_to(server.url, timeouts=timeouts) as transport,
    ):
        begin = asyncio.get_running_loop().time()
        error = await failure(transport, request_)
        seconds = asyncio.get_running_loop().time() - begin
    assert type(error) is errors.ReplyTimeout
    assert seconds == pytest.approx(0.15)
    assert len(server.requests) == 1


async def test_a_server_that_falls_silent_in_the_body_times_out_and_keeps_the_status() -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.write(http(200, b'{"succ', length=100))
        await exchange.until_the_client_leaves()

    timeouts = Timeouts(connect=5.0, read=0.1, total=None)
    async with (
        BareServer(answer) as server,
        transport_to(server.url, timeouts=timeouts) as transport,
    ):
        begin = asyncio.get_running_loop().time()
        error = await failure(transport, FIND_ADA)
    assert type(error) is errors.ReplyTimeout
    assert error.status == 200
    assert asyncio.get_running_loop().time() - begin == pytest.approx(0.1)


async def test_a_body_that_trickles_in_has_an_end_though_no_single_pause_is_long() -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.write(http(200, b"", length=1000))
        for _ in range(1000):
            await exchange.write(b" ")
            await asyncio.sleep(0.01)

    timeouts = Timeouts(connect=0.15, read=0.15, total=None)
    async with (
        BareServer(answer) as server,
        transport_to(server.url, timeouts=timeouts) as transport,
    ):
        begin = asyncio.get_running_loop().time()
        error = await failure(transport, FIND_ADA)
        seconds = asyncio.get_running_loop().time() - begin
    assert type(error) is errors.ReplyTimeout
    assert 0.25 < seconds < 1


async def test_a_deadline_that_has_passed_ends_at_once_instead_of_meaning_none() -> None:
    async with BareServer(says_nothing) as server, transport_to(server.url) as transport:
        begin = asyncio.get_running_loop().time()
        past = Request(UPDATE_ADA.endpoint, body=UPDATE_ADA.body, deadline=transport.now() - 1)
        with pytest.raises(errors.LinkError) as caught:
            await transport.send(past)
    shows_nothing(caught.value)
    assert asyncio.get_running_loop().time() - begin <= 0.001
