"""Each fault as it is on the wire, seen by a bare socket, and what it leaves in the store."""

import asyncio
import contextlib
import json
import re
import signal
import socket
import struct
import sys
import time
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import attrs
import pytest

from loops_async.sandbox import FAULT_KINDS, Fault, Faults, Sandbox
from loops_async.sandbox.faults.fault_kinds import FAMILIES
from tests.server.terminal import environment, refused

pytestmark = pytest.mark.virtual_time

CREATE = "/v1/contacts/create"
BODY = b'{"email":"ada@example.com"}'
GOOD = re.compile(rb'\{"success":true,"id":"cl[a-z0-9]{23}"\}')
SERVER_ERRORS = [name for name, kind in FAULT_KINDS.items() if kind.family == "5xx"]


def post(body: bytes = BODY, *, path: str = CREATE, key: str = "test-key", sent: int = -1) -> bytes:
    """A request; of its body only the first `sent` bytes."""
    head = (
        f"POST /api{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + (body if sent < 0 else body[:sent])


@attrs.frozen
class Heard:
    """What came back on a connection, and how it ended: "closed", "reset" or "open"."""

    raw: bytes
    end: str

    @property
    def status(self) -> int:
        return int(self.raw.split(b" ", 2)[1])

    @property
    def headers(self) -> dict[str, str]:
        lines = self.raw.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
        return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}

    @property
    def body(self) -> bytes:
        return self.raw.partition(b"\r\n\r\n")[2]

    @property
    def length(self) -> int:
        return int(self.headers["content-length"])


