"""The way to Loops and back, which is shorter to a sandbox on the same machine."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from loops_async.sandbox.marks import DROPPED
from loops_async.sandbox.sockets import drop, hold
from loops_async.sandbox.team import TEAM

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def come(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Hold the request up before it counts as arrived."""
    await _travel(request)
    return web.Response() if DROPPED in request else await handler(request)


@web.middleware
async def go(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Hold the answer up before a byte of it is sent."""
    response = await handler(request)
    await _travel(request)
    return response


async def _travel(request: web.Request) -> None:
    latency = request.app[TEAM].latency
    if latency is not None and await hold(request, latency.draw()):
        drop(request)  # The sandbox stops, and waits for no one.
