"""Immutable values passed between layers: endpoints, requests, replies and answers.

Nothing here does I/O or depends on aiohttp, JSON or a record.
"""

import enum
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import quote

import attrs

from loops_async.errors import APIError, InvalidInput, LoopsError

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Replay(enum.Enum):
    """Whether a request may be sent again when its outcome is unknown."""

    ALWAYS = "always"
    """Sending it twice has the same effect as sending it once: reads, contact updates, deletes."""

    WITH_KEY = "with key"
    """Loops processes each idempotency key once: events, transactional email."""

    ONCE = "once"
    """Sending it twice could do harm: creates."""


class Lane(enum.Enum):
    """The queue of the pacer in which a request waits."""

    INTERACTIVE = "interactive"
    """Sent ahead of all bulk requests."""

    BULK = "bulk"
    """Uses what interactive requests leave of the rate limit."""


# This class and those below are created for every request. They are immutable by convention, not
# frozen, because attrs sets the fields of frozen classes through ``object.__setattr__``, which is
# slower.
@attrs.define
class Reply:
    """One HTTP reply, read completely.

    Attributes:
        status: The HTTP status.
        headers: The headers, with names in lower case.
        body: The body.
        secret: The API key, to be redacted if the reply contains it.
    """

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)
    secret: str = attrs.field(default="", repr=False)


@attrs.frozen
class Endpoint(Generic[T_co]):
    """One operation of the Loops API.

    Attributes:
        method: The HTTP method.
        path: The path below the API's base URL, beginning with ``/v1``. It may contain
            parameters, as in ``/v1/campaigns/{campaignId}``.
        replay: Whether a request may be sent again when its outcome is unknown.
        read: Decodes a 2xx reply, or raises ``Undecodable``. It runs inside the retry loop,
            because a malformed body may be worth another attempt.
        changes: Whether a request changes anything at Loops. Otherwise an unknown outcome is
            harmless.
        refusals: Error classes specific to the endpoint, by status.
        after_doubt: Results by status, for statuses that confirm on a later attempt that an earlier
            attempt succeeded.
        reaches: Whether a request can cause email to be sent. If the client has
            ``allowed_recipients``, such a request must name an ``email`` that is allowed.
        dry_run: The body that a dry run decodes in place of a reply.
        counted: Whether the retry layer counts a request that ended in an error. If one call can
            make several requests, the caller counts it instead.
        vocabulary: Words that a request body may contain and an error message may quote.
    """

    method: str
    path: str
    replay: Replay
    read: Callable[[Reply], T_co] = attrs.field(repr=False)
    changes: bool = True
    refusals: Mapping[int, type[APIError]] = attrs.field(
        factory=dict[int, type[APIError]], repr=False
    )
    after_doubt: Mapping[int, T_co] = attrs.field(factory=dict[int, T_co], repr=False)
    reaches: bool = True
    dry_run: bytes = attrs.field(default=b"", repr=False)
    counted: bool = attrs.field(default=True, repr=False)
    vocabulary: frozenset[str] = attrs.field(default=frozenset[str](), repr=False)

    def __str__(self) -> str:
        """Method and path, for log lines."""
        return f"{self.method} {self.path}"


@attrs.frozen
class Finding(Generic[T_co]):
    """The result of looking up whether a request whose outcome was unknown took effect.

    Attributes:
        text: What was looked up and with which result, for error messages.
        attempts: How many requests the lookup took.
        value: The endpoint's value if the request took effect, or None if it did not and may be
            sent again.
        conflict: The error to raise, because the object exists with other values.
    """

    text: str
    attempts: int
    value: T_co | None = None
    conflict: APIError | None = None


@attrs.define
class Request(Generic[T_co]):
    """One call of an endpoint.

    The query and the body contain personal data, so they are not in the repr.

    Attributes:
        endpoint: The endpoint.
        query: The query's parameters by name.
        body: A JSON object, encoded.
        idempotency_key: Loops processes requests with the same key only once.
        lane: The queue of the pacer in which the request waits.
        deadline: When the whole call must end, in seconds of the event loop's time; None for no
            limit.
        parameters: The parameters of the endpoint's path.
        look_up: Finds out whether the request took effect if its outcome is unknown, given the
            latest failure. Without it, the outcome of a ``Replay.ONCE`` request stays unknown.
    """

    endpoint: Endpoint[T_co]
    query: Mapping[str, str] | None = attrs.field(default=None, repr=False)
    body: bytes | None = attrs.field(default=None, repr=False)
    idempotency_key: str | None = attrs.field(default=None, repr=False)
    lane: Lane = Lane.INTERACTIVE
    deadline: float | None = None
    parameters: Mapping[str, str] | None = attrs.field(default=None, repr=False)
    look_up: Callable[[LoopsError], Awaitable[Finding[T_co]]] | None = attrs.field(
        default=None, repr=False
    )

    @property
    def path(self) -> str:
        """Return the endpoint's path with its parameters, escaped so that each is one segment.

        Raises:
            InvalidInput: A parameter is empty or would lead to another path.
        """
        if self.parameters is None:
            return self.endpoint.path
        return self.endpoint.path.format(
            **{name: _segment(name, value) for name, value in self.parameters.items()}
        )


def _segment(name: str, value: str) -> str:
    if value in {"", ".", ".."}:
        raise InvalidInput(f"{name}: must be an id, not empty or only dots", field=name)
    try:
        return quote(value, safe="")
    except UnicodeEncodeError:
        pass
    raise InvalidInput(f"{name}: is not valid Unicode", field=name)


@attrs.define
class Answer(Generic[T_co]):
    """The result of a request, retries included.

    Attributes:
        value: What the endpoint returns.
        attempts: How many requests were sent.
        dry_run: True for the placeholder of a dry run, which sends nothing.
    """

    value: T_co
    attempts: int
    dry_run: bool = False


class Send(Protocol):
    """The retry layer, as the resources see it."""

    def __call__(self, request: Request[T], /) -> Coroutine[Any, Any, Answer[T]]:
        """Send ``request``, with retries as its endpoint allows, or raise a ``LoopsError``."""
        ...


class Transport(Protocol):
    """Sends single requests."""

    async def send(self, request: Request[object], /) -> Reply:
        """Send ``request`` once and return the reply, whatever its status.

        Raises:
            LoopsError: There was no reply.
        """
        ...


class Permit(Protocol):
    """The right to send one request now."""

    def release(self, reply: Reply | None) -> None:
        """Return the permit, together with the reply, or None if there was no reply."""
        ...


class Pacing(Protocol):
    """A pacer, as the retry layer sees it."""

    async def acquire(self, lane: Lane = Lane.INTERACTIVE) -> Permit:
        """Wait until one request of ``lane`` may be sent."""
        ...


class TeamPacing(Protocol):
    """A pacer that paces several teams independently."""

    def for_team(self, team: str, /) -> Pacing:
        """Return the pacer of one team, identified by a name that is not secret."""
        ...
