"""The pytest plugin in real pytest runs: each asynchronous plugin, and none, with -W error."""

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

# What every mode runs. A file's first lines say how its tests are marked.
ASYNC_TESTS = """
import asyncio
from loops_async import LoopsClient, LoopsError
from loops_async.sandbox import Faults


async def test_what_the_client_sends_is_in_the_sandbox(loops_client, loops_sandbox):
    await loops_client.contacts.update(email="ada@example.com", properties={"plan": "pro"})
    await loops_client.events.send("signup", email="ada@example.com")
    assert loops_sandbox.contacts["ada@example.com"].properties["plan"] == "pro"
    assert [event.name for event in loops_sandbox.sent_events] == ["signup"]


async def test_each_test_has_its_own(loops_client, loops_sandbox):
    assert not loops_sandbox.contacts
    assert await loops_client.contacts.find(email="ada@example.com") is None


async def test_the_environment_leads_to_it(loops_sandbox):
    async with LoopsClient() as loops:
        await loops.contacts.create(email="ada@example.com")
    assert list(loops_sandbox.contacts) == ["ada@example.com"]


async def test_fifty_calls_at_once(loops_client, loops_sandbox):
    calls = [loops_client.contacts.update(email=f"a{i}@example.com") for i in range(50)]
    await asyncio.gather(*calls)
    assert loops_sandbox.counts.by_status == {200: 50}
    assert loops_client.stats().requests == 50


async def test_faults_and_an_outage(loops_client, loops_sandbox):
    loops_sandbox.faults = Faults.script(["429", "reset_before", "503_html"])
    receipt = await loops_client.contacts.update(email="ada@example.com")
    assert receipt.attempts == 4
    await loops_sandbox.stop()
    try:
        await loops_client.contacts.update(email="ada@example.com")
    except LoopsError as error:
        assert type(error).__name__ == "ConnectFailed"
    else:
        assert False


async def test_a_client_that_is_closed_by_the_test(loops_client, loops_sandbox):
    async with loops_client as loops:
        await loops.contacts.create(email="ada@example.com")
    assert loops_sandbox.counts.requests == 1


async def test_a_client_that_is_not_used(loops_client):
    pass


async def test_tasks_left_behind(loops_client, loops_sandbox):
    loops_sandbox.faults = Faults.script(["silence"])
    global task
    task = asyncio.create_task(loops_client.contacts.update(email="ada@example.com"))
    while not loops_sandbox.requests:
        await asyncio.sleep(0.001)
"""

SYNC_TESTS = """
import asyncio
import os
import subprocess
import sys
import pytest
from loops_async import BadRequest, LoopsClient


async def sign_up(loops):
    await loops.contacts.update(email="ada@example.com")


def test_several_loops_in_a_row(loops_client, loops_sandbox):
    asyncio.run(sign_up(loops_client))
    asyncio.run(sign_up(loops_client))
    assert loops_sandbox.counts.by_status == {200: 2}


def test_a_client_of_the_code_under_test(loops_sandbox):
    async def main():
        async with LoopsClient() as loops:
            await sign_up(loops)

    asyncio.run(main())
    assert list(loops_sandbox.contacts) == ["ada@example.com"]


def test_a_loop_that_outlives_the_fixture(loops_client, loop):
    loop.run_until_complete(sign_up(loops_client))


@pytest.fixture(scope="module")
def loop():
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def test_another_process(loops_sandbox):
    code = '''
import asyncio
from loops_async import LoopsClient
async def main():
    async with LoopsClient() as loops:
        await loops.contacts.update(email="ada@example.com")
asyncio.run(main())
'''
    subprocess.run([sys.executable, "-c", code], check=True)
    assert list(loops_sandbox.contacts) == ["ada@example.com"]


@pytest.mark.parametrize("loops_sandbox_options", [{"api_key": "other", "strict_properties": True}])
def test_options(loops_sandbox, loops_client):
    assert os.environ["LOOPS_API_KEY"] == loops_sandbox.api_key == "other"
    with pytest.raises(BadRequest):
        asyncio.run(loops_client.contacts.update(email="a@example.com", properties={"nosuch": 1}))


@pytest.fixture(scope="module", autouse=True)
def the_environment_is_as_before():
    before = os.environ.get("LOOPS_BASE_URL")
    yield
    assert os.environ.get("LOOPS_BASE_URL") == before


def test_of_fastapi(loops_client, loops_sandbox):
    fastapi = pytest.importorskip("fastapi")
    from fastapi.testclient import TestClient
    app = fastapi.FastAPI()

    @app.post("/signups")
    async def signup(email: str):
        await loops_client.contacts.update(email=email)

    client = TestClient(app)
    for _ in range(2):  # each in an event loop of its own
        assert client.post("/signups", params={"email": "ada@example.com"}).status_code == 200
    with client:
        assert client.post("/signups", params={"email": "ada@example.com"}).status_code == 200
    assert loops_sandbox.counts.by_status == {200: 3}
"""

