"""The edge: one request in, one reply out. The only client file that knows aiohttp.

No aiohttp object climbs above this floor, not even inside an exception: aiohttp's own carry the
URL with its query and the headers with the key, so ours are raised outside of their ``except``.
"""

import io
import math
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import aiohttp
import attrs
from multidict import CIMultiDict
from yarl import URL

from loops_async import errors
from loops_async.quoting import cleaned
from loops_async.timeouts import Timeouts
from loops_async.wire import Reply, Request

HttpSession: TypeAlias = aiohttp.ClientSession
TraceConfig: TypeAlias = aiohttp.TraceConfig

LARGEST_REPLY: Final = 8 * 1024 * 1024
"""Bytes of a reply that the client holds at the most."""

_LARGEST_REFUSAL: Final = 64 * 1024
_LARGE_BODY: Final = 1024 * 1024
_EXCERPT: Final = 8 * 1024
"""More than an error ever quotes, so that it is known to be cut."""

_SLACK: Final = 0.2
"""Seconds by which a reply that comes in drops, or after a slow connection, may miss a deadline."""


class _Broke(aiohttp.ClientError):
    """Carries a link failure past aiohttp's own second attempt."""


async def _only_once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    # aiohttp repeats GET, PUT and DELETE by itself when the connection breaks. That attempt would
    # take no slot of the pacer and nobody would count it; the retry layer makes it instead.
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _Broke(type(error).__name__) from error


def open_http(
    *,
    limit: int,
    limit_per_host: int,
    keepalive: float,
    trust_env: bool,
    trace_configs: Sequence[aiohttp.TraceConfig],
) -> aiohttp.ClientSession:
    """A session with its own connector; the running loop's."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=limit, limit_per_host=limit_per_host, keepalive_timeout=keepalive
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=trust_env,
        trace_configs=list(trace_configs),
        middlewares=(_only_once,),
    )


@attrs.frozen
class AiohttpTransport:
    """Sends the requests of one API key over a session that others may share.

    Attributes:
        http: The session to use, asked for at every request because it opens lazily.
        base_url: The API's address, without ``/v1``.
        headers: Sent with every request; they carry the key.
        api_key: The key, to keep it out of what comes back.
        timeouts: Seconds for one attempt.
        now: The event loop's time, in which deadlines are given.
    """

    http: Callable[[], aiohttp.ClientSession] = attrs.field(repr=False)
    base_url: URL
    headers: CIMultiDict[str] = attrs.field(repr=False)
    api_key: str = attrs.field(repr=False)
    timeouts: Timeouts
    now: Callable[[], float] = attrs.field(repr=False)
    _urls: dict[str, URL] = attrs.field(factory=dict, init=False, repr=False)

    async def send(self, request: Request[Any], /) -> Reply:
        """Send ``request`` exactly once and read the reply to its end, whatever its status.

        Raises:
            ConnectFailed: No connection could be made; the request never left.
            ConnectionLost: The connection broke later.
            ReplyTimeout: No whole reply in time.
            ReplyTooLarge: A 2xx of more than ``LARGEST_REPLY`` bytes.
            ConfigurationError: The session sends credentials of its own.
        """
        http = self.http()
        url = self._url(request)
        try:
            response = await http.request(
                request.endpoint.method,
                url,
                data=_sendable(request.body),
                headers=self._headers(request),
                timeout=self._timeout(request.deadline),
                allow_redirects=False,
                # What a session of the user's own may have set otherwise.
                raise_for_status=False,
                auto_decompress=True,
            )
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            failure: errors.LoopsError = link_error(request, error)
        except (ValueError, RuntimeError) as error:
            misuse = _misuse(request, error)
            if misuse is None:
                raise
            failure = misuse
        else:
            return await self._read(request, response)
        raise failure

    async def _read(self, request: Request[Any], response: aiohttp.ClientResponse) -> Reply:
        status = response.status
        succeeded = 200 <= status < 300
        bound = LARGEST_REPLY if succeeded else _LARGEST_REFUSAL
        body = bytearray()
        failure: errors.LoopsError | None = None
        try:
            while chunk := await response.content.readany():
                body += chunk
                if len(body) > bound:
                    break
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            failure = link_error(request, error)
            failure.status = status
        finally:
            # Returns the connection when the reply was read to its end, and drops it otherwise.
            response.close() if not response.content.at_eof() else response.release()
        # Of a refusal, the status has already said what matters.
        if failure is not None and succeeded:
            raise failure
        if len(body) > bound and succeeded:
            excerpt = cleaned(Reply(status, {}, bytes(body[:_EXCERPT]), self.api_key), request)
            raise errors.ReplyTooLarge(
                f"{request.endpoint}: {status}, but the reply has more than {bound} bytes",
                status=status,
                excerpt=excerpt,
            )
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Reply(status, headers, bytes(body), self.api_key)

    def _headers(self, request: Request[Any]) -> CIMultiDict[str]:
        if request.idempotency_key is None:
            return self.headers
        return CIMultiDict(self.headers, **{"Idempotency-Key": request.idempotency_key})

    def _url(self, request: Request[Any]) -> URL:
        path = request.path
        url = self._urls.get(path)
        if url is None:
            url = self.base_url.joinpath(path.lstrip("/"), encoded=True)
            if request.parameters is None:
                self._urls[path] = url
        return url.with_query(request.query) if request.query else url

    def _timeout(self, deadline: float | None) -> aiohttp.ClientTimeout:
        connect, read = self.timeouts.connect, self.timeouts.read
        total = connect + read
        if deadline is not None:
            # A bound of 0 would mean none to aiohttp.
            left = max(deadline - self.now(), 0.001)
            # The time is up for a connection first, for silence next, and for all else last, with
            # room for a busy loop in between: which one it is says whether a write may have left.
            connect, read, total = min(connect, left), min(read, left), min(total, left + _SLACK)
        # By default aiohttp rounds long timeouts up to whole seconds; a deadline is a deadline.
        return aiohttp.ClientTimeout(
            total=total, connect=connect, sock_read=read, ceil_threshold=math.inf
        )


def _misuse(request: Request[Any], error: Exception) -> errors.LoopsError | None:
    """What is wrong with a session of the user's own, where aiohttp says so; None where not."""
    text = str(error)
    if "AUTH" in text:
        return errors.ConfigurationError(
            f"{request.endpoint}: the aiohttp session adds credentials of its own; open it "
            "without auth=, and with trust_env=True see that no netrc entry matches the host"
        )
    if text.startswith("Timeout context manager"):
        return errors.WrongEventLoop(
            "the aiohttp.ClientSession that was handed in was opened in another event loop; "
            "open it inside the coroutine that uses it"
        )
    if text == "Session is closed":
        return errors.SessionClosed(
            "the aiohttp.ClientSession was closed while a call was on its way"
        )
    return None


