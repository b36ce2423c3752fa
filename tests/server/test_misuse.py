"""Misuse: a named error that says the fix, and nothing is sent."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import aiohttp
import pytest

from loops_async import (
    ConfigurationError,
    ContactCreate,
    ContactUpdate,
    InvalidCall,
    InvalidInput,
    LoopsClient,
    LoopsError,
    LoopsSession,
    RetryPolicy,
    SessionClosed,
    Timeouts,
    WrongEventLoop,
)
from loops_async.sandbox import Sandbox
from tests.transport.bare import TEAM, BareServer, says

HOME = "https://loops.example/api"


# The key.


@pytest.mark.parametrize("variable", [None, ""])
def test_without_a_key_the_error_names_both_places_for_it(
    monkeypatch: pytest.MonkeyPatch, variable: str | None
) -> None:
    monkeypatch.delenv("LOOPS_API_KEY", raising=False)
    if variable is not None:
        monkeypatch.setenv("LOOPS_API_KEY", variable)
    with pytest.raises(ConfigurationError, match=r"api_key=… or set .* LOOPS_API_KEY") as caught:
        LoopsClient()
    assert isinstance(caught.value, ValueError)
    with pytest.raises(ConfigurationError, match="no API key"):
        LoopsSession().client()


@pytest.mark.parametrize(
    "key",
    [
        "secret key",
        " secret",
        "secret\n",
        "sec\r\nret",
        "Bearer secret",
        "sec\tret",
        "secret\x00",
        "sécret",
        "secret\u200b",
        "secret\x7f",
        b"secret",
        7,
    ],
    ids=ascii,
)
def test_a_key_that_cannot_be_one_is_refused_and_never_shown(key: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^api_key: (must|is in|begins)") as caught:
        LoopsClient(key)
    assert "secret" not in f"{caught.value}{caught.value!r}"


def test_a_key_from_the_environment_is_looked_at_just_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LOOPS_API_KEY", "secret\n")
    with pytest.raises(ConfigurationError, match="line break"):
        LoopsClient()


async def test_key_and_address_may_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    monkeypatch.setenv("LOOPS_API_KEY", sandbox.api_key)
    monkeypatch.setenv("LOOPS_BASE_URL", sandbox.url)
    async with LoopsClient() as loops:
        assert (await loops.api_key.test()).team_name == "Company name"


async def test_what_is_passed_goes_before_the_environment(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    monkeypatch.setenv("LOOPS_API_KEY", "wrong-key")
    monkeypatch.setenv("LOOPS_BASE_URL", HOME)
    async with LoopsClient(sandbox.api_key, base_url=sandbox.url) as loops:
        await loops.api_key.test()
    assert len(sandbox.requests) == 1


def test_neither_client_nor_session_shows_the_key() -> None:
    client = LoopsClient("secret-key")
    for shown in (repr(client), repr(client.contacts), repr(client.api_key), str(client)):
        assert "secret-key" not in shown


# The address.


@pytest.mark.parametrize("tail", ["", "/", "/v1", "/v1/"])
async def test_the_address_may_end_in_a_slash_or_in_v1(sandbox: Sandbox, tail: str) -> None:
    async with LoopsClient(sandbox.api_key, base_url=sandbox.url + tail) as loops:
        await loops.api_key.test()
    assert [request.path for request in sandbox.requests] == ["/v1/api-key"]


async def test_a_path_in_the_address_is_sent_as_it_was_written() -> None:
    async with BareServer(says(TEAM)) as server:
        url = f"http://127.0.0.1:{server.port}/gate%2Fway/loops/v1"
        async with LoopsClient("key", base_url=url) as loops:
            await loops.api_key.test()
    assert server.requests[0].target == "/gate%2Fway/loops/v1/api-key"


@pytest.mark.parametrize(
    ("url", "fix"),
    [
        ("http://loops.example/api", "use https://"),
        ("http://127.0.0.1.evil.example", "use https://"),
        ("http://localhost.evil.example", "use https://"),
        ("http://0.0.0.0:8080", "use https://"),
        ("http://10.0.0.1", "use https://"),
        ("ftp://loops.example", "beginning with https://"),
        ("loops.example/api", "beginning with https://"),
        ("//loops.example", "beginning with https://"),
        ("https://", "beginning with https://"),
        ("", "beginning with https://"),
        ("https://loops.example:99999", "beginning with https://"),
        ("https://[::1", "beginning with https://"),
        (f"https://{'a' * 64}.example", "beginning with https://"),
        ("https://loops..example", "beginning with https://"),
        (7, "beginning with https://"),
        ("https://user:secret@loops.example", "must not contain a user name"),
        ("https://loops.example/api?key=secret", "must not contain"),
        ("https://loops.example/api#x", "must not contain"),
    ],
)
def test_an_address_that_no_key_may_be_sent_to_is_refused(url: Any, fix: str) -> None:
    make: Callable[[], object]
    for make in (
        lambda: LoopsClient("key", base_url=url),
        lambda: LoopsSession(base_url=url),
        lambda: LoopsSession().client("key", base_url=url),
    ):
        with pytest.raises(ConfigurationError, match=fix) as caught:
            make()
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1", "http://localhost:1/api", "http://LOCALHOST", "http://[::1]:1"]
)
def test_plain_http_is_fine_on_the_loopback_address(url: str) -> None:
    LoopsClient("key", base_url=url)


# Settings.


@pytest.mark.parametrize(
    "settings",
    [
        {"session": "https://loops.example"},
        {"session": 3.5},
        {"session": aiohttp.ClientTimeout()},
        {"retry": 3},
        {"pacer": 10.0},
        {"timeout": 0},
        {"timeout": -1},
        {"timeout": True},
        {"timeout": "30"},
        {"timeout": float("nan")},
        {"timeout": float("inf")},
        {"timeout": aiohttp.ClientTimeout(total=3)},
    ],
    ids=str,
)
def test_a_setting_that_cannot_work_is_named_when_the_client_is_made(
    settings: dict[str, Any],
) -> None:
    with pytest.raises(ConfigurationError, match=rf"^{next(iter(settings))}: must "):
        LoopsClient("key", **settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"limit": -1},
        {"limit": 1.5},
        {"limit": True},
        {"limit_per_host": "3"},
        {"keepalive": "x"},
        {"keepalive": 0},
        {"timeouts": 3},
        {"retry": 3},
        {"http": "x"},
    ],
    ids=str,
)
def test_a_setting_that_cannot_work_is_named_when_the_session_is_made(
    settings: dict[str, Any],
) -> None:
    with pytest.raises(ConfigurationError, match=rf"^{next(iter(settings))}: must "):
        LoopsSession(**settings)


@pytest.mark.parametrize("name", ["connect", "read", "total"])
def test_a_timeout_that_is_no_length_of_time_is_named(name: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^{name}: must be a number of seconds"):
        Timeouts(**{name: -1.0})


def test_only_the_time_for_the_whole_may_be_without_bound() -> None:
    assert Timeouts(total=None).total is None
    never: Any = None
    for parts in ({"connect": never}, {"read": never}):
        with pytest.raises(ConfigurationError):
            Timeouts(**parts)


@pytest.mark.parametrize("timeout", [0, -1, "3", True])
async def test_the_timeout_of_a_call_is_looked_at_before_anything_is_sent(
    loops: LoopsClient, sandbox: Sandbox, timeout: Any
) -> None:
    with pytest.raises(ConfigurationError, match="timeout: must be"):
        await loops.contacts.find(email="ada@example.com", timeout=timeout)
    assert not sandbox.requests


# Lifetimes.


@pytest.mark.parametrize("call", ["test", "find", "update", "create", "delete"])
async def test_a_closed_client_says_so_and_sends_nothing(sandbox: Sandbox, call: str) -> None:
    async with LoopsClient(sandbox.api_key, base_url=sandbox.url) as loops:
        pass
    closed = (
        loops.api_key.test()
        if call == "test"
        else getattr(loops.contacts, call)(email="ada@example.com")
    )
    with pytest.raises(SessionClosed, match="create a new one") as caught:
        await closed
    assert isinstance(caught.value, ValueError)
    assert not sandbox.requests


async def test_a_closed_client_or_session_cannot_be_entered_again(sandbox: Sandbox) -> None:
    loops, session = LoopsClient("key"), LoopsSession()
    for closed in (loops, session):
        async with closed:
            pass
        with pytest.raises(SessionClosed):
            async with closed:
                raise AssertionError("entered")
    with pytest.raises(SessionClosed):
        async with session.client("key"):
            raise AssertionError("entered")


async def test_a_session_handed_in_that_is_closed_says_whose_fault_it_is(sandbox: Sandbox) -> None:
    async with aiohttp.ClientSession() as theirs:
        loops = LoopsClient(sandbox.api_key, base_url=sandbox.url, session=theirs)
    with pytest.raises(SessionClosed, match="keep it open"):
        await loops.api_key.test()
    assert not sandbox.requests


async def test_a_session_that_sends_credentials_of_its_own_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sandbox: Sandbox
) -> None:
    # aiohttp takes them from netrc as soon as a session trusts the environment.
    netrc = tmp_path / "netrc"
    netrc.write_text("default login ada password secret\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(netrc))
    async with LoopsSession(base_url=sandbox.url, trust_env=True) as session:
        with pytest.raises(ConfigurationError, match="credentials of its own") as caught:
            await session.client(sandbox.api_key).contacts.update(email="ada@example.com")
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert not sandbox.requests


class TwoLoops:
    """Two event loops of one thread, each with a sandbox's lifetime of its own."""

    def __enter__(self) -> Self:
        self.first = asyncio.Runner(debug=True).__enter__()
        self.second = asyncio.Runner(debug=True).__enter__()
        self.sandbox = Sandbox()
        self.first.run(self.sandbox.start())
        return self

    def __exit__(self, *_: object) -> None:
        self.first.run(self.sandbox.stop())
        self.second.close()
        self.first.close()


