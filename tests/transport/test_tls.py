"""TLS: certificates made for the occasion, good ones and wrong ones, and a real server."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
import trustme

from loops_async import ConnectFailed, ConnectionLost, LoopsClient, LoopsSession, RetryPolicy
from tests.scripted import ScriptedPacer
from tests.transport.bare import (
    EMAIL,
    KEY,
    TEAM,
    TEST,
    UPDATE_ADA,
    BareServer,
    failure,
    says,
    shows_nothing,
    transport_to,
)

pytestmark = pytest.mark.virtual_time

NOW = datetime.now(UTC)
YEAR = timedelta(days=365)
OURS = trustme.CA()
"""The authority that the trusting clients trust."""


def serving(*names: str, authority: trustme.CA = OURS, **options: Any) -> ssl.SSLContext:
    """A server's context with a certificate for ``names``."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*names, **options).configure_cert(context)
    return context


def secure(server: BareServer, host: str = "127.0.0.1") -> str:
    return f"https://{host}:{server.port}/api"


def trusting() -> aiohttp.ClientSession:
    """A session of the user's own, which trusts their own authority."""
    context = ssl.create_default_context()
    OURS.configure_trust(context)
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context))


GOOD = serving("127.0.0.1")
WRONG = {
    "another name": serving("loops.example"),
    "another address": serving("127.0.0.2"),
    "no authority that is known": serving("127.0.0.1", authority=trustme.CA()),
    "expired": serving("127.0.0.1", not_before=NOW - 2 * YEAR, not_after=NOW - YEAR),
    "not valid yet": serving("127.0.0.1", not_before=NOW + YEAR, not_after=NOW + 2 * YEAR),
}
SAYS = {
    "another name": "IP address mismatch",
    "another address": "IP address mismatch",
    "no authority that is known": "certificate",  # in what words depends on OpenSSL
    "expired": "certificate has expired",
    "not valid yet": "certificate is not yet valid",
}


async def test_a_server_with_a_good_certificate_is_spoken_to() -> None:
    async with (
        BareServer(says(TEAM), tls=GOOD) as server,
        transport_to(secure(server), http=trusting()) as transport,
    ):
        for _ in range(3):
            assert (await transport.send(TEST)).status == 200
        assert server.accepted == 1


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_wrong_certificate_is_no_connection_and_the_error_says_what_is_wrong(
    wrong: str,
) -> None:
    async with (
        BareServer(says(TEAM), tls=WRONG[wrong]) as server,
        transport_to(secure(server), http=trusting()) as transport,
    ):
        error = await failure(transport, UPDATE_ADA)
        assert server.accepted == 0
    assert type(error) is ConnectFailed
    assert "certificate verify failed" in str(error)
    assert SAYS[wrong] in str(error)


CALLS: list[Callable[[LoopsClient], Awaitable[Any]]] = [
    lambda loops: loops.api_key.test(),
    lambda loops: loops.contacts.create(email=EMAIL),
    lambda loops: loops.contacts.update(email=EMAIL),
    lambda loops: loops.events.send("signup", email=EMAIL),
    lambda loops: loops.transactional.send("tx1", EMAIL),
]


@pytest.mark.parametrize("call", CALLS, ids=["read", "create", "update", "event", "mail"])
async def test_a_client_by_itself_verifies_and_no_byte_of_a_request_arrives(
    call: Callable[[LoopsClient], Awaitable[Any]],
) -> None:
    retry = RetryPolicy(attempts=2, base=0.001)
    async with BareServer(says(TEAM), tls=GOOD) as server:
        async with LoopsClient(
            KEY, base_url=secure(server), retry=retry, pacer=ScriptedPacer()
        ) as loops:
            with pytest.raises(ConnectFailed, match="certificate verify failed") as caught:
                await call(loops)
        # A connection counts once its handshake is done; a request can only come after that.
        assert server.accepted == 0
    assert caught.value.attempts == 2
    shows_nothing(caught.value)


async def test_an_authority_of_the_users_own_works_through_their_session() -> None:
    async with BareServer(says(TEAM), tls=GOOD) as server, trusting() as theirs:
        async with LoopsClient(KEY, base_url=secure(server), session=theirs) as loops:
            await loops.api_key.test()
        async with LoopsSession(base_url=secure(server), http=theirs) as session:
            await session.client(KEY).api_key.test()
        assert [request.headers["authorization"] for request in server.requests] == [
            f"Bearer {KEY}"
        ] * 2


async def test_plain_speech_where_tls_was_expected_is_no_connection() -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(plain, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with transport_to(f"https://127.0.0.1:{port}/api") as transport:
            error = await failure(transport, UPDATE_ADA)
    assert type(error) is ConnectFailed


async def test_tls_where_plain_speech_was_expected_is_a_lost_connection(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("CRITICAL", logger="asyncio")  # the server's complaint about the handshake
    async with (
        BareServer(says(TEAM), tls=GOOD) as server,
        transport_to(server.url) as transport,
    ):
        error = await failure(transport, UPDATE_ADA)
        assert not server.requests
    assert type(error) is ConnectionLost
