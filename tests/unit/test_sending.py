"""Events and mail over scripted replies: what is sent, what is refused before, and the key."""

import json
import re
import types
from collections import UserDict
from collections.abc import Callable, Coroutine
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest

from loops_async import UNSET, Attachment, Event, SendReceipt, TransactionalEmail, errors
from loops_async.api.idempotency import check_key
from loops_async.client import LoopsClient
from loops_async.codec import to_json
from loops_async.pipeline.clock import Clock
from loops_async.pipeline.retry_policy import RetryPolicy
from loops_async.pipeline.retrying import Retrying
from tests.scripted import ScriptedPacer, ScriptedTransport, Step, late, lost, never_left, reply
from tests.virtual_time import run_virtual

ADA = "ada@example.com"
Do = Callable[[LoopsClient], Coroutine[Any, Any, Any]]
SENT = reply(200, {"success": True})
REPEAT = reply(409, {"success": False, "message": "Request … has already been processed."})
BUSY = reply(429)


def scripted(do: Do, *steps: Step, timeout: float | None = None) -> tuple[Any, ScriptedTransport]:
    """What ``do`` returns or raises with a client over a script, and what the client sent."""
    transport = ScriptedTransport(*steps)

    async def main() -> Any:
        async with LoopsClient("test-key", timeout=timeout) as loops:
            policy = RetryPolicy(attempts=3)
            clock = Clock(random=lambda: 0.5)
            loops._layer = Retrying(transport, ScriptedPacer(), policy, clock)
            try:
                return await do(loops)
            except errors.LoopsError as error:
                return error

    return run_virtual(main()), transport


def event(loops: LoopsClient, **options: Any) -> Coroutine[Any, Any, SendReceipt]:
    return loops.events.send("signup", email=ADA, **options)


def mail(loops: LoopsClient, **options: Any) -> Coroutine[Any, Any, SendReceipt]:
    return loops.transactional.send("tx1", ADA, **options)


BOTH = pytest.mark.parametrize("do", [event, mail])


# What is sent.


@pytest.mark.parametrize(("fields", "sent"), [
    ({"email": ADA}, {"email": ADA}),
    ({"email": ADA, "user_id": None}, {"email": ADA, "userId": None}),
    ({"user_id": "u-1", "email": UNSET}, {"userId": "u-1"}),
    ({"user_id": "u-1", "mailing_lists": None}, {"userId": "u-1", "mailingLists": None}),
    ({"user_id": "u-1", "mailing_lists": {"l1": True, "l2": False}},
     {"userId": "u-1", "mailingLists": {"l1": True, "l2": False}}),
    ({"email": ADA, "properties": {}, "contact": UNSET}, {"email": ADA}),
    ({"email": ADA, "properties": {"id": 7, "ok": True, "none": None, "n": 1.5, "email": "x"}},
     {"email": ADA,
      "eventProperties": {"id": 7, "ok": True, "none": None, "n": 1.5, "email": "x"}}),
    ({"email": ADA, "properties": {"day": date(2026, 1, 2), "long": "x" * 501}},
     {"email": ADA, "eventProperties": {"day": "2026-01-02", "long": "x" * 501}}),
    ({"email": ADA,
      "properties": {"at": datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=2)))}},
     {"email": ADA, "eventProperties": {"at": "2026-01-02T01:00:00.000Z"}}),
    ({"email": ADA, "contact": {"first_name": "A", "last_name": None, "source": UNSET,
                                "user_group": "g", "subscribed": False, "plan": UNSET}},
     {"email": ADA, "firstName": "A", "lastName": None, "userGroup": "g", "subscribed": False}),
    ({"email": ADA, "contact": {"plan": None, "since": date(2026, 1, 2), "first_nam": "x"}},
     {"email": ADA, "plan": None, "since": "2026-01-02", "first_nam": "x"}),
])  # fmt: skip
def test_an_event_is_the_json_that_loops_documents(
    fields: dict[str, Any], sent: dict[str, Any]
) -> None:
    record = Event(event_name="signup", **fields)
    assert to_json(record) == {"eventName": "signup", **sent}
    _, by_record = scripted(lambda loops: loops.events.send(record), SENT)
    _, by_fields = scripted(lambda loops: loops.events.send("signup", **fields), SENT)
    assert by_record.bodies == by_fields.bodies == [{"eventName": "signup", **sent}]


