"""The sandbox itself: what it is made with, what it tells, when it runs."""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from types import MappingProxyType, TracebackType
from typing import Literal, Self

import attrs

from loops_async.sandbox.audience import Contacts
from loops_async.sandbox.faults import Faults
from loops_async.sandbox.journal import Counts, Journal, ReceivedRequest
from loops_async.sandbox.latency import make_latency
from loops_async.sandbox.limits import Window, make_limit
from loops_async.sandbox.outbox import SentEmail, SentEvent
from loops_async.sandbox.records import MailingList, Property
from loops_async.sandbox.sending import Mailroom
from loops_async.sandbox.serving import Serving
from loops_async.sandbox.store import DEFAULT_MAILING_LISTS, Store
from loops_async.sandbox.suppression import Suppression
from loops_async.sandbox.team import Team

# Those of the example on https://loops.so/docs/api-reference/dedicated-sending-ips.
DEFAULT_SENDING_IPS = ("52.21.45.123", "52.21.45.124", "52.21.45.125")


@attrs.define(kw_only=True, repr=False, eq=False, slots=False)
class Sandbox:
    """A local stand-in for the Loops API, in memory.

    `async with Sandbox() as sandbox:` serves it inside the block; a client is pointed at
    `sandbox.url` with `sandbox.api_key`, and the test then looks at `sandbox.contacts` and
    `sandbox.requests`. Its state outlives a stop, and `reset` empties it. It belongs to the event
    loop it was started in. Its repr shows neither key nor address.

    Args:
        api_key: The one key that is let in.
        host: The address to listen on.
        port: The port to listen on, 0 for a free one.
        rate: Requests per second; None for no limit, and no headers that speak of one.
        window: How the rate is counted: anew each second ("fixed"), over the last second
            ("sliding"), or as a bucket that refills evenly ("bucket").
        strict_properties: Refuse an unknown contact property with 400 instead of making it.
        mailing_lists: The team's mailing lists.
        properties: The custom properties the team has to begin with.
        transactional_emails: The transactional emails there are, by id, each with the names of
            the data variables it must be given. None: every id is known and needs none.
        attachments: Whether transactional emails may carry files.
        removal_quota: How many suppressions may be removed in any 30 days.
        removing_nothing: The status for removing a suppression where there is none.
        dedicated_sending_ips: The team's own.
        team_name: What the API key endpoint tells.
        retry_after: Seconds for a `Retry-After` header on each 429, None for no such header.
        faults: What goes wrong, None for nothing.
        latency: The least and the most seconds of a random delay each way, None for no delay.
        keep_requests: How many requests `requests` remembers.
        keep_sent: How many events `sent_events`, and how many emails `sent_emails` remembers.
        clock: Returns monotonic seconds; limit, records, idempotency keys and quota go by it.

    Raises:
        ValueError: An argument makes no sense.
    """

    api_key: str = attrs.field(default="test-key", on_setattr=attrs.setters.frozen)
    _host: str = attrs.field(default="127.0.0.1", alias="host")
    _port: int = attrs.field(default=0, alias="port")
    _rate: float | None = attrs.field(default=10.0, alias="rate")
    _window: Window = attrs.field(default="fixed", alias="window")
    _strict_properties: bool = attrs.field(default=False, alias="strict_properties")
    _mailing_lists: Iterable[MailingList] = attrs.field(
        default=DEFAULT_MAILING_LISTS, alias="mailing_lists"
    )
    _properties: Iterable[Property] = attrs.field(default=(), alias="properties")
    _transactional_emails: Mapping[str, Collection[str]] | None = attrs.field(
        default=None, alias="transactional_emails"
    )
    _attachments: bool = attrs.field(default=True, alias="attachments")
    _removal_quota: int = attrs.field(default=100, alias="removal_quota")
    _removing_nothing: Literal[200, 400] = attrs.field(default=400, alias="removing_nothing")
    _sending_ips: Iterable[str] = attrs.field(
        default=DEFAULT_SENDING_IPS, alias="dedicated_sending_ips"
    )
    _team_name: str = attrs.field(default="Sandbox", alias="team_name")
    _retry_after: int | None = attrs.field(default=None, alias="retry_after")
    _faults: Faults | None = attrs.field(default=None, alias="faults")
    _latency: tuple[float, float] | None = attrs.field(default=None, alias="latency")
    _keep_requests: int = attrs.field(default=10_000, alias="keep_requests")
    _keep_sent: int = attrs.field(default=100_000, alias="keep_sent")
    _clock: Callable[[], float] = attrs.field(default=time.monotonic, alias="clock")
    _team: Team = attrs.field(init=False)
    _serving: Serving | None = attrs.field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        """Make the team."""
        if not self.api_key or self.api_key != self.api_key.strip():
            raise ValueError("api_key must not be empty, nor begin or end with a space")
        self._team = Team(
            name=self._team_name,
            api_key=self.api_key,
            clock=self._clock,
            retry_after=self._retry_after,
            sending_ips=tuple(self._sending_ips),
            faults=self._faults,
            latency=make_latency(self._latency),
            new_store=partial(
                Store,
                mailing_lists=tuple(self._mailing_lists),
                properties=tuple(self._properties),
                strict_properties=self._strict_properties,
            ),
            new_suppression=partial(Suppression, self._removal_quota, self._removing_nothing),
            new_mailroom=partial(
                Mailroom,
                templates=self._transactional_emails,
                attachments=self._attachments,
                keep=self._keep_sent,
            ),
            new_limit=partial(make_limit, self._rate, self._window),
            new_journal=partial(Journal, self._keep_requests),
        )

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
        if "_team" not in vars(self):  # refused while it was made, and a test report shows it
            return f"<{type(self).__name__}: not made>"
        where = "not started" if self._serving is None else self.url
        return f"<Sandbox {where}: {len(self.contacts)} contacts, {self.counts.requests} requests>"

    @property
    def port(self) -> int:
        """The port it listens on.

        Raises:
            RuntimeError: It was not started.
        """
        return self._started().port

    @property
    def url(self) -> str:
        """The base URL for a client, such as `http://127.0.0.1:43211/api`.

        Raises:
            RuntimeError: It was not started.
        """
        return self._started().url

    @property
    def contacts(self) -> Contacts:
        """The contacts it holds, by address."""
        return self._team.store.contacts

    @property
    def properties(self) -> Mapping[str, Property]:
        """The custom properties it holds, by key, with the types they were given or guessed."""
        custom = self._team.store.catalogue.custom()
        return MappingProxyType({prop.key: prop for prop in custom})

    @property
    def mailing_lists(self) -> tuple[MailingList, ...]:
        """The mailing lists it has."""
        return self._team.store.mailing_lists

    @property
    def requests(self) -> tuple[ReceivedRequest, ...]:
        """The last `keep_requests` requests, in the order they arrived."""
        return self._team.journal.requests()

    @property
    def sent_events(self) -> tuple[SentEvent, ...]:
        """The last `keep_sent` events that were accepted, oldest first."""
        return self._team.mailroom.outbox.events

    @property
    def sent_emails(self) -> tuple[SentEmail, ...]:
        """The last `keep_sent` transactional emails that were accepted, oldest first."""
        return self._team.mailroom.outbox.emails

    @property
    def counts(self) -> Counts:
        """Exact counts of all requests, events and emails, those no longer remembered too."""
        return self._team.counts()

    @property
    def faults(self) -> Faults | None:
        """What goes wrong, None for nothing. Set it at any time: the next arrival meets it."""
        return self._team.faults

    @faults.setter
    def faults(self, faults: Faults | None) -> None:
        self._team.faults = faults

    def suppress(self, email: str) -> None:
        """Put ``email`` on the suppression list, as a bounce would, a contact's or not."""
        self._team.suppression.add(email)

    def reset(self) -> None:
        """Forget all that happened since it was made, and fill up the limit. Faults stay."""
        self._team.reset()

    async def start(self) -> None:
        """Listen and serve.

        Raises:
            RuntimeError: It is started already.
            OSError: The port is taken, or the host is not this machine's.
        """
        if self._serving is not None:
            raise RuntimeError("The sandbox is started already.")
        self._serving = await Serving.begin(self._team, self._host, self._port)

    async def stop(self) -> None:
        """Stop listening and drop every connection, idle or not. Does nothing when stopped."""
        serving, self._serving = self._serving, None
        if serving is not None:
            await serving.end()

    async def serve_forever(self) -> None:
        """Serve until cancelled, then stop. Starts first when it was not started.

        Raises:
            OSError: As for `start`.
        """
        if self._serving is None:
            await self.start()
        try:
            await asyncio.Event().wait()
        finally:
            await self.stop()

    def _started(self) -> Serving:
        if self._serving is None:
            raise RuntimeError("The sandbox has no port: start it, or use it with `async with`.")
        return self._serving
