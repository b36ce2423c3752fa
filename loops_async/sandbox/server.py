"""The sandbox as a server: its options, what a test can inspect, starting and stopping."""

import asyncio
import socket
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from types import MappingProxyType, TracebackType
from typing import Literal, Self, TypeVar

import attrs
from aiohttp import web

from loops_async.sandbox.api.contact_properties import ContactPropertyStore, StoredProperty
from loops_async.sandbox.api.contacts import ContactStore
from loops_async.sandbox.api.dedicated_sending_ips import DEFAULT_SENDING_IPS
from loops_async.sandbox.api.events import EventStore, SentEvent
from loops_async.sandbox.api.mailing_lists import DEFAULT_MAILING_LISTS, StoredMailingList
from loops_async.sandbox.api.suppression import SuppressionStore
from loops_async.sandbox.api.transactional import SentEmail, TransactionalStore
from loops_async.sandbox.app import build_app
from loops_async.sandbox.contact_index import StoredContacts
from loops_async.sandbox.faults.schedule import Faults
from loops_async.sandbox.latency import make_latency
from loops_async.sandbox.limits import Window
from loops_async.sandbox.middleware import BASE_PATH
from loops_async.sandbox.request_log import ReceivedRequest
from loops_async.sandbox.team import SandboxTeam

T = TypeVar("T")

_BACKLOG = 1024
# How long `stop` waits for requests in progress. They take milliseconds; one whose body never ends
# would be waited for in vain.
_SHUTDOWN_SECONDS = 0.1
# A socket that listens on every address is reached at the loopback address.
_REACHED_AT = MappingProxyType({"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"})  # noqa: S104


@attrs.frozen
class SandboxCounts:
    """Exact counts since the start or the last reset, including requests that are not kept.

    Attributes:
        requests: All requests.
        rate_limited: Those with the status 429.
        by_status: How many got each status.
        events: The events that were accepted.
        emails: The transactional emails that were accepted.
    """

    requests: int
    rate_limited: int
    by_status: Mapping[int, int]
    events: int
    emails: int


