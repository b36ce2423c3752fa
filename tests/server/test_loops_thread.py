"""The client in a thread of docs/services.md, called from many threads."""

import asyncio
import importlib
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from loops_async import BadRequest, LoopsClient, RetryPolicy
from loops_async.sandbox import Sandbox
from tests.server.processes import EXAMPLES, running


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    yield importlib.import_module("loops_thread")
    del sys.modules["loops_thread"]


def end(module: Any, loops: Any) -> None:
    """End the thread as the end of the process would."""
    module.atexit.unregister(loops._close)
    loops._close(loops._thread)


def test_threads_share_one_client(loops_sandbox: Sandbox, module: Any) -> None:
    made: list[LoopsClient] = []

    def make() -> LoopsClient:
        made.append(LoopsClient(retry=RetryPolicy(base=0.001)))
        return made[-1]

    loops = module.LoopsThread(make)
    assert not made

    def save(number: int) -> str:
        receipt = loops.call(lambda c: c.contacts.update(email=f"c{number}@example.com"))
        return str(receipt.id)

    with ThreadPoolExecutor(16) as pool:
        ids = set(pool.map(save, range(64)))
    assert len(ids) == len(loops_sandbox.contacts) == 64
    assert len(made) == 1
    with pytest.raises(BadRequest):
        loops.call(lambda c: c.contacts.update(user_id="nobody"))

    async def import_all(client: LoopsClient) -> int:
        rows = [{"email": f"c{number}@example.com"} for number in range(100)]
        return sum([outcome.error is None async for outcome in client.contacts.upsert_many(rows)])

    assert loops.call(import_all) == 100
    end(module, loops)


def test_a_client_that_cannot_be_made_may_be_made_later(
    loops_sandbox: Sandbox, module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    loops = module.LoopsThread()
    with monkeypatch.context() as without:
        without.delenv("LOOPS_API_KEY")
        with pytest.raises(ValueError, match="no API key"):
            loops.call(lambda c: c.api_key.test())
    assert loops.call(lambda c: c.api_key.test()).team_name
    end(module, loops)


async def test_a_program_with_it_ends_in_order(sandbox: Sandbox) -> None:
    async with running("loops_thread.py", sandbox=sandbox) as program:
        done = await program.finished()
    assert (done.status, done.err) == (0, "")
    assert done.out.strip() == sandbox.contacts["ada@example.com"].id
    await asyncio.sleep(0)
