"""Other event loops and eager tasks are the user's choice: everything works on them as well."""

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import pytest

from loops_async import ContactNotFound, DeadlineExceeded, LoopsClient, Pacer
from loops_async.sandbox import Sandbox

uvloop = pytest.importorskip("uvloop", reason="uvloop is not made for this system")


def eager() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    loop.set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined,unused-ignore]
    return loop


def eager_uvloop() -> asyncio.AbstractEventLoop:
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    loop.set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined,unused-ignore]
    return loop


needs_eager = pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with 3.12")


def refuses_uvloop() -> bool:
    """Whether uvloop gives the eager task factory of this Python an argument that it lacks."""
    if not hasattr(asyncio, "eager_task_factory"):
        return False

    async def nothing() -> None:
        pass

    loop, coroutine = eager_uvloop(), nothing()
    try:
        loop.run_until_complete(coroutine)
    except TypeError:
        return True
    finally:
        coroutine.close()
        loop.close()
    return False


takes_uvloop = pytest.mark.skipif(
    refuses_uvloop(), reason="this Python's eager task factory refuses uvloop's eager_start"
)
LOOPS = pytest.mark.parametrize(
    "new_loop",
    [
        pytest.param(uvloop.new_event_loop, id="uvloop"),
        pytest.param(eager, id="eager", marks=needs_eager),
        pytest.param(eager_uvloop, id="eager uvloop", marks=[needs_eager, takes_uvloop]),
    ],
)


def run(new_loop: Callable[[], asyncio.AbstractEventLoop], main: Any) -> Any:
    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(main)


@LOOPS
def test_calls_and_their_errors(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def main() -> None:
        async with (
            Sandbox(rate=None) as sandbox,
            LoopsClient(sandbox.api_key, base_url=sandbox.url) as loops,
        ):
            receipt = await loops.contacts.update(email="ada@example.com", properties={"seats": 3})
            found = await loops.contacts.find(email="ada@example.com")
            assert found is not None
            assert (found.id, found.properties["seats"]) == (receipt.id, 3)
            with pytest.raises(ContactNotFound):
                await loops.contacts.delete(email="grace@example.com")

    run(new_loop, main())


@LOOPS
def test_a_deadline_ends_the_wait_for_a_turn(
    new_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def main() -> None:
        pacer = Pacer(rate=0.01)
        async with (
            Sandbox(rate=None) as sandbox,
            LoopsClient(sandbox.api_key, base_url=sandbox.url, pacer=pacer) as loops,
        ):
            await pacer.acquire()
            with pytest.raises(DeadlineExceeded):
                await loops.contacts.update(email="ada@example.com", timeout=0.05)

    run(new_loop, main())


@LOOPS
def test_a_bulk_run(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def main() -> list[int]:
        rows = [{"email": f"ada.{i % 90}@example.com", "user_group": str(i)} for i in range(120)]
        async with (
            Sandbox(rate=None) as sandbox,
            LoopsClient(sandbox.api_key, base_url=sandbox.url, pacer=Pacer(1000.0)) as loops,
        ):
            indexes = [o.index async for o in loops.contacts.upsert_many(rows) if not o.error]
            last = await loops.contacts.find(email="ada.0@example.com")
            assert last is not None
            assert last.user_group == "90"
            return indexes

    assert sorted(run(new_loop, main())) == list(range(120))
