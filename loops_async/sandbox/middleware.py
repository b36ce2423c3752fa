"""What every request goes through, from the outside in: record, explain, sign_in, limit.

`loops_async.sandbox.spoiling` has two more: one outside of `explain`, one inside of `limit`.

So a wrong key is 401 before all else and is not charged; a request over the limit is 429 before
its path, method and body are looked at; all others are charged, a 404 or 405 too.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from hmac import compare_digest
from types import MappingProxyType

from aiohttp import web

from loops_async.sandbox.answers import refuse
from loops_async.sandbox.errors import Refusal
from loops_async.sandbox.journal import ReceivedRequest, visible_headers
from loops_async.sandbox.limits import Verdict
from loops_async.sandbox.marks import DROPPED, ENTRY
from loops_async.sandbox.reading import peek_json, read_so_far
from loops_async.sandbox.team import TEAM

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

BASE_PATH = "/api"
"""What the paths of the API reference are below, as at https://app.loops.so/api."""

INVALID_KEY = "Invalid API key"

_WORDS: Mapping[int, str] = {
    404: "Not found.",
    405: "Method not allowed.",
    413: "Request body is too large.",
}


_VERDICT = web.RequestKey("verdict", Verdict)


@web.middleware
async def record(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Note the request at its arrival, and the answer when there is one."""
    entry = request[ENTRY] = request.app[TEAM].journal.open(
        ReceivedRequest(
            at=request.app[TEAM].clock(),
            method=request.method,
            path=request.path.removeprefix(BASE_PATH),
            query=MappingProxyType(dict(request.query)),
            headers=visible_headers(request.headers),
        )
    )
    try:
        response = await handler(request)
        # After the handler, so that a body nobody asked for (401, 429) is still told to the test.
        if DROPPED not in request:
            await peek_json(request)
    except asyncio.CancelledError:
        # The client left, or the sandbox is stopped.
        entry.close(status=None, json=read_so_far(request))
        raise
    unanswered = DROPPED in request or request.transport is None
    entry.close(status=None if unanswered else response.status, json=read_so_far(request))
    return response


@web.middleware
async def explain(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn refusals into JSON, and put the limit's headers on every answer."""
    try:
        response = await handler(request)
    except Refusal as refusal:
        response = refuse(refusal.status, refusal.message, refusal.fields)
    except web.HTTPException as problem:
        message = _WORDS.get(problem.status, problem.reason)
        response = refuse(problem.status, message)
        if isinstance(problem, web.HTTPMethodNotAllowed):
            response.headers["Allow"] = problem.headers["Allow"]
    response.headers.update(_limit_headers(request, response.status))
    if request.content.exception() is not None:
        # Where a broken body ends, and the next request begins, cannot be known.
        response.force_close()
    return response


@web.middleware
async def sign_in(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let only the team's own key through: https://loops.so/docs/api-reference/api-key."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    expected = request.app[TEAM].api_key
    same = compare_digest(key.strip().encode("utf-8", "surrogateescape"), expected.encode("utf-8"))
    if scheme.lower() != "bearer" or not same:
        # `error` is deprecated, and still documented for this one answer.
        raise Refusal(401, INVALID_KEY, error=INVALID_KEY)
    return await handler(request)


@web.middleware
async def limit(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Charge the request, or turn it away: decided here, before its body is read."""
    team = request.app[TEAM]
    if team.limit is not None:
        verdict = request[_VERDICT] = team.limit.decide(team.clock())
        if not verdict.admitted:
            raise Refusal(429, "Rate limit exceeded.")
    return await handler(request)


def _limit_headers(request: web.Request, status: int) -> dict[str, str]:
    team = request.app[TEAM]
    if team.limit is None:
        return {}
    verdict = request.get(_VERDICT)
    remaining = team.limit.remaining(team.clock()) if verdict is None else verdict.remaining
    headers = {"x-ratelimit-limit": str(team.limit.size), "x-ratelimit-remaining": str(remaining)}
    if status == 429 and team.retry_after is not None:
        headers["Retry-After"] = str(team.retry_after)
    return headers
