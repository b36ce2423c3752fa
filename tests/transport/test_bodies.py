"""Bodies: however large, packed or mislabelled, memory is bounded and nothing spills over."""

import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache

import pytest

from loops_async import errors
from loops_async.pipeline.responses import parse_response
from loops_async.transport import LARGEST_REPLY
from tests.transport.bare import (
    KEY,
    TEAM,
    TEST,
    BareServer,
    Exchange,
    Received,
    failure,
    http,
    says,
    transport_to,
)

pytestmark = pytest.mark.virtual_time

MIB = 1024 * 1024


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


async def endless(exchange: Exchange, status: int = 200) -> None:
    await exchange.write(f"HTTP/1.1 {status} OK\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
    chunk = b"10000\r\n" + b"<p>word " * 8192 + b"\r\n"
    for _ in range(1600):  # 100 MiB, should the client never leave
        await exchange.write(chunk)
    raise AssertionError("the client took it all")


@cache
def bomb(mebibytes: int) -> bytes:
    """gzip that inflates a thousandfold."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    nothing = bytes(MIB)
    return b"".join(packer.compress(nothing) for _ in range(mebibytes)) + packer.flush()


async def test_a_reply_of_exactly_the_largest_size_is_taken() -> None:
    body = b"[" + b" " * (LARGEST_REPLY - 2) + b"]"
    async with BareServer(says(http(200, body))) as server, transport_to(server.url) as transport:
        assert len((await transport.send(TEST)).body) == LARGEST_REPLY == 8 * MIB
        await transport.send(TEST)
    assert server.accepted == 1


async def test_one_byte_more_is_an_error_with_status_and_a_cleaned_excerpt() -> None:
    body = b"<html><b>Bearer " + KEY.encode() + b" ada@example.com is too much</b>"
    body += b" " * (LARGEST_REPLY + 1 - len(body))
    async with BareServer(says(http(200, body))) as server, transport_to(server.url) as transport:
        error = await failure(transport, TEST)
    assert isinstance(error, errors.ReplyTooLarge)
    assert error.status == 200
    assert error.excerpt == "Bearer … …@… is too much"


async def test_an_endless_reply_is_cut_off_and_memory_stays_bounded() -> None:
    async with BareServer(endless) as server, transport_to(server.url) as transport:
        with at_most(24 * MIB):
            error = await failure(transport, TEST)
        assert type(error) is errors.ReplyTooLarge
        await server.has_lost(1)


async def test_of_an_endless_refusal_little_is_read_and_the_status_decides() -> None:
    async def refused(exchange: Exchange) -> None:
        await endless(exchange, 502)

    async with BareServer(refused) as server, transport_to(server.url) as transport:
        with at_most(4 * MIB):
            reply = await transport.send(TEST)
        assert reply.status == 502
        assert len(reply.body) < MIB
        await server.has_lost(1)


@pytest.mark.parametrize("status", [200, 400])
async def test_a_gzip_bomb_does_not_go_off(status: int) -> None:
    packed = bomb(200)
    assert len(packed) < MIB / 4
    answer = says(http(status, packed, headers={"Content-Encoding": "gzip"}))
    async with BareServer(answer) as server, transport_to(server.url) as transport:
        with at_most(32 * MIB):
            if status == 200:
                error = await failure(transport, TEST)
                assert type(error) is errors.ReplyTooLarge
            else:
                assert (await transport.send(TEST)).status == 400
        await server.has_lost(1)


@pytest.mark.parametrize(
    "lie",
    [
        pytest.param(http(200, b'{"a":1}', length=5), id="too short a length"),
        pytest.param(http(200, b'{"a":1}'), id="a second reply behind the first"),
    ],
)
async def test_what_follows_a_reply_unasked_never_becomes_the_next_reply(lie: bytes) -> None:
    async def answer(exchange: Exchange) -> None:
        first = len(server.requests) == 1
        await exchange.write(lie + http(200, b'{"somebody":"else"}') if first else TEAM)

    bodies = []
    async with BareServer(answer) as server, transport_to(server.url) as transport:
        for _ in range(3):
            with suppress(errors.ConnectionLost):
                bodies.append((await transport.send(TEST)).body)
    assert bodies[-1] == TEAM.partition(b"\r\n\r\n")[2]
    assert not any(b"somebody" in body for body in bodies)
    assert server.accepted > 1


async def test_a_reply_says_what_must_not_be_quoted_of_it_and_shows_it_nowhere() -> None:
    def echo(request: Received) -> bytes:
        return b"You sent " + request.headers["authorization"].encode()

    async def answer(exchange: Exchange) -> None:
        await exchange.write(http(403, echo(exchange.request)))

    async with BareServer(answer) as server, transport_to(server.url) as transport:
        reply = await transport.send(TEST)
    assert reply.secret == KEY
    assert KEY not in repr(reply)
    with pytest.raises(errors.Forbidden, match="You sent Bearer …"):
        parse_response(TEST, reply)


async def test_the_json_of_a_success_is_never_touched() -> None:
    body = b' {"note":"' + KEY.encode() + b'"}'
    async with BareServer(says(http(200, body))) as server, transport_to(server.url) as transport:
        assert (await transport.send(TEST)).body == body
