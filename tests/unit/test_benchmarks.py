"""The parts of the speed benchmark: all contenders make the same update. Nothing is timed here."""

import asyncio
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.benchmarks.speed import calls, rows
from tests.benchmarks.speed.contenders import CALLS, RUNS, opened
from tests.benchmarks.speed.layers import KEY
from tests.benchmarks.speed.measuring import Contender, Machine, rounds
from tests.benchmarks.speed.report import as_json, table, write_into
from tests.benchmarks.speed.rows import PAIRS, Result
from tests.benchmarks.speed.server import ANSWER, ID, Constant, serving

CONTACT = {"email": "ada.7@example.com", "plan": "pro", "seats": 3}


class Listening(Constant):
    """The constant server, which keeps what it was sent."""

    heard: ClassVar[list[bytes]]

    def answer(self, request: bytes) -> None:
        self.heard.append(request)
        super().answer(request)


def here(name: str) -> None:
    if name == "pyloops" and importlib.util.find_spec("pyloops") is None:
        pytest.skip("pyloops is not installed")


@pytest.mark.parametrize("name", CALLS)
async def test_every_contender_sends_the_same_contact_and_gets_the_same_answer(name: str) -> None:
    here(name)
    Listening.heard = []
    server = await asyncio.get_running_loop().create_server(Listening, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, CALLS[name](f"http://127.0.0.1:{port}") as call:
        assert await call(7) == ID
    (request,) = Listening.heard
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"PUT /v1/contacts/update HTTP/1.1\r\n")
    assert f"authorization: bearer {KEY}" in head.decode().lower()
    assert json.loads(body) == CONTACT


async def requested(call: str) -> tuple[str, str, dict[str, Any], bool]:
    """The request of ``call``: method, target, body, and whether it has an idempotency key."""
    Listening.heard = []
    server = await asyncio.get_running_loop().create_server(Listening, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, calls.CALLS[call](f"http://127.0.0.1:{port}") as make:
        assert await make(7) is not None or call.startswith("delete")
    (request,) = Listening.heard
    head, _, body = request.partition(b"\r\n\r\n")
    method, target, _ = head.decode().split(" ", 2)
    assert f"authorization: bearer {KEY}" in head.decode().lower()
    return method, target, json.loads(body or b"{}"), b"Idempotency-Key" in request


@pytest.mark.parametrize("pair", rows.CALLS, ids=lambda pair: pair.name)
async def test_a_public_call_and_its_hand_written_request_are_the_same_on_the_wire(
    pair: rows.Pair,
) -> None:
    assert await requested(pair.ours.name) == await requested(pair.theirs.name)


@pytest.mark.parametrize("name", RUNS)
async def test_a_run_makes_as_many_as_it_is_told(name: str) -> None:
    Listening.heard = []
    server = await asyncio.get_running_loop().create_server(Listening, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, opened(name, f"http://127.0.0.1:{port}") as run:
        await run(120)
    emails = {json.loads(r.partition(b"\r\n\r\n")[2])["email"] for r in Listening.heard}
    assert len(Listening.heard) == len(emails) == (120 if name.startswith("bulk") else 0)


def test_the_children_take_turns_against_a_server_in_a_process_of_its_own() -> None:
    ours = Contender("ours")
    with serving(None, nginx=False) as (url, what):
        seconds = rounds(Machine(url, None), {ours: 60}, 2)
    assert what == "an asyncio protocol"
    assert len(seconds[ours]) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="pinning is Linux's")
def test_the_constant_answer_is_one_of_loops() -> None:
    assert json.loads(ANSWER) == {"success": True, "id": ID}


def test_the_page_gets_the_figures_and_keeps_its_words(tmp_path: Path) -> None:
    results = [
        Result(p.name, p.says, p.floor, 3.0, 2.5, (2.0, 3.0), (4e5, 1e-4), (12e5, 3e-4), "counted")
        for p in PAIRS
    ]
    page = tmp_path / "page.md"
    between = (
        "<!-- figures -->\nold\n<!-- end of figures -->\n<!-- layers -->\n<!-- end of layers -->"
    )
    page.write_text(f"Before\n{between}\nAfter\n")
    for _ in range(2):
        write_into(page, results, {"aiohttp": 4e5, "pacer": 4.5e5}, {"python": "3.12"})
    text = page.read_text()
    assert text.startswith("Before\n<!-- figures -->\n| compared")
    assert text.endswith("| pacer | 50 k | 450 k |\n<!-- end of layers -->\nAfter\n")
    assert "old" not in text
    assert text.count("`contacts.update` on uvloop") == 1
    missed = [row for row in table(results).splitlines() if "missed" in row]
    assert len(missed) == 1  # 3 times is not ten times
    assert [row["met"] for row in json.loads(as_json(results, {}, {}))["rows"]].count(False) == 1