class Sandbox:
    """A local server that stands in for the Loops API and stores everything in memory.

    `async with Sandbox() as sandbox:` serves inside the block. Point a client at `sandbox.url` with
    `sandbox.api_key`, then inspect `sandbox.contacts` and `sandbox.requests`. What it stores
    survives `stop`; `reset` removes it. It belongs to the event loop in which it was started. Its
    repr shows no API key and no personal data.

    Args:
        api_key: The only API key it accepts.
        host: The address to listen on.
        port: The port to listen on, 0 for a free one.
        rate: Requests per second; None for no limit, and no headers about one.
        window: How the rate is counted: anew each second ("fixed"), over the last second
            ("sliding"), or as a bucket that refills evenly ("bucket").
        strict_properties: Refuse an unknown contact property with 400 instead of creating it.
        mailing_lists: The team's mailing lists.
        properties: The custom properties that the team has at the start.
        transactional_emails: The published transactional emails: ids with the names of their
            required data variables. None: every id exists and requires none.
        attachments: Whether transactional emails may have attachments.
        removal_quota: How many suppressions may be removed in any 30 days.
        removing_nothing: The status for removing a contact that is not suppressed.
        dedicated_sending_ips: The team's sending IP addresses.
        team_name: The name that the API key endpoint returns.
        retry_after: Seconds for a `Retry-After` header on each 429, None for no such header.
        faults: The faults to inject, None for none.
        latency: The least and the most seconds of a random delay each way, None for no delay.
        keep_requests: How many requests `requests` keeps.
        keep_sent: How many events `sent_events`, and how many emails `sent_emails` keeps.
        clock: Returns monotonic seconds; used for the limit, the request log, idempotency keys and
            the removal quota.

    Raises:
        ValueError: An argument is invalid.
    """

    def __init__(
        self,
        *,
        api_key: str = "test-key",
        host: str = "127.0.0.1",
        port: int = 0,
        rate: float | None = 10.0,
        window: Window = "fixed",
        strict_properties: bool = False,
        mailing_lists: Iterable[StoredMailingList] = DEFAULT_MAILING_LISTS,
        properties: Iterable[StoredProperty] = (),
        transactional_emails: Mapping[str, Collection[str]] | None = None,
        attachments: bool = True,
        removal_quota: int = 100,
        removing_nothing: Literal[200, 400] = 400,
        dedicated_sending_ips: Iterable[str] = DEFAULT_SENDING_IPS,
        team_name: str = "Sandbox",
        retry_after: int | None = None,
        faults: Faults | None = None,
        latency: tuple[float, float] | None = None,
        keep_requests: int = 10_000,
        keep_sent: int = 100_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not api_key or api_key != api_key.strip():
            raise ValueError("api_key must not be empty, nor begin or end with a space")
        self._host = host
        self._port = port
        self._runner: web.AppRunner | None = None
        self._team = SandboxTeam(
            name=team_name,
            api_key=api_key,
            clock=clock,
            rate=rate,
            window=window,
            retry_after=retry_after,
            strict_properties=strict_properties,
            mailing_lists=tuple(mailing_lists),
            properties=tuple(properties),
            transactional_emails=transactional_emails,
            attachments=attachments,
            removal_quota=removal_quota,
            removing_nothing=removing_nothing,
            sending_ips=tuple(dedicated_sending_ips),
            faults=faults,
            latency=make_latency(latency),
            keep_requests=keep_requests,
            keep_sent=keep_sent,
        )
        # Created now, so that a property with a reserved name is an error here.
        self._team.store(ContactPropertyStore)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    def __repr__(self) -> str:
        if "_team" not in vars(self):  # A test report shows it after __init__ has raised.
            return f"<{type(self).__name__}: not made>"
        where = "not started" if self._runner is None else self.url
        return f"<Sandbox {where}: {len(self.contacts)} contacts, {self.counts.requests} requests>"

    @property
    def api_key(self) -> str:
        """The only API key it accepts."""
        return self._team.api_key

    @property
    def port(self) -> int:
        """The port it listens on.

        Raises:
            RuntimeError: It is not started.
        """
        if self._runner is None:
            raise RuntimeError("The sandbox has no port: start it, or use it with `async with`.")
        port: int = self._runner.addresses[0][1]
        return port

    @property
    def url(self) -> str:
        """The base URL for a client, such as `http://127.0.0.1:43211/api`.

        Raises:
            RuntimeError: It is not started.
        """
        host = _REACHED_AT.get(self._host, self._host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}{BASE_PATH}"

    @property
    def contacts(self) -> StoredContacts:
        """The contacts by address."""
        return self._team.store(ContactStore).contacts

    @property
    def properties(self) -> Mapping[str, StoredProperty]:
        """The custom properties by key, with the types they were given or guessed."""
        custom = self._team.store(ContactPropertyStore).custom()
        return MappingProxyType({prop.key: prop for prop in custom})

    @property
    def mailing_lists(self) -> tuple[StoredMailingList, ...]:
        """The mailing lists."""
        return self._team.mailing_lists

    @property
    def requests(self) -> tuple[ReceivedRequest, ...]:
        """The last `keep_requests` requests, in the order they arrived."""
        return self._team.log.requests

    @property
    def sent_events(self) -> tuple[SentEvent, ...]:
        """The last `keep_sent` events that were accepted, oldest first."""
        return self._team.store(EventStore).sent

    @property
    def sent_emails(self) -> tuple[SentEmail, ...]:
        """The last `keep_sent` transactional emails that were accepted, oldest first."""
        return self._team.store(TransactionalStore).sent

    @property
    def counts(self) -> SandboxCounts:
        """Exact counts of requests, events and emails, including those no longer kept."""
        team = self._team
        by_status = team.log.by_status
        return SandboxCounts(
            requests=team.log.received,
            rate_limited=by_status.get(429, 0),
            by_status=by_status,
            events=team.store(EventStore).count,
            emails=team.store(TransactionalStore).count,
        )

    @property
    def faults(self) -> Faults | None:
        """The faults to inject, None for none. A new value applies to the next request."""
        return self._team.faults

    @faults.setter
    def faults(self, faults: Faults | None) -> None:
        self._team.faults = faults

    def suppress(self, email: str) -> None:
        """Add ``email`` to the suppression list, as a bounce does. No contact needs to have it."""
        self._team.store(SuppressionStore).add(email)

    def reset(self) -> None:
        """Remove everything that was stored since it was created, and refill the limit.

        Faults stay.
        """
        self._team.reset()

    async def start(self) -> None:
        """Listen and serve.

        Raises:
            RuntimeError: It is already started.
            OSError: The port is taken, or the host is not an address of this machine.
        """
        if self._runner is not None:
            raise RuntimeError("The sandbox is already started.")
        # One socket, created here: asyncio would create several for a name such as "localhost",
        # each with its own port when the port is 0.
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.create_server((self._host, self._port), family=family)
        runner = web.AppRunner(
            build_app(self._team),
            access_log=None,
            shutdown_timeout=_SHUTDOWN_SECONDS,
            # When a client leaves, its handler ends, including a fault that takes time.
            handler_cancellation=True,
        )
        try:
            await runner.setup()
            await web.SockSite(runner, listener, backlog=_BACKLOG).start()
        except BaseException:
            await runner.cleanup()
            listener.close()
            raise
        self._runner = runner

    async def stop(self) -> None:
        """Stop listening and drop every connection. Does nothing if it is not started."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def serve_forever(self) -> None:
        """Serve until cancelled, then stop. Starts first if it is not started.

        Raises:
            OSError: As for `start`.
        """
        if self._runner is None:
            await self.start()
        try:
            await asyncio.Event().wait()
        finally:
            await self.stop()