@pytest.mark.parametrize(("fields", "sent"), [
    ({}, {}),
    ({"add_to_audience": False}, {"addToAudience": False}),
    ({"data_variables": UNSET, "attachments": UNSET}, {}),
    ({"data_variables": {"name": "Ada", "n": 2**70, "x": 0.5, "empty": "", "items": []}},
     {"dataVariables": {"name": "Ada", "n": 2**70, "x": 0.5, "empty": "", "items": []}}),
    ({"data_variables": {"items": [{"a": "b"}, types.MappingProxyType({"a": 1})],
                         "more": [UserDict({"a": 1.5})]}},
     {"dataVariables": {"items": [{"a": "b"}, {"a": 1}], "more": [{"a": 1.5}]}}),
    ({"attachments": (a for a in [Attachment("ü.pdf", b"\x00\xff"), Attachment("a.csv.gz", b"")])},
     {"attachments": [{"filename": "ü.pdf", "contentType": "application/pdf", "data": "AP8="},
                      {"filename": "a.csv.gz", "contentType": "application/octet-stream",
                       "data": ""}]}),
    ({"attachments": [Attachment("noend", b"abc", "text/x-own; charset=utf-8")]},
     {"attachments": [{"filename": "noend", "contentType": "text/x-own; charset=utf-8",
                       "data": "YWJj"}]}),
])  # fmt: skip
def test_a_mail_is_the_json_that_loops_documents(
    fields: dict[str, Any], sent: dict[str, Any]
) -> None:
    record = TransactionalEmail(transactional_id="tx1", email=ADA, **fields)
    expected = {"transactionalId": "tx1", "email": ADA, **sent}
    assert to_json(record) == json.loads(json.dumps(expected))
    _, by_record = scripted(lambda loops: loops.transactional.send(record), SENT)
    assert by_record.bodies == [expected]


def test_what_the_caller_changes_later_changes_no_record() -> None:
    item: dict[str, Any] = {"a": 1}
    variables: dict[str, Any] = {"items": [item]}
    changes: dict[str, Any] = {"plan": "pro"}
    a_mail = TransactionalEmail(transactional_id="tx1", email=ADA, data_variables=variables)
    an_event = Event(event_name="e", email=ADA, contact=changes, properties=changes)
    item["a"] = variables["more"] = changes["plan"] = datetime(2026, 1, 2, tzinfo=UTC)
    assert a_mail.data_variables == {"items": [{"a": 1}]}
    assert an_event.contact == an_event.properties == {"plan": "pro"}


# The key.


@BOTH
def test_a_key_is_made_once_for_all_attempts_of_a_call_and_anew_for_the_next(do: Any) -> None:
    keys = []
    for _ in range(2):
        receipt, transport = scripted(do, never_left(), BUSY, lost(), SENT)
        assert receipt.attempts == len(transport.sent) == 4
        (key,) = {request.idempotency_key for request in transport.sent}
        assert str(UUID(key)) == key == receipt.idempotency_key
        assert not receipt.confirmed_by_repeat
        assert len({request.body for request in transport.sent}) == 1
        keys.append(key)
    assert len(set(keys)) == 2


@BOTH
def test_a_given_key_is_sent_as_it_is(do: Any) -> None:
    for key in ("k", "k" * 100, "order 7/é".replace("é", "~"), "!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~"):
        receipt, transport = scripted(lambda to, key=key: do(to, idempotency_key=key), lost(), SENT)  # type: ignore[misc]
        assert [request.idempotency_key for request in transport.sent] == [key, key]
        assert receipt == SendReceipt(key, attempts=2)


@BOTH
@pytest.mark.parametrize(
    "key", ["", "k" * 101, " k", "k ", "a\nb", "k\r\n", "a\x7fb", "é", "\ud800", 7, b"k", UNSET],
    ids=ascii,
)  # fmt: skip
def test_a_key_that_cannot_be_one_is_refused_before_anything_is_sent(do: Any, key: Any) -> None:
    error, transport = scripted(lambda loops: do(loops, idempotency_key=key))
    assert type(error) is errors.InvalidInput
    assert error.field == "idempotency_key"
    assert "1 to 100 printable" in str(error)
    assert transport.sent == []
    with pytest.raises(errors.InvalidInput):
        check_key(key)


