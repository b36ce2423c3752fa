"""The API key."""

from aiohttp import web

from loops_async.sandbox.http import json_response
from loops_async.sandbox.team import TEAM

routes: web.RouteTableDef = web.RouteTableDef()


@routes.get("/v1/api-key")
async def check_api_key(request: web.Request) -> web.Response:
    """https://loops.so/docs/api-reference/api-key."""
    return json_response({"success": True, "teamName": request.app[TEAM].name})