def refused(runner: asyncio.Runner, call: Callable[[], Any], fix: str) -> None:
    async def main() -> None:
        with pytest.raises(WrongEventLoop, match=fix):
            await call()

    runner.run(main())


def test_a_client_used_from_another_loop_says_where_to_make_it() -> None:
    with TwoLoops() as both:
        loops = LoopsClient(both.sandbox.api_key, base_url=both.sandbox.url)
        both.first.run(loops.api_key.test())
        refused(both.second, loops.api_key.test, "per loop, inside the coroutine that uses it")
        refused(both.second, loops.__aenter__, "another event loop")
        # It is not spoilt: the loop that it belongs to may go on and may close it.
        refused(both.second, loops._connection.aclose, "close it there")
        both.first.run(loops.api_key.test())
        both.first.run(loops.aclose())
        assert len(both.sandbox.requests) == 2


def test_a_session_used_from_another_loop_says_where_to_make_it() -> None:
    with TwoLoops() as both:
        session = LoopsSession(base_url=both.sandbox.url)
        client = session.client(both.sandbox.api_key)
        both.first.run(client.api_key.test())
        refused(both.second, client.api_key.test, "create one LoopsClient")
        refused(both.second, session.aclose, "close it there")
        both.first.run(session.aclose())


def test_a_session_handed_in_from_another_loop_says_where_to_open_it() -> None:
    async def opened() -> aiohttp.ClientSession:
        return aiohttp.ClientSession()

    with TwoLoops() as both:
        theirs = both.first.run(opened())
        loops = LoopsClient(both.sandbox.api_key, base_url=both.sandbox.url, session=theirs)
        refused(both.second, loops.api_key.test, "open it inside the coroutine that uses it")
        both.first.run(theirs.close())
        assert not both.sandbox.requests


