"""``LoopsClient``, the client for one team."""

import asyncio
import hmac
from collections.abc import Coroutine, Iterable
from typing import Any, Self, TypeVar
from weakref import WeakSet

from loops_async import errors
from loops_async.api.api_key import ApiKey
from loops_async.api.contact_properties import ContactProperties
from loops_async.api.contacts import Contacts
from loops_async.api.dedicated_sending_ips import DedicatedSendingIps
from loops_async.api.events import Events
from loops_async.api.mailing_lists import MailingLists
from loops_async.api.resource import Caller
from loops_async.api.transactional import Transactional
from loops_async.bulk.upsert import BulkUpsert
from loops_async.connection import Connection, checked_base_url, warn_if_unencrypted
from loops_async.pacing.shared import pacer_for
from loops_async.pacing.unpaced import Unpaced
from loops_async.pipeline.allowlist import Allowlist
from loops_async.pipeline.clock import Clock
from loops_async.pipeline.deadlines import Timeouts
from loops_async.pipeline.dry_run import DryRun
from loops_async.pipeline.messages import Answer, Pacing, Request, TeamPacing, Transport
from loops_async.pipeline.observing import LOG, Observer
from loops_async.pipeline.retry_policy import RetryPolicy
from loops_async.pipeline.retrying import Retrying
from loops_async.pipeline.stats import Counters, Stats
from loops_async.records._types import UNSET, Unset
from loops_async.settings import (
    check_kind,
    check_replaceable,
    checked_api_key,
    checked_dry_run,
    checked_observers,
    checked_recipients,
    checked_timeouts,
)
from loops_async.transport import AiohttpTransport, HttpSession

T = TypeVar("T")


