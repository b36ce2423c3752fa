"""Whoever watches: what an attempt tells, what it never tells, and the lines of the log."""

import asyncio
import functools
import logging
import re
import subprocess
import sys
from collections.abc import Iterable
from typing import Any

import attrs
import pytest
from aioresponses import aioresponses as AioResponses  # noqa: N812 - it is a class

from loops_async import (
    Attempt,
    BadRequest,
    ConfigurationError,
    Forbidden,
    IdempotencyConflict,
    LoopsClient,
    LoopsError,
    LoopsSession,
    RetryPolicy,
    ServerError,
    Unauthorized,
    log_attempts,
)
from loops_async.pipeline.messages import Pacing, Reply, Request
from loops_async.pipeline.observing import Observer
from tests.scripted import ScriptedPacer
from tests.transport.bare import FIND_ADA

HOME = "https://loops.example/api"
EVENTS, FIND = f"{HOME}/v1/events/send", f"{HOME}/v1/contacts/find"
SECRETS = ("s3cret-key", "ada.secret", "Lovelace", "order-1815")
QUICK = RetryPolicy(attempts=3, base=0.001, cap=0.002)


def attempt(**fields: Any) -> Attempt:
    told: dict[str, Any] = {
        "method": "POST", "path": "/v1/events/send", "number": 1, "status": 200, "error": None,
        "seconds": 0.1234, "wait": None, "reason": None, **fields,
    }  # fmt: skip
    return Attempt(**told)


async def send(loops: LoopsClient) -> None:
    await loops.events.send(
        "signup",
        email="ada.secret@example.com",
        contact={"last_name": "Lovelace"},
        idempotency_key="order-1815",
    )


def watched(on_attempt: Observer | Iterable[Observer], **options: Any) -> LoopsClient:
    return LoopsClient(
        "s3cret-key",
        base_url=HOME,
        retry=QUICK,
        on_attempt=on_attempt,
        **{"pacer": ScriptedPacer(), **options},
    )


def test_an_attempt_cannot_be_changed_and_has_room_for_no_secret() -> None:
    told = attempt()
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        told.number = 2  # type: ignore[misc]
    assert [field.name for field in attrs.fields(Attempt)] == [
        "method", "path", "number", "status", "error", "seconds", "wait", "reason",
    ]  # fmt: skip


def test_what_crosses_the_layers_shows_neither_query_nor_body_nor_key() -> None:
    request = Request(FIND_ADA.endpoint, {"email": "ada.secret"}, b"Lovelace", "order-1815")
    reply = Reply(200, {"x": "ada.secret"}, b"Lovelace")
    shown = repr([request, reply, FIND_ADA])
    assert "/v1/contacts/find" in shown
    assert not any(secret in shown for secret in SECRETS)


async def test_every_attempt_of_a_call_is_told_in_order(mocked: AioResponses) -> None:
    seen: list[Attempt] = []
    mocked.post(EVENTS, status=502, body="<html>order-1815</html>")
    mocked.post(EVENTS, status=429, payload={"message": "ada.secret@example.com: slower"})
    mocked.post(EVENTS, exception=ConnectionResetError("ada.secret@example.com"))
    mocked.post(EVENTS, status=409, payload={"message": "key order-1815 was processed."})
    async with watched(seen.append) as loops:
        await send(loops)
    assert [(told.number, told.status, told.error) for told in seen] == [
        (1, 502, "ServerError"), (2, 429, "RateLimited"), (3, None, "ConnectionLost"),
        (4, 409, "IdempotencyConflict"),
    ]  # fmt: skip
    assert {(told.method, told.path) for told in seen} == {("POST", "/v1/events/send")}
    assert [told.wait is None for told in seen] == [False, False, False, True]
    assert all(0 <= (told.wait or 0) <= 0.002 and told.reason for told in seen)
    assert seen[3].reason == "an earlier attempt succeeded"
    assert not any(secret in repr(seen) for secret in SECRETS)


async def test_the_path_is_the_routes_and_never_holds_what_was_asked_for(
    mocked: AioResponses,
) -> None:
    seen: list[Attempt] = []
    mocked.get(f"{FIND}?email=ada.secret%40example.com", payload=[])
    async with watched(seen.append) as loops:
        await loops.contacts.find(email="ada.secret@example.com")
    (told,) = seen
    assert told == attempt(method="GET", path="/v1/contacts/find", seconds=told.seconds)
    assert told.seconds >= 0


