import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from loops_async import LoopsClient, LoopsSession, errors
from loops_async.connection import BASE_URL, Connection, checked_base_url, is_loopback


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOOPS_BASE_URL", raising=False)
    monkeypatch.delenv("LOOPS_ALLOW_HTTP", raising=False)


@pytest.mark.parametrize(("given", "understood"), [
    (None, "https://app.loops.so/api"),
    ("https://app.loops.so/api", "https://app.loops.so/api"),
    ("https://app.loops.so/api/", "https://app.loops.so/api"),
    ("https://app.loops.so/api/v1", "https://app.loops.so/api"),
    ("https://app.loops.so/api/v1/", "https://app.loops.so/api"),
    ("https://app.loops.so/api/v1//", "https://app.loops.so/api"),
    ("https://app.loops.so/api/v10", "https://app.loops.so/api/v10"),
    ("https://app.loops.so/apiv1", "https://app.loops.so/apiv1"),
    ("HTTPS://APP.LOOPS.SO/api", "https://app.loops.so/api"),
    ("https://proxy.example", "https://proxy.example/"),
    ("https://proxy.example/v1", "https://proxy.example/"),
    ("https://proxy.example:8443/a%20b/v1", "https://proxy.example:8443/a%20b"),
    ("http://localhost:8000", "http://localhost:8000/"),
    ("http://LOCALHOST:8000/v1", "http://localhost:8000/"),
    ("http://127.0.0.1:8000/", "http://127.0.0.1:8000/"),
    ("http://127.8.9.10/api", "http://127.8.9.10/api"),
    ("http://[::1]:8000/api/v1", "http://[::1]:8000/api"),
])  # fmt: skip
def test_an_address_is_understood_with_or_without_version_and_slash(
    given: str | None, understood: str
) -> None:
    assert str(checked_base_url(given)) == understood


@pytest.mark.parametrize("given", [
    "http://app.loops.so/api", "http://127.0.0.1.evil.com", "http://localhost.evil.com",
    "http://evil.com/localhost", "http://evil.com/127.0.0.1", "http://128.0.0.1", "http://0.0.0.0",
    "http://[::2]", "http://127.1", "http://2130706433", "http://0x7f.0.0.1",
    "http://10.0.0.1", "http://localhost6",
])  # fmt: skip
def test_plain_http_is_refused_for_all_but_this_machine(given: str) -> None:
    with pytest.raises(errors.ConfigurationError, match="plain http would send the API key"):
        checked_base_url(given)


PRIVATE = [
    "http://sandbox:8026/api", "http://loops_sandbox:8026", "http://loops-sandbox", "http://s1",
    "http://1a", "http://10.0.0.1", "http://172.16.0.9:8026", "http://172.31.255.255",
    "http://192.168.1.20:8026/api", "http://[fd00::1]:8026", "http://[fdab:1::2]",
    "http://[::ffff:10.0.0.1]", "http://host.docker.internal:8026", "http://a.b-c.internal",
    "http://SANDBOX:8026/api/v1", "http://localhost6",
]  # fmt: skip


