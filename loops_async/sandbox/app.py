"""The web application: every endpoint in `sandbox.api`, behind the middlewares."""

import asyncio

from aiohttp import web

from loops_async.sandbox.api import all_routes
from loops_async.sandbox.faults.injection import draw_fault, spoil_response
from loops_async.sandbox.http import BODY_LIMIT
from loops_async.sandbox.latency import LATENCY, delay_request, delay_response
from loops_async.sandbox.middleware import BASE_PATH, authenticate, explain, limit, record
from loops_async.sandbox.request_keys import STOPPING
from loops_async.sandbox.team import TEAM, SandboxTeam

# Now, because it reads a folder, which would block the event loop later.
_ROUTES = tuple(all_routes())


def build_app(team: SandboxTeam) -> web.Application:
    """Return the web application that serves a team."""
    app = web.Application(
        # In the order in which a request passes through them. A fault is drawn after `limit`: the
        # request has arrived, had the right API key and was charged.
        middlewares=[
            delay_request,
            record,
            spoil_response,
            delay_response,
            explain,
            authenticate,
            limit,
            draw_fault,
        ],
        client_max_size=BODY_LIMIT,
    )
    app[TEAM] = team
    app[STOPPING] = asyncio.Event()
    app.on_shutdown.append(_stop_waiting)
    if team.latency is not None:
        app[LATENCY] = team.latency
    for route in _ROUTES:
        # Not add_get, which also adds HEAD: Loops documents GET only.
        app.router.add_route(route.method, BASE_PATH + route.path, route.handler)
    return app


async def _stop_waiting(app: web.Application) -> None:
    app[STOPPING].set()
