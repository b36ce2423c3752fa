"""The sandbox over a real socket, spoken to by a plain HTTP client and not by ours."""

import ast
import asyncio
import gzip
import io
import json
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import loops_async.sandbox
from loops_async.sandbox import (
    DEFAULT_MAILING_LISTS,
    Sandbox,
    StoredMailingList,
    StoredProperty,
    Window,
)

pytestmark = pytest.mark.virtual_time

ADA = {"email": "ada@example.com"}
JSON_TYPE = {"Content-Type": "application/json"}


class Caller:
    """Sends requests to a sandbox with its key and returns status, JSON and headers."""

    def __init__(self, http: aiohttp.ClientSession, sandbox: Sandbox) -> None:
        self._http = http
        self._sandbox = sandbox

    async def __call__(
        self, method: str, path: str, *, key: str | None = None, **options: Any
    ) -> tuple[int, Any, Any]:
        headers = {"Authorization": f"Bearer {key or self._sandbox.api_key}"}
        headers.update(options.pop("headers", {}))
        url = self._sandbox.url + path
        async with self._http.request(method, url, headers=headers, **options) as reply:
            body = await reply.read()
            return reply.status, json.loads(body) if body else None, reply.headers


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(rate=None) as running:
        yield running


@pytest.fixture
def call(http: aiohttp.ClientSession, sandbox: Sandbox) -> Caller:
    return Caller(http, sandbox)


# The endpoints.


async def test_the_key_endpoint_tells_the_team(http: aiohttp.ClientSession) -> None:
    async with Sandbox(team_name="Company name") as sandbox:
        status, body, _ = await Caller(http, sandbox)("GET", "/v1/api-key")
    assert (status, body) == (200, {"success": True, "teamName": "Company name"})


async def test_a_contact_lives_from_create_to_delete(call: Caller, sandbox: Sandbox) -> None:
    status, created, _ = await call("POST", "/v1/contacts/create", json={**ADA, "userId": "u1"})
    assert status == 200
    assert created == {"success": True, "id": sandbox.contacts["ada@example.com"].id}
    assert re.fullmatch(r"cl[a-z0-9]{23}", created["id"])

    news = DEFAULT_MAILING_LISTS[0].id
    change = {"userId": "u1", "firstName": "Ad\u00e4", "plan": "pro", "mailingLists": {news: True}}
    assert (await call("PUT", "/v1/contacts/update", json=change))[:2] == (200, created)
    assert sandbox.contacts["ada@example.com"].properties["plan"] == "pro"
    assert sandbox.contacts["ada@example.com"].first_name == "Ad\u00e4"
    assert sandbox.properties["plan"].type == "string"

    expected = {
        "id": created["id"], "email": "ada@example.com", "firstName": "Ad\u00e4", "lastName": None,
        "source": "API", "subscribed": True, "userGroup": "", "userId": "u1",
        "mailingLists": {news: True}, "optInStatus": None, "plan": "pro",
    }  # fmt: skip
    found = await call("GET", "/v1/contacts/find", params=ADA)
    assert found[:2] == (200, [expected])
    assert found[2]["Content-Type"] == "application/json; charset=utf-8"

    deleted = await call("POST", "/v1/contacts/delete", json={"email": None, "userId": "u1"})
    assert deleted[:2] == (200, {"success": True, "message": "Contact deleted."})
    assert (await call("GET", "/v1/contacts/find", params=ADA))[:2] == (200, [])
    assert dict(sandbox.contacts) == {}


async def test_update_takes_post_as_well_as_put(call: Caller, sandbox: Sandbox) -> None:
    assert (await call("POST", "/v1/contacts/update", json=ADA))[0] == 200
    assert list(sandbox.contacts) == ["ada@example.com"]


async def test_refusals_carry_status_success_and_message(call: Caller) -> None:
    await call("POST", "/v1/contacts/create", json=ADA)
    again = await call("POST", "/v1/contacts/create", json=ADA)
    assert again[:2] == (
        409,
        {"success": False, "message": "Email or userId is already on list."},
    )
    bad = await call("POST", "/v1/contacts/create", json={"email": "ada"})
    assert bad[:2] == (400, {"success": False, "message": "Invalid email address."})
    gone = await call("POST", "/v1/contacts/delete", json={"userId": "u1"})
    assert gone[:2] == (404, {"success": False, "message": "Contact not found."})