async def test_nobody_is_told_of_what_was_never_sent() -> None:
    class Full(Pacing):
        async def acquire(self, lane: object = None) -> Any:
            raise LoopsError("no turn")

    seen: list[Attempt] = []
    async with watched(seen.append, pacer=Full()) as loops:
        for call in (send(loops), loops.events.send("", email="ada.secret@example.com")):
            with pytest.raises(LoopsError):
                await call
    assert seen == []


async def test_a_client_of_a_session_is_watched_by_itself(mocked: AioResponses) -> None:
    mine: list[Attempt] = []
    mocked.post(EVENTS, payload={"success": True}, repeat=True)
    async with LoopsSession(base_url=HOME) as session:
        await send(session.client("s3cret-key", on_attempt=mine.append))
        await send(session.client("s3cret-key"))
    assert len(mine) == 1


@pytest.mark.parametrize(("told", "level", "line"), [
    (attempt(), logging.DEBUG, "POST /v1/events/send attempt 1: 200 in 0.123 s"),
    (attempt(number=2, status=502, error="ServerError", wait=0.256, reason="in doubt"),
     logging.INFO,
     "POST /v1/events/send attempt 2: ServerError in 0.123 s; retrying in 0.26 s: in doubt"),
    (attempt(status=None, error="ConnectFailed", wait=0.0, reason="r"), logging.INFO,
     "POST /v1/events/send attempt 1: ConnectFailed in 0.123 s; retrying in 0.00 s: r"),
    (attempt(status=400, error="BadRequest", reason="not retryable"), logging.WARNING,
     "POST /v1/events/send attempt 1: BadRequest in 0.123 s; not retrying: not retryable"),
])  # fmt: skip
def test_the_ready_made_observer_writes_one_line_of_the_right_level(
    caplog: pytest.LogCaptureFixture, told: Attempt, level: int, line: str
) -> None:
    caplog.set_level(logging.DEBUG)
    log_attempts(told)
    assert caplog.record_tuples == [("loops_async", level, line)]


