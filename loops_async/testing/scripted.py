"""A transport without sockets: it answers from a script and remembers what it was asked."""

import inspect
import json as json_module
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

import attrs

from loops_async.errors import LinkError
from loops_async.pipeline.messages import Reply, Request
from loops_async.pipeline.retry_policy import RetryPolicy

QUICK_RETRIES: Final = RetryPolicy(base=0.001, cap=0.01)
"""As many attempts as by default, but milliseconds apart."""


@attrs.frozen
class SentRequest:
    """One attempt of the client's. Its repr shows no personal data.

    Attributes:
        method: In capitals.
        path: As in the API reference: ``/v1/contacts/create``.
        query: The query, empty where there is none.
        json: The decoded body, None where there is none.
        idempotency_key: The header, None where there is none.
    """

    method: str
    path: str
    query: Mapping[str, str] = attrs.field(repr=False)
    json: object = attrs.field(repr=False)
    idempotency_key: str | None = attrs.field(repr=False)


Step: TypeAlias = Reply | LinkError
"""What becomes of one attempt: a reply, or the error that is raised in place of one."""

Answering: TypeAlias = Callable[[SentRequest], Step | Awaitable[Step]]
"""Returns what becomes of an attempt; may be a coroutine function."""


def reply(
    status: int = 200,
    json: object = None,
    *,
    content: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """A reply for a ``ScriptedTransport``.

    Args:
        status: The HTTP status.
        json: The body, to be encoded as JSON. None for no body.
        content: The body as bytes, in place of ``json``: a proxy's HTML, half of a JSON.
        headers: Such as ``{"Retry-After": "1"}``.

    Raises:
        TypeError: Both a ``json`` and a ``content``, or something that JSON cannot say.
        ValueError: No HTTP status.
    """
    if not _is_status(status):
        raise ValueError(f"status: must be an HTTP status from 200 to 599, not {status!r}")
    if json is not None and content is not None:
        raise TypeError("pass json= or content=, not both")
    if content is None:
        content = b"" if json is None else json_module.dumps(json).encode()
    named = {name.lower(): value for name, value in (headers or {}).items()}
    return Reply(status, MappingProxyType(named), content)


def _is_status(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 200 <= value <= 599


class ScriptedTransport:
    """Stands in for the network: ``LoopsClient("test-key", transport=ScriptedTransport([...]))``.

    All else about the client is real: what it checks, encodes and decodes, and its retries. Each
    attempt takes a step of the script. No attempt waits for a rate limit, but retries wait: pass
    ``retry=QUICK_RETRIES`` as well where the script has a failure.

    Args:
        script: The steps, in the order of the attempts: a ``reply(...)``, or a ``ConnectFailed``,
            ``ConnectionLost`` or ``ReplyTimeout`` to raise. Or a function that is given each
            ``SentRequest`` and returns such a step; it may be a coroutine function.

    Attributes:
        requests: What was sent, in order, those without a step included.

    Raises:
        TypeError: A step is something else.
    """

    def __init__(self, script: Iterable[Step] | Answering) -> None:
        if isinstance(script, Reply | LinkError):
            raise TypeError("script: must be a list of steps, or a function that returns them")
        self.requests: list[SentRequest] = []
        self._answering = script if callable(script) else None
        self._steps = deque[Step]() if callable(script) else deque(script)
        self._length = len(self._steps)
        for number, step in enumerate(self._steps, 1):
            _check(step, f"step {number} of the script")

    def __repr__(self) -> str:
        left = "" if self._answering else f", {len(self._steps)} steps left"
        return f"<ScriptedTransport: {len(self.requests)} requests{left}>"

    async def send(self, request: Request[object], /) -> Reply:
        """Answer ``request`` with the next step.

        Raises:
            AssertionError: There is none. No retry and no ``except LoopsError`` catches it.
            LinkError: The step is one.
            TypeError: The function returned no step.
        """
        sent = SentRequest(
            method=request.endpoint.method,
            path=request.path,
            query=MappingProxyType(dict(request.query or {})),
            json=None if request.body is None else json_module.loads(request.body),
            idempotency_key=request.idempotency_key,
        )
        self.requests.append(sent)
        if self._answering is not None:
            answered = self._answering(sent)
            step = await answered if inspect.isawaitable(answered) else answered
            _check(step, f"what the function returned for {request.endpoint}")
        elif self._steps:
            step = self._steps.popleft()
        else:
            raise AssertionError(
                f"no reply is left for {request.endpoint}: it is request {len(self.requests)}, "
                f"and the script has {self._length} step(s)"
            )
        if isinstance(step, LinkError):
            raise step
        return step

    def assert_done(self) -> None:
        """Check that the script was played to its end, and no further.

        Raises:
            AssertionError: It was not.
        """
        surplus = 0 if self._answering else len(self.requests) - self._length
        if surplus > 0:
            raise AssertionError(
                f"{surplus} request(s) more than the script's {self._length} step(s); the last "
                f"was {self.requests[-1].method} {self.requests[-1].path}"
            )
        if self._steps:
            raise AssertionError(
                f"{len(self._steps)} of the script's {self._length} step(s) are left"
            )


def _check(step: object, where: str) -> None:
    if not isinstance(step, Reply | LinkError):
        called = step.__name__ if isinstance(step, type) else type(step).__name__
        raise TypeError(
            f"{where} must be a reply(...), or a ConnectFailed, ConnectionLost or ReplyTimeout to "
            f"raise, not {called}"
        )
