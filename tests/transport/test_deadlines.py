"""Time: a call ends when its time is up, and what that means for a write."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from loops_async import (
    ConnectFailed,
    DeadlineExceeded,
    LoopsClient,
    LoopsError,
    LoopsSession,
    OutcomeUnknown,
    Pacer,
    ReplyTimeout,
    RetryPolicy,
    Timeouts,
)
from tests.transport.bare import (
    EMAIL,
    KEY,
    TEAM,
    BareServer,
    Exchange,
    client_to,
    http,
    says,
    says_nothing,
    shows_nothing,
)

pytestmark = pytest.mark.virtual_time


@contextmanager
def never_accepting() -> Iterator[str]:
    """The address of a socket whose queue is full: whoever connects hears nothing at all."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(64):
            filler = stack.enter_context(socket.socket())
            filler.settimeout(0.05)
            try:
                filler.connect(listener.getsockname())
            except TimeoutError:
                break
        else:
            pytest.skip("this system has no end to the queue of a listening socket")
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/api"


async def ended(call: Any) -> tuple[LoopsError, float]:
    """The error that ``call`` ends in, and the seconds until then."""
    begin = asyncio.get_running_loop().time()
    with pytest.raises(LoopsError) as caught:
        await call
    shows_nothing(caught.value)
    return caught.value, asyncio.get_running_loop().time() - begin


RETRIES = pytest.mark.parametrize(
    "retry", [RetryPolicy(), RetryPolicy(attempts=1)], ids=["with retries", "without"]
)


@RETRIES
async def test_a_read_against_a_silent_server_ends_with_its_deadline(retry: RetryPolicy) -> None:
    async with (
        BareServer(says_nothing) as server,
        client_to(server, retry=retry, timeout=0.3) as loops,
    ):
        error, seconds = await ended(loops.contacts.find(email=EMAIL))
    assert type(error) is DeadlineExceeded
    assert isinstance(error, TimeoutError)
    assert type(error.__cause__) is ReplyTimeout
    assert error.attempts == len(server.requests) == 1
    assert seconds == pytest.approx(0.3)


@RETRIES
async def test_a_write_against_a_silent_server_ends_in_doubt(retry: RetryPolicy) -> None:
    async with BareServer(says_nothing) as server, client_to(server, retry=retry) as loops:
        error, seconds = await ended(loops.contacts.update(email=EMAIL, timeout=0.3))
    assert type(error) is OutcomeUnknown
    assert type(error.__cause__) is DeadlineExceeded
    assert error.attempts == len(server.requests) == 1
    assert seconds == pytest.approx(0.3)


async def test_a_create_against_a_silent_server_ends_in_doubt_within_the_same_time() -> None:
    async with BareServer(says_nothing) as server, client_to(server) as loops:
        error, seconds = await ended(loops.contacts.create(email=EMAIL, timeout=0.3))
    assert type(error) is OutcomeUnknown
    assert seconds == pytest.approx(0.3)
    assert [request.method for request in server.requests].count("POST") == 1


async def test_a_reply_that_comes_in_drops_ends_soon_after_the_deadline() -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.write(http(200, b"", length=1000))
        for _ in range(1000):
            await exchange.write(b" ")
            await asyncio.sleep(0.01)

    async with BareServer(answer) as server, client_to(server) as loops:
        error, seconds = await ended(loops.contacts.find(email=EMAIL, timeout=0.1))
    assert type(error) is DeadlineExceeded
    assert type(error.__cause__) is ReplyTimeout
    assert seconds < 0.5


async def test_the_deadline_covers_all_attempts_and_pauses_together() -> None:
    async with (
        BareServer(says(http(503, b""))) as server,
        client_to(server, retry=RetryPolicy(attempts=50, base=0.05, cap=0.05)) as loops,
    ):
        error, seconds = await ended(loops.contacts.find(email=EMAIL, timeout=0.3))
    assert type(error) is DeadlineExceeded
    assert len(server.requests) > 2
    assert seconds <= 0.3


async def test_the_deadline_cuts_a_pause_that_the_server_asked_for() -> None:
    later = http(429, b"", headers={"Retry-After": "30"})
    async with BareServer(says(later)) as server, client_to(server) as loops:
        error, seconds = await ended(loops.contacts.update(email=EMAIL, timeout=0.3))
    assert type(error) is DeadlineExceeded  # a 429 is no doubt
    assert seconds == 0


