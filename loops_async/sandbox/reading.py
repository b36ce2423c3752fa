"""Reading requests: bodies and queries."""

from collections.abc import Mapping
from types import MappingProxyType

from aiohttp import web

from loops_async.sandbox.errors import Refusal
from loops_async.sandbox.payload import is_object, parse

BODY_LIMIT = 4 * 1024 * 1024
"""Bytes a body may have. 4 MB is the one size Loops documents, for transactional emails."""

_PARSED = web.RequestKey("parsed", object)


async def read_json(request: web.Request) -> object:
    """Return the parsed body; a second call returns the same, or None for what was refused.

    Raises:
        Refusal: 400 when it is no JSON, badly compressed, or not sent whole.
        aiohttp.web.HTTPRequestEntityTooLarge: It is longer than `BODY_LIMIT`.
    """
    if _PARSED not in request:
        # Else the rest of a body that is too long would be taken for a whole one by the next call.
        request[_PARSED] = None
        try:
            body = await request.read()
        except (web.RequestPayloadError, ConnectionError):
            raise Refusal(400, "Request body cannot be read.") from None
        request[_PARSED] = parse(body)
    return request[_PARSED]


async def read_object(request: web.Request) -> dict[str, object]:
    """Return the body, a JSON object.

    Raises:
        Refusal: 400 when it is something else, or is not said to be JSON.
    """
    if request.content_type != "application/json":
        raise Refusal(400, "Content-Type must be application/json.")
    body = await read_json(request)
    if not is_object(body):
        raise Refusal(400, "Request body must be a JSON object.")
    return body


async def peek_json(request: web.Request) -> object:
    """Return what the body holds, or None when it holds nothing that can be read."""
    if not request.body_exists:
        return None
    try:
        return await read_json(request)
    except (Refusal, web.HTTPRequestEntityTooLarge):
        return None


def read_so_far(request: web.Request) -> object:
    """Return the body if it was read already and could be, else None."""
    return request.get(_PARSED)


def read_query(request: web.Request) -> Mapping[str, str]:
    """Return the query.

    Raises:
        Refusal: 400 when a name is there twice.
    """
    if len(request.query) != len(set(request.query)):
        raise Refusal(400, "A query parameter is given more than once.")
    return MappingProxyType(dict(request.query))
