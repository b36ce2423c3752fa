"""Every error of aiohttp's becomes one of ours, and none brings its text along."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from aiohttp.client_exceptions import UnixClientConnectorError
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from loops_async import errors
from loops_async.pipeline.deadlines import Timeouts
from loops_async.transport import AiohttpTransport
from tests.transport.bare import EMAIL, FIND_ADA, KEY, failure

pytestmark = pytest.mark.virtual_time

URL_SENT = f"https://app.loops.so/api/v1/contacts/find?email={EMAIL}"
NEVER_LEFT = {
    aiohttp.ClientConnectorError,
    aiohttp.ClientConnectorCertificateError,
    aiohttp.ClientConnectorDNSError,
    aiohttp.ClientConnectorSSLError,
    aiohttp.ClientHttpProxyError,
    aiohttp.ClientProxyConnectionError,
    aiohttp.ClientSSLError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
    aiohttp.InvalidUrlClientError,
    aiohttp.InvalidUrlRedirectClientError,
    aiohttp.NonHttpUrlClientError,
    aiohttp.NonHttpUrlRedirectClientError,
    aiohttp.ServerFingerprintMismatch,
    UnixClientConnectorError,
}


def walk(kind: type[aiohttp.ClientError]) -> Iterator[type[aiohttp.ClientError]]:
    yield kind
    for below in kind.__subclasses__():
        if below.__module__.startswith("aiohttp."):
            yield from walk(below)


EVERY = sorted(set(walk(aiohttp.ClientError)), key=lambda kind: kind.__name__)


def telling(kind: type[BaseException]) -> BaseException:
    """One of ``kind`` that says all it can: the URL with the address, the headers with the key."""
    secret = f"{URL_SENT} Authorization: Bearer {KEY}"
    error = kind.__new__(kind, secret)
    error.args = (secret,)
    headers = CIMultiDictProxy(CIMultiDict({"Authorization": KEY}))
    about = aiohttp.RequestInfo(URL(URL_SENT), "GET", headers, URL(URL_SENT))
    known = {
        "request_info": about,
        "headers": about.headers,
        "status": 400,
        "message": secret,
        "_url": URL_SENT,
        "_description": secret,
        "_conn_key": about,
        "_os_error": ConnectionRefusedError(111, "Connection refused"),
        "_path": secret,
        "_certificate_error": ValueError(secret),
    }
    for name, value in known.items():
        try:
            setattr(error, name, value)
        except AttributeError:
            continue
    error.__cause__ = ValueError(secret)
    return error


class Failing:
    """A session, and a body, that end in ``error``."""

    def __init__(self, error: BaseException, *, in_body: bool) -> None:
        self._error = error
        self._in_body = in_body

    async def request(self, *_: object, **__: object) -> Any:
        if not self._in_body:
            raise self._error
        content = SimpleNamespace(readany=self._read, at_eof=lambda: False)
        return SimpleNamespace(
            status=200, headers={}, content=content, closed=False, close=lambda: None
        )

    async def _read(self) -> bytes:
        raise self._error


async def mapped(error: BaseException, *, in_body: bool = False) -> errors.LoopsError:
    session: Any = Failing(error, in_body=in_body)
    transport = AiohttpTransport(
        http=lambda: session,
        base_url=URL("https://app.loops.so/api"),
        api_key=KEY,
        timeouts=Timeouts(),
        now=lambda: 0.0,
    )
    return await failure(transport, FIND_ADA)


def test_the_walk_knows_the_classes_that_aiohttp_has() -> None:
    assert len(EVERY) >= 29
    assert set(EVERY) >= NEVER_LEFT


@pytest.mark.parametrize("in_body", [False, True], ids=["request", "body"])
@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)
async def test_each_client_error_is_one_link_error_without_its_text(
    kind: type[aiohttp.ClientError], in_body: bool
) -> None:
    error = await mapped(telling(kind), in_body=in_body)
    if kind in NEVER_LEFT:
        expected: type[errors.LinkError] = errors.ConnectFailed
    elif issubclass(kind, TimeoutError):
        expected = errors.ReplyTimeout
    else:
        expected = errors.ConnectionLost
    assert type(error) is expected
    assert kind.__name__ in str(error)
    assert "GET /v1/contacts/find" in str(error)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (TimeoutError(URL_SENT), errors.ReplyTimeout),
        (ConnectionResetError(104, URL_SENT), errors.ConnectionLost),
        (OSError(5, URL_SENT), errors.ConnectionLost),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
async def test_an_error_of_the_system_itself_is_a_link_error_as_well(
    raw: BaseException, expected: type[errors.LinkError]
) -> None:
    assert type(await mapped(raw)) is expected
    assert type(await mapped(raw, in_body=True)) is expected


async def test_no_connection_says_why_in_the_words_of_the_system() -> None:
    error = await mapped(telling(aiohttp.ClientConnectorError))
    assert str(error) == (
        "GET /v1/contacts/find: no connection to Loops (ClientConnectorError: Connection refused)"
    )


async def test_what_is_no_link_failure_is_not_dressed_up_as_one() -> None:
    with pytest.raises(ZeroDivisionError):
        await mapped(ZeroDivisionError())
    with pytest.raises(ValueError, match="of another kind"):
        await mapped(ValueError("of another kind"))
