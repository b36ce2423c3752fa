"""Dry run and safe mode with a real server to send to: what arrives there, and what does not."""

import asyncio
import os
import sys

import pytest

from loops_async import LoopsSession, RecipientNotAllowed
from loops_async.sandbox import Sandbox

SERVICE = """
import asyncio, gc, sys
import aiohttp
from loops_async import LoopsClient

async def main():
    async with LoopsClient() as loops:
        receipt = await loops.contacts.update(email="ada@example.com")
        rows = ({"email": f"{n}@example.com"} for n in range(5000))
        async for outcome in loops.contacts.upsert_many(rows):
            assert outcome.error is None
        print(receipt.dry_run, loops.stats().requests, loops.stats().dry_run)
        print([type(held) for held in gc.get_objects() if isinstance(held, aiohttp.ClientSession)])

asyncio.run(main())
"""


async def run(**environment: str) -> tuple[str, str]:
    """What the service prints in that environment, and what it logs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LOOPS_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-c", SERVICE,
        env=kept | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    return out.decode(), err.decode()


async def test_a_service_without_a_key_runs_where_the_environment_asks_for_a_dry_run(
    sandbox: Sandbox,
) -> None:
    out, err = await run(LOOPS_DRY_RUN="1", LOOPS_BASE_URL=sandbox.url)
    assert out == "True 0 {'PUT /v1/contacts/update': 5001}\n[]\n"
    # Where nobody set up logging, a developer sees the one line that matters.
    assert err == "dry run (dry_run= or LOOPS_DRY_RUN): nothing is sent to Loops\n"
    assert not sandbox.requests


async def test_without_either_the_service_says_what_to_do(sandbox: Sandbox) -> None:
    out, err = await run(LOOPS_BASE_URL=sandbox.url)
    assert out == ""
    assert "pass dry_run=True or set LOOPS_DRY_RUN=1" in err.splitlines()[-1]


async def test_a_dry_run_with_a_key_sends_nothing_either(sandbox: Sandbox) -> None:
    async with (
        LoopsSession(base_url=sandbox.url) as session,
        session.client(sandbox.api_key, dry_run=True) as dry,
        session.client(sandbox.api_key) as real,
    ):
        assert (await dry.contacts.create(email="ada@example.com")).dry_run
        assert (await dry.events.send("signup", email="ada@example.com")).dry_run
        assert not sandbox.requests
        assert not (await real.contacts.create(email="ada@example.com")).dry_run
    assert len(sandbox.requests) == 1


@pytest.mark.parametrize("from_environment", [False, True])
async def test_only_who_is_allowed_arrives(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, *, from_environment: bool
) -> None:
    allowed = ["@example.com", "ada@corp.com"]
    if from_environment:
        monkeypatch.setenv("LOOPS_ALLOWED_RECIPIENTS", ", ".join(allowed))
    addresses = [
        "a@example.com", "ADA@corp.com", "grace@corp.com", "b@mail.example.com", "c@example.com",
    ]  # fmt: skip
    async with (
        LoopsSession(base_url=sandbox.url) as session,
        session.client(
            sandbox.api_key, allowed_recipients=None if from_environment else allowed
        ) as loops,
    ):
        run = loops.contacts.upsert_many({"email": address} for address in addresses)
        refused = {o.index async for o in run if isinstance(o.error, RecipientNotAllowed)}
        assert refused == {2, 3}
        for address in addresses[2:4]:
            with pytest.raises(RecipientNotAllowed):
                await loops.contacts.create(email=address)
            with pytest.raises(RecipientNotAllowed):
                await loops.events.send("signup", email=address)
            with pytest.raises(RecipientNotAllowed):
                await loops.transactional.send("welcome", address)
        await loops.events.send("signup", email="ada@corp.com")
    arrived = {contact.lower() for contact in sandbox.contacts}
    assert arrived == {"a@example.com", "ada@corp.com", "c@example.com"}
    assert len(sandbox.requests) == 4
