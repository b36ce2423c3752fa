"""blockbuster, which raises where the event loop is blocked."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from blockbuster import BlockingError, blockbuster_ctx

from loops_async import Attachment, LoopsClient
from loops_async.sandbox import Faults, Sandbox
from loops_async.testing import ScriptedTransport, reply

EMAIL = "ada@example.com"


@pytest.fixture(autouse=True)
def no_blocking(loops_client: LoopsClient) -> Iterator[None]:
    with blockbuster_ctx():
        yield


async def test_it_is_on() -> None:
    with pytest.raises(BlockingError):
        os.listdir(".")  # noqa: PTH208


async def test_reading_all_that_the_sandbox_stores_does_not_block(
    loops_client: LoopsClient, loops_sandbox: Sandbox
) -> None:
    await loops_client.contacts.create(email=EMAIL, user_id="u1", properties={"plan": "pro"})
    await loops_client.events.send("signup", email=EMAIL)
    await loops_client.transactional.send("welcome", EMAIL)
    assert loops_sandbox.contacts[EMAIL].user_id == "u1"
    assert loops_sandbox.contacts.by_user_id("u1").email == EMAIL
    assert list(loops_sandbox.contacts) == [EMAIL]
    assert len(loops_sandbox.contacts) == 1
    assert list(loops_sandbox.properties) == ["plan"]
    assert loops_sandbox.mailing_lists
    assert [request.status for request in loops_sandbox.requests] == [200] * 3
    assert [event.name for event in loops_sandbox.sent_events] == ["signup"]
    assert [email.email for email in loops_sandbox.sent_emails] == [EMAIL]
    assert loops_sandbox.counts.requests == 3
    assert loops_sandbox.faults is None
    assert loops_sandbox.api_key == "test-key"
    assert loops_sandbox.url.endswith(f":{loops_sandbox.port}/api")
    assert "1 contacts" in repr(loops_sandbox)


async def test_changing_the_sandbox_does_not_block(
    loops_client: LoopsClient, loops_sandbox: Sandbox
) -> None:
    loops_sandbox.suppress(EMAIL)
    await loops_client.contacts.create(email=EMAIL)
    assert (await loops_client.contacts.suppression(email=EMAIL)).is_suppressed
    loops_sandbox.faults = Faults.script(["503", "reset_after"])
    await loops_client.contacts.update(email=EMAIL)
    assert [request.status for request in loops_sandbox.requests][-3:] == [503, None, 200]
    loops_sandbox.reset()
    assert not loops_sandbox.contacts
    await loops_sandbox.stop()
    await loops_sandbox.start()


async def test_a_sandbox_of_the_tests_own_does_not_block() -> None:
    async with Sandbox() as sandbox, LoopsClient("test-key", base_url=sandbox.url) as loops:
        await loops.contacts.update(email=EMAIL)
        assert list(sandbox.contacts) == [EMAIL]


async def test_reading_while_requests_arrive_does_not_block(
    loops_client: LoopsClient, loops_sandbox: Sandbox
) -> None:
    async def calls(number: int) -> None:
        for again in range(20):
            await loops_client.contacts.update(email=f"u{number}.{again}@example.com")

    tasks = [asyncio.create_task(calls(number)) for number in range(20)]
    while not all(task.done() for task in tasks):
        assert len(loops_sandbox.requests) <= loops_sandbox.counts.requests
        assert all(loops_sandbox.contacts[email].email for email in loops_sandbox.contacts)
        await asyncio.sleep(0)
    assert len(loops_sandbox.contacts) == loops_sandbox.counts.by_status[200] == 400


def generated() -> Iterator[dict[str, Any]]:
    for number in range(300):
        yield {"email": f"u{number}@example.com"}


async def generated_async() -> AsyncIterator[dict[str, Any]]:
    for row in generated():
        yield row


@pytest.mark.parametrize("rows", [generated, generated_async, lambda: list(generated())])
async def test_a_bulk_run_does_not_block(
    loops_client: LoopsClient, loops_sandbox: Sandbox, rows: Any
) -> None:
    async for outcome in loops_client.contacts.upsert_many(rows()):
        assert outcome.error is None
    assert len(loops_sandbox.contacts) == 300


async def test_attachments_do_not_block(
    loops_client: LoopsClient, loops_sandbox: Sandbox, tmp_path: Any
) -> None:
    path = tmp_path / "invoice.pdf"
    await asyncio.to_thread(path.write_bytes, b"x" * 100_000)
    await loops_client.transactional.send(
        "invoice", EMAIL, attachments=[Attachment.from_path(path)]
    )
    assert loops_sandbox.counts.emails == 1


async def test_a_client_without_sockets_does_not_block() -> None:
    transport = ScriptedTransport([reply(503), reply(json={"success": True, "id": "c1"})])
    async with LoopsClient("k", transport=transport) as loops:
        await loops.contacts.update(email=EMAIL)
    assert len(transport.requests) == 2
