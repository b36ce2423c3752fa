"""TLS: the wrong end of it, and a good one."""

import asyncio
import ssl

import aiohttp
import pytest

from loops_async import ConnectFailed, ConnectionLost
from tests.transport.bare import (
    CERTIFICATE,
    TEAM,
    TEST,
    UPDATE_ADA,
    BareServer,
    failure,
    says,
    transport_to,
)


def secure(server: BareServer, host: str = "127.0.0.1") -> str:
    return f"https://{host}:{server.port}/api"


def trusting() -> aiohttp.ClientSession:
    context = ssl.create_default_context(cafile=str(CERTIFICATE))
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context))


async def test_a_server_with_a_good_certificate_is_spoken_to() -> None:
    async with (
        BareServer(says(TEAM), tls=True) as server,
        transport_to(secure(server), http=trusting()) as transport,
    ):
        for _ in range(3):
            assert (await transport.send(TEST)).status == 200
        assert server.accepted == 1


async def test_a_certificate_that_nobody_vouches_for_is_no_connection() -> None:
    async with (
        BareServer(says(TEAM), tls=True) as server,
        transport_to(secure(server)) as transport,
    ):
        error = await failure(transport, UPDATE_ADA)
        assert not server.requests
    assert type(error) is ConnectFailed
    assert "certificate verify failed" in str(error)


async def test_a_certificate_of_another_host_is_no_connection() -> None:
    async with (
        BareServer(says(TEAM), tls=True) as server,
        transport_to(secure(server, "127.0.0.2"), http=trusting()) as transport,
    ):
        error = await failure(transport, UPDATE_ADA)
        assert not server.requests
    assert type(error) is ConnectFailed


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
        BareServer(says(TEAM), tls=True) as server,
        transport_to(server.url) as transport,
    ):
        error = await failure(transport, UPDATE_ADA)
        assert not server.requests
    assert type(error) is ConnectionLost
