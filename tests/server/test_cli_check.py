"""``loops-async check``, as a real process against a real socket."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import formatdate

import pytest
from aiohttp import web

from loops_async.sandbox import Sandbox
from tests.ports import free_port
from tests.server.terminal import Finished, loops_async

pytestmark = pytest.mark.long

KEY = "a-key-that-nobody-may-see"


@asynccontextmanager
async def loops_that_says(**headers: str) -> AsyncIterator[str]:
    """The address of a server that knows every key and answers with ``headers``."""

    async def team(_: web.Request) -> web.Response:
        return web.json_response({"success": True, "teamName": "Acme\x1b[2J"}, headers=headers)

    app = web.Application()
    app.router.add_get("/api/v1/api-key", team)
    runner = web.AppRunner(app, handle_signals=False)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/api"
    finally:
        await runner.cleanup()


async def checked(url: str, *arguments: str) -> Finished:
    env = {"LOOPS_API_KEY": KEY, "LOOPS_BASE_URL": url}
    done = await loops_async("check", *arguments, env=env)
    assert KEY not in done.out + done.err
    return done


async def test_it_tells_whose_key_it_is_what_limit_there_is_and_how_far_the_clock_is() -> None:
    async with Sandbox(api_key=KEY, rate=7.0) as sandbox:
        done = await checked(sandbox.url)
        assert [(r.method, r.path) for r in sandbox.requests] == [("GET", "/v1/api-key")]
        asked = sandbox.url
    assert done.status == 0, done.err
    assert done.err == ""
    key, team, address, limit, clock = done.out.splitlines()
    assert key == "key: valid, from LOOPS_API_KEY"
    assert team == 'team: "Sandbox"'
    assert address == f"address: {asked}"
    assert limit == "limit: 7 requests per second, 6 of them left at the moment"
    assert clock.startswith("clock: 0.")
    assert "Loops', ± 0." in clock


async def test_for_scripts_it_is_one_document() -> None:
    async with Sandbox(api_key=KEY) as sandbox:
        asked = sandbox.url
        told = json.loads((await checked(asked, "--json")).out)
    clock = told.pop("clock")
    assert told.pop("round_trip_seconds") >= 0
    assert abs(clock["ahead_seconds"]) <= clock["uncertainty_seconds"]
    assert told == {
        "command": "check",
        "exit_status": 0,
        "error": None,
        "key_valid": True,
        "key_source": "LOOPS_API_KEY",
        "base_url": asked,
        "team": "Sandbox",
        "limit": 10,
        "remaining": 9,
        "safe_mode": False,
    }


async def test_it_says_what_safe_mode_holds_back_and_what_it_does_not() -> None:
    async with Sandbox() as sandbox:
        env = {"LOOPS_ALLOWED_RECIPIENTS": "@example.com"}
        done = await loops_async("check", sandbox=sandbox, env=env)
    assert done.status == 0, done.err
    assert (
        "safe mode: on; contacts, events and mail are only sent to LOOPS_ALLOWED_RECIPIENTS; reads "
        "and deletes are not restricted\n"
    ) in done.out


@pytest.mark.parametrize(("seconds", "way"), [(-3600, "ahead of"), (3600, "behind")])
async def test_a_clock_that_is_wrong_is_warned_of(seconds: int, way: str) -> None:
    async with loops_that_says(Date=formatdate(time.time() + seconds, usegmt=True)) as url:
        done = await checked(url)
    assert done.status == 0
    ahead, unit, *rest = done.out.partition("clock: ")[2].split()
    assert abs(float(ahead) - 3600) < 30
    assert unit == "s"
    assert " ".join(rest).startswith(way)
    assert "Warning: the clock of this machine is wrong" in done.err


async def test_what_loops_does_not_say_is_not_made_up_and_a_name_is_not_obeyed() -> None:
    async with loops_that_says(Age="120") as url:
        done = await checked(url)
    assert done.status == 0, done.err
    assert "clock: the time is not in Loops' reply" in done.out
    assert "limit: not in Loops' reply" in done.out
    assert "\x1b" not in done.out
    assert "Warning" not in done.err


async def test_a_key_that_loops_refuses() -> None:
    async with Sandbox() as sandbox:
        done = await checked(sandbox.url, "--json")
    assert done.status == 3
    assert "Error: Loops rejected the API key" in done.err
    told = json.loads(done.out)
    assert (told["exit_status"], told["key_valid"]) == (3, False)
    assert told["error"].startswith("Loops rejected the API key")


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({}, ["LOOPS_API_KEY", "--api-key", "demo"]),
        ({"LOOPS_API_KEY": KEY, "LOOPS_DRY_RUN": "1"}, ["LOOPS_DRY_RUN", "unset"]),
    ],
)
async def test_where_nothing_can_be_asked_it_says_so_and_asks_nothing(
    env: dict[str, str], said: list[str]
) -> None:
    async with Sandbox(api_key=KEY) as sandbox:
        done = await loops_async("check", env={"LOOPS_BASE_URL": sandbox.url, **env})
        assert sandbox.counts.requests == 0
    assert done.status == 2
    assert done.out == ""
    for word in said:
        assert word in done.err


async def test_a_key_on_the_command_line_works_and_is_warned_of() -> None:
    async with Sandbox(api_key=KEY) as sandbox:
        done = await loops_async("check", "--api-key", KEY, "--base-url", sandbox.url + "/v1/")
    assert done.status == 0, done.err
    assert "key: valid, from --api-key" in done.out
    assert "Warning: other users of this machine can see --api-key" in done.err
    assert KEY not in done.out + done.err


async def test_an_address_where_nobody_answers() -> None:
    done = await checked(f"http://127.0.0.1:{free_port()}/api")
    assert done.status == 4
    assert "ConnectFailed; asking again in" in done.err
    assert "Error:" in done.err
    assert "Traceback" not in done.err
