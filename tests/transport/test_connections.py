"""Connections: used again, given up when dead, and never one request more than was asked for."""

import asyncio

import aiohttp
import pytest

from loops_async import LoopsSession, RetryPolicy
from loops_async.transport import open_http
from tests.transport.bare import (
    EMAIL,
    FIND_ADA,
    KEY,
    TEAM,
    TEST,
    UPDATE_ADA,
    BareServer,
    Exchange,
    client_to,
    failure,
    http,
    says,
    says_and_closes,
    transport_to,
)

pytestmark = pytest.mark.virtual_time

AT_ONCE = RetryPolicy(base=0.001)


async def test_many_calls_one_after_the_other_use_one_connection() -> None:
    async with BareServer(says(TEAM)) as server, client_to(server) as loops:
        for _ in range(20):
            await loops.api_key.test()
        assert (server.accepted, server.open) == (1, 1)
    assert len(server.requests) == 20
    assert server.open == 0


async def test_a_refusal_that_was_read_to_its_end_keeps_its_connection() -> None:
    async with (
        BareServer(says(http(400, b'{"message":"No."}'))) as server,
        transport_to(server.url) as transport,
    ):
        for _ in range(5):
            await transport.send(UPDATE_ADA)
        assert server.accepted == 1


async def test_no_more_connections_than_the_limit_allows() -> None:
    async def answer(exchange: Exchange) -> None:
        await asyncio.sleep(0.01)
        await exchange.write(TEAM)

    async with (
        BareServer(answer) as server,
        LoopsSession(limit=3, base_url=server.url) as session,
    ):
        loops = session.client(KEY)
        await asyncio.gather(*(loops.api_key.test() for _ in range(10)))
        assert server.accepted == 3


async def test_a_connection_that_the_server_closed_while_idle_is_not_used_again() -> None:
    async with (
        BareServer(says_and_closes(TEAM)) as server,
        transport_to(server.url) as transport,
    ):
        for number in range(1, 4):
            assert (await transport.send(UPDATE_ADA)).status == 200
            await server.has_lost(number)
            await asyncio.sleep(0.02)  # the client's own loop has to hear of it too
    assert (len(server.requests), server.accepted) == (3, 3)


async def closes_instead_of_the_second_answer(exchange: Exchange) -> None:
    """Hangs up on the first request that comes over a connection used before."""
    if exchange.request.headers.get("x-first") is None and hasattr(exchange.reader, "used"):
        exchange.close()
        return
    exchange.reader.used = True  # type: ignore[attr-defined]
    await exchange.write(TEAM)


@pytest.mark.parametrize("request_", [FIND_ADA, UPDATE_ADA], ids=["GET", "PUT"])
async def test_one_send_is_one_request_even_on_a_connection_that_dies_as_it_is_used(
    request_: object,
) -> None:
    # This is where aiohttp repeats by itself.
    async with (
        BareServer(closes_instead_of_the_second_answer) as server,
        transport_to(server.url) as transport,
    ):
        await transport.send(TEST)
        await failure(transport, request_)  # type: ignore[arg-type]
        assert (len(server.requests), server.accepted) == (2, 1)


async def test_the_middlewares_of_a_handed_in_session_still_run() -> None:
    async def stamp(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        request.headers["X-Stamp"] = "seen"
        return await handler(request)

    session = aiohttp.ClientSession(middlewares=(stamp,))
    async with (
        BareServer(says(TEAM)) as server,
        transport_to(server.url, http=session) as transport,
    ):
        await transport.send(TEST)
    assert server.requests[0].headers["x-stamp"] == "seen"


async def test_the_client_repeats_on_a_new_connection_and_counts_it() -> None:
    async with (
        BareServer(closes_instead_of_the_second_answer) as server,
        client_to(server, retry=AT_ONCE) as loops,
    ):
        await loops.api_key.test()
        await loops.api_key.test()
        assert (len(server.requests), server.accepted) == (3, 2)


async def test_each_attempt_is_one_request_and_the_receipt_says_how_many() -> None:
    async def answer(exchange: Exchange) -> None:
        if len(server.requests) < 3:
            exchange.close()
        else:
            await exchange.write(http(200, b'{"success":true,"id":"cl1"}'))

    async with BareServer(answer) as server, client_to(server, retry=AT_ONCE) as loops:
        receipt = await loops.contacts.update(email=EMAIL)
    assert (receipt.id, receipt.attempts, len(server.requests)) == ("cl1", 3, 3)


async def test_cookies_are_neither_kept_nor_sent() -> None:
    reply = http(200, b'{"success":true,"teamName":"Sandbox"}', headers={"Set-Cookie": "a=b"})
    async with BareServer(says(reply)) as server, client_to(server) as loops:
        await loops.api_key.test()
        await loops.api_key.test()
    assert all("cookie" not in request.headers for request in server.requests)


async def test_the_proxy_of_the_environment_is_used_only_when_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    async with BareServer(says(http(200, b"from the proxy"))) as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        async with BareServer(says(http(200, b"direct"))) as server:
            async with transport_to(server.url) as transport:
                assert (await transport.send(TEST)).body == b"direct"
            trusting = open_http(
                limit=1, limit_per_host=0, keepalive=1.0, trust_env=True, trace_configs=()
            )
            async with transport_to(server.url, http=trusting) as transport:
                assert (await transport.send(TEST)).body == b"from the proxy"
