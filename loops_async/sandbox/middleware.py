"""What every request goes through, from the outside in: record, explain, sign_in, limit.

So a wrong key is 401 before all else and is not charged; a request over the limit is 429 before
its path, method and body are looked at; all others are charged, a 404 or 405 too.
"""

from collections.abc import Awaitable, Callable, Mapping
from hmac import compare_digest
from types import MappingProxyType

from aiohttp import web

from loops_async.sandbox.errors import Refusal
from loops_async.sandbox.journal import ReceivedRequest, visible_headers
from loops_async.sandbox.limits import Verdict
from loops_async.sandbox.payload import render
from loops_async.sandbox.reading import peek_json
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
    # Held, because a reset in the meantime gives the team another one.
    journal = request.app[TEAM].journal
    number = journal.open(
        ReceivedRequest(
            at=request.app[TEAM].clock(),
            method=request.method,
            path=request.path.removeprefix(BASE_PATH),
            query=MappingProxyType(dict(request.query)),
            headers=visible_headers(request.headers),
        )
    )
    response = await handler(request)
    # After the handler, so that a body nobody asked for (401, 429) is still told to the test.
    json = await peek_json(request)
    status = None if request.transport is None else response.status
    journal.close(number, status=status, json=json)
    return response


@web.middleware
async def explain(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn refusals into JSON, and put the limit's headers on every answer."""
    try:
        response = await handler(request)
    except Refusal as refusal:
        response = _refusal(refusal.status, refusal.message)
    except web.HTTPException as problem:
        message = _WORDS.get(problem.status, problem.reason)
        response = _refusal(problem.status, message)
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
        raise Refusal(401, INVALID_KEY)
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


def _refusal(status: int, message: str) -> web.Response:
    body: dict[str, object] = {"success": False, "message": message}
    if status == 401:
        # Deprecated, still documented for this one answer.
        body["error"] = message
    return web.Response(
        status=status, body=render(body), content_type="application/json", charset="utf-8"
    )


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