def _sendable(body: bytes | None) -> bytes | io.BytesIO | None:
    # aiohttp warns of large bytes, which it would write in one go, and streams a file instead.
    return io.BytesIO(body) if body is not None and len(body) >= _LARGE_BODY else body


def link_error(request: Request[Any], error: BaseException) -> errors.LinkError:
    """Our error for one of aiohttp's; by its class alone, for its text may hold what was sent."""
    where, what = request.endpoint, _root_name(error)
    if isinstance(error, _NEVER_LEFT):
        return errors.ConnectFailed(f"{where}: no connection to Loops ({what}{_reason(error)})")
    if isinstance(error, TimeoutError):
        return errors.ReplyTimeout(f"{where}: no whole reply in time ({what})")
    return errors.ConnectionLost(f"{where}: the connection broke ({what})")


_NEVER_LEFT: Final = (
    aiohttp.ClientConnectorError,
    aiohttp.ClientSSLError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ServerFingerprintMismatch,
    aiohttp.ClientHttpProxyError,
    aiohttp.InvalidURL,
    aiohttp.NonHttpUrlClientError,
)


def _root_name(error: BaseException) -> str:
    return str(error) if isinstance(error, _Broke) else type(error).__name__


def _reason(error: BaseException) -> str:
    cause = getattr(error, "os_error", None) or error.__cause__
    text = getattr(cause, "strerror", None) or (type(cause).__name__ if cause else "")
    return f": {text}" if text else ""