# A key that Loops has processed already.


@BOTH
@pytest.mark.parametrize("given", [None, "order-1"])
@pytest.mark.parametrize("before", [[], [BUSY], [never_left()], [BUSY, never_left(), BUSY]])
def test_a_repeat_without_doubt_is_a_conflict(do: Any, given: Any, before: list[Step]) -> None:
    error, transport = scripted(lambda to: do(to, idempotency_key=given), *before, REPEAT)
    assert type(error) is errors.IdempotencyConflict
    assert (error.status, error.attempts) == (409, len(before) + 1)
    assert "with this idempotency_key has already succeeded, so no action is required" in str(error)
    assert len(transport.sent) == error.attempts


@BOTH
@pytest.mark.parametrize("given", [None, "order-1"])
@pytest.mark.parametrize("doubt", [
    [lost()], [late()], [reply(500)], [reply(502, b"<html>")], [reply(200, b"")],
    [reply(200, {"success": False})], [lost(), BUSY], [BUSY, late()], [lost(), never_left()],
])  # fmt: skip
def test_a_repeat_after_doubt_is_a_success_that_says_so(
    do: Any, given: str | None, doubt: list[Step]
) -> None:
    receipt, transport = scripted(lambda to: do(to, idempotency_key=given), *doubt, REPEAT)
    assert receipt.confirmed_by_repeat is True
    assert receipt.attempts == len(doubt) + 1
    assert receipt.idempotency_key == transport.sent[0].idempotency_key


@BOTH
def test_a_success_after_doubt_is_a_plain_one(do: Any) -> None:
    receipt, _ = scripted(do, lost(), SENT)
    assert (receipt.attempts, receipt.confirmed_by_repeat) == (2, False)


@BOTH
@pytest.mark.parametrize("end", [
    [lost(), late(), reply(503)], [lost(), reply(400)], [late(), reply(401)], [lost(), reply(404)],
    [reply(200, b"<html>"), never_left(), never_left()], [lost(), reply(429, retry_after="99")],
])  # fmt: skip
def test_doubt_that_nothing_lifts_leaves_the_outcome_unknown(do: Any, end: list[Step]) -> None:
    error, transport = scripted(lambda to: do(to, idempotency_key="order-1"), *end)
    assert type(error) is errors.OutcomeUnknown
    assert error.attempts == len(transport.sent) == len(end)
    assert isinstance(error.__cause__, errors.LoopsError)
    assert "order-1" not in str(error)


@BOTH
@pytest.mark.parametrize(("end", "kind"), [
    ([never_left()] * 3, errors.ConnectFailed), ([reply(400)], errors.BadRequest),
    ([BUSY, reply(404)], errors.NotFound), ([reply(401)], errors.Unauthorized),
    ([reply(429, retry_after="99")], errors.RateLimited),
])  # fmt: skip
def test_without_doubt_the_error_says_that_nothing_was_sent(
    do: Any, end: list[Step], kind: type[errors.LoopsError]
) -> None:
    error, transport = scripted(do, *end)
    assert type(error) is kind
    assert error.attempts == len(transport.sent) == len(end)


# What the caller sees.


def test_no_repr_shows_a_value_or_a_key() -> None:
    an_event = Event(
        event_name="S3CRET", email="S3CRET@x.io", user_id="S3CRET", properties={"plan": "S3CRET"},
        contact={"first_name": "S3CRET", "last_name": None}, mailing_lists={"l1": True},
    )  # fmt: skip
    attachment = Attachment("S3CRET.txt", b"S3CRET")
    a_mail = TransactionalEmail(
        transactional_id="tx", email="S3CRET@x.io", data_variables={"name": "S3CRET"},
        attachments=[attachment],
    )  # fmt: skip
    for shown in (an_event, attachment, a_mail, SendReceipt("S3CRET", 2)):
        assert "S3CRET" not in repr(shown)
    assert re.fullmatch(r"Event\(.*properties=\{plan\}.*\)", repr(an_event))
    assert "data_variables={name}" in repr(a_mail)
