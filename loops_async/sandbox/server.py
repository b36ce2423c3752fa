"""The life of a sandbox: a team, a socket, a web server."""

import asyncio
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import MappingProxyType, TracebackType
from typing import Self

from aiohttp import web

from loops_async.sandbox.app import build_app
from loops_async.sandbox.audience import Contacts
from loops_async.sandbox.journal import Counts, Journal, ReceivedRequest
from loops_async.sandbox.limits import Window, make_limit
from loops_async.sandbox.middleware import BASE_PATH
from loops_async.sandbox.records import MailingList, Property
from loops_async.sandbox.store import DEFAULT_MAILING_LISTS, Store
from loops_async.sandbox.team import Team

_BACKLOG = 1024
# How long `stop` waits for answers under way. They take milliseconds; a request whose body never
# ends would be waited for in vain.
_GRACE_SECONDS = 0.1
# A socket that listens everywhere is reached at the loopback address.
_REACHED_AT = MappingProxyType({"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"})  # noqa: S104


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
        team_name: What the API key endpoint tells.
        retry_after: Seconds for a `Retry-After` header on each 429, None for no such header.
        keep_requests: How many requests `requests` remembers.
        clock: Returns monotonic seconds; limit and records go by it.

    Raises:
        ValueError: An argument makes no sense.
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
        mailing_lists: Iterable[MailingList] = DEFAULT_MAILING_LISTS,
        properties: Iterable[Property] = (),
        team_name: str = "Sandbox",
        retry_after: int | None = None,
        keep_requests: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not api_key or api_key != api_key.strip():
            raise ValueError("api_key must not be empty, nor begin or end with a space")
        self._host = host
        self._port = port
        self._runner: web.AppRunner | None = None
        self._team = Team(
            name=team_name,
            api_key=api_key,
            clock=clock,
            retry_after=retry_after,
            new_store=partial(
                Store,
                mailing_lists=tuple(mailing_lists),
                properties=tuple(properties),
                strict_properties=strict_properties,
            ),
            new_limit=partial(make_limit, rate, window),
            new_journal=partial(Journal, keep_requests),
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
        where = "not started" if self._runner is None else self.url
        return f"<Sandbox {where}: {len(self.contacts)} contacts, {self.counts.requests} requests>"

    @property
    def api_key(self) -> str:
        """The key that is let in."""
        return self._team.api_key

    @property
    def port(self) -> int:
        """The port it listens on.

        Raises:
            RuntimeError: It was not started.
        """
        if self._runner is None:
            raise RuntimeError("The sandbox has no port: start it, or use it with `async with`.")
        port: int = self._runner.addresses[0][1]
        return port

    @property
    def url(self) -> str:
        """The base URL for a client, such as `http://127.0.0.1:43211/api`.

        Raises:
            RuntimeError: It was not started.
        """
        host = _REACHED_AT.get(self._host, self._host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}{BASE_PATH}"

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
    def counts(self) -> Counts:
        """Exact counts of all requests, those no longer remembered too."""
        return self._team.journal.counts()

    def reset(self) -> None:
        """Forget contacts, new properties, requests and counts, and fill up the limit."""
        self._team.reset()

    async def start(self) -> None:
        """Listen and serve.

        Raises:
            RuntimeError: It is started already.
            OSError: The port is taken, or the host is not this machine's.
        """
        if self._runner is not None:
            raise RuntimeError("The sandbox is started already.")
        # One socket, made here: asyncio would make several for a name such as "localhost", each
        # with another port when the port is 0.
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.create_server((self._host, self._port), family=family)
        runner = web.AppRunner(
            build_app(self._team), access_log=None, shutdown_timeout=_GRACE_SECONDS
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
        """Stop listening and drop every connection, idle or not. Does nothing when stopped."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def serve_forever(self) -> None:
        """Serve until cancelled, then stop. Starts first when it was not started.

        Raises:
            OSError: As for `start`.
        """
        if self._runner is None:
            await self.start()
        try:
            await asyncio.Event().wait()
        finally:
            await self.stop()
