"""Sending, suppression and sending IPs over a real socket, spoken to by a plain HTTP client."""

import asyncio
import io
import json
import re
import signal
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from loops_async.sandbox import Sandbox
from tests.server.terminal import refused, start

ADA = {"email": "ada@example.com"}
SIGNUP = {**ADA, "eventName": "signup"}
WELCOME = {**ADA, "transactionalId": "cll42l54f20i1la0lfooe3z12"}
DAY = 24 * 60 * 60.0


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def sandbox(clock: Clock) -> AsyncIterator[Sandbox]:
    async with Sandbox(
        rate=None, clock=clock, removal_quota=1, dedicated_sending_ips=["192.0.2.1"]
    ) as running:
        yield running


class Caller:
    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http

    async def __call__(
        self, method: str, path: str, body: Any = None, key: str | None = None, **options: Any
    ) -> tuple[int, Any]:
        headers = {"Content-Type": "application/json"}
        headers |= {} if key is None else {"Idempotency-Key": key}
        if body is not None:
            options["data"] = json.dumps(body)
        async with self._http.request(method, f"/api{path}", headers=headers, **options) as reply:
            return reply.status, await reply.json()


@asynccontextmanager
async def caller(sandbox: Sandbox) -> AsyncGenerator[Caller, None]:
    async with calling(sandbox.url, sandbox.api_key) as call:
        yield call


