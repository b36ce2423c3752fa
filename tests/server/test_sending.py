"""Events and mail against the sandbox: what arrives, and that it arrives once."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from loops_async import (
    Attachment,
    BadRequest,
    IdempotencyConflict,
    LoopsClient,
    NotFound,
    OutcomeUnknown,
    RetryPolicy,
    SendReceipt,
    TransactionalEmail,
)
from loops_async.sandbox import Faults, Sandbox
from tests.scripted import ScriptedPacer

ADA = "ada@example.com"
QUICK = RetryPolicy(attempts=3, base=0.001, cap=0.002)


def quick(sandbox: Sandbox, **options: Any) -> LoopsClient:
    """A client that neither waits nor is paced."""
    settings: dict[str, Any] = {"retry": QUICK, "pacer": ScriptedPacer(), **options}
    return LoopsClient(sandbox.api_key, base_url=sandbox.url, **settings)


async def event(loops: LoopsClient, **options: Any) -> SendReceipt:
    return await loops.events.send("signup", email=ADA, **options)


async def mail(loops: LoopsClient, **options: Any) -> SendReceipt:
    return await loops.transactional.send("tx1", ADA, **options)


BOTH = pytest.mark.parametrize("send", [event, mail])


def sent(sandbox: Sandbox) -> int:
    return sandbox.counts.events + sandbox.counts.emails


async def test_an_event_arrives_with_all_that_belongs_to_it(sandbox: Sandbox) -> None:
    lists = {sandbox.mailing_lists[0].id: True}
    async with quick(sandbox) as loops:
        receipt = await loops.events.send(
            "signup",
            email=ADA,
            user_id="u-1",
            properties={"seats": 3, "trial": True, "plan": "pro"},
            mailing_lists=lists,
            contact={"first_name": "Ada", "user_group": None, "color": "blue"},
            idempotency_key="order-1",
        )
    assert receipt == SendReceipt("order-1", attempts=1)
    (arrived,) = sandbox.sent_events
    assert (arrived.name, arrived.email, arrived.user_id) == ("signup", ADA, "u-1")
    assert arrived.properties == {"seats": 3, "trial": True, "plan": "pro"}
    assert arrived.mailing_lists == lists
    assert arrived.idempotency_key == "order-1"
    held = sandbox.contacts[ADA]
    assert (held.first_name, held.user_id, held.mailing_lists) == ("Ada", "u-1", lists)
    assert held.properties == {"color": "blue"}
    (request,) = sandbox.requests
    assert (request.method, request.path) == ("POST", "/v1/events/send")
    assert request.headers["idempotency-key"] == "order-1"
    assert request.headers["content-type"] == "application/json"


async def test_a_mail_arrives_with_all_that_belongs_to_it(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "rechnung.pdf").write_bytes(b"%PDF\x00")
    async with quick(sandbox) as loops:
        record = TransactionalEmail(
            transactional_id="tx1",
            email=ADA,
            data_variables={"name": "Ada", "items": [{"title": "Tea", "price": 3.5}]},
            add_to_audience=True,
            attachments=[
                Attachment("a.bin", bytes(range(256))),
                Attachment.from_path(tmp_path / "rechnung.pdf"),
                Attachment.from_path(str(tmp_path / "rechnung.pdf"), "other.txt"),
            ],
        )
        receipt = await loops.transactional.send(record)
    (arrived,) = sandbox.sent_emails
    assert (arrived.transactional_id, arrived.email, arrived.add_to_audience) == ("tx1", ADA, True)
    assert arrived.data_variables == {"name": "Ada", "items": [{"title": "Tea", "price": 3.5}]}
    assert arrived.idempotency_key == receipt.idempotency_key
    assert [(one.filename, one.content_type, one.data) for one in arrived.attachments] == [
        ("a.bin", "application/octet-stream", bytes(range(256))),
        ("rechnung.pdf", "application/pdf", b"%PDF\x00"),
        ("other.txt", "text/plain", b"%PDF\x00"),
    ]
    assert ADA in sandbox.contacts


async def test_what_loops_refuses_comes_back_in_its_words_and_its_class() -> None:
    async with (
        Sandbox(
            rate=None, transactional_emails={"tx1": ["url"], "tx2": []}, attachments=False
        ) as sandbox,
        quick(sandbox) as loops,
    ):
        with pytest.raises(BadRequest, match=r"Missing required data variable\(s\): url"):
            await loops.transactional.send("tx1", ADA)
        with pytest.raises(NotFound):
            await loops.transactional.send("unknown", ADA)
        with pytest.raises(BadRequest, match="ttachments"):
            await loops.transactional.send("tx2", ADA, attachments=[Attachment("a.txt", b"")])
        sandbox.suppress(ADA)
        with pytest.raises(BadRequest, match="not sendable"):
            await loops.transactional.send("tx2", ADA)
        with pytest.raises(BadRequest, match=r"Contact not found\."):
            await loops.events.send("signup", user_id="unknown")
        assert sent(sandbox) == 0


# Once, whatever happens.


@BOTH
@pytest.mark.parametrize(
    "fault", ["reset_after", "reset_mid_body", "502_html_after", "truncated_json", "html_as_json"]
)
async def test_a_reply_that_is_lost_is_confirmed_by_the_repeat(send: Any, fault: str) -> None:
    async with Sandbox(rate=None, faults=Faults.script([fault])) as sandbox, quick(sandbox) as to:
        receipt = await send(to)
        assert (receipt.attempts, receipt.confirmed_by_repeat) == (2, True)
        keys = [request.headers["idempotency-key"] for request in sandbox.requests]
        assert keys == [receipt.idempotency_key] * 2
        assert sent(sandbox) == 1


@BOTH
@pytest.mark.parametrize("fault", ["refuse", "reset_before", "503_empty", "429"])
async def test_what_never_arrived_is_sent_by_the_next_attempt(send: Any, fault: str) -> None:
    async with Sandbox(rate=None, faults=Faults.script([fault])) as sandbox, quick(sandbox) as to:
        receipt = await send(to)
        assert (receipt.attempts, receipt.confirmed_by_repeat) == (2, False)
        assert sent(sandbox) == 1


@BOTH
async def test_a_key_of_ones_own_is_taken_once_by_many_calls(send: Any, sandbox: Sandbox) -> None:
    async with quick(sandbox) as loops:
        calls = [send(loops, idempotency_key="order-1") for _ in range(20)]
        results = await asyncio.gather(*calls, return_exceptions=True)
    assert sent(sandbox) == 1
    assert [type(result) for result in results].count(SendReceipt) == 1
    assert [type(result) for result in results].count(IdempotencyConflict) == 19


@BOTH
async def test_after_an_unknown_outcome_a_repeat_under_the_same_key_sends_nothing_twice(
    send: Any,
) -> None:
    faults = Faults.script(["reset_after"])
    async with Sandbox(rate=None, faults=faults) as sandbox:
        async with quick(sandbox, retry=RetryPolicy(attempts=1)) as before:
            with pytest.raises(OutcomeUnknown):
                await send(before, idempotency_key="order-1")
        async with quick(sandbox) as after:
            with pytest.raises(IdempotencyConflict):
                await send(after, idempotency_key="order-1")
        assert sent(sandbox) == 1


@pytest.mark.parametrize(("per_page", "pages"), [(50, 1), (10, 3)])
async def test_the_published_mails_come_in_pages(per_page: int, pages: int) -> None:
    emails = {f"tx{number}": [f"url{number}"] for number in range(21)}
    async with Sandbox(rate=None, transactional_emails=emails) as sandbox, quick(sandbox) as loops:
        listed = await loops.transactional.list(per_page=per_page)
        assert {email.id: email.data_variables for email in listed} == emails
        assert listed[0].last_updated.tzinfo is not None
        first, *others = sandbox.requests
    assert [dict(request.query) for request in (first, *others)] == [
        {"perPage": str(per_page)},
        *({"perPage": str(per_page), "cursor": f"tx{page * per_page}"} for page in range(1, pages)),
    ]
    assert {(request.method, request.path) for request in (first, *others)} == {
        ("GET", "/v1/transactional")
    }


async def test_a_list_goes_on_from_a_cursor_and_past_a_lost_reply() -> None:
    emails: dict[str, list[str]] = {f"tx{number}": [] for number in range(12)}
    faults = Faults.script([None, "reset_after"])
    async with (
        Sandbox(rate=None, transactional_emails=emails, faults=faults) as sandbox,
        quick(sandbox) as loops,
    ):
        async for page in loops.transactional.list(per_page=10).pages():
            assert len(page.items) == 10
            break
        rest = [email.id async for email in loops.transactional.list(cursor=page.next_cursor)]
    assert rest == ["tx10", "tx11"]
    assert len(sandbox.requests) == 3
