"""Nothing that was sent shows: not in a log, a repr, an error or what hangs on it, whatever fails.

The secrets are made at random, so that no line of source that a traceback quotes can hold one.
"""

import asyncio
import copy
import json
import logging
import pickle
import re
import secrets
import traceback
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

import attrs
import pytest

from loops_async import (
    Attachment,
    ContactCreate,
    ContactUpdate,
    Event,
    LoopsClient,
    LoopsError,
    RedirectRefused,
    RetryPolicy,
    Timeouts,
    TransactionalEmail,
    log_attempts,
)
from loops_async.sandbox import FAULT_KINDS, Fault, Faults, Sandbox
from tests.scripted import ScriptedPacer
from tests.transport.bare import BareServer, Exchange, Received, http, says

pytestmark = pytest.mark.virtual_time

TOKENS: list[str] = []


def token() -> str:
    TOKENS.append(f"zq{secrets.token_hex(6)}")
    return TOKENS[-1]


def number() -> int:
    TOKENS.append(str(secrets.randbelow(9 * 10**12) + 10**12))
    return int(TOKENS[-1])


KEY, ORDER = token(), token()
EMAIL, USER = f"{token()}@{token()}.example", token()
NAMES: dict[str, Any] = {"first_name": token(), "last_name": f"{token()} {token()}"}
VALUES: dict[str, Any] = {"plan": token(), "seats": number(), "note": f'<b>{token()}</b> & "x"'}
CONTENT = token().encode()
FILE = Attachment(f"{token()}.txt", CONTENT)
TOKENS.append(re.escape(b64encode(CONTENT).decode()[:-4]))

ANY_TOKEN = re.compile("|".join(TOKENS), re.IGNORECASE)

PERSON: dict[str, Any] = {"email": EMAIL, "user_id": USER, "properties": VALUES, **NAMES}
CREATE, UPDATE = ContactCreate(**PERSON), ContactUpdate(**PERSON)
EVENT = Event(event_name="signup", email=EMAIL, properties=VALUES, contact={**NAMES, **VALUES})
DATA: dict[str, Any] = {**VALUES, "items": [VALUES]}
MAIL = TransactionalEmail(
    transactional_id="tx1", email=EMAIL, data_variables=DATA, attachments=[FILE]
)


async def bulk(loops: LoopsClient) -> Any:
    outcomes = [outcome async for outcome in loops.contacts.upsert_many([UPDATE, {"email": USER}])]
    return [*outcomes, *[outcome.error for outcome in outcomes]]


Call = Callable[[LoopsClient], Awaitable[Any]]
CALLS: dict[str, Call] = {
    "create": lambda loops: loops.contacts.create(CREATE),
    "update": lambda loops: loops.contacts.update(UPDATE),
    "find": lambda loops: loops.contacts.find(email=EMAIL),
    "event": lambda loops: loops.events.send(EVENT, idempotency_key=ORDER),
    "mail": lambda loops: loops.transactional.send(MAIL, idempotency_key=ORDER),
    "remove": lambda loops: loops.contacts.remove_suppression(user_id=USER),
    "delete": lambda loops: loops.contacts.delete(email=EMAIL),
    "bulk": bulk,
}


QUICK = RetryPolicy(
    attempts=2, rate_limited_attempts=2, base=0.001, cap=0.002, max_retry_after=0.001
)
ONCE = attrs.evolve(QUICK, attempts=1, rate_limited_attempts=1)


def client(url: str, **options: Any) -> LoopsClient:
    settings: dict[str, Any] = {
        "retry": QUICK,
        "timeout": Timeouts(connect=1.0, read=0.05, total=None),
        "pacer": ScriptedPacer(),
        "on_attempt": log_attempts,
        **options,
    }
    return LoopsClient(KEY, base_url=url, **settings)


def hidden(text: str) -> None:
    """Fail if ``text`` shows a secret; the failure does not quote it all."""
    found = ANY_TOKEN.search(text)
    assert found is None, (
        f"{found[0]} shows: {text[max(0, found.start() - 300) : found.end() + 60]}"
    )


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and all that hangs on it."""
    if error is not None:
        yield error
        yield from chain(error.__cause__)
        yield from chain(error.__context__)


def reported(value: object, depth: int = 0) -> str:
    """A variable as a crash reporter writes it out: what holds things, item by item."""
    if isinstance(value, Mapping) and depth < 4:
        return " ".join(f"{key!r} {reported(item, depth + 1)}" for key, item in value.items())
    if isinstance(value, list | tuple | set) and depth < 4:
        return " ".join(reported(item, depth + 1) for item in value)
    return repr(value)


def no_frame_holds_the_key(error: BaseException) -> None:
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if "loops_async/" in frame.f_code.co_filename.replace("\\", "/"):
            for name, value in frame.f_locals.items():
                assert KEY not in reported(value), f"{frame.f_code.co_qualname}: {name}"


def error_is_clean(error: LoopsError) -> None:
    hidden("".join(traceback.format_exception(error)))
    no_frame_holds_the_key(error)
    for link in chain(error):
        assert isinstance(link, LoopsError), f"{type(link).__name__} hangs on the error"
        notes = getattr(link, "__notes__", [])
        hidden(f"{link} {link!r} {link.args!r} {vars(link)!r} {notes!r}")
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            pickled = pickle.dumps(link, protocol)
            hidden(pickled.decode("latin-1"))
            again = pickle.loads(pickled)  # noqa: S301 - our own
            assert (type(again), vars(again)) == (type(link), vars(link))
        for again in (copy.copy(link), copy.deepcopy(link)):
            assert (type(again), str(again)) == (type(link), str(link))


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Every logger at DEBUG; in the end no record of any shows a secret."""
    caplog.set_level(logging.DEBUG)
    for name, logger in list(logging.root.manager.loggerDict.items()):
        # Some libraries, such as SQLAlchemy, set a level of their own when they are imported.
        if isinstance(logger, logging.Logger):
            caplog.set_level(logging.DEBUG, name)
            assert logger.isEnabledFor(logging.DEBUG), name
    yield caplog
    assert caplog.get_records("call")
    for record in caplog.get_records("call"):
        hidden(f"{record.getMessage()} {record.args!r} {record.exc_text}")
        if record.exc_info:
            hidden("".join(traceback.format_exception(*record.exc_info)))
    hidden(caplog.text)