MARKED = "import pytest\npytestmark = pytest.mark.{}\n"
ON_ASYNCIO = "\n\n@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n"

MODES = {
    "asyncio-strict": ("strict", [], MARKED.format("asyncio") + ASYNC_TESTS),
    "asyncio-auto": ("auto", [], ASYNC_TESTS),
    "one-loop-a-module": (
        "strict", [], MARKED.format("asyncio(loop_scope='module')") + ASYNC_TESTS,
    ),
    "anyio": (None, ["-p", "no:asyncio"], MARKED.format("anyio") + ON_ASYNCIO + ASYNC_TESTS),
    "anyio-beside-asyncio": ("strict", [], MARKED.format("anyio") + ON_ASYNCIO + ASYNC_TESTS),
    "no-async-plugin": (None, ["-p", "no:asyncio", "-p", "no:anyio"], SYNC_TESTS),
}  # fmt: skip


def run_pytest(folder: Path, tests: str, *options: str, mode: str | None) -> str:
    """What a run of pytest says, all in ``folder``, in a process of its own."""
    ini = f"asyncio_mode = {mode}\nasyncio_default_fixture_loop_scope = function\n"
    (folder / "pytest.ini").write_text("[pytest]\n" + (ini if mode else ""))
    (folder / "test_it.py").write_text(tests)
    command = [sys.executable, "-X", "dev", "-W", "error", "-m", "pytest", "-W", "error", *options]
    run = subprocess.run(  # noqa: S603 - our own
        [*command, "-q", "-p", "no:cacheprovider", str(folder)],
        cwd=folder, capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    return f"{run.stdout}\n{run.stderr}\nexit {run.returncode}"


@pytest.mark.parametrize(
    "mode",
    [
        pytest.param(mode, marks=pytest.mark.long)
        if mode not in ("asyncio-strict", "anyio")
        else mode
        for mode in MODES
    ],
)
def test_the_fixtures_work(mode: str, tmp_path: Path) -> None:
    asyncio_mode, options, tests = MODES[mode]
    said = run_pytest(tmp_path, tests, *options, mode=asyncio_mode)
    assert f"{tests.count('def test_')} passed" in said, said
    assert "exit 0" in said, said
    assert "warning" not in said, said


def test_pytest_finds_the_plugin() -> None:
    [found] = entry_points(group="pytest11", name="loops_async")
    assert found.value == "loops_async.testing.plugin"


def test_the_plugin_costs_next_to_nothing(tmp_path: Path) -> None:
    tests = """
import sys


def test_that_asks_for_no_fixture_of_ours():
    ours = {name for name in sys.modules if name.partition(".")[0] == "loops_async"}
    assert ours == {"loops_async", "loops_async.testing", "loops_async.testing.plugin"}
    assert "aiohttp" not in sys.modules
    assert "attrs" not in sys.modules
"""
    said = run_pytest(tmp_path, tests, "-p", "no:asyncio", "-p", "no:anyio", mode=None)
    assert "1 passed" in said, said