class Line:
    """One bare connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    async def hear(self, first: float = 2.0, then: float = 0.02) -> Heard:
        """Read until the connection ends, or nothing came for `first`, later `then` seconds."""
        raw = b""
        while True:
            try:
                async with asyncio.timeout(then if raw else first):
                    chunk = await self._reader.read(65536)
            except TimeoutError:
                return Heard(raw, "open")
            except ConnectionResetError:
                return Heard(raw, "reset")
            if not chunk:
                return Heard(raw, "closed")
            raw += chunk

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def leave(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(rate=1000) as running:
        yield running


@pytest.fixture
async def line(sandbox: Sandbox) -> AsyncIterator[Line]:
    opened = await dial(sandbox)
    yield opened
    await opened.leave()


async def dial(sandbox: Sandbox) -> Line:
    return Line(*await asyncio.open_connection("127.0.0.1", sandbox.port))


def reset(line: Line) -> None:
    if line.writer.is_closing():
        return
    line.writer.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    )
    line.writer.transport.abort()


async def until(condition: Any) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(0.005)


def patience(kind: str) -> float:
    """How long to wait for the first byte of a fault that may never send one, in seconds."""
    return 0.1 if FAULT_KINDS[kind].family == "no_answer" else 2.0


def is_processed(sandbox: Sandbox) -> bool:
    """What the store says, and the record must agree."""
    there = "ada@example.com" in sandbox.contacts
    assert sandbox.requests[-1].processed is there
    return there


# What all kinds have in common.


@pytest.mark.parametrize("kind", FAULT_KINDS)
async def test_a_request_is_processed_or_not_as_its_kind_says_and_is_told_so(
    sandbox: Sandbox, line: Line, kind: str
) -> None:
    sandbox.faults = Faults.script([kind])
    await line.say(post())
    await line.hear(patience(kind), then=0.01)
    assert is_processed(sandbox) is FAULT_KINDS[kind].processed
    assert sandbox.faults.counts == {kind: 1}
    again = await dial(sandbox)
    await again.say(post())
    assert (await again.hear()).status == (409 if FAULT_KINDS[kind].processed else 200)
    assert [request.fault for request in sandbox.requests] == [kind, None]
    await again.leave()


@pytest.mark.parametrize("kind", FAULT_KINDS)
async def test_an_event_is_kept_once_however_often_it_comes_under_its_key(
    sandbox: Sandbox, kind: str
) -> None:
    sandbox.faults = Faults.script([kind])
    body = b'{"email":"ada@example.com","eventName":"signup"}'
    request = post(body, path="/v1/events/send").replace(
        b"\r\n\r\n", b"\r\nIdempotency-Key: k\r\n\r\n"
    )
    for _ in range(2):
        line = await dial(sandbox)
        await line.say(request)
        heard = await line.hear(patience(kind), then=0.01)
        await line.leave()
    assert heard.status == (409 if FAULT_KINDS[kind].processed else 200)
    assert len(sandbox.sent_events) == 1


@pytest.mark.parametrize("kind", FAULT_KINDS)
async def test_a_request_that_breaks_a_rule_meets_its_fault_and_is_not_processed(
    sandbox: Sandbox, line: Line, kind: str
) -> None:
    sandbox.faults = Faults.script([kind])
    await line.say(post(b'{"email":"nobody"}'))
    await line.hear(patience(kind), then=0.01)
    assert (sandbox.requests[-1].fault, sandbox.requests[-1].processed) == (kind, False)
    assert len(sandbox.contacts) == 0


async def test_a_wrong_key_is_401_and_one_too_many_is_429_and_neither_meets_a_fault() -> None:
    async with Sandbox(rate=1, clock=lambda: 5.0, faults=Faults.script(["500"] * 9)) as sandbox:
        assert sandbox.faults is not None
        heard = []
        for key in ("wrong", "test-key", "test-key", "wrong"):
            line = await dial(sandbox)
            await line.say(post(key=key))
            heard.append((await line.hear()).status)
            await line.leave()
        assert heard == [401, 500, 429, 401]
        assert sandbox.faults.counts == {"500": 1}
        assert [request.fault for request in sandbox.requests] == [None, "500", None, None]


async def test_faults_can_be_taken_back_and_a_reset_leaves_them(
    sandbox: Sandbox, line: Line
) -> None:
    sandbox.faults = Faults.random(1, kinds=["500"])
    sandbox.reset()
    await line.say(post())
    assert (await line.hear()).status == 500
    sandbox.faults = None
    await line.say(post())
    assert (await line.hear()).status == 200


# Before the request is read.


async def test_a_delay_comes_before_the_request_is_read_and_then_all_goes_well(
    sandbox: Sandbox, line: Line
) -> None:
    sandbox.faults = Faults.script([Fault("delay", seconds=0.3)])
    began = asyncio.get_running_loop().time()
    await line.say(post())
    assert await line.hear(0.1) == Heard(b"", "open")
    assert (len(sandbox.contacts), sandbox.requests[0].fault) == (0, "delay")
    heard = await line.hear()
    assert asyncio.get_running_loop().time() - began >= 0.299
    assert (heard.status, heard.end) == (200, "open")
    assert GOOD.fullmatch(heard.body)


async def test_a_client_that_leaves_during_a_delay_has_asked_for_nothing(
    sandbox: Sandbox, line: Line
) -> None:
    sandbox.faults = Faults.script([Fault("delay", seconds=0.2)])
    await line.say(post())
    await line.hear(0.05)
    await line.leave()
    await asyncio.sleep(0.3)
    assert is_processed(sandbox) is False
    assert sandbox.requests[-1].status is None


@pytest.mark.parametrize("sent", [0, 5, len(BODY)])
async def test_a_refusal_resets_the_connection_when_the_headers_are_there(
    sandbox: Sandbox, line: Line, sent: int
) -> None:
    sandbox.faults = Faults.script(["refuse"])
    await line.say(post(sent=sent))
    assert await line.hear() == Heard(b"", "reset")
    assert (sandbox.requests[-1].status, sandbox.requests[-1].json) == (None, None)
    assert sandbox.counts.by_status == {}


# Resets.


async def test_a_reset_before_waits_for_the_whole_request_and_does_nothing_with_it(
    sandbox: Sandbox, line: Line
) -> None:
    sandbox.faults = Faults.script(["reset_before"])
    await line.say(post(sent=5))
    assert await line.hear(0.1) == Heard(b"", "open")
    await line.say(BODY[5:])
    assert await line.hear() == Heard(b"", "reset")
    assert sandbox.requests[-1].json == json.loads(BODY)
    assert is_processed(sandbox) is False


async def test_a_reset_after_has_done_all_and_says_not_a_byte(sandbox: Sandbox, line: Line) -> None:
    sandbox.faults = Faults.script(["reset_after"])
    await line.say(post())
    assert await line.hear() == Heard(b"", "reset")
    assert is_processed(sandbox) is True
    assert sandbox.requests[-1].status is None


async def test_a_reset_mid_body_comes_after_the_headers_and_half_of_the_body(
    sandbox: Sandbox, line: Line
) -> None:
    sandbox.faults = Faults.script(["reset_mid_body"])
    await line.say(post())
    heard = await line.hear(then=2.0)
    assert (heard.status, heard.end) == (200, "reset")
    assert heard.body == b'{"success":true,"id":"clxxx'[: heard.length // 2 - 3] + heard.body[-3:]
    assert len(heard.body) == heard.length // 2
    assert is_processed(sandbox) is True
    assert sandbox.requests[-1].status == 200


# Answers of a server that is not well.


@pytest.mark.parametrize("kind", ["429", "429_seconds", "429_date"])
async def test_a_429_says_when_to_come_again_as_its_kind_says(
    sandbox: Sandbox, line: Line, kind: str
) -> None:
    sandbox.faults = Faults.script([Fault(kind, retry_after=7)])
    before = time.time()
    await line.say(post())
    heard = await line.hear()
    assert (heard.status, heard.end) == (429, "open")
    assert json.loads(heard.body) == {"success": False, "message": "Rate limit exceeded."}
    assert heard.headers["x-ratelimit-limit"] == "1000"
    assert heard.headers["x-ratelimit-remaining"] == "0"
    said = heard.headers.get("retry-after")
    if kind == "429_date":
        assert said is not None
        assert said.endswith(" GMT")
        assert before + 7 <= parsedate_to_datetime(said).timestamp() <= time.time() + 8
    else:
        assert said == ("7" if kind == "429_seconds" else None)


@pytest.mark.parametrize("kind", SERVER_ERRORS)
async def test_a_5xx_comes_as_json_or_html_or_nothing(
    sandbox: Sandbox, line: Line, kind: str
) -> None:
    sandbox.faults = Faults.script([kind])
    await line.say(post())
    heard = await line.hear()
    assert (heard.status, heard.end) == (int(kind[:3]), "open")
    assert heard.length == len(heard.body)
    if "html" in kind:
        assert heard.headers["content-type"] == "text/html; charset=utf-8"
        assert heard.body.startswith(b"<html>")
        assert kind[:3].encode() in heard.body
    elif "empty" in kind:
        assert heard.body == b""
        assert "content-type" not in heard.headers
    else:
        assert heard.headers["content-type"] == "application/json; charset=utf-8"
        assert json.loads(heard.body)["success"] is False
    knows_the_limit = "x-ratelimit-limit" in heard.headers
    assert knows_the_limit is not ("html" in kind or "empty" in kind)


# Answers that are not what was promised.


async def test_truncated_json_is_a_whole_message_and_the_connection_goes_on(
    sandbox: Sandbox, line: Line
) -> None:
    sandbox.faults = Faults.script(["truncated_json"])
    await line.say(post())
    heard = await line.hear()
    assert (heard.status, heard.end, heard.length) == (200, "open", len(heard.body))
    assert heard.body.startswith(b'{"success":true,"id"')
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        json.loads(heard.body)
    await line.say(post())
    assert (await line.hear()).status == 409


async def test_a_wrong_type_is_json_called_html(sandbox: Sandbox, line: Line) -> None:
    sandbox.faults = Faults.script(["wrong_type"])
    await line.say(post())
    heard = await line.hear()
    assert heard.headers["content-type"] == "text/html; charset=utf-8"
    assert GOOD.fullmatch(heard.body)


async def test_html_may_be_called_json(sandbox: Sandbox, line: Line) -> None:
    sandbox.faults = Faults.script(["html_as_json"])
    await line.say(post())
    heard = await line.hear()
    assert (heard.status, heard.length) == (200, len(heard.body))
    assert heard.headers["content-type"] == "application/json; charset=utf-8"
    assert heard.body.startswith(b"<html>")


async def test_a_length_too_long_promises_more_than_comes_before_the_close(
    sandbox: Sandbox, line: Line
) -> None:
    sandbox.faults = Faults.script(["length_too_long"])
    await line.say(post())
    heard = await line.hear(then=2.0)
    assert (heard.status, heard.end) == (200, "closed")
    assert GOOD.fullmatch(heard.body)
    assert heard.length == len(heard.body) + 10
    assert "connection" not in heard.headers


async def test_a_length_too_short_is_followed_by_more_before_the_close(
    sandbox: Sandbox, line: Line
) -> None:
    sandbox.faults = Faults.script(["length_too_short"])
    await line.say(post())
    heard = await line.hear(then=2.0)
    assert (heard.status, heard.end) == (200, "closed")
    assert GOOD.fullmatch(heard.body)
    assert heard.length == len(heard.body) // 2
    assert "connection" not in heard.headers


async def test_a_slow_body_follows_its_headers_in_pieces(sandbox: Sandbox, line: Line) -> None:
    sandbox.faults = Faults.script([Fault("slow_body", seconds=0.5)])
    await line.say(post())
    head = await line.hear(then=0.01)
    assert (head.status, head.body) == (200, b"")
    pieces = [await line.hear(then=0.001)]
    began = asyncio.get_running_loop().time()
    while sum(len(piece.raw) for piece in pieces) < head.length:
        pieces.append(await line.hear(then=0.001))
    # From the first piece to the last, the wait before the first apart.
    assert 0.4 < asyncio.get_running_loop().time() - began < 0.5
    assert len(pieces) > 5
    assert {piece.end for piece in pieces} == {"open"}
    assert GOOD.fullmatch(b"".join(piece.raw for piece in pieces))


@pytest.mark.parametrize("kind", ["silence", "silence_after"])
async def test_a_silence_lasts_until_the_client_leaves_and_leaves_nothing_behind(
    sandbox: Sandbox, kind: str
) -> None:
    before = asyncio.all_tasks()
    sandbox.faults = Faults.script([kind])
    line = await dial(sandbox)
    await line.say(post())
    assert await line.hear(0.3) == Heard(b"", "open")
    assert sandbox.requests[-1].fault == kind
    await line.leave()
    await until(lambda: asyncio.all_tasks() <= before)
    assert (sandbox.requests[-1].status, sandbox.requests[-1].json) == (None, json.loads(BODY))
    assert sandbox.counts.by_status == {}


# The end.


@pytest.mark.parametrize(
    ("kind", "processed"),
    [("delay", False), ("slow_body", True), ("silence", False), ("silence_after", True)],
)
async def test_it_stops_at_once_with_faults_under_way(kind: str, processed: bool) -> None:
    before = asyncio.all_tasks()
    sandbox = Sandbox(rate=None, faults=Faults.random(1, kinds=[kind], seconds=60))
    await sandbox.start()
    lines = [await dial(sandbox) for _ in range(20)]
    for number, line in enumerate(lines):
        await line.say(post(b'{"email":"ada%d@example.com"}' % number))
    await until(lambda: len(sandbox.requests) == 20)
    await asyncio.sleep(0.05)
    began = asyncio.get_running_loop().time()
    await sandbox.stop()
    assert asyncio.get_running_loop().time() - began < 0.1
    await asyncio.sleep(0)
    assert asyncio.all_tasks() <= before
    assert {(await line.hear(then=2.0)).end for line in lines} == {"reset"}
    assert len(sandbox.contacts) == (20 if processed else 0)
    assert {request.processed for request in sandbox.requests} == {processed}
    for line in lines:
        await line.leave()


@pytest.mark.parametrize("kind", FAULT_KINDS)
async def test_a_client_that_leaves_in_the_middle_causes_no_fuss(
    sandbox: Sandbox, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    before = asyncio.all_tasks()
    sandbox.faults = Faults.random(1, kinds=[kind])
    # In turns of the loop, so that the reset falls into each step of the answer.
    for turns in [*range(12), 100]:
        line = await dial(sandbox)
        await line.say(post())
        for _ in range(turns):
            await asyncio.sleep(0)
        reset(line)
        await line.leave()
    await until(lambda: asyncio.all_tasks() <= before)
    assert not [entry for entry in caplog.records if entry.name != "asyncio"]


@pytest.mark.long
async def test_after_a_storm_of_all_kinds_the_records_agree_with_the_store() -> None:
    faults = Faults.random(0.6, seed=11, seconds=0.01, retry_after=0)
    before = asyncio.all_tasks()
    async with Sandbox(rate=None, faults=faults) as sandbox:

        async def create(http: aiohttp.ClientSession, numbers: range) -> None:
            for number in numbers:
                body = {"email": f"c{number}@example.com"}
                try:
                    async with http.post(f"{sandbox.url}{CREATE}", json=body) as reply:
                        await reply.read()
                except (aiohttp.ClientError, TimeoutError):
                    pass

        async with aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {sandbox.api_key}"},
            timeout=aiohttp.ClientTimeout(total=0.5),
        ) as http:
            await asyncio.gather(*[create(http, range(s, 600, 30)) for s in range(30)])
        requests = sandbox.requests
        done = {request.json["email"] for request in requests if request.processed}  # type: ignore[index]
        assert done == set(sandbox.contacts)
        for request in requests:
            kind = FAULT_KINDS.get(request.fault or "")
            if kind is None or kind.processed:
                # On a busy machine a client may have left before it was its turn.
                assert request.processed or request.status is None
            else:
                assert not request.processed
        assert {FAULT_KINDS[kind].family for kind in faults.counts} == set(FAMILIES)
        assert sum(faults.counts.values()) == sum(r.fault is not None for r in requests)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() <= before


# From a terminal.


@pytest.mark.virtual_time(False)
async def test_the_terminal_serves_a_script_of_faults_to_any_client() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "loops_async", "sandbox", "--port", "0",
        "--faults", "rate=1,kinds=502_html", "--seed", "7",
        env=environment(), stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    url = re.search(r"http://\S+", (await process.stderr.readline()).decode())
    assert url is not None
    assert "--seed 7" in (await process.stderr.readline()).decode()
    headers = {"Authorization": "Bearer test-key"}
    async with aiohttp.ClientSession(headers=headers) as http:
        reply = await http.get(f"{url[0]}/v1/lists")
        assert (reply.status, reply.content_type) == (502, "text/html")
    process.send_signal(signal.SIGINT)
    await process.stderr.read()
    assert await process.wait() == 130


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--faults", "kinds=oops"], "there is no fault 'oops'"),
        (["--faults", "rate=lots"], "rate must be a number"),
        (["--seed", "7"], "it needs --faults"),
    ],
)
def test_the_terminal_says_what_is_wrong_with_a_spec(arguments: list[str], words: str) -> None:
    done = refused("sandbox", "--port", "0", *arguments)
    assert done.status == 2
    assert words in done.err
    assert "Traceback" not in done.err
