"""The sandbox in a thread: what other threads see of it, and how it begins and ends."""

import asyncio
import socket
import threading
from typing import Any

import pytest

from loops_async import LoopsClient, RetryPolicy
from loops_async.errors import ConnectFailed
from loops_async.sandbox import Faults, StoredProperty
from loops_async.testing import QUICK_RETRIES, ThreadedSandbox


def test_it_leaves_neither_thread_nor_port() -> None:
    threads = threading.active_count()
    with ThreadedSandbox() as sandbox:
        port = sandbox.port
        assert threading.active_count() == threads + 1
    assert threading.active_count() == threads
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_its_state_outlives_it() -> None:
    async def main() -> None:
        async with LoopsClient("test-key", base_url=sandbox.url) as loops:
            await loops.contacts.update(email="ada@example.com")

    with ThreadedSandbox() as sandbox:
        asyncio.run(main())
    assert list(sandbox.contacts) == ["ada@example.com"]
    assert sandbox.counts.by_status == {200: 1}


def test_a_port_that_is_taken_is_told_where_it_is_entered() -> None:
    with ThreadedSandbox() as first, pytest.raises(OSError, match="in use"):
        ThreadedSandbox(port=first.port).__enter__()


def test_a_wrong_option_is_told_at_once() -> None:
    with pytest.raises(ValueError, match="rate must be a positive number"):
        ThreadedSandbox(rate=0)
    with pytest.raises(TypeError, match="nosuch"):
        ThreadedSandbox(nosuch=1)


async def test_what_was_answered_is_seen_at_once() -> None:
    # Answers that break off reach the client before the server has written them down.
    kinds = ["reset_after", "reset_mid_body", "length_too_long", "slow_body", "500_after"] * 20
    faults = Faults.script(kinds)
    with ThreadedSandbox(faults=faults) as sandbox:
        retry = RetryPolicy(attempts=6, base=0.001, cap=0.001)
        async with LoopsClient("test-key", base_url=sandbox.url, retry=retry) as loops:
            for number in range(40):
                await loops.contacts.update(email=f"a{number}@example.com")
                assert sandbox.requests[-1].json == {"email": f"a{number}@example.com"}
                assert f"a{number}@example.com" in sandbox.contacts
        met = [request.fault for request in sandbox.requests]
        assert met[: len(kinds)] == kinds[: len(met)]


async def test_it_may_be_looked_at_while_it_works() -> None:
    sizes: list[int] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.001):
            sizes.append(len(list(sandbox.contacts)))
            assert len(sandbox.requests) <= sandbox.counts.requests

    with ThreadedSandbox() as sandbox:
        looking = asyncio.create_task(asyncio.to_thread(look))
        try:
            async with LoopsClient("test-key", base_url=sandbox.url) as loops:
                calls = [loops.contacts.update(email=f"a{n}@example.com") for n in range(300)]
                await asyncio.gather(*calls)
        finally:
            over.set()
        await looking
        assert len(sandbox.contacts) == 300
    assert sizes == sorted(sizes)


async def test_a_look_does_not_wait_for_the_sandboxs_thread() -> None:
    # It would block the event loop of the test.
    thawed = threading.Event()
    with ThreadedSandbox(properties=[StoredProperty("plan")]) as sandbox:
        async with LoopsClient("test-key", base_url=sandbox.url) as loops:
            await loops.contacts.create(email="ada@example.com", user_id="u1")
        assert sandbox._loop is not None
        sandbox._loop.call_soon_threadsafe(thawed.wait)
        try:
            assert list(sandbox.contacts) == ["ada@example.com"]
            assert sandbox.contacts.by_user_id("u1").email == "ada@example.com"
            assert [request.status for request in sandbox.requests] == [200]
            assert (sandbox.sent_events, sandbox.sent_emails) == ((), ())
            assert sandbox.counts.by_status == {200: 1}
            assert list(sandbox.properties) == ["plan"]
            assert len(sandbox.mailing_lists) > 0
            assert "1 contacts, 1 requests" in repr(sandbox)
            sandbox.suppress("ada@example.com")
            sandbox.reset()
            assert not sandbox.contacts
        finally:
            thawed.set()


async def test_loops_goes_down_and_comes_back() -> None:
    with ThreadedSandbox() as sandbox:
        url = sandbox.url
        await sandbox.stop()
        async with LoopsClient("test-key", base_url=url, retry=QUICK_RETRIES) as loops:
            with pytest.raises(ConnectFailed):
                await loops.contacts.find(email="ada@example.com")
        await sandbox.start()
        async with LoopsClient("test-key", base_url=sandbox.url) as loops:
            assert await loops.contacts.find(email="ada@example.com") is None


async def test_without_its_thread_it_does_not_start() -> None:
    with pytest.raises(RuntimeError, match="use it with `with`"):
        await ThreadedSandbox().start()


async def test_it_is_set_and_emptied_from_outside() -> None:
    with ThreadedSandbox() as sandbox:
        async with LoopsClient("test-key", base_url=sandbox.url) as loops:
            await loops.contacts.create(email="ada@example.com")
            sandbox.suppress("ada@example.com")
            found = await loops.contacts.suppression(email="ada@example.com")
            assert found.is_suppressed
        sandbox.reset()
        assert (len(sandbox.contacts), sandbox.requests, sandbox.properties) == (0, (), {})


async def test_a_look_that_takes_its_time_is_not_disturbed() -> None:
    with ThreadedSandbox() as sandbox:
        async with LoopsClient("test-key", base_url=sandbox.url) as loops:
            await loops.contacts.create(email="ada@example.com")
            looking = iter(sandbox.contacts)
            await loops.contacts.create(email="bob@example.com")
            assert list(looking) == ["ada@example.com"]


@pytest.mark.parametrize("options", [{"strict_propertys": True}, {"rate": 10, "api_key": ""}])
def test_one_that_was_refused_can_be_shown(options: dict[str, Any]) -> None:
    half_made = object.__new__(ThreadedSandbox)
    with pytest.raises((TypeError, ValueError)):
        half_made.__init__(**options)  # type: ignore[misc]
    assert repr(half_made) == "<ThreadedSandbox: not made>"


async def test_a_fault_may_look_at_the_sandbox_from_within() -> None:
    with ThreadedSandbox() as sandbox:
        sandbox.faults = Faults(lambda _: "503" if len(sandbox.requests) < 2 else None)
        async with LoopsClient(sandbox.api_key, base_url=sandbox.url, retry=QUICK_RETRIES) as loops:
            receipt = await loops.contacts.update(email="ada@example.com")
        assert receipt.attempts > 1
        assert len(sandbox.requests) == receipt.attempts
