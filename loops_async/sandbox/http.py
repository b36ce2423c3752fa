"""Reading requests, writing responses and handling the connection below them."""

import asyncio
import re
import socket
import struct
import sys
from collections.abc import Mapping, Sequence
from math import ceil
from types import MappingProxyType

from aiohttp import web

from loops_async.sandbox.json_body import is_object, parse, render
from loops_async.sandbox.request_keys import DROPPED, LOG_ENTRY, STOPPING
from loops_async.sandbox.validation import Refusal

BODY_LIMIT = 4 * 1024 * 1024
"""Maximum size of a body in bytes. Loops documents 4 MB, for transactional emails only."""

_PARSED = web.RequestKey("parsed", object)
# A linger time of 0 makes close() send a reset. The struct is different on Windows.
_NO_LINGER = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


async def read_json(request: web.Request) -> object:
    """Return the parsed body; a second call returns the same, or None if the body was refused.

    400 if it is not JSON, cannot be decompressed or is incomplete; 413 if it is too large.
    """
    if _PARSED not in request:
        # Set first: the next call must not take the rest of a body that is too large for a body.
        request[_PARSED] = None
        try:
            body = await request.read()
        except (web.RequestPayloadError, ConnectionError):
            raise Refusal(400, "Request body cannot be read.") from None
        request[_PARSED] = parse(body)
    return request[_PARSED]


async def read_object(request: web.Request) -> dict[str, object]:
    """Return the body. 400 if it is not a JSON object, or the content type is not JSON."""
    if request.content_type != "application/json":
        raise Refusal(400, "Content-Type must be application/json.")
    body = await read_json(request)
    if not is_object(body):
        raise Refusal(400, "Request body must be a JSON object.")
    return body


async def peek_json(request: web.Request) -> object:
    """Return the parsed body, or None if there is none or it cannot be read."""
    if not request.body_exists:
        return None
    try:
        return await read_json(request)
    except (Refusal, web.HTTPRequestEntityTooLarge):
        return None


def json_so_far(request: web.Request) -> object:
    """Return the body if it has been read and parsed, else None."""
    return request.get(_PARSED)


def read_query(request: web.Request) -> Mapping[str, str]:
    """Return the query. 400 if a name is repeated."""
    if len(request.query) != len(set(request.query)):
        raise Refusal(400, "A query parameter is given more than once.")
    return MappingProxyType(dict(request.query))


def idempotency_key(request: web.Request) -> str | None:
    """Return the `Idempotency-Key` header, None if it is missing or empty."""
    return request.headers.get("Idempotency-Key") or None


def json_response(value: object, *, status: int = 200) -> web.Response:
    """Return a response with a JSON body."""
    return web.Response(
        status=status, body=render(value), content_type="application/json", charset="utf-8"
    )


def error_response(status: int, message: str, **fields: object) -> web.Response:
    """Return a response with an error: https://loops.so/docs/api-reference/intro."""
    return json_response({"success": False, "message": message, **fields}, status=status)


def page_response(request: web.Request, items: Sequence[Mapping[str, object]]) -> web.Response:
    """Return the page of a listing that the query's `perPage` and `cursor` select.

    Each item has an `id`; a cursor is the id of the first item of its page. 400 if `perPage` is not
    between 10 and 50, or there is no such cursor.
    """
    query = read_query(request)
    digits = query.get("perPage", "20")
    per_page = int(digits) if re.fullmatch("[0-9]{1,9}", digits) else 0
    if not 10 <= per_page <= 50:
        raise Refusal(400, "Invalid perPage value: it must be between 10 and 50.")
    ids, cursor = [str(item["id"]) for item in items], query.get("cursor")
    if cursor and cursor not in ids:
        raise Refusal(400, "Invalid cursor value.")
    start = ids.index(cursor) if cursor else 0
    end = start + per_page
    next_cursor = next_page = None
    if end < len(items):
        next_cursor = ids[end]
        next_page = str(request.url.with_query(cursor=next_cursor, perPage=per_page))
    pagination = {
        "totalResults": len(items),
        "returnedResults": len(items[start:end]),
        "perPage": per_page,
        "totalPages": ceil(len(items) / per_page),
        "nextCursor": next_cursor,
        "nextPage": next_page,
    }
    return json_response({"pagination": pagination, "data": items[start:end]})


def reset_connection(request: web.Request) -> None:
    """Close the connection with a TCP RST, at once; unsent data is lost."""
    transport = request.transport
    if transport is not None:
        transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER
        )
        transport.abort()


def drop_request(request: web.Request) -> None:
    """Reset the connection of a request before the first byte of a response."""
    request[DROPPED] = True
    if LOG_ENTRY in request:
        request[LOG_ENTRY].close(status=None, json=json_so_far(request))
    reset_connection(request)


async def sleep_until_stop(request: web.Request, seconds: float | None) -> bool:
    """Sleep, forever if `seconds` is None; return whether the sandbox stopped meanwhile."""
    try:
        async with asyncio.timeout(seconds):
            await request.app[STOPPING].wait()
    except TimeoutError:
        return False
    return True
