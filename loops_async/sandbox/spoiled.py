"""Answers that are not what was promised, and those of servers that are not well."""

import asyncio
from email.utils import formatdate
from http import HTTPStatus
from math import ceil
from time import time

from aiohttp import web

from loops_async.sandbox.answers import refuse
from loops_async.sandbox.faults import Fault
from loops_async.sandbox.kinds import FAULT_KINDS
from loops_async.sandbox.sockets import hold, reset

# Time for half an answer to be read before the reset, which on some systems throws away what is
# waiting to be read.
_A_MOMENT = 0.01
_PIECES = 10
_MISSING_BYTES = 10


async def replacement(_: web.Request, response: web.Response, fault: Fault) -> web.StreamResponse:
    """Answer 429 or 5xx in place of the endpoint."""
    kind = FAULT_KINDS[fault.kind]
    status = HTTPStatus(kind.status or 500)
    if kind.body == "html":
        return web.Response(
            status=status, body=_page(status), content_type="text/html", charset="utf-8"
        )
    if kind.body == "empty":
        return web.Response(status=status)
    limited = status == HTTPStatus.TOO_MANY_REQUESTS
    spoiled = refuse(status, "Rate limit exceeded." if limited else f"{status.phrase}.")
    # Loops' own answer, so it speaks of the limit; the HTML and the empty ones are a load
    # balancer's, which knows nothing of it.
    for name in ("x-ratelimit-limit", "x-ratelimit-remaining"):
        if name in response.headers:
            spoiled.headers[name] = response.headers[name]
    if limited and "x-ratelimit-remaining" in spoiled.headers:
        spoiled.headers["x-ratelimit-remaining"] = "0"
    if kind.retry_after == "seconds":
        spoiled.headers["Retry-After"] = str(fault.retry_after)
    if kind.retry_after == "date":
        # A date has no fractions: rounded up, so that it is not past before it is read.
        moment = ceil(time()) + fault.retry_after
        spoiled.headers["Retry-After"] = formatdate(moment, usegmt=True)
    return spoiled


async def truncated(request: web.Request, response: web.Response, _: Fault) -> web.StreamResponse:
    """Answer a whole message with half of the JSON."""
    body = _body(request, response)
    response.body = body[: len(body) // 2]
    return response


async def with_wrong_type(_: web.Request, response: web.Response, __: Fault) -> web.StreamResponse:
    """Answer the JSON and call it HTML."""
    response.content_type = "text/html"
    return response


async def with_html_body(_: web.Request, response: web.Response, __: Fault) -> web.StreamResponse:
    """Answer HTML and call it JSON."""
    response.body = _page(HTTPStatus(response.status))
    return response


async def without_the_end(
    request: web.Request, response: web.Response, _: Fault
) -> web.StreamResponse:
    """Promise more bytes than are sent, then close."""
    body = _body(request, response)
    opened = await _open(request, response, len(body) + _MISSING_BYTES)
    await opened.write(body)
    _transport(request).close()
    return opened


async def with_too_much(
    request: web.Request, response: web.Response, _: Fault
) -> web.StreamResponse:
    """Promise half of the bytes that are sent, then close."""
    body = _body(request, response)
    half = len(body) // 2
    opened = await _open(request, response, half)
    await opened.write(body[:half])
    # Past the response, which keeps to the length it has promised.
    _transport(request).write(body[half:])
    _transport(request).close()
    return opened


async def reset_mid_body(
    request: web.Request, response: web.Response, _: Fault
) -> web.StreamResponse:
    """Send the headers and half of the body, then reset."""
    body = _body(request, response)
    opened = await _open(request, response, len(body))
    await opened.write(body[: len(body) // 2])
    await asyncio.sleep(_A_MOMENT)
    reset(request)
    return opened


async def send_slowly(
    request: web.Request, response: web.Response, fault: Fault
) -> web.StreamResponse:
    """Send the headers at once and the body in a few pieces, over the fault's seconds."""
    body = _body(request, response)
    opened = await _open(request, response, len(body))
    size = max(1, ceil(len(body) / _PIECES))
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    for piece in pieces:
        if await hold(request, fault.seconds / len(pieces)):
            reset(request)
            break
        await opened.write(piece)
    return opened


def _body(request: web.Request, response: web.Response) -> bytes:
    body = response.body
    return body if isinstance(body, bytes) and request.method != "HEAD" else b""


async def _open(request: web.Request, response: web.Response, length: int) -> web.StreamResponse:
    """Send the headers of an answer, with a length of our own."""
    opened = web.StreamResponse(status=response.status, headers=response.headers)
    opened.content_length = length
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