# Arguments.


async def aslist(run: Any) -> list[Any]:
    return [outcome async for outcome in run]


@pytest.mark.parametrize(
    ("call", "fix"),
    [
        (lambda c: c.update(emial="a@example.com"), "did you mean email="),
        (lambda c: c.update(email="a@example.com", plan="pro"), r"go into properties=\{…\}"),
        (lambda c: c.create(), "ContactCreate needs email="),
        (lambda c: c.create(first_name="Ada"), "needs email="),
        (lambda c: c.create(ContactUpdate(email="a@example.com")), "expected a ContactCreate"),
        (lambda c: c.update(ContactCreate(email="a@example.com")), "expected a ContactUpdate"),
        (lambda c: c.update({"email": "a@example.com"}), "expected a ContactUpdate, not dict"),
        (lambda c: c.update(ContactUpdate(user_id="u"), first_name="A"), "not both"),
        (lambda c: c.find(email="a@example.com", into=dict), "into: must be Contact"),
        (lambda c: c.find(email="a@example.com", into=ContactUpdate), "into: must be Contact"),
        (lambda c: aslist(c.upsert_many({"email": "a@example.com"})), "source: must be"),
        (lambda c: aslist(c.upsert_many("a@example.com")), "source: must be"),
        (lambda c: aslist(c.upsert_many([], concurrency=0)), "concurrency: must be"),
    ],
)
async def test_arguments_that_do_not_go_together_are_a_type_error_with_the_fix(
    loops: LoopsClient, sandbox: Sandbox, call: Callable[[Any], Any], fix: str
) -> None:
    with pytest.raises(InvalidCall, match=fix) as caught:
        await call(loops.contacts)
    assert isinstance(caught.value, TypeError)
    assert not sandbox.requests


@pytest.mark.parametrize(
    "fields",
    [
        {"email": "no address"},
        {"email": 7},
        {"email": "a@example.com", "first_name": 7},
        {"email": "a@example.com", "subscribed": "yes"},
        {"email": "a@example.com", "user_id": 7},
        {"email": "a@example.com", "mailing_lists": {"id": "yes"}},
        {"email": "a@example.com", "mailing_lists": ["id"]},
        {"email": "a@example.com", "properties": {"id": "x"}},
        {"email": "a@example.com", "properties": {"a": {"b": 1}}},
        {"email": "a@example.com", "properties": ["a"]},
    ],
    ids=str,
)
@pytest.mark.parametrize("call", ["create", "update"])
async def test_a_field_that_loops_could_not_take_is_refused_before_sending(
    loops: LoopsClient, sandbox: Sandbox, call: str, fields: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput) as caught:
        await getattr(loops.contacts, call)(**fields)
    assert caught.value.field
    assert not sandbox.requests


def test_a_retry_policy_that_cannot_work_is_refused() -> None:
    with pytest.raises(LoopsError):
        RetryPolicy(attempts=0)
