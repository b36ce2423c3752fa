"""Lifetimes: one connector for any number of clients, and only what was opened is closed."""

import asyncio
import gc
import warnings
from typing import Any

import aiohttp
import pytest

from loops_async import (
    LoopsClient,
    LoopsSession,
    Pacer,
    RetryPolicy,
    SessionClosed,
    Timeouts,
    Unauthorized,
)
from loops_async.connection import Connection
from loops_async.sandbox import Sandbox
from tests.transport.bare import TEAM, BareServer, Exchange, http, says

pytestmark = [pytest.mark.usefixtures("nothing_is_left"), pytest.mark.virtual_time]

EU, US = "eu-key-1", "us-key-2"


def keys(server: BareServer) -> list[str]:
    return [request.headers["authorization"] for request in server.requests]


def opened(connection: Connection) -> bool:
    return connection.opened is not None


async def test_clients_of_two_keys_share_one_connection_and_send_their_own_key() -> None:
    async with (
        BareServer(says(TEAM)) as server,
        LoopsSession(base_url=server.url) as session,
    ):
        eu, us = session.client(api_key=EU), session.client(api_key=US)
        for _ in range(3):
            await eu.api_key.test()
            await us.api_key.test()
        assert server.accepted == 1
    assert keys(server) == [f"Bearer {EU}", f"Bearer {US}"] * 3


async def test_two_teams_in_parallel_share_the_limit_of_the_connector() -> None:
    async def answer(exchange: Exchange) -> None:
        await asyncio.sleep(0.01)
        await exchange.write(TEAM)

    async with (
        BareServer(answer) as server,
        LoopsSession(base_url=server.url, limit=2) as session,
    ):
        clients = [session.client(key) for key in (EU, US) * 4]
        await asyncio.gather(*(client.api_key.test() for client in clients))
        assert server.accepted == 2
    assert sorted(keys(server)) == [f"Bearer {EU}"] * 4 + [f"Bearer {US}"] * 4


async def test_a_wrong_key_beside_a_right_one_disturbs_nobody(sandbox: Sandbox) -> None:
    async with LoopsSession(base_url=sandbox.url) as session:
        right, wrong = session.client(sandbox.api_key), session.client("wrong-key")
        results = await asyncio.gather(
            right.api_key.test(), wrong.api_key.test(), return_exceptions=True
        )
    assert getattr(results[0], "team_name", None) == "Company name"
    assert type(results[1]) is Unauthorized


async def test_nothing_is_opened_before_the_first_call(sandbox: Sandbox) -> None:
    session = LoopsSession(base_url=sandbox.url)
    client = session.client(sandbox.api_key)
    alone = LoopsClient(sandbox.api_key, base_url=sandbox.url)
    assert not opened(session)
    assert not opened(alone._connection)
    await client.api_key.test()
    assert opened(session)
    assert not opened(alone._connection)
    await client.aclose()
    await session.aclose()
    await alone.aclose()


async def test_closing_one_client_leaves_the_session_to_the_others() -> None:
    async with (
        BareServer(says(TEAM)) as server,
        LoopsSession(base_url=server.url) as session,
    ):
        async with session.client(EU) as first:
            await first.api_key.test()
        assert server.open == 1
        second = session.client(US)
        await second.api_key.test()
        assert server.accepted == 1
        with pytest.raises(SessionClosed, match="this client was closed"):
            await first.api_key.test()
    assert server.open == 0
    assert len(server.requests) == 2


async def test_closing_the_session_closes_every_connection_and_every_client() -> None:
    async with BareServer(says(TEAM)) as server:
        async with LoopsSession(base_url=server.url) as session:
            client = session.client(EU)
            await asyncio.gather(*(client.api_key.test() for _ in range(5)))
            assert server.open > 0
        await server.has_lost(server.accepted)
        with pytest.raises(SessionClosed, match="this session was closed"):
            await client.api_key.test()
        assert len(server.requests) == 5


async def test_a_session_handed_in_stays_open_and_is_the_one_that_sends() -> None:
    async with (
        BareServer(says(TEAM)) as server,
        aiohttp.ClientSession() as theirs,
    ):
        for _ in range(2):
            async with LoopsClient(EU, base_url=server.url, session=theirs) as loops:
                await loops.api_key.test()
        async with LoopsSession(base_url=server.url, http=theirs) as session:
            await session.client(US).api_key.test()
        assert not theirs.closed
        async with theirs.get(server.url) as reply:
            assert reply.status == 200
        assert server.accepted == 1
        assert "authorization" not in server.requests[-1].headers


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(
            {"headers": {"Authorization": "Basic x", "Accept": "text/html"}}, id="headers"
        ),
        pytest.param({"base_url": "https://elsewhere.example/v9/"}, id="base_url"),
        pytest.param({"raise_for_status": True}, id="raise_for_status"),
        pytest.param({"cookies": {"a": "b"}}, id="cookies"),
        pytest.param({"timeout": aiohttp.ClientTimeout(total=1e-6)}, id="timeout"),
        pytest.param({"auto_decompress": False}, id="auto_decompress"),
        pytest.param({"skip_auto_headers": ["Content-Type", "User-Agent"]}, id="skip_auto_headers"),
        pytest.param({"json_serialize": repr}, id="json_serialize"),
        pytest.param({"read_bufsize": 16}, id="read_bufsize"),
    ],
)
async def test_what_a_session_handed_in_was_set_to_does_not_disturb(
    sandbox: Sandbox, settings: dict[str, Any]
) -> None:
    async with aiohttp.ClientSession(**settings) as theirs:
        loops = LoopsClient(sandbox.api_key, base_url=sandbox.url, session=theirs)
        created = await loops.contacts.create(email="ada@example.com", first_name="Ada")
        with pytest.raises(Exception, match="already on list"):
            await loops.contacts.create(email="ada@example.com", user_id="u")
        found = await loops.contacts.find(email="ada@example.com")
    assert found is not None
    assert (found.id, found.first_name) == (created.id, "Ada")
    for request in sandbox.requests:
        assert request.headers["content-type"] == "application/json"
        assert request.headers["accept"] == "application/json"
        assert request.headers["user-agent"].startswith("loops_async/")


