"""What every request passes through, from the outside in: record, explain, authenticate, limit.

`loops_async.sandbox.faults.injection` adds two more: one outside `explain`, one inside `limit`.

A wrong API key is therefore 401 before any other check and is not charged against the limit; a
request over the limit is 429 before its path, method and body are checked; every other request is
charged, including a 404 or 405.
"""

import asyncio
from collections.abc import Mapping
from hmac import compare_digest
from types import MappingProxyType

from aiohttp import web
from aiohttp.typedefs import Handler

from loops_async.sandbox.http import error_response, json_so_far, peek_json
from loops_async.sandbox.limits import LimitDecision
from loops_async.sandbox.request_keys import DROPPED, LOG_ENTRY
from loops_async.sandbox.request_log import ReceivedRequest, visible_headers
from loops_async.sandbox.team import TEAM
from loops_async.sandbox.validation import Refusal

BASE_PATH = "/api"
"""The prefix of the paths in the API reference, as in https://app.loops.so/api."""

INVALID_KEY = "Invalid API key"

_MESSAGES: Mapping[int, str] = {
    404: "Not found.",
    405: "Method not allowed.",
    413: "Request body is too large.",
}

_DECISION = web.RequestKey("decision", LimitDecision)


@web.middleware
async def record(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Log the request when it arrives, and its response when there is one."""
    team = request.app[TEAM]
    entry = request[LOG_ENTRY] = team.log.add(
        ReceivedRequest(
            at=team.clock(),
            method=request.method,
            path=request.path.removeprefix(BASE_PATH),
            query=MappingProxyType(dict(request.query)),
            headers=visible_headers(request.headers),
        )
    )
    try:
        response = await handler(request)
        # After the handler, so that the log also has the body of a request refused unread (401,
        # 429).
        if DROPPED not in request:
            await peek_json(request)
    except asyncio.CancelledError:
        # The client left, or the sandbox stops.
        entry.close(status=None, json=json_so_far(request))
        raise
    unanswered = DROPPED in request or request.transport is None
    entry.close(status=None if unanswered else response.status, json=json_so_far(request))
    return response


@web.middleware
async def explain(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn refusals into JSON, and add the headers of the limit to every response."""
    try:
        response = await handler(request)
    except Refusal as refusal:
        response = error_response(refusal.status, refusal.message, **refusal.fields)
    except web.HTTPException as problem:
        response = error_response(problem.status, _MESSAGES.get(problem.status, problem.reason))
        if isinstance(problem, web.HTTPMethodNotAllowed):
            response.headers["Allow"] = problem.headers["Allow"]
    response.headers.update(_limit_headers(request, response.status))
    if request.content.exception() is not None:
        # It is unknown where a broken body ends and the next request begins.
        response.force_close()
    return response


@web.middleware
async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse every API key but the team's: https://loops.so/docs/api-reference/api-key."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    expected = request.app[TEAM].api_key
    same = compare_digest(key.strip().encode("utf-8", "surrogateescape"), expected.encode("utf-8"))
    if scheme.lower() != "bearer" or not same:
        # `error` is deprecated, but documented for this response.
        raise Refusal(401, INVALID_KEY, error=INVALID_KEY)
    return await handler(request)


@web.middleware
async def limit(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Charge the request against the limit or turn it away, before its body is read."""
    team = request.app[TEAM]
    if team.limit is not None:
        decision = request[_DECISION] = team.limit.decide(team.clock())
        if not decision.admitted:
            raise Refusal(429, "Rate limit exceeded.")
    return await handler(request)


def _limit_headers(request: web.Request, status: int) -> dict[str, str]:
    team = request.app[TEAM]
    if team.limit is None:
        return {}
    decision = request.get(_DECISION)
    remaining = team.limit.remaining(team.clock()) if decision is None else decision.remaining
    headers = {"x-ratelimit-limit": str(team.limit.size), "x-ratelimit-remaining": str(remaining)}
    if status == 429 and team.retry_after is not None:
        headers["Retry-After"] = str(team.retry_after)
    return headers