async def test_a_plus_that_was_not_encoded_is_a_space_and_no_address(
    call: Caller, http: aiohttp.ClientSession, sandbox: Sandbox
) -> None:
    await call("POST", "/v1/contacts/create", json={"email": "a+b@example.com"})
    encoded = await call("GET", "/v1/contacts/find", params={"email": "a+b@example.com"})
    assert len(encoded[1]) == 1
    raw = await call("GET", "/v1/contacts/find?email=a+b@example.com")
    assert raw[0] == 400


@pytest.mark.parametrize("query", ["", "?email=a@b.co&userId=u", "?email=a@b.co&email=c@d.co"])
async def test_find_takes_exactly_one_parameter(call: Caller, query: str) -> None:
    assert (await call("GET", f"/v1/contacts/find{query}"))[0] == 400


async def test_properties_are_made_and_listed(call: Caller) -> None:
    made = await call("POST", "/v1/contacts/properties", json={"name": "planName", "type": "date"})
    assert made[:2] == (200, {"success": True})
    custom = [{"key": "planName", "label": "Plan name", "type": "date"}]
    path = "/v1/contacts/properties"
    assert (await call("GET", path, params={"list": "custom"}))[:2] == (200, custom)
    everything = (await call("GET", path))[1]
    assert everything == (await call("GET", path, params={"list": "all"}))[1]
    assert everything[-1:] == custom
    assert "firstName" in {prop["key"] for prop in everything}
    assert (await call("GET", path, params={"list": "mine"}))[0] == 400


async def test_the_lists_served_are_those_configured(http: aiohttp.ClientSession) -> None:
    own = StoredMailingList("clm2k8j4h6g0f8d6s4a2b0z8", "Own", None, is_public=False)
    async with Sandbox(mailing_lists=[own]) as sandbox:
        call = Caller(http, sandbox)
        assert (await call("GET", "/v1/lists"))[1] == [
            {"id": own.id, "name": "Own", "description": None, "isPublic": False}
        ]
        lists = {DEFAULT_MAILING_LISTS[0].id: True}
        refused = await call("POST", "/v1/contacts/create", json={**ADA, "mailingLists": lists})
        assert refused[0] == 400
        lists = {own.id: True}
        await call("POST", "/v1/contacts/create", json={**ADA, "mailingLists": lists})
        assert sandbox.contacts["ada@example.com"].mailing_lists == lists
        assert sandbox.mailing_lists == (own,)


# What is no proper request.


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/v1/contacts/create"),
        ("GET", "/v1/contacts/update"),
        ("DELETE", "/v1/contacts/delete"),
        ("POST", "/v1/contacts/find"),
        ("OPTIONS", "/v1/lists"),
        ("PATCH", "/v1/contacts/properties"),
        ("POST", "/v1/api-key"),
    ],
)
async def test_a_wrong_method_is_405_and_says_which_are_right(
    call: Caller, method: str, path: str
) -> None:
    status, body, headers = await call(method, path)
    assert (status, body) == (405, {"success": False, "message": "Method not allowed."})
    assert method not in headers["Allow"]


async def test_head_is_a_wrong_method(call: Caller) -> None:
    assert (await call("HEAD", "/v1/lists"))[:2] == (405, None)


@pytest.mark.parametrize("path", ["/v1/nope", "/v1/lists/", "/v1/v1/lists", "//v1/lists", "/"])
async def test_an_unknown_path_is_404_in_json(call: Caller, path: str) -> None:
    assert (await call("GET", path))[:2] == (404, {"success": False, "message": "Not found."})


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"[]", b'"x"', b"5", b"\xff", b"[" * 100_000, b'{"email":NaN}'],
    ids=range(9),
)
async def test_a_body_that_is_no_json_object_is_400(
    call: Caller, sandbox: Sandbox, body: bytes
) -> None:
    for method, path in (
        ("POST", "/v1/contacts/create"),
        ("PUT", "/v1/contacts/update"),
        ("POST", "/v1/contacts/delete"),
        ("POST", "/v1/contacts/properties"),
    ):
        status, answer, _ = await call(method, path, data=body, headers=JSON_TYPE)
        assert status == 400
        assert answer["success"] is False
        assert answer["message"].startswith("Request body ")
    assert dict(sandbox.contacts) == {}


