"""The connection that the clients of a session share: connector, settings and event loop."""

import asyncio
import os
import re
import warnings
from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from typing import Final, Self

from yarl import URL

from loops_async import errors
from loops_async.pipeline.deadlines import Timeouts, check_seconds
from loops_async.pipeline.observing import LOG
from loops_async.pipeline.retry_policy import RetryPolicy
from loops_async.settings import check_kind, checked_flag
from loops_async.transport import HttpSession, TraceConfig, open_http, opened_elsewhere

BASE_URL: Final = "https://app.loops.so/api"


_PRIVATE_NETWORKS: Final = [
    ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
]
# Requires a letter and rejects 0x, because resolvers read 134744072 and 0x8080808 as 8.8.8.8.
_PRIVATE_NAME: Final = re.compile(
    r"(?!0x)(?=[\w-]*[a-z])[a-z0-9](?:[\w-]{0,61}[a-z0-9])?|([a-z0-9-]+\.)+internal", re.ASCII
)


def checked_base_url(text: str | None, *, allow_http: bool | None = None) -> URL:
    """Return the base URL: ``text``, ``LOOPS_BASE_URL``, or that of Loops. ``/v1`` is removed.

    Args:
        text: The URL; None if it was not passed.
        allow_http: Whether plain http is accepted for private hosts; ``LOOPS_ALLOW_HTTP`` if None.

    Raises:
        ConfigurationError: It is not a valid URL, or the API key must not be sent to it.
    """
    allowed = checked_flag("allow_http", "LOOPS_ALLOW_HTTP", allow_http)
    given = text if text is not None else os.environ.get("LOOPS_BASE_URL") or BASE_URL
    try:
        url = URL(given)
        local = is_loopback(url.host)
        # Otherwise, an invalid host name would fail much later, with a less clear error.
        (url.raw_host or "").encode("idna")
    except (ValueError, TypeError):
        url, local = URL(), False
    if url.scheme not in {"http", "https"} or not url.host:
        raise errors.ConfigurationError(
            f"base_url: must be an address such as {BASE_URL!r}, beginning with https://"
        )
    if url.user is not None or url.password is not None or url.query_string or url.fragment:
        raise errors.ConfigurationError(
            "base_url: must not contain a user name, a password, a query or a fragment"
        )
    if url.scheme == "http" and not local:
        _check_http(url.host, allowed=allowed)
    path = url.raw_path.rstrip("/").removesuffix("/v1").rstrip("/")
    return url.with_path(path or "/", encoded=True)


def _check_http(host: str, *, allowed: bool) -> None:
    """Check that the API key may be sent to ``host`` unencrypted."""
    if not allowed:
        raise errors.ConfigurationError(
            "base_url: plain http would send the API key unencrypted; use https://. For a sandbox "
            "in your own network, such as another container, pass allow_http=True or set "
            "LOOPS_ALLOW_HTTP=1; the loopback address needs neither"
        )
    if not is_private(host):
        raise errors.ConfigurationError(
            "base_url: plain http would send the API key unencrypted, and allow_http is only for "
            "hosts in your own network: a name without a dot, such as a service in a compose file, "
            "a name in .internal, or an IP address of a private network; use https://"
        )


def is_private(host: str) -> bool:
    """Whether ``host`` is an IP address of a private network, or a name that is local to one."""
    try:
        address = ip_address(host)
    except ValueError:
        return _PRIVATE_NAME.fullmatch(host) is not None
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in network for network in _PRIVATE_NETWORKS)


def warn_if_unencrypted(url: URL) -> None:
    """Log a warning if requests to ``url`` are sent unencrypted over a network."""
    if url.scheme == "http" and not is_loopback(url.host):
        LOG.warning(
            "base_url: the API key, addresses and all other data are sent unencrypted to %s:%s "
            "(allow_http= or LOOPS_ALLOW_HTTP); do not use a real API key",
            url.host,
            url.port,
        )


def is_loopback(host: str | None) -> bool:
    """Whether ``host`` is this machine, determined without name resolution."""
    if host is None:
        return False
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def checked_proxy(name: str, proxy: str | None) -> str | None:
    """Validate the URL of an HTTP proxy. Error messages omit it, because it may contain a password.

    Raises:
        ConfigurationError: It is not an http:// or https:// URL.
    """
    if proxy is None:
        return None
    try:
        url = URL(proxy)
    except (ValueError, TypeError):
        url = URL()
    if url.scheme.startswith("socks"):
        raise errors.ConfigurationError(
            f"{name}: SOCKS proxies are not supported; use an http:// proxy, or from Python, pass "
            "LoopsClient(session=aiohttp.ClientSession(connector=…)) with the connector of "
            "aiohttp-socks"
        )
    if url.scheme not in {"http", "https"} or not url.host:
        raise errors.ConfigurationError(f"{name}: must be an address such as http://proxy:3128")
    return proxy