async def test_a_packed_reply_is_unpacked_even_if_a_session_handed_in_would_not() -> None:
    import gzip  # noqa: PLC0415

    packed = gzip.compress(b'{"success":true,"teamName":"Sandbox"}')
    reply = http(200, packed, headers={"Content-Encoding": "gzip"})
    async with (
        BareServer(says(reply)) as server,
        aiohttp.ClientSession(auto_decompress=False) as theirs,
    ):
        loops = LoopsClient(EU, base_url=server.url, session=theirs)
        assert (await loops.api_key.test()).team_name == "Sandbox"


async def test_closing_twice_is_harmless(sandbox: Sandbox) -> None:
    async with LoopsSession(base_url=sandbox.url) as session:
        async with session.client(sandbox.api_key) as loops:
            await loops.api_key.test()
            await loops.aclose()
        await loops.aclose()
        await session.aclose()
    await session.aclose()


async def test_a_call_in_flight_ends_with_an_error_when_its_session_closes() -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.until_the_client_leaves()

    async with BareServer(answer) as server:
        session = LoopsSession(base_url=server.url, retry=RetryPolicy(base=0.001))
        client = session.client(EU)
        call = asyncio.create_task(client.api_key.test())
        await server.has_received(1)
        await session.aclose()
        async with asyncio.timeout(1):
            with pytest.raises(SessionClosed):
                await call
    assert len(server.requests) == 1


async def test_the_settings_of_a_session_reach_its_clients_and_a_client_may_differ() -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.write(http(503, b""))

    seen: list[int] = []
    async with BareServer(answer) as server:
        session = LoopsSession(
            base_url=f"{server.url}/v1/",
            retry=RetryPolicy(attempts=2, base=0.001),
            timeouts=Timeouts(total=5.0),
        )
        async with session:
            plain = session.client(EU)
            stubborn = session.client(
                EU,
                retry=RetryPolicy(attempts=3, base=0.001),
                on_attempt=lambda attempt: seen.append(attempt.number),
            )
            for client, requests in ((plain, 2), (stubborn, 5)):
                with pytest.raises(Exception, match="503"):
                    await client.api_key.test()
                assert len(server.requests) == requests
    assert seen == [1, 2, 3]
    assert {request.target for request in server.requests} == {"/api/v1/api-key"}


async def test_a_client_may_have_another_address_than_its_session() -> None:
    async with (
        BareServer(says(TEAM)) as one,
        BareServer(says(TEAM)) as other,
        LoopsSession(base_url=one.url) as session,
    ):
        await session.client(EU).api_key.test()
        await session.client(US, base_url=other.url).api_key.test()
    assert (keys(one), keys(other)) == ([f"Bearer {EU}"], [f"Bearer {US}"])


async def test_the_trace_configurations_of_a_session_see_its_requests(sandbox: Sandbox) -> None:
    seen: list[str] = []
    trace = aiohttp.TraceConfig()

    async def started(_: object, __: object, params: aiohttp.TraceRequestStartParams) -> None:
        seen.append(params.method)

    trace.on_request_start.append(started)
    async with LoopsSession(base_url=sandbox.url, trace_configs=[trace]) as session:
        await session.client(sandbox.api_key).api_key.test()
    assert seen == ["GET"]


async def test_a_client_that_is_never_closed_is_complained_about(sandbox: Sandbox) -> None:
    loops = LoopsClient(sandbox.api_key, base_url=sandbox.url)
    await loops.api_key.test()
    http_session = loops._connection.opened
    assert http_session is not None
    connector = http_session.connector
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        del loops, http_session
        gc.collect()
    assert "Unclosed client session" in {str(one.message)[:23] for one in caught}
    assert connector is not None
    await connector.close()


async def test_what_waits_for_its_turn_is_not_sent_once_its_client_is_closed(
    sandbox: Sandbox,
) -> None:
    async with LoopsSession(base_url=sandbox.url) as session:
        async with session.client(sandbox.api_key, pacer=Pacer(rate=20)) as client:
            calls = [
                asyncio.create_task(client.contacts.update(email=f"c{number}@example.com"))
                for number in range(30)
            ]
            await calls[0]
        ended = await asyncio.gather(*calls, return_exceptions=True)
    refused = [end for end in ended if isinstance(end, BaseException)]
    assert len(refused) >= 10
    assert all(isinstance(end, SessionClosed) for end in refused)
    # What was on its way when it was closed has arrived, and nothing after that.
    assert len(sandbox.contacts) == 30 - len(refused)
