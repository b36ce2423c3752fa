"""The headers as they arrive, whoever opened the session: none is missing, none is added."""

from typing import Any

import aiohttp
import attrs
import pytest

from loops_async import errors
from loops_async.pipeline.messages import Request
from loops_async.version import __version__
from tests.transport.bare import (
    KEY,
    TEAM,
    TEST,
    UPDATE_ADA,
    BareServer,
    Received,
    failure,
    http,
    says,
    transport_to,
)

pytestmark = pytest.mark.virtual_time

ALWAYS = {
    "authorization": f"Bearer {KEY}",
    "user-agent": f"loops_async/{__version__}",
    "accept": "application/json",
    "content-type": "application/json",
}


async def received(request: Request[object], *, handed_in: bool) -> tuple[Received, str]:
    async with BareServer(says(http(200, TEAM))) as server:
        theirs = aiohttp.ClientSession(cookies={"a": "b"}) if handed_in else None
        async with transport_to(server.url, http=theirs) as transport:
            await transport.send(request)
            await transport.send(request)
        first, second = server.requests
        assert first == second, "the first request has changed what later ones send"
        return first, f"127.0.0.1:{server.port}"


@pytest.mark.parametrize("handed_in", [False, True], ids=["own session", "handed in"])
@pytest.mark.parametrize("key", [None, "order-1815"])
@pytest.mark.parametrize("request_", [TEST, UPDATE_ADA], ids=["read", "write"])
async def test_each_header_arrives_once_and_no_other_does(
    request_: Request[object], key: str | None, *, handed_in: bool
) -> None:
    was, host = await received(attrs.evolve(request_, idempotency_key=key), handed_in=handed_in)
    headers = dict(was.headers)
    packings = headers.pop("accept-encoding").split(", ")
    assert {"gzip", "deflate"} <= set(packings)
    if handed_in:
        assert headers.pop("cookie") == "a=b"
    expected = {"host": host, **ALWAYS}
    if request_.body is not None:
        expected["content-length"] = str(len(request_.body))
    if key is not None:
        expected["idempotency-key"] = key
    assert headers == expected
    assert next(iter(was.headers)) == "host"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"headers": {"Accept-Encoding": "identity"}}, "identity"),
        ({"skip_auto_headers": ["Accept-Encoding"]}, None),
    ],
)
async def test_how_replies_are_packed_is_for_a_session_handed_in_to_choose(
    settings: dict[str, Any], expected: str | None
) -> None:
    async with (
        BareServer(says(http(200, TEAM))) as server,
        transport_to(server.url, http=aiohttp.ClientSession(**settings)) as transport,
    ):
        await transport.send(TEST)
        await transport.send(UPDATE_ADA)
    assert {request.headers.get("accept-encoding") for request in server.requests} == {expected}


@pytest.mark.parametrize(
    "headers",
    [
        {"traceparent": "00-1"},
        {"User-Agent": "agent"},
        {"Authorization": "Bearer another"},
        {"Host": "mirror.example"},
    ],
    ids=["added", "replaced", "another key", "another host"],
)
async def test_what_an_agent_makes_of_the_headers_arrives(
    headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tracing agents wrap the session's own method, and put headers in."""
    request = aiohttp.ClientSession._request

    async def wrapped(*args: Any, **given: Any) -> aiohttp.ClientResponse:
        given["headers"] = {**given["headers"], **headers}
        return await request(*args, **given)

    monkeypatch.setattr(aiohttp.ClientSession, "_request", wrapped)
    async with (
        BareServer(says(http(200, TEAM))) as server,
        transport_to(server.url) as transport,
    ):
        await transport.send(UPDATE_ADA)
    (was,) = server.requests
    assert {name.lower(): value for name, value in headers.items()}.items() <= was.headers.items()
    assert next(iter(was.headers)) == "host"


async def test_a_header_that_an_agent_adds_in_place_is_of_one_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    request = aiohttp.ClientSession._request
    names = iter(["first", "second"])

    async def wrapped(*args: Any, **given: Any) -> aiohttp.ClientResponse:
        given["headers"][next(names)] = "1"
        return await request(*args, **given)

    monkeypatch.setattr(aiohttp.ClientSession, "_request", wrapped)
    async with (
        BareServer(says(http(200, TEAM))) as server,
        transport_to(server.url) as transport,
    ):
        await transport.send(UPDATE_ADA)
        await transport.send(UPDATE_ADA)
    first, second = server.requests
    assert "first" in first.headers
    assert "second" in second.headers
    assert "first" not in second.headers


async def test_a_method_that_an_agent_changes_is_the_one_that_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    request = aiohttp.ClientSession._request

    async def wrapped(self: Any, _: str, url: Any, **given: Any) -> aiohttp.ClientResponse:
        return await request(self, "PATCH", url, **given)

    monkeypatch.setattr(aiohttp.ClientSession, "_request", wrapped)
    async with (
        BareServer(says(http(200, TEAM))) as server,
        transport_to(server.url) as transport,
    ):
        await transport.send(UPDATE_ADA)
    assert [was.method for was in server.requests] == ["PATCH"]


async def test_a_reply_that_an_agent_has_read_is_the_reply(monkeypatch: pytest.MonkeyPatch) -> None:
    request = aiohttp.ClientSession._request

    async def wrapped(*args: Any, **given: Any) -> aiohttp.ClientResponse:
        response = await request(*args, **given)
        await response.read()
        return response

    monkeypatch.setattr(aiohttp.ClientSession, "_request", wrapped)
    async with (
        BareServer(says(http(200, TEAM))) as server,
        transport_to(server.url) as transport,
    ):
        reply = await transport.send(UPDATE_ADA)
    assert reply.body == TEAM


async def test_an_address_that_an_agent_changes_is_the_one_that_is_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    request = aiohttp.ClientSession._request

    async def wrapped(self: Any, method: str, url: Any, **given: Any) -> aiohttp.ClientResponse:
        return await request(self, method, url.with_path("/elsewhere"), **given)

    monkeypatch.setattr(aiohttp.ClientSession, "_request", wrapped)
    async with (
        BareServer(says(http(200, TEAM))) as server,
        transport_to(server.url) as transport,
    ):
        await transport.send(UPDATE_ADA)
    assert [was.target for was in server.requests] == ["/elsewhere"]


async def test_a_connection_that_closes_right_now_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connect = aiohttp.TCPConnector.connect

    async def closing(*args: Any, **given: Any) -> Any:
        connection = await connect(*args, **given)
        assert connection.transport is not None
        connection.transport.close()
        return connection

    monkeypatch.setattr(aiohttp.TCPConnector, "connect", closing)
    async with (
        BareServer(says(http(200, TEAM))) as server,
        transport_to(server.url) as transport,
    ):
        assert isinstance(await failure(transport, UPDATE_ADA), errors.ConnectionLost)
    assert server.requests == []