async def clean(loops: LoopsClient, call: Call) -> LoopsError | None:
    """Make the call; whatever comes of it must not show anything."""
    try:
        value = await call(loops)
    except LoopsError as error:
        error_is_clean(error)
        return error
    hidden(repr(value))
    for item in value if isinstance(value, list) else []:
        if isinstance(item, LoopsError):
            error_is_clean(item)
    return None


# In debug mode, which takes four times as long, the default run tries a few kinds only.
DEBUGGED = {"503_after", "silence", "truncated_json"}


@pytest.mark.parametrize(
    ("kind", "debug"),
    [
        *(pytest.param(kind, False, id=kind) for kind in FAULT_KINDS),
        *(
            pytest.param(
                *(kind, True),
                id=f"{kind}-debug",
                marks=[] if kind in DEBUGGED else pytest.mark.long,
            )
            for kind in FAULT_KINDS
        ),
    ],
)
async def test_no_fault_brings_anything_to_light(
    kind: str, debug: bool, log: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    loop = asyncio.get_running_loop()
    loop.set_debug(debug)
    loop.slow_callback_duration = 0.0  # in debug mode the loop logs whatever it runs
    fault = Fault(kind, seconds=0.005, retry_after=0)
    retry = ONCE if "silence" in kind else QUICK
    async with (
        Sandbox(api_key=KEY, rate=None) as sandbox,
        client(sandbox.url, retry=retry) as loops,
    ):
        sandbox.faults = faults = Faults(lambda _: fault)
        for name, call in CALLS.items():
            met = faults.counts.get(kind, 0)
            await clean(loops, call)
            assert faults.counts[kind] > met, name
        for thing in (loops, loops._layer, loops._connection, loops.contacts, sandbox):
            hidden(repr(thing))
    hidden(repr([CREATE, UPDATE, EVENT, MAIL, FILE]))
    assert [record for record in log.records if record.name == "loops_async"]
    assert not debug or any("took" in record.getMessage() for record in log.records)
    hidden("".join(capfd.readouterr()))


SHAPES: dict[str, Callable[[str], str]] = {
    "text": str,
    "page": lambda seen: f"<html><title>{seen}</title><p>{seen}</p></html>",
    "message": lambda seen: json.dumps({"message": seen, "error": {"path": seen}}),
}


def leaves(value: Any) -> str:
    if isinstance(value, dict | list):
        return " ".join(map(leaves, value.values() if isinstance(value, dict) else value))
    return str(value)


PIECES: dict[str, Callable[[Received], str]] = {
    "key": lambda seen: seen.headers["authorization"],
    "idempotency key": lambda seen: seen.headers.get("idempotency-key", seen.target),
    "query": lambda seen: unquote(seen.target),
    "body": lambda seen: seen.body.decode(),
    "values": lambda seen: leaves(json.loads(seen.body or b"{}")),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("piece", PIECES)
async def test_a_server_that_repeats_what_it_was_sent_brings_nothing_to_light(
    piece: str, shape: str, log: pytest.LogCaptureFixture
) -> None:
    async def answer(exchange: Exchange) -> None:
        said = SHAPES[shape](PIECES[piece](exchange.request)).encode()
        status = statuses[len(server.requests) % len(statuses)]
        await exchange.write(http(status, said, headers={"X-Seen": exchange.request.target}))

    asyncio.get_running_loop().set_debug(False)  # half the time, and seen above
    statuses = [200, 302, 400, 404, 409, 429, 500]
    async with BareServer(answer) as server, client(server.url, retry=ONCE) as loops:
        for name, call in list(CALLS.items()) * len(statuses):
            error = await clean(loops, call)
            assert (error is None) == (name == "bulk")


@pytest.mark.parametrize("call", ["event", "mail"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_refused_and_neither_key_nor_body_reaches_the_other_host(
    status: int, call: str, log: pytest.LogCaptureFixture
) -> None:
    async with BareServer(says(http(200, b'{"success":true}'))) as other:
        moved = http(status, b"", headers={"Location": f"{other.url}/v1/events/send?e={EMAIL}"})
        async with BareServer(says(moved)) as server, client(server.url) as loops:
            error = await clean(loops, CALLS[call])
        assert type(error) is RedirectRefused
        assert (len(server.requests), other.accepted) == (1, 0)


async def test_where_nobody_listens_nothing_comes_to_light(log: pytest.LogCaptureFixture) -> None:
    for scheme in ("http", "https"):
        async with client(f"{scheme}://127.0.0.1:1/api") as loops:
            for name, call in CALLS.items():
                assert (await clean(loops, call) is None) == (name == "bulk")
