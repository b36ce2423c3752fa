"""``LoopsSession``, whose connections several clients share."""

from collections.abc import Iterable

from loops_async.client import LoopsClient
from loops_async.connection import Connection
from loops_async.pipeline.deadlines import Timeouts
from loops_async.pipeline.messages import Pacing, TeamPacing
from loops_async.pipeline.observing import Observer
from loops_async.pipeline.retry_policy import RetryPolicy
from loops_async.records._types import UNSET, Unset


class LoopsSession(Connection):
    """Connections shared by several clients, for one team or for many.

    ::

        async with LoopsSession() as session:
            eu, us = session.client(api_key=EU_KEY), session.client(api_key=US_KEY)

    It opens its connector when the first call is made (or on entering ``async with``), and can then
    be used only in that event loop. It closes only what it opened.

    Args:
        base_url: The base URL of the API for its clients; ``LOOPS_BASE_URL``, or that of Loops, if
            left out.
        http: Your own ``aiohttp.ClientSession`` to send with; it is not closed.
        limit: Maximum number of open connections; 0 for no limit.
        limit_per_host: Maximum number of open connections to one host; 0 for no limit.
        keepalive: Seconds that an idle connection stays open.
        timeouts: Seconds for connecting, for one reply, and for a whole call.
        retry: The retry policy of its clients.
        trust_env: Use the proxy set by environment variables such as ``HTTPS_PROXY``. Each
            request then costs about twice as much CPU time.
        proxy: The address of an HTTP proxy for all requests, such as ``http://proxy:3128``.
        trace_configs: Trace configurations of aiohttp. They receive request headers, which contain
            API keys.
        allow_http: Also accept plain http for hosts in your own network, as in ``LoopsClient``.

    Raises:
        ConfigurationError: A setting is not valid.
    """

    def client(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        retry: RetryPolicy | None = None,
        pacer: Pacing | TeamPacing | None = None,
        timeout: float | Timeouts | None | Unset = UNSET,
        on_attempt: Observer | Iterable[Observer] | None = None,
        dry_run: bool | None = None,
        allowed_recipients: Iterable[str] | None = None,
    ) -> LoopsClient:
        """Create a client that uses the connections of this session.

        Args:
            api_key: The team's API key; ``LOOPS_API_KEY`` if left out.
            base_url: The address of the API; that of the session if left out.
            retry: How often and how long to retry; the policy of the session if left out.
            pacer: The rate limiter; shared by all clients of one key in one event loop if left
                out.
            timeout: Seconds for a whole call, or ``Timeouts`` for its parts, or None for no limit
                on the whole call; the timeouts of the session if left out.
            on_attempt: Called with an ``Attempt`` after each request, for logs and metrics; one
                callable, or several.
            dry_run: Validate everything and send nothing, as in ``LoopsClient``.
            allowed_recipients: The only recipients to accept, as in ``LoopsClient``.

        Raises:
            ConfigurationError: There is no API key, or a setting is not valid.
        """
        return LoopsClient(
            api_key,
            base_url=base_url,
            session=self,
            retry=retry,
            pacer=pacer,
            timeout=timeout,
            on_attempt=on_attempt,
            dry_run=dry_run,
            allowed_recipients=allowed_recipients,
        )
