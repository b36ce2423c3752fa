"""The sandbox's delay each way, over a real socket. Only lower bounds: a slow machine adds."""

import asyncio
import time
from typing import Any

import aiohttp
import pytest

from loops_async.sandbox import Faults, Sandbox

WAY = 0.05
HEADERS = {"Authorization": "Bearer test-key"}


async def lists(http: aiohttp.ClientSession, sandbox: Sandbox) -> int:
    async with http.get(f"{sandbox.url}/v1/lists", headers=HEADERS) as reply:
        await reply.read()
        return reply.status


async def test_a_request_takes_its_time_to_arrive_and_its_answer_to_come_back() -> None:
    async with Sandbox(latency=(WAY, WAY)) as sandbox, aiohttp.ClientSession() as http:
        sent = time.monotonic()
        assert await lists(http, sandbox) == 200
        arrived, answered = sandbox.requests[0].at, time.monotonic()
    assert arrived - sent >= WAY
    assert answered - arrived >= WAY


async def test_what_is_refused_takes_its_time_as_well() -> None:
    sandbox = Sandbox(rate=1, latency=(WAY, WAY), clock=lambda: 100.0)
    async with sandbox, aiohttp.ClientSession() as http:
        assert await lists(http, sandbox) == 200
        sent = time.monotonic()
        assert await lists(http, sandbox) == 429
        assert time.monotonic() - sent >= 2 * WAY


async def test_a_request_on_its_way_has_not_been_received_and_a_stop_does_not_wait_for_it() -> None:
    async with aiohttp.ClientSession() as http:
        async with Sandbox(latency=(3600.0, 3600.0)) as sandbox:
            calling = asyncio.create_task(lists(http, sandbox))
            await asyncio.sleep(0.05)
            assert sandbox.requests == ()
        with pytest.raises(aiohttp.ClientError):
            await calling
    assert sandbox.requests == ()


async def test_a_reset_in_place_of_an_answer_needs_no_way_back() -> None:
    sandbox = Sandbox(latency=(0.0, WAY), faults=Faults.script(["reset_after"]))
    async with sandbox, aiohttp.ClientSession() as http:
        url, ada = f"{sandbox.url}/v1/contacts/create", {"email": "ada@example.com"}
        with pytest.raises(aiohttp.ClientError):
            await http.post(url, json=ada, headers=HEADERS)
        assert await lists(http, sandbox) == 200
    assert [request.status for request in sandbox.requests] == [None, 200]
    assert sandbox.requests[0].processed


@pytest.mark.parametrize(
    "latency", [(0.08, 0.0), (-0.1, 0.1), (0.0, float("inf")), (float("nan"), 1.0), (1,), 0.08, ""]
)
def test_bounds_that_make_no_sense_are_refused(latency: Any) -> None:
    with pytest.raises(ValueError, match="latency must be the least and the most seconds"):
        Sandbox(latency=latency)
