"""A transport without sockets that replies from a script and records the requests."""

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
"""The default number of attempts, but milliseconds apart."""


@attrs.frozen
class SentRequest:
    """One attempt that the client sent. The repr contains no personal data.

    Attributes:
        method: The HTTP method, in capitals.
        path: The path as in the API reference, such as ``/v1/contacts/create``.
        query: The query, empty if there is none.
        json: The decoded body, None if there is none.
        idempotency_key: The header, None if there is none.
    """

    method: str
    path: str
    query: Mapping[str, str] = attrs.field(repr=False)
    json: object = attrs.field(repr=False)
    idempotency_key: str | None = attrs.field(repr=False)


Step: TypeAlias = Reply | LinkError
"""The result of one attempt: a reply, or an error to raise instead."""

Responder: TypeAlias = Callable[[SentRequest], Step | Awaitable[Step]]
"""Returns the result of an attempt; may be a coroutine function."""


def reply(
    status: int = 200,
    json: object = None,
    *,
    content: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Create a reply for a ``ScriptedTransport``.

    Args:
        status: The HTTP status.
        json: The body, to be encoded as JSON. None for no body.
        content: The body as bytes, instead of ``json``: HTML of a proxy, or truncated JSON.
        headers: The headers, such as ``{"Retry-After": "1"}``.

    Raises:
        TypeError: ``json`` and ``content`` were both passed, or ``json`` cannot be encoded.
        ValueError: ``status`` is not an HTTP status.
    """
    if not _is_status(status):
        raise ValueError(f"status: must be an HTTP status from 200 to 599, not {status!r}")
    if json is not None and content is not None:
        raise TypeError("pass json= or content=, not both")
    if content is None:
        content = b"" if json is None else json_module.dumps(json).encode()
    lowercase = {name.lower(): value for name, value in (headers or {}).items()}
    return Reply(status, MappingProxyType(lowercase), content)


def _is_status(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 200 <= value <= 599


class ScriptedTransport:
    """Replaces the network: ``LoopsClient("test-key", transport=ScriptedTransport([...]))``.

    Everything else in the client works as usual: validation, encoding, decoding and retries. Each
    attempt uses one step of the script. There is no rate limiting, but retries are delayed: pass
    ``retry=QUICK_RETRIES`` as well if the script contains failures.

    Args:
        script: The steps, in the order of the attempts: a ``reply(...)``, or a ``ConnectFailed``,
            ``ConnectionLost`` or ``ReplyTimeout`` to raise. Or a function that takes a
            ``SentRequest`` and returns such a step; it may be a coroutine function.

    Attributes:
        requests: The requests sent, in order, including those without a step.

    Raises:
        TypeError: A step is of another type.
    """

    def __init__(self, script: Iterable[Step] | Responder) -> None:
        if isinstance(script, Reply | LinkError):
            raise TypeError("script: must be a list of steps, or a function that returns them")
        self.requests: list[SentRequest] = []
        self._responder = script if callable(script) else None
        self._steps = deque[Step]() if callable(script) else deque(script)
        self._length = len(self._steps)
        for number, step in enumerate(self._steps, 1):
            _check(step, f"step {number} of the script")

    def __repr__(self) -> str:
        left = "" if self._responder else f", {len(self._steps)} steps left"
        return f"<ScriptedTransport: {len(self.requests)} requests{left}>"

    async def send(self, request: Request[object], /) -> Reply:
        """Return or raise the next step for ``request``.

        Raises:
            AssertionError: The script has ended. Neither retries nor ``except LoopsError`` catch
                this error.
            LinkError: The step is an error.
            TypeError: The function did not return a step.
        """
        sent = SentRequest(
            method=request.endpoint.method,
            path=request.path,
            query=MappingProxyType(dict(request.query or {})),
            json=None if request.body is None else json_module.loads(request.body),
            idempotency_key=request.idempotency_key,
        )
        self.requests.append(sent)
        if self._responder is not None:
            response = self._responder(sent)
            step = await response if inspect.isawaitable(response) else response
            _check(step, f"the value that the function returned for {request.endpoint}")
        elif self._steps:
            step = self._steps.popleft()
        else:
            raise AssertionError(
                f"no reply left for {request.endpoint}: this is request {len(self.requests)}, but "
                f"the script has {self._length} step(s)"
            )
        if isinstance(step, LinkError):
            raise step
        return step

    def assert_done(self) -> None:
        """Check that every step of the script was used, and no further request was sent.

        Raises:
            AssertionError: A step was not used, or there were more requests.
        """
        surplus = 0 if self._responder else len(self.requests) - self._length
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
        name = step.__name__ if isinstance(step, type) else type(step).__name__
        raise TypeError(
            f"{where} must be a reply(...), or a ConnectFailed, ConnectionLost or ReplyTimeout to "
            f"raise, not {name}"
        )