async def test_the_deadline_covers_the_wait_for_a_turn() -> None:
    async with (
        BareServer(says(TEAM)) as server,
        client_to(server, pacer=Pacer(rate=0.2)) as loops,
    ):
        await loops.api_key.test()
        error, seconds = await ended(loops.contacts.update(email=EMAIL, timeout=0.2))
    assert type(error) is DeadlineExceeded
    assert (error.attempts, len(server.requests)) == (0, 1)
    assert seconds == pytest.approx(0.2)


@pytest.mark.parametrize("call", ["find", "update", "create", "delete"])
async def test_where_no_connection_is_ever_accepted_a_write_is_not_in_doubt(call: str) -> None:
    with never_accepting() as url:
        async with LoopsClient(KEY, base_url=url, timeout=0.4) as loops:
            error, seconds = await ended(getattr(loops.contacts, call)(email=EMAIL))
    assert type(error) is DeadlineExceeded
    assert type(error.__cause__) is ConnectFailed
    assert seconds == pytest.approx(0.4)


async def test_the_connect_time_alone_makes_a_failed_connection_of_it() -> None:
    timeouts = Timeouts(connect=0.1, read=30.0, total=None)
    with never_accepting() as url:
        client = LoopsClient(KEY, base_url=url, timeout=timeouts, retry=RetryPolicy(attempts=1))
        async with client as loops:
            error, seconds = await ended(loops.contacts.update(email=EMAIL))
    assert type(error) is ConnectFailed
    assert seconds == pytest.approx(0.1)


async def test_a_timeout_of_one_call_overrides_the_clients_and_none_lifts_it() -> None:
    async def answer(exchange: Exchange) -> None:
        await asyncio.sleep(0.15)
        await exchange.write(TEAM)

    async with BareServer(answer) as server, client_to(server, timeout=0.05) as loops:
        error, _ = await ended(loops.api_key.test())
        assert type(error) is DeadlineExceeded
        assert (await loops.api_key.test(timeout=5)).team_name == "Sandbox"
        assert (await loops.api_key.test(timeout=None)).team_name == "Sandbox"


async def test_the_time_for_a_reply_bounds_a_call_without_a_deadline() -> None:
    timeouts = Timeouts(connect=5.0, read=0.1, total=None)
    async with BareServer(says_nothing) as server, client_to(server, timeout=timeouts) as loops:
        error, seconds = await ended(loops.contacts.find(email=EMAIL))
    assert type(error) is ReplyTimeout
    assert seconds == pytest.approx(0.1)


@pytest.mark.parametrize("call", ["find", "update", "create"])
async def test_a_cancelled_call_leaves_no_connection_and_no_task(call: str) -> None:
    async with BareServer(says_nothing) as server, client_to(server) as loops:
        before = asyncio.all_tasks()
        task = asyncio.create_task(getattr(loops.contacts, call)(email=EMAIL))
        await server.has_received(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.has_lost(1)
        assert server.open == 0
        left = asyncio.all_tasks() - before - {task}
    assert not left
    assert len(server.requests) == 1


async def test_a_call_cancelled_in_the_middle_of_a_body_drops_its_connection() -> None:
    begun = asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        await exchange.write(http(200, b"[", length=100))
        begun.set()
        await exchange.until_the_client_leaves()

    async with BareServer(answer) as server, client_to(server) as loops:
        task = asyncio.create_task(loops.contacts.find(email=EMAIL))
        await begun.wait()
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.has_lost(1)


async def test_a_cancelled_call_gives_its_place_in_the_connector_back() -> None:
    async def answer(exchange: Exchange) -> None:
        if len(server.requests) == 1:
            await exchange.until_the_client_leaves()
        else:
            await exchange.write(TEAM)

    async with BareServer(answer) as server, LoopsSession(limit=1, base_url=server.url) as session:
        loops = session.client(KEY)
        task = asyncio.create_task(loops.api_key.test())
        await server.has_received(1)
        task.cancel()
        assert (await loops.api_key.test(timeout=2)).team_name == "Sandbox"
        assert task.cancelled()
