"""The base class of the API's resources, and functions that read responses."""

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
"""Seconds for a whole call; None for no limit; UNSET for the client's setting."""

SUCCESS: Final = b'{"success": true}'
"""The response to a change that returns no data."""


@attrs.frozen(eq=False, repr=False)
class Caller:
    """What the resources of a client need from it.

    Attributes:
        send: Sends a request, with the client's retries and pacing.
        timeout: Default timeout of a call, in seconds; None for no limit.
        runs: The bulk runs to stop when the client is closed.
    """

    send: Send
    timeout: float | None
    runs: MutableSet[BulkUpsert]


class Resource:
    """Base class of the API's resources, such as ``loops.contacts`` and ``loops.events``."""

    __slots__ = ("_caller",)

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def _deadline(self, timeout: Timeout) -> float | None:
        """Return the deadline of a call that starts now, in the event loop's time.

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
        """Send one request. If the client rejects it, this raises at once, before the ``await``."""
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
        """Return a paginated list. The timeout applies to each page.

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
    """Return a function that decodes a response as ``into``."""
    return lambda reply: decode(reply.body, into)


def read_success(reply: Reply) -> None:
    """Check that the response has ``"success": true``.

    Raises:
        Undecodable: It does not.
    """
    success_fields(reply)


def success_fields(reply: Reply) -> dict[str, Any]:
    """Return the fields of a response that has ``"success": true``.

    Raises:
        Undecodable: It does not.
    """
    value = decode_fast(reply.body)
    if not isinstance(value, dict):
        raise Undecodable("expected an object @ $")
    if value.get("success") is not True:
        raise Undecodable("expected true @ $.success")
    return value


def mark_dry_run(answer: Answer[T]) -> T:
    """Return the record in ``answer``, with ``dry_run=True`` if it is the result of a dry run."""
    value: Any = answer.value
    marked: T = attrs.evolve(value, dry_run=True) if answer.dry_run else value
    return marked


def contact_identifier(email: str | None, user_id: str | None) -> dict[str, str]:
    """Return the identifier that was given, by its name at Loops.

    Raises:
        InvalidCall: Neither or both were given.
        InvalidInput: The value is not a valid identifier.
    """
    if (email is None) == (user_id is None):
        raise InvalidCall("give exactly one of email= and user_id=")
    if email is not None:
        check_email("email", email)
        return {"email": str.__str__(email)}
    check_user_id("user_id", user_id)
    # str() of a string enumeration's member may return its name; str.__str__() returns its text.
    return {"userId": str.__str__(cast("str", user_id))}
