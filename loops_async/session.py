"""The session manager: one connector for any number of clients."""

from collections.abc import Callable, Iterable

from loops_async.client import LoopsClient
from loops_async.connection import Connection
from loops_async.pipeline.deadlines import Timeouts
from loops_async.pipeline.messages import Pacing, TeamPacing
from loops_async.pipeline.observing import Attempt
from loops_async.pipeline.retry_policy import RetryPolicy
from loops_async.records._types import UNSET, Unset


class LoopsSession(Connection):
    """Connections that several clients share, for one team or for many.

    ::

        async with LoopsSession() as session:
            eu, us = session.client(api_key=EU_KEY), session.client(api_key=US_KEY)

    It opens its connector at the first call (or on entering ``async with``), belongs to that
    event loop from then on, and closes only what it opened.

    Args:
        base_url: The API's address for its clients; ``LOOPS_BASE_URL``, or Loops' own, when left
            out.
        http: An ``aiohttp.ClientSession`` of your own to send with; it stays open.
        limit: Connections open at the same time at the most; 0 for no limit.
        limit_per_host: The same for one host.
        keepalive: Seconds that an idle connection is kept.
        timeouts: Seconds for a connection, for one reply, and for a whole call.
        retry: How often and how long its clients retry.
        trust_env: Use the proxy that the environment names (``HTTPS_PROXY`` and the like). It
            makes each request about twice as dear.
        trace_configs: aiohttp's own trace configurations. They see headers, so they see keys.

    Raises:
        ConfigurationError: A setting that cannot work.
    """

    def client(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        retry: RetryPolicy | None = None,
        pacer: Pacing | TeamPacing | None = None,
        timeout: float | Timeouts | None | Unset = UNSET,
        on_attempt: Callable[[Attempt], None] | None = None,
        dry_run: bool | None = None,
        allowed_recipients: Iterable[str] | None = None,
    ) -> LoopsClient:
        """A client that sends over this session; several, for several teams, may share it.

        Args:
            api_key: The team's key; ``LOOPS_API_KEY`` when left out.
            base_url: The API's address; the session's when left out.
            retry: How often and how long to retry; the session's policy when left out.
            pacer: Grants requests their turn under the rate limit; one for each key and event
                loop, which begins with 10 requests per second and learns, when left out.
            timeout: Seconds for a whole call, waiting for its turn included; or ``Timeouts`` for
                its parts, or None for no bound on the whole; the session's (60) when left out.
            on_attempt: Called with an ``Attempt`` after each request, for logs and metrics.
            dry_run: Check everything and send nothing, as for ``LoopsClient``.
            allowed_recipients: Refuse each contact, event and mail for anybody else, as for
                ``LoopsClient``.

        Raises:
            ConfigurationError: No key, or a setting that cannot work.
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