async def test_a_body_that_is_not_said_to_be_json_is_400(call: Caller) -> None:
    status, body, _ = await call("POST", "/v1/contacts/create", data={"email": "ada@example.com"})
    assert (status, body["message"]) == (400, "Content-Type must be application/json.")


async def test_a_huge_body_is_413_and_leaves_the_sandbox_well(
    call: Caller, sandbox: Sandbox
) -> None:
    for data, extra in (
        (io.BytesIO(b" " * (5 * 1024 * 1024) + b'{"email":"ada@example.com"}'), {}),
        (gzip.compress(b"[" + b" " * 20_000_000), {"Content-Encoding": "gzip"}),
    ):
        status, body, _ = await call(
            "POST", "/v1/contacts/create", data=data, headers=JSON_TYPE | extra
        )
        assert (status, body) == (
            413,
            {"success": False, "message": "Request body is too large."},
        )
        assert sandbox.requests[-1].json is None
    assert (await call("GET", "/v1/lists"))[0] == 200


async def test_a_compressed_body_is_read_and_a_broken_one_is_400(call: Caller) -> None:
    headers = JSON_TYPE | {"Content-Encoding": "gzip"}
    packed = gzip.compress(json.dumps(ADA).encode())
    good = await call("POST", "/v1/contacts/create", data=packed, headers=headers)
    assert good[0] == 200
    broken = await call("POST", "/v1/contacts/create", data=b"no gzip", headers=headers)
    assert (broken[0], broken[1]["message"]) == (400, "Request body cannot be read.")
    assert broken[2]["Connection"] == "close"
    assert (await call("GET", "/v1/contacts/find", params=ADA))[0] == 200


async def test_large_numbers_and_floats_come_back_as_they_went(call: Caller) -> None:
    numbers = {"big": 2**60 + 1, "small": 0.1, "whole": -7}
    await call("POST", "/v1/contacts/create", json=ADA | numbers)
    [found] = (await call("GET", "/v1/contacts/find", params=ADA))[1]
    assert {name: found[name] for name in numbers} == numbers


# The key, and the order of the checks.


@pytest.mark.parametrize(
    "value",
    ["", "test-key", "Bearer", "Bearer ", "Bearer wrong", "Basic test-key", "Bearer \u00e9"],
)
async def test_a_wrong_key_is_401_before_all_else(call: Caller, value: str) -> None:
    for method, path in (("GET", "/v1/api-key"), ("GET", "/v1/nope"), ("PUT", "/v1/lists")):
        status, body, _ = await call(method, path, headers={"Authorization": value})
        assert status == 401
        assert body == {
            "success": False,
            "message": "Invalid API key",
            "error": "Invalid API key",
        }


async def test_no_key_is_401(http: aiohttp.ClientSession, sandbox: Sandbox) -> None:
    async with http.get(sandbox.url + "/v1/api-key") as reply:
        assert reply.status == 401


# The limit.


def rates(headers: Any) -> tuple[str, str]:
    return headers["x-ratelimit-limit"], headers["x-ratelimit-remaining"]


@pytest.mark.parametrize("window", ["fixed", "sliding", "bucket"])
async def test_past_the_rate_429_until_a_second_has_passed(
    http: aiohttp.ClientSession, window: Window
) -> None:
    now = 100.0
    async with Sandbox(rate=3, window=window, clock=lambda: now) as sandbox:
        call = Caller(http, sandbox)
        replies = [await call("GET", "/v1/lists") for _ in range(5)]
        assert [status for status, _, _ in replies] == [200, 200, 200, 429, 429]
        assert [rates(headers) for _, _, headers in replies] == [
            ("3", "2"), ("3", "1"), ("3", "0"), ("3", "0"), ("3", "0"),
        ]  # fmt: skip
        assert replies[3][1] == {"success": False, "message": "Rate limit exceeded."}
        assert "Retry-After" not in replies[3][2]
        now = 101.0
        assert (await call("GET", "/v1/lists"))[0] == 200
        assert (sandbox.counts.requests, sandbox.counts.rate_limited) == (6, 2)
        assert sandbox.counts.by_status == {200: 4, 429: 2}


