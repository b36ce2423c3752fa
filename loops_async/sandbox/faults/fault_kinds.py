"""Every kind of fault and what it does to a request or a response.

A new kind is a function and a line in `FAULT_KINDS`, both in this module.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from email.utils import formatdate
from http import HTTPStatus
from math import ceil, isfinite
from time import time
from types import MappingProxyType
from typing import Literal, TypeAlias

import attrs
from aiohttp import web

from loops_async.sandbox.http import (
    drop_request,
    error_response,
    peek_json,
    reset_connection,
    sleep_until_stop,
)
from loops_async.sandbox.request_keys import LOG_ENTRY

DEFAULT_SECONDS = 0.05
DEFAULT_RETRY_AFTER = 1

# Time for the client to read half a response before the reset, which on some systems discards what
# has not been read.
_SECONDS_BEFORE_RESET = 0.01
_PIECES = 10
_MISSING_BYTES = 10


@attrs.frozen
class Fault:
    """A fault for one request.

    Attributes:
        kind: One of `FAULT_KINDS`, such as "reset_after".
        seconds: How many seconds a "delay" lasts, and how many a "slow_body" takes.
        retry_after: The whole seconds that "429_seconds" asks for, and that the date of a
            "429_date" is in the future.

    Raises:
        ValueError: There is no such kind, or a number is negative.
    """

    kind: str
    seconds: float = DEFAULT_SECONDS
    retry_after: int = DEFAULT_RETRY_AFTER

    def __attrs_post_init__(self) -> None:
        if self.kind not in FAULT_KINDS:
            raise ValueError(
                f"there is no fault {self.kind!r}; the kinds are {', '.join(FAULT_KINDS)}"
            )
        if not isfinite(self.seconds) or self.seconds < 0:
            raise ValueError(f"seconds must not be negative nor infinite, got {self.seconds!r}")
        if self.retry_after < 0:
            raise ValueError(f"retry_after must not be negative, got {self.retry_after!r}")


OnRequest: TypeAlias = Callable[[web.Request, Fault], Awaitable[None]]
OnResponse: TypeAlias = Callable[[web.Request, web.Response, Fault], Awaitable[web.StreamResponse]]
Body: TypeAlias = Literal["json", "html", "empty"]


@attrs.frozen
class FaultKind:
    """A kind of fault.

    Attributes:
        name: The name used by `Fault` and by a SPEC.
        family: The group it belongs to. A random fault is drawn from a random family, so that the
            many kinds of 5xx do not outnumber the others.
        processed: Whether the request is passed to its endpoint, and so has its effect if it is
            valid.
        on_request: Called before the endpoint, which is skipped if it drops the request.
        on_response: Called with the complete response; returns what is sent instead.
    """

    name: str
    family: str
    processed: bool
    on_request: OnRequest | None = attrs.field(default=None, repr=False, kw_only=True)
    on_response: OnResponse | None = attrs.field(default=None, repr=False, kw_only=True)


async def _delay(request: web.Request, fault: Fault) -> None:
    if await sleep_until_stop(request, fault.seconds):
        drop_request(request)


async def _refuse(request: web.Request, _: Fault) -> None:
    drop_request(request)


async def _read_all(request: web.Request, _: Fault) -> None:
    # The client has sent the whole request when it meets the fault.
    await peek_json(request)


async def _reset(request: web.Request, response: web.Response, _: Fault) -> web.Response:
    drop_request(request)
    return response


async def _silence(request: web.Request, response: web.Response, _: Fault) -> web.Response:
    # Ends by cancellation when the client leaves, or when the sandbox stops.
    await sleep_until_stop(request, None)
    drop_request(request)
    return response


def _replace(
    status: HTTPStatus, body: Body = "json", retry_after: Literal["seconds", "date"] | None = None
) -> OnResponse:
    """Respond with a 429 or 5xx; `retry_after` is the form of the `Retry-After` header."""

    async def replace(_: web.Request, response: web.Response, fault: Fault) -> web.Response:
        if body == "html":
            return web.Response(
                status=status, body=_page(status), content_type="text/html", charset="utf-8"
            )
        if body == "empty":
            return web.Response(status=status)
        limited = status == HTTPStatus.TOO_MANY_REQUESTS
        message = "Rate limit exceeded." if limited else f"{status.phrase}."
        replaced = error_response(status, message)
        # Loops itself sends the JSON, so it has the headers of the limit; the others are from a
        # load balancer.
        for name in ("x-ratelimit-limit", "x-ratelimit-remaining"):
            if name in response.headers:
                replaced.headers[name] = response.headers[name]
        if limited and "x-ratelimit-remaining" in replaced.headers:
            replaced.headers["x-ratelimit-remaining"] = "0"
        if retry_after == "seconds":
            replaced.headers["Retry-After"] = str(fault.retry_after)
        if retry_after == "date":
            # A date has no fractions: rounded up, so that it is not past when it is read.
            moment = ceil(time()) + fault.retry_after
            replaced.headers["Retry-After"] = formatdate(moment, usegmt=True)
        return replaced

    return replace


async def _truncate(request: web.Request, response: web.Response, _: Fault) -> web.Response:
    body = _body(request, response)
    response.body = body[: len(body) // 2]
    return response


async def _call_it_html(_: web.Request, response: web.Response, __: Fault) -> web.Response:
    response.content_type = "text/html"
    return response


async def _send_html_as_json(_: web.Request, response: web.Response, __: Fault) -> web.Response:
    response.body = _page(HTTPStatus(response.status))
    return response


async def _announce_too_much(
    request: web.Request, response: web.Response, _: Fault
) -> web.StreamResponse:
    body = _body(request, response)
    opened = await _open(request, response, len(body) + _MISSING_BYTES)
    await opened.write(body)
    _transport(request).close()
    return opened


async def _announce_too_little(
    request: web.Request, response: web.Response, _: Fault
) -> web.StreamResponse:
    body = _body(request, response)
    half = len(body) // 2
    opened = await _open(request, response, half)
    await opened.write(body[:half])
    # Bypasses the response, which writes no more than the announced length.
    _transport(request).write(body[half:])
    _transport(request).close()
    return opened


async def _reset_mid_body(
    request: web.Request, response: web.Response, _: Fault
) -> web.StreamResponse:
    body = _body(request, response)
    opened = await _open(request, response, len(body))
    await opened.write(body[: len(body) // 2])
    await asyncio.sleep(_SECONDS_BEFORE_RESET)
    reset_connection(request)
    return opened


async def _send_slowly(
    request: web.Request, response: web.Response, fault: Fault
) -> web.StreamResponse:
    body = _body(request, response)
    opened = await _open(request, response, len(body))
    size = max(1, ceil(len(body) / _PIECES))
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    for piece in pieces:
        if await sleep_until_stop(request, fault.seconds / len(pieces)):
            reset_connection(request)
            break
        await opened.write(piece)
    return opened


def _body(request: web.Request, response: web.Response) -> bytes:
    body = response.body
    return body if isinstance(body, bytes) and request.method != "HEAD" else b""


async def _open(request: web.Request, response: web.Response, length: int) -> web.StreamResponse:
    """Send the headers of a response with another `Content-Length`."""
    opened = web.StreamResponse(status=response.status, headers=response.headers)
    opened.content_length = length
    request[LOG_ENTRY].close(status=response.status, json=await peek_json(request))
    await opened.prepare(request)
    return opened


def _transport(request: web.Request) -> asyncio.Transport:
    if request.transport is None:
        raise ConnectionResetError
    return request.transport


def _page(status: HTTPStatus) -> bytes:
    title = f"{status.value} {status.phrase}"
    return (
        f"<html>\r\n<head><title>{title}</title></head>\r\n"
        f"<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    ).encode()


def _before(name: str, family: str, on_response: OnResponse) -> FaultKind:
    return FaultKind(name, family, processed=False, on_request=_read_all, on_response=on_response)


def _after(name: str, family: str, on_response: OnResponse) -> FaultKind:
    return FaultKind(name, family, processed=True, on_response=on_response)


def _server_errors() -> Iterable[FaultKind]:
    bodies: tuple[Body, ...] = ("json", "html", "empty")
    for make, suffix in ((_before, ""), (_after, "_after")):
        for status in (500, 502, 503, 504):
            for body in bodies:
                name = f"{status}{'' if body == 'json' else '_' + body}{suffix}"
                yield make(name, "5xx", _replace(HTTPStatus(status), body))


_LIMITED = HTTPStatus.TOO_MANY_REQUESTS
_ALL = (
    FaultKind("delay", "delay", processed=True, on_request=_delay),
    FaultKind("refuse", "refuse", processed=False, on_request=_refuse),
    _before("reset_before", "reset", _reset),
    _after("reset_after", "reset", _reset),
    _after("reset_mid_body", "reset", _reset_mid_body),
    _before("429", "limit", _replace(_LIMITED)),
    _before("429_seconds", "limit", _replace(_LIMITED, retry_after="seconds")),
    _before("429_date", "limit", _replace(_LIMITED, retry_after="date")),
    *_server_errors(),
    _after("truncated_json", "garbled", _truncate),
    _after("wrong_type", "garbled", _call_it_html),
    _after("html_as_json", "garbled", _send_html_as_json),
    _after("length_too_long", "garbled", _announce_too_much),
    _after("length_too_short", "garbled", _announce_too_little),
    _after("slow_body", "slow", _send_slowly),
    _before("silence", "no_answer", _silence),
    _after("silence_after", "no_answer", _silence),
)

FAULT_KINDS: Mapping[str, FaultKind] = MappingProxyType({kind.name: kind for kind in _ALL})
"""Every kind by name. docs/sandbox.md describes what a client sees of each."""

FAMILIES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        family: tuple(kind.name for kind in _ALL if kind.family == family)
        for family in dict.fromkeys(kind.family for kind in _ALL)
    }
)
"""The names of the kinds in each family."""


def kinds_named(names: Iterable[str]) -> tuple[FaultKind, ...]:
    """Return the kinds with these names, each of a kind or of a family, without duplicates.

    Raises:
        ValueError: There is no such kind or family, or there are no names.
    """
    found: dict[str, FaultKind] = {}
    for name in names:
        if name not in FAULT_KINDS and name not in FAMILIES:
            raise ValueError(
                f"there is no fault {name!r}; the families are {', '.join(FAMILIES)}; "
                f"the kinds are {', '.join(FAULT_KINDS)}"
            )
        for member in FAMILIES.get(name, (name,)):
            found[member] = FAULT_KINDS[member]
    if not found:
        raise ValueError("kinds must name at least one kind of fault")
    return tuple(found.values())