async def test_a_call_logs_what_happened_and_nothing_that_was_sent(
    mocked: AioResponses, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    mocked.post(EVENTS, status=503, payload={"message": "Lovelace order-1815 s3cret-key"})
    mocked.post(EVENTS, payload={"success": True})
    async with watched(log_attempts) as loops:
        await send(loops)
    ours = [record for record in caplog.records if record.name == "loops_async"]
    assert [record.levelno for record in ours] == [logging.INFO, logging.DEBUG]
    assert not any(secret in caplog.text for secret in SECRETS)


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    """The package's log lines, without their durations."""
    return [
        (level, re.sub(r"[\d.]+ s\b", "… s", text))
        for name, level, text in caplog.record_tuples
        if name == "loops_async"
    ]


RETRIED = (
    logging.INFO,
    "POST /v1/events/send attempt 1: ServerError in … s; retrying in … s: it may have taken effect",
)


async def test_without_any_setup_a_retry_leaves_one_line(
    mocked: AioResponses, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    mocked.post(EVENTS, status=503, payload={"message": "Lovelace order-1815 s3cret-key"})
    mocked.post(EVENTS, payload={"success": True}, repeat=True)
    async with LoopsClient("s3cret-key", base_url=HOME, retry=QUICK) as loops:
        await send(loops)
        await send(loops)
    assert lines(caplog) == [RETRIED]
    assert not any(secret in caplog.text for secret in SECRETS)


async def test_without_any_setup_a_call_that_is_given_up_leaves_a_warning(
    mocked: AioResponses, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    mocked.get(re.compile(FIND), status=502, repeat=True)
    async with LoopsClient("s3cret-key", base_url=HOME, retry=QUICK) as loops:
        with pytest.raises(ServerError):
            await loops.contacts.find(email="ada.secret@example.com")
    assert [level for level, _ in lines(caplog)] == [logging.INFO] * 2 + [logging.WARNING]
    assert lines(caplog)[-1][1] == (
        "GET /v1/contacts/find attempt 3: ServerError in … s; not retrying: all attempts used (3)"
    )
    assert not any(secret in caplog.text for secret in SECRETS)


@pytest.mark.parametrize(("status", "error"), [
    (400, BadRequest), (401, Unauthorized), (403, Forbidden), (409, IdempotencyConflict),
])  # fmt: skip
async def test_an_answer_of_loops_is_raised_and_leaves_no_line(
    mocked: AioResponses,
    caplog: pytest.LogCaptureFixture,
    status: int,
    error: type[LoopsError],
) -> None:
    caplog.set_level(logging.DEBUG)
    mocked.post(EVENTS, status=status, payload={"message": "no"})
    async with LoopsClient("s3cret-key", base_url=HOME, retry=QUICK) as loops:
        with pytest.raises(error):
            await send(loops)
    assert lines(caplog) == []


async def test_a_repeat_that_confirms_the_first_attempt_is_not_a_failure(
    mocked: AioResponses, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    mocked.post(EVENTS, status=503)
    mocked.post(EVENTS, status=409, payload={"message": "processed"})
    async with LoopsClient("s3cret-key", base_url=HOME, retry=QUICK) as loops:
        await send(loops)
    assert lines(caplog) == [RETRIED]


class _Own:
    """An observer of the user's own that logs with ``log_attempts`` and does more."""

    def __init__(self) -> None:
        self.seen: list[Attempt] = []

    def __call__(self, attempt: Attempt) -> None:
        self.seen.append(attempt)
        log_attempts(attempt)


@pytest.mark.parametrize("observers", [
    log_attempts,
    [log_attempts],
    (lambda _: None, log_attempts),
    functools.partial(log_attempts),
    lambda attempt: log_attempts(attempt),  # noqa: PLW0108 - as a user may write it
    _Own(),
    iter([_Own(), lambda _: None]),
], ids=range(7))  # fmt: skip
async def test_log_attempts_writes_the_only_line_however_it_is_called(
    mocked: AioResponses, caplog: pytest.LogCaptureFixture, observers: Any
) -> None:
    caplog.set_level(logging.INFO)
    mocked.post(EVENTS, status=503)
    mocked.post(EVENTS, payload={"success": True})
    async with watched(observers) as loops:
        await send(loops)
    assert lines(caplog) == [RETRIED]


async def test_two_clients_that_log_differently_both_leave_one_line(
    mocked: AioResponses, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    mocked.post(EVENTS, status=503)
    mocked.post(EVENTS, status=503)
    mocked.post(EVENTS, payload={"success": True}, repeat=True)
    async with watched(log_attempts) as one, watched(lambda _: None) as other:
        await asyncio.gather(send(one), send(other))
    assert lines(caplog) == [RETRIED] * 2


async def test_several_observers_are_called_in_order_and_independently(
    mocked: AioResponses, caplog: pytest.LogCaptureFixture
) -> None:
    called: list[str] = []

    def broken(_: Attempt) -> None:
        called.append("broken")
        raise ZeroDivisionError

    mocked.post(EVENTS, payload={"success": True})
    async with watched(
        [lambda _: called.append("first"), broken, lambda _: called.append("last")]
    ) as loops:
        await send(loops)
    assert called == ["first", "broken", "last"]
    assert lines(caplog) == [(logging.ERROR, "on_attempt raised an exception")]


@pytest.mark.parametrize("given", [7, "log_attempts", [log_attempts, None], ["log"]], ids=range(4))
def test_what_is_not_callable_is_refused_as_an_observer(given: Any) -> None:
    with pytest.raises(ConfigurationError, match="on_attempt: must be callable with an Attempt"):
        LoopsClient("s3cret-key", on_attempt=given)


def test_python_prints_the_warning_where_logging_was_never_set_up() -> None:
    code = (
        "import asyncio, loops_async as la\n"
        "from loops_async.testing import ScriptedTransport, reply\n"
        "async def main():\n"
        "    retry = la.RetryPolicy(attempts=2, base=0.001)\n"
        "    transport = ScriptedTransport([reply(503), reply(503)])\n"
        "    async with la.LoopsClient('k', transport=transport, retry=retry) as loops:\n"
        "        try: await loops.api_key.test()\n"
        "        except la.ServerError: print('raised')\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "raised\n"
    assert re.fullmatch(
        r"GET /v1/api-key attempt 2: ServerError in \S+ s; not retrying: all attempts used \(2\)\n",
        done.stderr,
    )