@pytest.mark.parametrize("given", PRIVATE)
@pytest.mark.parametrize("said", ["argument", "1", "true", "Yes", " on "])
def test_plain_http_to_a_private_host_is_taken_where_it_is_allowed(
    given: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if said != "argument":
        monkeypatch.setenv("LOOPS_ALLOW_HTTP", said)
    url = checked_base_url(given, allow_http=True if said == "argument" else None)
    assert url.scheme == "http"


@pytest.mark.parametrize("given", PRIVATE)
@pytest.mark.parametrize("allowed", [None, False])
def test_plain_http_to_a_private_host_is_refused_with_the_way_out(
    given: str, allowed: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if allowed is False:  # which an argument says for good
        monkeypatch.setenv("LOOPS_ALLOW_HTTP", "1")
    with pytest.raises(errors.ConfigurationError, match="set LOOPS_ALLOW_HTTP=1"):
        checked_base_url(given, allow_http=allowed)


@pytest.mark.parametrize("given", [
    "http://app.loops.so/api", "http://sandbox.example.com", "http://8.8.8.8", "http://128.0.0.1",
    "http://172.32.0.1", "http://192.169.0.1", "http://11.0.0.1", "http://169.254.169.254",
    "http://[2001:db8::1]", "http://[2606:4700::1111]", "http://[::ffff:8.8.8.8]",
    "http://134744072", "http://0x8080808", "http://0X8080808", "http://010.8.8.8", "http://10",
    "http://10.0.0.1.evil.com", "http://sandbox.", "http://sandbox.local",
    "http://.internal", "http://internal.evil.com", "http://a.internal.", "http://xinternal.com",
    "http://0.0.0.0", "http://224.0.0.1", "http://-a", "http://" + "a" * 64,
])  # fmt: skip
def test_plain_http_to_others_is_refused_even_where_it_is_allowed(given: str) -> None:
    with pytest.raises(errors.ConfigurationError, match="base_url: "):
        checked_base_url(given, allow_http=True)


@pytest.mark.parametrize("given", ["yes", 1, []])
def test_what_is_no_flag_is_refused(given: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(errors.ConfigurationError, match="allow_http: must be True, False or None"):
        checked_base_url(None, allow_http=given)
    monkeypatch.setenv("LOOPS_ALLOW_HTTP", "sandbox")
    with pytest.raises(errors.ConfigurationError, match="LOOPS_ALLOW_HTTP: must be 1, true"):
        checked_base_url(None)


@pytest.mark.parametrize("make", [
    lambda url: LoopsClient("k", base_url=url, allow_http=True),
    lambda url: LoopsSession(base_url=url, allow_http=True).client("k"),
    lambda url: LoopsSession(allow_http=True).client("k", base_url=url),
    lambda url: LoopsClient("k", base_url=url, session=LoopsSession(), allow_http=True),
], ids=range(4))  # fmt: skip
def test_unencrypted_requests_are_warned_of_once(
    make: Callable[[str], LoopsClient], caplog: pytest.LogCaptureFixture
) -> None:
    assert "http://sandbox:8026/api" in repr(make("http://sandbox:8026/api"))
    text = (
        "base_url: the API key, addresses and all other data are sent unencrypted to sandbox:8026 "
        "(allow_http= or LOOPS_ALLOW_HTTP); do not use a real API key"
    )
    assert caplog.record_tuples == [("loops_async", logging.WARNING, text)]
    make("http://127.0.0.1:8026/api")
    make("https://sandbox:8026/api")
    assert len(caplog.record_tuples) == 1


@pytest.mark.parametrize("given", [
    "https://user@app.loops.so/api", "https://user:S3CRET@app.loops.so/api",
    "https://:S3CRET@app.loops.so", "http://localhost@evil.com/", "http://127.0.0.1@evil.com",
    "http://localhost:80@evil.com/", "https://app.loops.so/api?key=S3CRET",
    "https://app.loops.so/api#S3CRET", "http://127.0.0.1:80#@evil.com",
])  # fmt: skip
def test_an_address_carries_no_credentials_query_or_fragment(given: str) -> None:
    with pytest.raises(errors.ConfigurationError, match="must not contain a user name") as caught:
        checked_base_url(given)
    assert "S3CRET" not in str(caught.value)


@pytest.mark.parametrize("given", [
    "", " ", "app.loops.so/api", "/api", "ftp://app.loops.so", "file:///etc/passwd", "https://",
    "https:///api", "http://127.0.0.1\\@evil.com", "https://x:bad/", "https://x:99999/",
    "https://[::1", 7, b"https://app.loops.so", ["https://app.loops.so"],
])  # fmt: skip
def test_what_is_no_address_is_refused_with_an_example(given: Any) -> None:
    with pytest.raises(errors.ConfigurationError, match=f"must be an address such as '{BASE_URL}'"):
        checked_base_url(given)


def test_the_environment_names_the_address_where_none_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LOOPS_BASE_URL", "http://localhost:4010/v1")
    assert str(checked_base_url(None)) == "http://localhost:4010/"
    assert str(checked_base_url("https://x.example/api")) == "https://x.example/api"
    monkeypatch.setenv("LOOPS_BASE_URL", "")
    assert str(checked_base_url(None)) == BASE_URL
    monkeypatch.setenv("LOOPS_BASE_URL", "http://evil.com")
    with pytest.raises(errors.ConfigurationError):
        checked_base_url(None)


def test_loopback_is_told_by_the_address_and_not_by_a_name_that_looks_like_it() -> None:
    assert all(is_loopback(host) for host in ("localhost", "127.0.0.1", "127.255.255.254", "::1"))
    assert not any(is_loopback(host) for host in (None, "", "localhost.", "a.localhost", "127"))


@pytest.mark.parametrize("setting", [
    {"limit": -1}, {"limit": 1.5}, {"limit": True}, {"limit": "9"}, {"limit_per_host": -1},
    {"limit_per_host": None}, {"keepalive": 0}, {"retry": 3}, {"timeouts": 3}, {"http": "x"},
])  # fmt: skip
def test_a_setting_that_cannot_work_is_refused_by_its_name(setting: dict[str, Any]) -> None:
    (name,) = setting
    with pytest.raises(errors.ConfigurationError, match=f"^{name}: must be"):
        Connection(**setting)


async def test_a_closed_session_says_so_and_may_be_closed_again() -> None:
    connection = Connection()
    async with connection:
        assert not connection.http().closed
    await connection.aclose()
    with pytest.raises(errors.SessionClosed, match="create a new one"):
        connection.http()
    never_opened = Connection()
    await never_opened.aclose()
    with pytest.raises(errors.SessionClosed):
        never_opened.http()


def test_a_session_of_another_event_loop_says_so() -> None:
    connection = Connection()

    async def use() -> None:
        connection.http()

    with asyncio.Runner() as first, asyncio.Runner() as second:
        first.run(use())
        with pytest.raises(
            errors.WrongEventLoop, match=r"^this client or session .* one LoopsClient .* per loop"
        ):
            second.run(use())
        first.run(connection.aclose())


async def test_a_session_that_was_handed_in_stays_open() -> None:
    async with Connection() as own:
        http = own.http()
        async with Connection(http=http) as other:
            assert other.http() is http
        assert not http.closed
        third = Connection(http=http)
    with pytest.raises(errors.SessionClosed, match="passed in is closed"):
        third.http()