@asynccontextmanager
async def calling(url: str, key: str) -> AsyncGenerator[Caller, None]:
    base = url.removesuffix("/api")
    headers = {"Authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession(base, headers=headers) as http:
        yield Caller(http)


@pytest.fixture
async def call(sandbox: Sandbox) -> AsyncIterator[Caller]:
    async with caller(sandbox) as calling_it:
        yield calling_it


async def test_an_event_is_taken_once_per_key_for_24_hours(
    call: Caller, sandbox: Sandbox, clock: Clock
) -> None:
    first = await call("POST", "/v1/events/send", SIGNUP, key="key-1")
    repeat = await call("POST", "/v1/events/send", SIGNUP, key="key-1")
    assert first == (200, {"success": True})
    assert repeat == (
        409,
        {
            "success": False,
            "message": "Request with idempotency key key-1 has already been processed.",
        },
    )
    clock.now += DAY
    assert (await call("POST", "/v1/events/send", SIGNUP, key="key-1"))[0] == 200
    assert [(event.name, event.idempotency_key) for event in sandbox.sent_events] == [
        ("signup", "key-1"),
        ("signup", "key-1"),
    ]
    assert (sandbox.counts.events, sandbox.counts.emails) == (2, 0)
    assert [request.processed for request in sandbox.requests] == [True, False, True]


async def test_a_key_sent_many_times_at_once_counts_once(call: Caller, sandbox: Sandbox) -> None:
    answers = await asyncio.gather(
        *[call("POST", "/v1/transactional", WELCOME, key="key-1") for _ in range(20)]
    )
    assert sorted(status for status, _ in answers) == [200] + [409] * 19
    assert len(sandbox.sent_emails) == 1


async def test_an_empty_key_is_none_and_a_long_one_is_400(call: Caller, sandbox: Sandbox) -> None:
    for _ in range(2):
        assert (await call("POST", "/v1/events/send", SIGNUP, key=""))[0] == 200
    status, body = await call("POST", "/v1/transactional", WELCOME, key="k" * 101)
    assert (status, body["success"]) == (400, False)
    assert (len(sandbox.sent_events), len(sandbox.sent_emails)) == (2, 0)


async def test_the_other_endpoints_know_no_keys(call: Caller) -> None:
    for _ in range(2):
        assert (await call("PUT", "/v1/contacts/update", ADA, key="key-1"))[0] == 200


async def test_a_refusal_says_where_the_mistake_is(call: Caller) -> None:
    refused = await call("POST", "/v1/transactional", {**WELCOME, "email": "ada"})
    assert refused == (
        400,
        {
            "success": False,
            "message": "Invalid email address.",
            "error": {"path": "email", "message": "Invalid email address."},
        },
    )


async def test_a_null_among_event_properties_is_taken(call: Caller, sandbox: Sandbox) -> None:
    event = {**SIGNUP, "eventProperties": {"plan": "pro", "coupon": None}}
    assert await call("POST", "/v1/events/send", event) == (200, {"success": True})
    [sent] = sandbox.sent_events
    assert sent.properties == {"plan": "pro", "coupon": None}


async def test_an_id_that_is_not_published_is_404_with_the_documented_error(clock: Clock) -> None:
    published = {"cll42l54f20i1la0lfooe3z12": ["name"]}
    async with Sandbox(clock=clock, transactional_emails=published) as sandbox:
        async with caller(sandbox) as call:
            refused = await call("POST", "/v1/transactional", {**ADA, "transactionalId": "nope"})
            message = "Transactional email not found."
            error = {"path": "transactionalId", "message": message}
            assert refused == (404, {"success": False, "message": message, "error": error})
            good = {**WELCOME, "dataVariables": {"name": "Ada"}}
            assert await call("POST", "/v1/transactional", good) == (200, {"success": True})
        assert [email.transactional_id for email in sandbox.sent_emails] == [*published]


async def test_the_published_emails_are_listed_with_their_variables(clock: Clock) -> None:
    published = {"welcome": ["name", "link"], "receipt": []}
    sandbox = Sandbox(clock=clock, transactional_emails=published)
    async with sandbox, caller(sandbox) as call:
        status, listed = await call("GET", "/v1/transactional")
    assert status == 200
    assert listed["pagination"] == {
        "totalResults": 2,
        "returnedResults": 2,
        "perPage": 20,
        "totalPages": 1,
        "nextCursor": None,
        "nextPage": None,
    }
    updated = [email.pop("lastUpdated") for email in listed["data"]]
    assert listed["data"] == [
        {"id": "welcome", "name": "welcome", "dataVariables": ["name", "link"]},
        {"id": "receipt", "name": "receipt", "dataVariables": []},
    ]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", when) for when in updated)


async def test_a_sandbox_that_takes_any_id_lists_none(call: Caller) -> None:
    status, listed = await call("GET", "/v1/transactional")
    assert (status, listed["data"]) == (200, [])
    assert (listed["pagination"]["totalResults"], listed["pagination"]["totalPages"]) == (0, 0)


@pytest.mark.parametrize(
    ("per_page", "sizes"), [(None, [20, 20, 5]), (10, [10] * 4 + [5]), (50, [45])]
)
async def test_every_page_is_reached_by_its_cursor_and_by_its_address(
    clock: Clock, per_page: int | None, sizes: list[int]
) -> None:
    ids = [f"mail {number}" for number in range(45)]
    async with (
        Sandbox(clock=clock, rate=None, transactional_emails=dict.fromkeys(ids, ())) as sandbox,
        caller(sandbox) as call,
    ):
        query = {} if per_page is None else {"perPage": str(per_page)}
        pages = [await call("GET", "/v1/transactional", params=query)]
        while (cursor := pages[-1][1]["pagination"]["nextCursor"]) is not None:
            status, page = await call(
                "GET", "/v1/transactional", params={**query, "cursor": cursor}
            )
            path = pages[-1][1]["pagination"]["nextPage"].removeprefix(sandbox.url)
            assert (status, page) == await call("GET", path)
            pages.append((status, page))
    assert [len(page["data"]) for _, page in pages] == sizes
    assert [page["pagination"]["returnedResults"] for _, page in pages] == sizes
    assert {page["pagination"]["totalPages"] for _, page in pages} == {len(sizes)}
    assert {page["pagination"]["perPage"] for _, page in pages} == {per_page or 20}
    assert {page["pagination"]["totalResults"] for _, page in pages} == {45}
    assert pages[-1][1]["pagination"]["nextPage"] is None
    assert [email["id"] for _, page in pages for email in page["data"]] == ids


@pytest.mark.parametrize(
    ("query", "word"),
    [
        *(({"perPage": bad}, "perPage") for bad in ("9", "51", "0", "-20", "", "many", "20.0")),
        ({"perPage": "\u0662\u0660"}, "perPage"),
        ({"perPage": "1" * 5000}, "perPage"),
        ({"cursor": "nope"}, "cursor"),
    ],
)
async def test_a_page_that_cannot_be_is_400(call: Caller, query: Any, word: str) -> None:
    status, refused = await call("GET", "/v1/transactional", params=query)
    assert (status, refused["success"]) == (400, False)
    assert word in refused["message"]


async def test_the_command_line_is_told_which_emails_are_published() -> None:
    options = ("--transactional", "welcome=name, link", "--transactional", "receipt")
    process = await start("sandbox", "--port", "0", "--json", *options)
    assert process.stdout is not None
    told = json.loads(await process.stdout.readline())
    async with calling(told["url"], told["api_key"]) as call:
        _, listed = await call("GET", "/v1/transactional")
        receipt = await call("POST", "/v1/transactional", {**ADA, "transactionalId": "receipt"})
        welcome = await call("POST", "/v1/transactional", {**ADA, "transactionalId": "welcome"})
        unknown = await call("POST", "/v1/transactional", {**ADA, "transactionalId": "nope"})
    process.send_signal(signal.SIGINT)
    assert await process.wait() == 130
    assert {email["id"]: email["dataVariables"] for email in listed["data"]} == {
        "welcome": ["name", "link"],
        "receipt": [],
    }
    assert receipt == (200, {"success": True})
    message = "Missing required data variable(s): name, link"
    assert (welcome[0], welcome[1]["message"]) == (400, message)
    assert unknown[0] == 404
    assert unknown[1]["error"]["path"] == "transactionalId"


@pytest.mark.parametrize(
    ("values", "fix"),
    [
        *(([bad], "ID=NAME,NAME") for bad in ("", "=name", "a=", "a=x,,y", "a=x=y", "a,b", "a b")),
        (["welcome=name", "welcome=link"], "Give it once"),
    ],
)
def test_a_transactional_option_that_cannot_be_read_says_how_to_write_it(
    values: list[str], fix: str
) -> None:
    options = [part for value in values for part in ("--transactional", value)]
    done = refused("sandbox", "--port", "0", *options)
    assert (done.status, done.out) == (2, "")
    words = " ".join(done.err.split())
    assert "--transactional" in words
    assert fix in words
    assert "Traceback" not in words


async def test_a_body_of_more_than_4_mb_is_413(call: Caller, sandbox: Sandbox) -> None:
    files = [{"filename": "a", "contentType": "text/plain", "data": "AAAA" * 2**20}]
    # As a file, because aiohttp warns of a body of this size in one piece.
    body = io.BytesIO(json.dumps({**WELCOME, "attachments": files}).encode())
    status, _ = await call("POST", "/v1/transactional", data=body)
    assert (status, sandbox.sent_emails) == (413, ())


async def test_suppression_is_told_and_removed_within_the_quota(
    call: Caller, sandbox: Sandbox
) -> None:
    path = "/v1/contacts/suppression"
    _, made = await call("POST", "/v1/contacts/create", ADA)
    contact = {"id": made["id"], "email": "ada@example.com", "userId": None}
    quota = {"limit": 1, "remaining": 1}
    assert await call("GET", path, params=ADA) == (
        200,
        {"contact": contact, "isSuppressed": False, "removalQuota": quota},
    )
    assert (await call("DELETE", path, params=ADA))[0] == 400
    sandbox.suppress("ada@example.com")
    assert (await call("GET", path, params=ADA))[1]["isSuppressed"] is True
    assert await call("DELETE", path, params=ADA) == (
        200,
        {
            "success": True,
            "message": "Email removed from suppression list.",
            "removalQuota": {"limit": 1, "remaining": 0},
        },
    )
    sandbox.suppress("ada@example.com")
    assert (await call("DELETE", path, params=ADA))[0] == 400
    assert (await call("GET", path, params=ADA))[1]["isSuppressed"] is True


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_suppression_takes_exactly_one_identifier_of_a_contact(
    call: Caller, method: str
) -> None:
    path = "/v1/contacts/suppression"
    both = {**ADA, "userId": "u1"}
    answers = [await call(method, path, params=query) for query in ({}, both, ADA)]
    assert [status for status, _ in answers] == [400, 400, 404]


async def test_the_sending_ips_are_those_configured(call: Caller) -> None:
    assert await call("GET", "/v1/dedicated-sending-ips") == (200, ["192.0.2.1"])


async def test_reset_forgets_what_was_sent_the_keys_and_the_suppressed(
    call: Caller, sandbox: Sandbox
) -> None:
    await call("POST", "/v1/events/send", SIGNUP, key="key-1")
    await call("POST", "/v1/transactional", WELCOME)
    sandbox.suppress("ada@example.com")
    sandbox.reset()
    assert (sandbox.sent_events, sandbox.sent_emails, sandbox.counts.events) == ((), (), 0)
    assert (await call("POST", "/v1/events/send", SIGNUP, key="key-1"))[0] == 200
    query = await call("GET", "/v1/contacts/suppression", params=ADA)
    assert query[1]["isSuppressed"] is False


@pytest.mark.parametrize(
    "options", [{"keep_sent": -1}, {"removal_quota": -1}, {"removing_nothing": 500}]
)
def test_arguments_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must (not )?be"):
        Sandbox(**options)