class Connection:
    """The connector of a session, opened when it is first needed.

    See ``LoopsSession`` for the arguments.
    """

    def __init__(
        self,
        *,
        base_url: str | None = None,
        http: HttpSession | None = None,
        limit: int = 100,
        limit_per_host: int = 0,
        keepalive: float = 15.0,
        timeouts: Timeouts | None = None,
        retry: RetryPolicy | None = None,
        trust_env: bool = False,
        proxy: str | None = None,
        trace_configs: Sequence[TraceConfig] = (),
        allow_http: bool | None = None,
    ) -> None:
        self.base_url: URL = checked_base_url(base_url, allow_http=allow_http)
        self.allow_http: bool | None = allow_http
        check_kind("timeouts", timeouts, Timeouts, "Timeouts")
        check_kind("retry", retry, RetryPolicy, "a RetryPolicy")
        check_kind("http", http, HttpSession, "an aiohttp.ClientSession")
        check_seconds("keepalive", keepalive)
        self.timeouts: Timeouts = timeouts if timeouts is not None else Timeouts()
        self.retry: RetryPolicy = retry if retry is not None else RetryPolicy()
        self.opened: HttpSession | None = http
        """The aiohttp session, or None before it is opened. It may have been closed since."""
        self.owned: bool = http is None
        self._limits = (_count("limit", limit), _count("limit_per_host", limit_per_host))
        self._keepalive = keepalive
        self._trust_env = trust_env
        self._proxy = checked_proxy("proxy", proxy)
        check_kind("trace_configs", trace_configs, Sequence, "a list of aiohttp.TraceConfig")
        self._trace_configs = trace_configs
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    def bind(self) -> None:
        """Bind this session to the running event loop, without opening anything.

        Raises:
            SessionClosed: It was closed.
            WrongEventLoop: It belongs to another event loop.
        """
        if self._closed:
            raise errors.SessionClosed("this session was closed; create a new one")
        self.check_loop()
        self._loop = asyncio.get_running_loop()

    @property
    def is_open(self) -> bool:
        """Whether requests can be sent in the running event loop."""
        http = self.opened
        return (
            http is not None
            and self._loop is asyncio.get_running_loop()
            and not self._closed
            and (self.owned or not http.closed)  # only we can close our own session
        )

    def http(self) -> HttpSession:
        """Return the aiohttp session; the first call opens it.

        Raises:
            SessionClosed: It was closed.
            WrongEventLoop: It was opened in another event loop.
        """
        http = self.opened
        if http is not None and self.is_open:
            return http
        if http is not None and self._loop is None and opened_elsewhere(http):
            raise errors.WrongEventLoop(
                "the aiohttp.ClientSession that was passed in was opened in another event loop; "
                "open it inside the coroutine that uses it"
            )
        self.bind()
        if self.opened is None:
            limit, per_host = self._limits
            self.opened = open_http(
                limit=limit,
                limit_per_host=per_host,
                keepalive=self._keepalive,
                trust_env=self._trust_env,
                proxy=self._proxy,
                trace_configs=self._trace_configs,
            )
        elif self.opened.closed:
            raise errors.SessionClosed(
                "the aiohttp.ClientSession that was passed in is closed; keep it open for as long "
                "as the client is used"
            )
        return self.opened

    async def aclose(self) -> None:
        """Close what this session opened. A session that was passed in stays open.

        Raises:
            WrongEventLoop: It was opened in another event loop.
        """
        self.check_loop()
        self._closed = True
        if self.owned and self.opened is not None:
            await self.opened.close()

    def __del__(self) -> None:
        http = getattr(self, "opened", None)
        if getattr(self, "owned", False) and http is not None and not http.closed:
            warnings.warn(
                "a LoopsClient or LoopsSession was not closed; use 'async with' or await aclose()",
                ResourceWarning,
                stacklevel=1,
                source=self,
            )

    def check_loop(self) -> None:
        """Check that this session belongs to the running event loop, if it belongs to any.

        Raises:
            WrongEventLoop: It belongs to another event loop.
        """
        if self._loop is not None and self._loop is not asyncio.get_running_loop():
            raise errors.WrongEventLoop(
                "this client or session was opened in another event loop; create one LoopsClient "
                "(or LoopsSession) per loop, inside the coroutine that uses it, and close it there"
            )

    async def __aenter__(self) -> Self:
        self.http()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def _count(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise errors.ConfigurationError(
            f"{name}: must be a whole number of connections, 0 for no limit"
        )
    return value
