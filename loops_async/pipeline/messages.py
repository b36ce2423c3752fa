"""What crosses a floor of the house: an endpoint, a request, a reply, all of them frozen values.

Nothing here does I/O and nothing here knows aiohttp, JSON or a record.
"""

import enum
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Final, Generic, Protocol, TypeVar, cast
from urllib.parse import quote

import attrs

from loops_async.errors import APIError, InvalidInput, LoopsError
from loops_async.freezing import unfrozen

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Replay(enum.Enum):
    """How a request may be sent again once nobody knows whether it took effect."""

    ALWAYS = "always"
    """Sending it twice leaves what sending it once leaves: reads, contact updates, deletes."""

    WITH_KEY = "with key"
    """Loops remembers the request's idempotency key and takes it once: events, mail."""

    ONCE = "once"
    """A second copy could do harm: creates."""


class Lane(enum.Enum):
    """Which queue of the pacer a request waits in."""

    INTERACTIVE = "interactive"
    """Somebody waits for the answer; goes ahead of every bulk request."""

    BULK = "bulk"
    """One of many; takes what interactive calls leave."""


@attrs.frozen
class Reply:
    """One HTTP reply, read to its end.

    Attributes:
        status: The HTTP status.
        headers: Names in lower case.
        body: The bytes.
        secret: What must not be quoted, should the reply repeat it: the API key.
    """

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)
    secret: str = attrs.field(default="", repr=False)


@attrs.frozen
class Endpoint(Generic[T_co]):
    """One operation of the Loops API, as a value.

    Attributes:
        method: The HTTP method.
        path: The path behind the API's base URL, beginning with ``/v1``; a part of it may be a
            parameter, as in ``/v1/campaigns/{campaignId}``.
        replay: How a request may be sent again after doubt.
        read: Makes the promised value of a 2xx reply, or raises ``InvalidReply``. It runs inside
            the retry loop, because a broken body is a failure that may be worth another attempt.
        changes: Whether a request changes anything at Loops. Doubt about one that does not is
            harmless.
        refusals: The error class of a status, where the endpoint has one of its own.
        after_doubt: The value of a status that, on a later attempt, says that the attempt in
            doubt did the work.
        reaches: Whether what it changes may bring mail to somebody. Where recipients are
            restricted, such a request is sent only if it names an ``email`` that is allowed.
        dry_run: The body of the reply that a dry run reads in place of Loops' own.
        counted: Whether the retry layer counts a request that ended in an error. Where one call
            of a user's may take several, whoever makes them counts the call instead.
        vocabulary: Words of ours that a body may carry and that a message may quote.
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
        """Method and path, fit for a log line."""
        return f"{self.method} {self.path}"


@attrs.frozen
class Finding(Generic[T_co]):
    """What a lookup showed about a request in doubt.

    Attributes:
        text: What was asked and what the answer was, for error messages.
        attempts: How many requests the lookup took.
        value: The endpoint's value if the request took effect, or None if it did not and may be
            sent again.
        conflict: The error to raise instead, because something else stands in its place.
    """

    text: str
    attempts: int
    value: T_co | None = None
    conflict: APIError | None = None


@attrs.frozen
class Request(Generic[T_co]):
    """One call of an endpoint: what to send, in which lane, and until when.

    The query and the body carry personal data, so they stay out of the repr.

    Attributes:
        endpoint: What is called.
        query: The query's parameters by their names.
        body: The bytes of a JSON object.
        idempotency_key: Under which Loops takes the request once.
        lane: Which queue of the pacer it waits in.
        deadline: When the whole call must be over, in the event loop's own time (seconds); None
            for never.
        parameters: The parameters of the endpoint's path.
        look_up: Finds out whether the request took effect when that is in doubt, given the latest
            failure. Without it, a request whose endpoint is ``Replay.ONCE`` ends in doubt.
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
        """The endpoint's path with its parameters, each within its own segment.

        Raises:
            InvalidInput: A parameter that would be another path, or none.
        """
        if self.parameters is None:
            return self.endpoint.path
        return self.endpoint.path.format(
            **{name: _segment(name, value) for name, value in self.parameters.items()}
        )


_reply: Final = unfrozen(Reply)
_request: Final = unfrozen(Request)


def received(status: int, headers: Mapping[str, str], body: bytes, secret: str) -> Reply:
    """A ``Reply``, for less than its constructor takes."""
    reply = _reply()
    reply.status = status
    reply.headers = headers
    reply.body = body
    reply.secret = secret
    reply.__class__ = Reply
    return cast("Reply", reply)


def write(endpoint: Endpoint[T], body: bytes, lane: Lane, deadline: float | None) -> Request[T]:
    """A ``Request`` with a body and nothing else, for less than its constructor takes."""
    request = _request()
    request.endpoint = endpoint
    request.query = None
    request.body = body
    request.idempotency_key = None
    request.lane = lane
    request.deadline = deadline
    request.parameters = None
    request.look_up = None
    request.__class__ = Request
    return cast("Request[T]", request)


def _segment(name: str, value: str) -> str:
    if value in {"", ".", ".."}:
        raise InvalidInput(f"{name}: must be an id, not empty and no dots alone", field=name)
    try:
        return quote(value, safe="")
    except UnicodeEncodeError:
        pass
    raise InvalidInput(f"{name}: is not valid Unicode", field=name)


@attrs.define
class Answer(Generic[T_co]):
    """What the retry layer made of a request.

    Attributes:
        value: What the endpoint promises.
        attempts: How many requests it took.
        dry_run: Whether it is made up, because nothing was sent.
    """

    value: T_co
    attempts: int
    dry_run: bool = False


class Send(Protocol):
    """The retry layer, as the endpoint functions see it."""

    def __call__(self, request: Request[T], /) -> Coroutine[Any, Any, Answer[T]]:
        """Send ``request`` as often as its endpoint allows; raise a ``LoopsError`` otherwise."""
        ...


class Transport(Protocol):
    """One request in, one reply out, whatever its status; link failures as ``LoopsError``."""

    async def send(self, request: Request[object], /) -> Reply:
        """Send ``request`` exactly once."""
        ...


class Permit(Protocol):
    """The right to send one request now."""

    def release(self, reply: Reply | None) -> None:
        """Give the permit back, with the reply, or None where none came."""
        ...


class Pacing(Protocol):
    """What the retry layer asks of a pacer."""

    async def acquire(self, lane: Lane = Lane.INTERACTIVE) -> Permit:
        """Wait for the turn of one request of ``lane``."""
        ...


class TeamPacing(Protocol):
    """A pacer that keeps the budgets of several teams apart."""

    def for_team(self, team: str, /) -> Pacing:
        """The pacer of one team, which is known by a name that is no secret."""
        ...