async def test_unknown_paths_and_methods_and_bad_bodies_are_charged_and_wrong_keys_are_not(
    http: aiohttp.ClientSession,
) -> None:
    async with Sandbox(rate=3, clock=lambda: 100.0) as sandbox:
        call = Caller(http, sandbox)
        wrong = [await call("GET", "/v1/lists", key="wrong") for _ in range(9)]
        assert {(status, rates(headers)) for status, _, headers in wrong} == {(401, ("3", "3"))}
        seen = [
            await call("GET", "/v1/nope"),
            await call("DELETE", "/v1/lists"),
            await call("POST", "/v1/contacts/create", json=[]),
            await call("GET", "/v1/nope"),
            await call("GET", "/v1/lists", key="wrong"),
        ]
    assert [(status, rates(headers)[1]) for status, _, headers in seen] == [
        (404, "2"), (405, "1"), (400, "0"), (429, "0"), (401, "0"),
    ]  # fmt: skip


async def test_a_request_over_the_limit_changes_nothing_and_its_body_is_still_told(
    http: aiohttp.ClientSession,
) -> None:
    async with Sandbox(rate=1, retry_after=2, clock=lambda: 100.0) as sandbox:
        call = Caller(http, sandbox)
        await call("GET", "/v1/lists")
        status, _, headers = await call("POST", "/v1/contacts/create", json=ADA)
        assert (status, headers["Retry-After"]) == (429, "2")
        assert dict(sandbox.contacts) == {}
        assert (sandbox.requests[-1].status, sandbox.requests[-1].json) == (429, ADA)


async def test_without_a_rate_there_is_no_limit_and_no_word_of_one(call: Caller) -> None:
    replies = await asyncio.gather(*[call("GET", "/v1/lists") for _ in range(200)])
    assert {status for status, _, _ in replies} == {200}
    assert not [name for _, _, headers in replies for name in headers if "ratelimit" in name]


# What it tells a test.


async def test_requests_are_told_in_order_with_all_but_the_key(
    call: Caller, sandbox: Sandbox
) -> None:
    before = time.monotonic()
    await call("POST", "/v1/contacts/create", json=ADA, headers={"X-Custom": "Yes"})
    await call("GET", "/v1/contacts/find", params=ADA)
    await call("POST", "/v1/contacts/create", data=b"{", headers=JSON_TYPE)
    create, find, broken = sandbox.requests
    assert (create.method, create.path, create.status) == ("POST", "/v1/contacts/create", 200)
    assert (create.json, dict(create.query)) == (ADA, {})
    assert create.headers["x-custom"] == "Yes"
    assert create.headers["authorization"] == "<hidden>"
    assert (find.method, find.path, find.query, find.json) == (
        "GET",
        "/v1/contacts/find",
        ADA,
        None,
    )
    assert (broken.status, broken.json) == (400, None)
    assert before <= create.at <= find.at <= broken.at <= time.monotonic()
    assert not re.search("test-key|ada@", repr(sandbox.requests) + repr(sandbox))
    with pytest.raises(AttributeError):
        create.status = 500  # type: ignore[misc]
    with pytest.raises(TypeError):
        create.headers["x-custom"] = "No"  # type: ignore[index]


async def test_the_records_are_bounded_and_the_counts_are_exact(
    http: aiohttp.ClientSession,
) -> None:
    async with Sandbox(rate=None, keep_requests=3) as sandbox:
        call = Caller(http, sandbox)
        for number in range(10):
            await call("GET", "/v1/contacts/find", params={"userId": str(number)})
        assert [request.query["userId"] for request in sandbox.requests] == ["7", "8", "9"]
        assert sandbox.counts.requests == 10


async def test_no_records_are_kept_when_none_are_wanted(http: aiohttp.ClientSession) -> None:
    async with Sandbox(keep_requests=0) as sandbox:
        await Caller(http, sandbox)("GET", "/v1/lists")
        assert sandbox.requests == ()
        assert sandbox.counts.by_status == {200: 1}


