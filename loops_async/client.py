"""One team's client: it wires the floors together and owns their lifetimes."""

import asyncio
import os
import re
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, Final, Self, TypeVar
from weakref import WeakSet

from multidict import CIMultiDict

from loops_async import errors
from loops_async.backoff import RetryPolicy
from loops_async.bulk import BulkUpsert
from loops_async.clock import Clock
from loops_async.connection import Connection, check_kind, checked_base_url
from loops_async.observing import Attempt
from loops_async.pacers import shared_pacer
from loops_async.records.unset import UNSET, Unset
from loops_async.resources.account import (
    ApiKey,
    ContactProperties,
    DedicatedSendingIps,
    MailingLists,
)
from loops_async.resources.contacts import Contacts
from loops_async.resources.resource import Timeout
from loops_async.resources.sending import Events, Transactional
from loops_async.retrying import Retrying
from loops_async.timeouts import Timeouts, check_seconds
from loops_async.transport import AiohttpTransport, HttpSession
from loops_async.wire import Answer, Pacing, Request

T = TypeVar("T")

_KEY: Final = re.compile(r"[!-~]+")


def checked_api_key(key: str | None) -> str:
    """``key``, or ``LOOPS_API_KEY``, if it can be one. No message ever holds it.

    Raises:
        ConfigurationError: None was given, or it cannot be a key.
    """
    given = key if key is not None else os.environ.get("LOOPS_API_KEY")
    if not given:
        raise errors.ConfigurationError(
            "no API key: pass api_key=… or set the environment variable LOOPS_API_KEY; keys are "
            "made in Loops under Settings → API"
        )
    if not isinstance(given, str) or not _KEY.fullmatch(given):
        raise errors.ConfigurationError(
            "api_key: must be text without white space or special characters; pass the key alone, "
            "without 'Bearer ' and without a line break at its end"
        )
    return given


class LoopsClient:
    """The client of one Loops team.

    ::

        async with LoopsClient() as loops:
            await loops.contacts.update(email="ada@example.com", properties={"plan": "pro"})

    It opens its connections at the first call and may be shared by any number of tasks of one
    event loop. Close it with ``async with`` or ``aclose``.

    Attributes:
        contacts: Contacts: create, update (upsert), find, delete, many at once, suppression.
        events: Events: send.
        transactional: Transactional mail: send.
        contact_properties: Contact properties: list and create.
        mailing_lists: Mailing lists: list.
        dedicated_sending_ips: Loops' sending addresses: list.
        api_key: The API key: test.

    Args:
        api_key: The team's key; ``LOOPS_API_KEY`` when left out.
        base_url: The API's address, ``https://app.loops.so/api`` or that of a sandbox;
            ``LOOPS_BASE_URL`` when left out. Plain http is for the loopback address alone.
        session: A ``LoopsSession`` to share its connections, or an ``aiohttp.ClientSession`` of
            your own; it stays open. A private one when left out.
        retry: How often and how long to retry; the session's policy when left out.
        pacer: Grants requests their turn under the rate limit. When left out, all clients of one
            key in one event loop share one that begins with 10 requests per second and learns.
        timeout: Seconds for a whole call, or ``Timeouts`` for its parts, or None for no bound on
            the whole.
        on_attempt: Called with an ``Attempt`` after each request, for logs and metrics.

    Raises:
        ConfigurationError: No key, or a setting that cannot work.
    """

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        session: Connection | HttpSession | None = None,
        retry: RetryPolicy | None = None,
        pacer: Pacing | None = None,
        timeout: float | Timeouts | None | Unset = UNSET,
        on_attempt: Callable[[Attempt], None] | None = None,
    ) -> None:
        self._key = checked_api_key(api_key)
        kinds = (Connection, HttpSession)
        check_kind("session", session, kinds, "a LoopsSession or an aiohttp.ClientSession")
        self._owns = not isinstance(session, Connection)
        if isinstance(session, Connection):
            self._connection = session
        else:
            self._connection = Connection(base_url=base_url, http=session)
        shared = self._connection
        self._base_url = checked_base_url(base_url) if base_url is not None else shared.base_url
        check_kind("retry", retry, RetryPolicy, "a RetryPolicy")
        _check_replaceable(pacer, on_attempt)
        self._timeouts = _timeouts(timeout, shared.timeouts)
        self._retry = retry if retry is not None else shared.retry
        self._pacer = pacer
        self._on_attempt = on_attempt
        self._closed = False
        self._layer: Retrying | None = None
        self._runs: WeakSet[BulkUpsert] = WeakSet()
        self.contacts = Contacts(self._send, self._deadline, self._runs.add)
        self.contact_properties = ContactProperties(self._send, self._deadline)
        self.mailing_lists = MailingLists(self._send, self._deadline)
        self.events = Events(self._send, self._deadline)
        self.transactional = Transactional(self._send, self._deadline)
        self.dedicated_sending_ips = DedicatedSendingIps(self._send, self._deadline)
        self.api_key = ApiKey(self._send, self._deadline)

    async def aclose(self) -> None:
        """Stop what runs in bulk and close the connections that this client opened.

        Whoever iterates a bulk run at that time gets ``SessionClosed``.

        Raises:
            WrongEventLoop: It was opened in another event loop.
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
        self._connection.http()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<LoopsClient {self._base_url}{' closed' if self._closed else ''}>"

    async def _send(self, request: Request[T], /) -> Answer[T]:
        if self._closed:
            raise _closed()
        self._connection.http()
        if self._layer is None:
            self._layer = self._opened()
        return await self._layer.send(request)

    def _opened(self) -> Retrying:
        clock = Clock()
        transport = AiohttpTransport(
            http=self._connection.http,
            base_url=self._base_url,
            headers=CIMultiDict(
                {
                    "Authorization": f"Bearer {self._key}",
                    "Content-Type": "application/json",
                    "Accept": "application/json",
                    "User-Agent": f"loops_async/{version('loops-async')}",
                }
            ),
            api_key=self._key,
            timeouts=self._timeouts,
            now=clock.now,
        )
        options: dict[str, Any] = {"on_attempt": self._on_attempt} if self._on_attempt else {}
        return Retrying(
            transport=transport,
            pacer=self._pacer or shared_pacer(str(self._base_url), self._key),
            policy=self._retry,
            clock=clock,
            **options,
        )

    def _deadline(self, timeout: Timeout, /) -> float | None:
        if timeout is UNSET:
            seconds = self._timeouts.total
        else:
            check_seconds("timeout", timeout, none=True)
            seconds = timeout
        return None if seconds is None else asyncio.get_running_loop().time() + seconds


def _check_replaceable(pacer: object, on_attempt: object) -> None:
    if pacer is not None and (
        isinstance(pacer, type) or not callable(getattr(pacer, "acquire", None))
    ):
        raise errors.ConfigurationError(
            f"pacer: must be a Pacer, or have its acquire(lane), not {type(pacer).__name__}"
        )
    if on_attempt is not None and not callable(on_attempt):
        raise errors.ConfigurationError(
            f"on_attempt: must be callable with an Attempt, not {type(on_attempt).__name__}"
        )


def _closed() -> errors.SessionClosed:
    return errors.SessionClosed("this client was closed; make a new one")


def _timeouts(given: float | Timeouts | None | Unset, shared: Timeouts) -> Timeouts:
    if given is UNSET:
        return shared
    if isinstance(given, Timeouts):
        return given
    check_seconds("timeout", given, none=True)
    return Timeouts(connect=shared.connect, read=shared.read, total=given)
