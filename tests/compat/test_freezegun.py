"""freezegun, which stops the event loop's clock unless it is told not to."""

import asyncio
import time

import pytest
from freezegun import freeze_time

from loops_async import DeadlineExceeded, LoopsClient
from loops_async.sandbox import Fault, Faults, Sandbox


async def test_with_real_asyncio_everything_works(
    loops_client: LoopsClient, loops_sandbox: Sandbox
) -> None:
    with freeze_time("2026-01-17", real_asyncio=True):
        loops_sandbox.faults = Faults.script(["503", "429"])
        await loops_client.contacts.update(email="ada@example.com")
        loops_sandbox.faults = Faults.script([Fault("delay", seconds=5)])
        with pytest.raises(DeadlineExceeded):
            await loops_client.contacts.find(email="ada@example.com", timeout=0.05)
    assert loops_sandbox.contacts["ada@example.com"]


async def test_without_it_a_call_that_waits_for_nothing_works(
    loops_client: LoopsClient, loops_sandbox: Sandbox
) -> None:
    with freeze_time("2026-01-17"):
        await loops_client.contacts.update(email="ada@example.com")
    assert list(loops_sandbox.contacts) == ["ada@example.com"]


async def test_without_it_what_waits_waits_until_the_clock_is_moved(
    loops_client: LoopsClient, loops_sandbox: Sandbox
) -> None:
    loops_sandbox.faults = Faults.script(["503"])
    with freeze_time("2026-01-17") as clock:
        call = asyncio.create_task(loops_client.contacts.update(email="ada@example.com"))
        while not loops_sandbox.counts.by_status:
            await asyncio.to_thread(time.sleep, 0.01)
        await asyncio.to_thread(time.sleep, 0.1)
        assert not call.done()
        while not call.done():
            clock.tick(0.01)
            await asyncio.to_thread(time.sleep, 0.01)
    assert call.result().attempts == 2
