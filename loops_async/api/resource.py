"""What the nouns of the API share: sending a request, and readers of replies."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, MutableSet
from typing import Any, Final, TypeAlias, TypeVar, cast

import attrs

from loops_async.api.pages import Page, Pages, page_query
from loops_async.bulk.upsert import BulkUpsert
from loops_async.codec import Undecodable, decode, decode_fast
from loops_async.errors import InvalidCall, LoopsError
from loops_async.pipeline.deadlines import check_seconds
from loops_async.pipeline.messages import Answer, Endpoint, Finding, Lane, Reply, Request, Send
from loops_async.records._types import UNSET, Unset
from loops_async.records._validation import check_email, check_user_id

T = TypeVar("T")

Timeout: TypeAlias = float | None | Unset
"""Seconds for a whole call; None for no limit; UNSET for the client's own setting."""

SUCCESS: Final = b'{"success": true}'
"""The shortest reply of Loops to a change."""


@attrs.frozen(eq=False, repr=False)
class Caller:
    """What a client passes to each of its resources.

    Attributes:
        send: Sends a request, with the client's retries and pacing.
        timeout: Seconds for a call that is given no timeout; None for no limit.
        runs: The bulk runs that end when the client is closed.
    """

    send: Send
    timeout: float | None
    runs: MutableSet[BulkUpsert]


class Resource:
    """A noun of the API: the base class of ``loops.contacts``, ``loops.events`` and the others."""

    __slots__ = ("_caller",)

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def _deadline(self, timeout: Timeout) -> float | None:
        """The time on the event loop's clock when a call that starts now must end.

        Raises:
            ConfigurationError: ``timeout`` is not a positive number of seconds.
        """
        if timeout is UNSET:
            timeout = self._caller.timeout
        else:
            check_seconds("timeout", timeout, allow_none=True)
        return None if timeout is None else asyncio.get_running_loop().time() + timeout

    def _call(
        self,
        endpoint: Endpoint[T],
        deadline: float | None,
        *,
        parameters: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
        body: bytes | None = None,
        idempotency_key: str | None = None,
        lane: Lane = Lane.INTERACTIVE,
        look_up: Callable[[LoopsError], Awaitable[Finding[T]]] | None = None,
    ) -> Coroutine[Any, Any, Answer[T]]:
        """Send one request. What the client refuses to send is raised here, before the await."""
        return self._caller.send(
            Request(
                endpoint,
                parameters=parameters,
                query=query,
                body=body,
                idempotency_key=idempotency_key,
                lane=lane,
                deadline=deadline,
                look_up=look_up,
            )
        )

    def _pages(
        self, endpoint: Endpoint[Page[T]], per_page: int, cursor: str | None, timeout: Timeout
    ) -> Pages[T]:
        """A paged list. The timeout is that of one page.

        Raises:
            InvalidInput: ``per_page`` or ``cursor`` is not valid.
            ConfigurationError: ``timeout`` is not a positive number of seconds.
        """
        page_query(per_page, cursor)
        if timeout is not UNSET:
            check_seconds("timeout", timeout, allow_none=True)

        async def fetch(cursor: str | None) -> Page[T]:
            query = page_query(per_page, cursor)
            return (await self._call(endpoint, self._deadline(timeout), query=query)).value

        return Pages(str(endpoint), fetch, cursor)


def reads(into: type[T]) -> Callable[[Reply], T]:
    """A reader of replies that are one ``into``."""
    return lambda reply: decode(reply.body, into)


def read_success(reply: Reply) -> None:
    """Read ``{"success": true}``.

    Raises:
        Undecodable: The reply is something else.
    """
    success_fields(reply)


def success_fields(reply: Reply) -> dict[str, Any]:
    """The fields of a reply that has ``"success": true``.

    Raises:
        Undecodable: The reply is something else.
    """
    value = decode_fast(reply.body)
    if not isinstance(value, dict):
        raise Undecodable("expected an object @ $")
    if value.get("success") is not True:
        raise Undecodable("expected true @ $.success")
    return value


def mark_dry_run(answer: Answer[T]) -> T:
    """The record in ``answer``, with ``dry_run=True`` if nothing was sent."""
    value: Any = answer.value
    marked: T = attrs.evolve(value, dry_run=True) if answer.dry_run else value
    return marked


def contact_identifier(email: str | None, user_id: str | None) -> dict[str, str]:
    """The one identifier that was given, under its name at Loops.

    Raises:
        InvalidCall: Neither or both were given.
        InvalidInput: The value cannot be an identifier.
    """
    if (email is None) == (user_id is None):
        raise InvalidCall("give exactly one of email= and user_id=")
    if email is not None:
        check_email("email", email)
        return {"email": str.__str__(email)}
    check_user_id("user_id", user_id)
    # str() of a member of an enumeration is its name; str.__str__() is its text.
    return {"userId": str.__str__(cast("str", user_id))}