async def test_a_request_that_was_never_finished_is_told_without_a_status_and_without_a_fuss(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    _, writer = await half_a_request(sandbox)
    writer.close()
    await writer.wait_closed()
    await asyncio.sleep(0.05)
    [request] = sandbox.requests
    assert (request.path, request.status, request.json) == ("/v1/contacts/create", None, None)
    assert sandbox.counts.requests == 1
    assert not [entry for entry in caplog.records if entry.name.startswith("aiohttp")]


async def test_reset_empties_all_but_what_was_configured(http: aiohttp.ClientSession) -> None:
    async with Sandbox(
        rate=2, clock=lambda: 100.0, properties=[StoredProperty("plan", "number")]
    ) as sandbox:
        call = Caller(http, sandbox)
        await call("POST", "/v1/contacts/create", json={**ADA, "color": "blue"})
        await call("GET", "/v1/lists")
        sandbox.reset()
        assert (len(sandbox.contacts), sandbox.requests, sandbox.counts.requests) == (0, (), 0)
        assert list(sandbox.properties) == ["plan"]
        status, _, headers = await call("POST", "/v1/contacts/create", json=ADA)
        assert (status, rates(headers)) == (200, ("2", "1"))


# Its life.


async def half_a_request(
    sandbox: Sandbox,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", sandbox.port)
    writer.write(
        b"POST /api/v1/contacts/create HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer test-key\r\n"
        b"Content-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
    )
    await writer.drain()
    await asyncio.sleep(0.05)
    return reader, writer


async def test_it_starts_in_a_moment_on_a_free_port() -> None:
    before = asyncio.get_running_loop().time()
    async with Sandbox() as first, Sandbox() as second:
        assert asyncio.get_running_loop().time() - before < 0.2
        assert first.url == f"http://127.0.0.1:{first.port}/api"
        assert first.port != second.port


async def test_it_stops_promptly_with_idle_and_half_read_connections(
    http: aiohttp.ClientSession,
) -> None:
    tasks = asyncio.all_tasks()
    sandbox = Sandbox()
    await sandbox.start()
    await Caller(http, sandbox)("GET", "/v1/lists")
    reader, writer = await half_a_request(sandbox)
    port, before = sandbox.port, asyncio.get_running_loop().time()
    await sandbox.stop()
    assert asyncio.get_running_loop().time() - before < 0.2
    assert await reader.read() == b""
    writer.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() <= tasks
    await sandbox.stop()


async def test_a_stopped_sandbox_starts_again_with_what_it_held(
    http: aiohttp.ClientSession,
) -> None:
    sandbox = Sandbox()
    async with sandbox:
        await Caller(http, sandbox)("POST", "/v1/contacts/create", json=ADA)
    assert "ada@example.com" in sandbox.contacts
    async with sandbox:
        found = await Caller(http, sandbox)("GET", "/v1/contacts/find", params=ADA)
    assert len(found[1]) == 1


async def test_a_started_sandbox_is_not_started_twice() -> None:
    async with Sandbox() as sandbox:
        with pytest.raises(RuntimeError, match="already started"):
            await sandbox.start()


async def test_a_taken_port_is_an_os_error_and_leaves_nothing_open() -> None:
    async with Sandbox() as first:
        second = Sandbox(port=first.port)
        with pytest.raises(OSError, match=r"[Aa]ddress"):
            await second.start()
        assert "not started" in repr(second)
    await second.start()
    await second.stop()


def test_a_sandbox_that_is_not_started_has_no_url() -> None:
    with pytest.raises(RuntimeError, match="start it"):
        _ = Sandbox().url


async def test_listening_everywhere_it_is_reached_at_the_loopback_address() -> None:
    async with Sandbox(host="0.0.0.0") as sandbox:  # noqa: S104
        assert sandbox.url.startswith("http://127.0.0.1:")


async def test_serving_for_ever_ends_with_a_cancel_and_frees_the_port(
    http: aiohttp.ClientSession,
) -> None:
    sandbox = Sandbox()
    await sandbox.start()
    serving = asyncio.create_task(sandbox.serve_forever())
    assert (await Caller(http, sandbox)("GET", "/v1/lists"))[0] == 200
    port = sandbox.port
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


@pytest.mark.parametrize(
    "options", [{"api_key": ""}, {"api_key": " k"}, {"rate": 0}, {"keep_requests": -1}]
)
def test_arguments_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must (not )?be"):
        Sandbox(**options)


def test_the_sandbox_imports_nothing_of_the_client() -> None:
    for file in Path(loops_async.sandbox.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, file
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            for module in modules:
                if module.split(".")[0] == "loops_async":
                    assert module.startswith("loops_async.sandbox."), (file.name, module)
