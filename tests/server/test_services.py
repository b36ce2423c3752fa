"""The services of docs/services.md, each started as a user starts it and asked over HTTP."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from loops_async import LoopsClient
from loops_async.sandbox import Fault, Faults, Sandbox
from tests.ports import free_port
from tests.server.processes import Program, complaints, serving, until

STOPS = [signal.SIGTERM, signal.SIGINT]
SIGNUP = {"email": "ada@example.com", "user_id": "u1", "first_name": "Ada"}
LIST = "cm06f5v0e45nf0ml5754o9cix"


@asynccontextmanager
async def fastapi(
    sandbox: Sandbox, **env: str
) -> AsyncIterator[tuple[Program, aiohttp.ClientSession]]:
    port = free_port()
    command = ("-m", "uvicorn", "fastapi_service:app", "--port", str(port))
    async with (
        serving(*command, port=port, sandbox=sandbox, **env) as program,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http,
    ):
        yield program, http


@asynccontextmanager
async def aiohttp_web(
    sandbox: Sandbox, **env: str
) -> AsyncIterator[tuple[Program, aiohttp.ClientSession]]:
    port = free_port()
    async with (
        serving("aiohttp_service.py", port=port, sandbox=sandbox, PORT=str(port), **env) as program,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http,
    ):
        yield program, http


async def test_fastapi_signs_up_within_the_request(sandbox: Sandbox) -> None:
    async with fastapi(sandbox) as (program, http):

        async def sign_up(number: int) -> int:
            signup = {"email": f"c{number}@example.com", "user_id": f"c{number}"}
            async with http.post("/signups", json=signup) as response:
                return response.status

        assert await asyncio.gather(*map(sign_up, range(8))) == [200] * 8
        async with http.post("/signups", json=SIGNUP) as response:
            assert (response.status, (await response.json())["status"]) == (200, "done")
        assert len(sandbox.contacts) == 9
        assert sandbox.contacts["ada@example.com"].first_name == "Ada"

        asked = sandbox.counts.requests
        async with http.post("/signups", json=SIGNUP | {"email": "ada at home"}) as response:
            text = await response.text()
            assert response.status == 422
        assert "email" in text
        assert "ada at home" not in text
        assert sandbox.counts.requests == asked == 9
        async with http.get("/stats") as response:
            assert (await response.json())["requests"] == asked
        done = await program.stop(signal.SIGINT)
    assert done.status in {0, -signal.SIGINT}
    assert complaints(done.err) == [], done.err
    assert not any(said in done.err for said in ("example.com", "ada at home", sandbox.api_key))


STAGING = {"LOOPS_ALLOWED_RECIPIENTS": "@example.com"}


async def test_fastapi_on_staging_says_that_a_recipient_is_refused(sandbox: Sandbox) -> None:
    async with fastapi(sandbox, **STAGING) as (program, http):
        async with http.post("/signups", json=SIGNUP | {"email": "ada@gmail.com"}) as response:
            text = await response.text()
            assert response.status == 422
        assert "allowed_recipients" in text
        assert "gmail" not in text
        async with http.post("/signups", json=SIGNUP) as response:
            assert response.status == 200
        done = await program.stop()
    assert "is sent later" not in done.err
    assert complaints(done.err) == [], done.err
    assert list(sandbox.contacts) == ["ada@example.com"]


async def test_aiohttp_on_staging_says_that_a_recipient_is_refused(sandbox: Sandbox) -> None:
    async with aiohttp_web(sandbox, **STAGING) as (program, http):
        async with http.put("/users/u1/lists", json={LIST: True}) as response:
            assert response.status == 422
            assert "allowed_recipients" in await response.text()
        done = await program.stop()
    assert complaints(done.err) == [], done.err
    assert not sandbox.requests


async def test_fastapi_does_not_let_a_signup_wait_for_loops(sandbox: Sandbox) -> None:
    sandbox.faults = Faults.script([Fault("delay", seconds=4.0)])
    async with fastapi(sandbox) as (program, http):
        async with http.post("/signups", json=SIGNUP) as response:
            assert (response.status, await response.json()) == (202, {"status": "accepted"})
        await until(lambda: len(sandbox.contacts), "it is sent later", program)
        done = await program.stop()
    assert complaints(done.err) == [], done.err
    assert "user u1 is sent later" in done.err
    assert "ada@example.com" not in done.err


async def test_fastapi_answers_what_is_under_way_before_it_ends(sandbox: Sandbox) -> None:
    sandbox.faults = Faults.script([Fault("delay", seconds=1.0)])
    async with fastapi(sandbox) as (program, http):
        asking = asyncio.ensure_future(http.post("/signups", json=SIGNUP))
        await until(lambda: sandbox.counts.requests, "it is under way", program)
        done = await program.stop()
        response = await asking
        assert response.status == 200
        response.release()
    # uvicorn, having ended in order, ends by the signal once more.
    assert done.status in {0, -signal.SIGTERM}
    assert "Application shutdown complete" in done.err
    assert complaints(done.err) == [], done.err


@pytest.mark.parametrize("stop", STOPS)
async def test_aiohttp_saves_preferences_and_ends_in_order(
    sandbox: Sandbox, stop: signal.Signals
) -> None:
    async with LoopsClient(sandbox.api_key, base_url=sandbox.url) as loops:
        await loops.contacts.update(email="ada@example.com", user_id="u1")
    async with aiohttp_web(sandbox) as (program, http):
        async with http.put("/users/u1/lists", json={LIST: True}) as response:
            assert response.status == 200
        assert sandbox.contacts["ada@example.com"].mailing_lists == {LIST: True}
        done = await program.stop(stop)
    assert done.status == 0
    assert complaints(done.err) == [], done.err
    assert "ada@example.com" not in done.err


async def test_aiohttp_says_what_is_wrong_and_when_to_come_again(sandbox: Sandbox) -> None:
    async with aiohttp_web(sandbox) as (program, http):
        for body, status in ((b"{", 400), (b'{"x": "yes"}', 422), (b'{"x": true}', 422)):
            async with http.put("/users/u1/lists", data=body) as response:
                assert response.status == status, await response.text()
        sandbox.faults = Faults.script([Fault("429_seconds", retry_after=90)])
        async with http.put("/users/u1/lists", json={}) as response:
            assert (response.status, response.headers["Retry-After"]) == (503, "90")
        async with http.get("/healthz") as response:
            assert response.status == 200
        done = await program.stop()
    assert complaints(done.err) == [], done.err


@asynccontextmanager
async def importing(
    sandbox: Sandbox, folder: Path
) -> AsyncIterator[tuple[Program, aiohttp.ClientSession]]:
    port = free_port()
    command = ("-m", "uvicorn", "import_service:app", "--port", str(port))
    more = {"IMPORT_FOLDER": str(folder)}
    async with (
        serving(*command, port=port, sandbox=sandbox, **more) as program,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http,
    ):
        yield program, http


async def asked(http: aiohttp.ClientSession, name: str) -> dict[str, Any]:
    async with http.get(f"/imports/{name}") as response:
        assert response.status == 200
        told: dict[str, Any] = await response.json()
        return told


async def test_an_upload_is_imported_with_progress_and_outlives_a_restart(tmp_path: Path) -> None:
    rows = "Email,Nickname\nnobody,x\n" + "".join(f"c{n}@example.com,x\n" for n in range(90))
    async with Sandbox(rate=40) as sandbox:
        async with importing(sandbox, tmp_path) as (program, http):
            async with http.post("/imports", data=b"First Name\nAda\n") as response:
                assert response.status == 422
                assert "no column holds email addresses" in await response.text()
            shared = b"Email,User ID\nada@example.com,u1\nbo@example.com,u1\n"
            async with http.post("/imports", data=shared) as response:
                assert response.status == 422
                assert "--shared-ids" in await response.text()
            assert await asyncio.to_thread(os.listdir, tmp_path) == []
            async with http.post("/imports", data=rows.encode()) as response:
                started = await response.json()
            assert (response.status, started["rows"], started["rejected"]) == (202, 91, 1)
            name = started["id"]
            await until(lambda: len(sandbox.contacts) >= 5, "rows are sent", program)
            told = await asked(http, name)
            assert told["status"] == "running"
            assert 1 <= told["progress"]["applied"] < 90
            assert told["progress"]["rows"] == 91
            done = await program.stop()
        held = len(sandbox.contacts)
        assert "Application shutdown complete" in done.err
        assert complaints(done.err) == [], done.err
        assert held < 90
        async with importing(sandbox, tmp_path) as (program, http):
            await until(lambda: len(sandbox.contacts) == 90, "the rest is sent", program)
            while (told := await asked(http, name))["status"] == "running":  # noqa: ASYNC110 - over HTTP
                await asyncio.sleep(0.05)
            for ask in (http.get, http.delete):
                async with ask("/imports/other") as response:
                    assert response.status == 404
            done = await program.stop()
        sent = sum(r.path == "/v1/contacts/update" and r.processed for r in sandbox.requests)
    assert (told["status"], told["error"]) == ("finished", None)
    assert (told["report"]["applied"], told["report"]["done_before"]) == (90, held + 1)
    assert sent == 90
    assert complaints(done.err) == [], done.err
    assert "example.com" not in done.err
    assert "no @" in (tmp_path / f"{name}.csv.rejected.csv").read_text()


async def test_an_import_that_fails_shows_why(tmp_path: Path) -> None:
    async with Sandbox(rate=20) as sandbox:
        async with importing(sandbox, tmp_path) as (program, http):
            rows = "Email\n" + "".join(f"c{n}@example.com\n" for n in range(90))
            async with http.post("/imports", data=rows.encode()) as response:
                name = (await response.json())["id"]
            await until(lambda: len(sandbox.contacts) >= 5, "rows are sent", program)
            await program.stop()
        (tmp_path / f"{name}.csv").unlink()
        async with importing(sandbox, tmp_path) as (program, http):
            while (told := await asked(http, name))["status"] == "running":  # noqa: ASYNC110 - over HTTP
                await asyncio.sleep(0.05)
            await program.stop()
    assert told["status"] == "failed"
    assert f"{name}.csv" in told["error"]
