"""Dedicated sending IP addresses."""

from aiohttp import web

from loops_async.sandbox.http import json_response
from loops_async.sandbox.team import TEAM

# From the example at https://loops.so/docs/api-reference/dedicated-sending-ips.
DEFAULT_SENDING_IPS = ("52.21.45.123", "52.21.45.124", "52.21.45.125")

routes: web.RouteTableDef = web.RouteTableDef()


@routes.get("/v1/dedicated-sending-ips")
async def list_sending_ips(request: web.Request) -> web.Response:
    """https://loops.so/docs/api-reference/dedicated-sending-ips."""
    return json_response(request.app[TEAM].sending_ips)