class LoopsClient:
    """A client for one Loops team.

    ::

        async with LoopsClient() as loops:
            await loops.contacts.update(email="ada@example.com", properties={"plan": "pro"})

    Its attributes are the resources of the API: ``contacts``, ``events``, ``transactional`` and
    so on. It connects when the first call is made. Any number of tasks in one event loop can share
    it. Close it with ``async with`` or ``aclose``.

    Args:
        api_key: The team's API key; ``LOOPS_API_KEY`` if left out.
        base_url: The address of the API, ``https://app.loops.so/api``, or of a sandbox;
            ``LOOPS_BASE_URL`` if left out. Plain http is accepted only for loopback addresses,
            unless ``allow_http`` is set.
        session: A ``LoopsSession`` whose connections to share, or your own
            ``aiohttp.ClientSession``; the client does not close it. If left out, the client opens
            a session of its own.
        retry: How often and how long to retry; the policy of the session if left out.
        pacer: The rate limiter. If left out, all clients of one key in one event loop share a
            ``Pacer`` that starts with 10 requests per second and learns the limit from replies. To
            share a limit between processes, use ``loops_async.contrib.redis.RedisPacer``.
        timeout: Seconds for a whole call, including the wait for the rate limit; 60 if left out.
            ``Timeouts`` sets the limits of its parts. None for no limit on the whole call.
        on_attempt: Called with an ``Attempt`` after each request, for logs and metrics; one
            callable, or several.
        transport: Sends each request in place of aiohttp, for tests without sockets; see
            ``loops_async.testing.ScriptedTransport``. No connection is opened, and without
            ``pacer`` there is no rate limit.
        dry_run: Validate everything, send nothing, and return placeholder results with
            ``dry_run=True``; no API key is needed. ``LOOPS_DRY_RUN`` if left out.
        allowed_recipients: The only recipients to accept. A contact, event or email for anyone else
            raises ``RecipientNotAllowed`` and is not sent. Entries are addresses, such as
            ``"ada@example.com"``, and domains, such as ``"@example.com"``, which do not include
            subdomains. An empty list allows nobody. ``LOOPS_ALLOWED_RECIPIENTS`` (comma
            separated) if left out; if that is not set either, everyone is allowed. The list
            restricts who can receive email, so ``contacts.delete`` still deletes any contact.
        allow_http: Also accept plain http for hosts in your own network: a name without a dot, such
            as that of a service in a compose file, a name in ``.internal``, or a private IP
            address. The API key and all data are sent unencrypted, and a warning is logged.
            ``LOOPS_ALLOW_HTTP``, or the setting of the session, if left out.

    Raises:
        ConfigurationError: There is no API key, or a setting is not valid.
    """

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        session: Connection | HttpSession | None = None,
        retry: RetryPolicy | None = None,
        pacer: Pacing | TeamPacing | None = None,
        timeout: float | Timeouts | None | Unset = UNSET,
        on_attempt: Observer | Iterable[Observer] | None = None,
        transport: Transport | None = None,
        dry_run: bool | None = None,
        allowed_recipients: Iterable[str] | None = None,
        allow_http: bool | None = None,
    ) -> None:
        self._dry_run = checked_dry_run(dry_run, has_transport=transport is not None)
        self._allowed = checked_recipients(allowed_recipients)
        self._key = checked_api_key(api_key, needed=not self._dry_run)
        kinds = (Connection, HttpSession)
        check_kind("session", session, kinds, "a LoopsSession or an aiohttp.ClientSession")
        self._owns = not isinstance(session, Connection)
        if isinstance(session, Connection):
            self._connection = session
        else:
            self._connection = Connection(base_url=base_url, http=session, allow_http=allow_http)
        shared = self._connection
        self._base_url = shared.base_url
        if base_url is not None:
            allow_http = allow_http if allow_http is not None else shared.allow_http
            self._base_url = checked_base_url(base_url, allow_http=allow_http)
        warn_if_unencrypted(self._base_url)
        check_kind("retry", retry, RetryPolicy, "a RetryPolicy")
        check_replaceable(pacer, transport, session)
        self._observers = checked_observers(on_attempt)
        self._timeouts = checked_timeouts(timeout, shared.timeouts)
        self._retry = retry if retry is not None else shared.retry
        self._pacer = pacer
        self._transport = transport
        self._closed = False
        self._layer: Retrying | DryRun | None = None
        self._counters = Counters()
        self._runs: WeakSet[BulkUpsert] = WeakSet()
        caller = Caller(self._send, self._timeouts.total, self._runs)
        self.contacts: Contacts = Contacts(caller)
        self.contact_properties: ContactProperties = ContactProperties(caller)
        self.mailing_lists: MailingLists = MailingLists(caller)
        self.events: Events = Events(caller)
        self.transactional: Transactional = Transactional(caller)
        self.dedicated_sending_ips: DedicatedSendingIps = DedicatedSendingIps(caller)
        self.api_key: ApiKey = ApiKey(caller)

    @property
    def dry_run(self) -> bool:
        """Whether this is a dry-run client, which sends nothing."""
        return self._dry_run

    @property
    def allowed_recipients(self) -> Allowlist | None:
        """The recipients to which the client may send; None for no restriction."""
        return self._allowed

    @property
    def fingerprint(self) -> str:
        """A digest of the API key and the base URL, equal for two clients of one team."""
        return hmac.new(self._key.encode(), str(self._base_url).encode(), "sha256").hexdigest()

    def stats(self) -> Stats:
        """Counters of this client and the number of waiting calls. Sends no request."""
        layer = self._layer
        return self._counters.stats(layer.pacer if isinstance(layer, Retrying) else self._pacer)

    async def aclose(self) -> None:
        """Stop bulk runs and close the connections that this client opened.

        Iterating over a bulk run that was stopped raises ``SessionClosed``.

        Raises:
            WrongEventLoop: The client was opened in another event loop.
        """
        self._connection.check_loop()
        self._closed = True
        try:
            for run in list(self._runs):
                await run.abort(_closed())
        finally:
            if self._owns:
                await self._connection.aclose()

    async def __aenter__(self) -> Self:
        if self._closed:
            raise _closed()
        self._open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        dry_run = " dry run" if self._dry_run else ""
        safe_mode = " safe mode" if self._allowed is not None else ""
        closed = " closed" if self._closed else ""
        return f"<LoopsClient {self._base_url}{dry_run}{safe_mode}{closed}>"

    def _send(self, request: Request[T], /) -> Coroutine[Any, Any, Answer[T]]:
        # Not a coroutine function, to avoid creating another coroutine for each request.
        if self._closed:
            raise _closed()
        if self._allowed is not None:
            self._allowed.check(request)
        layer = self._layer
        if layer is None or not self._connection.is_open:
            self._open()
            layer = self._layer = self._layer or self._create_layer()
        return layer.send(request)

    def _open(self) -> None:
        if self._dry_run:
            self._connection.bind()
        elif self._transport is None:
            self._connection.http()

    def _create_layer(self) -> Retrying | DryRun:
        if self._dry_run:
            # Warn, because dry runs may have been left enabled in production by mistake.
            LOG.warning("dry run (dry_run= or LOOPS_DRY_RUN): nothing is sent to Loops")
            return DryRun(self._counters)
        clock = Clock(asyncio.get_running_loop().time)
        # A custom transport has no rate limit to respect.
        paced = self._pacer is not None or self._transport is None
        pacer = pacer_for(self._pacer, str(self._base_url), self._key) if paced else Unpaced()
        transport = self._transport
        if transport is None:
            transport = AiohttpTransport(
                http=self._http,
                base_url=self._base_url,
                api_key=self._key,
                timeouts=self._timeouts,
                now=clock.now,
                own=self._connection.owned,
            )
        return Retrying(transport, pacer, self._retry, clock, self._observers, self._counters)

    def _http(self) -> HttpSession:
        if self._closed:
            # Closed while the call waited for the rate limit. A shared session is still open.
            raise _closed()
        connection = self._connection
        return connection.opened or connection.http()


def _closed() -> errors.SessionClosed:
    return errors.SessionClosed("this client was closed; create a new one")
