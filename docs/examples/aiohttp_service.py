"""A service for mail preferences. Run it with ``python aiohttp_service.py``."""

import logging
import math
import os
from collections.abc import AsyncIterator

from aiohttp import web

from loops_async import LoopsClient, LoopsError, RateLimited, ServerError

log = logging.getLogger("preferences")
LOOPS = web.AppKey("loops", LoopsClient)


async def loops_client(app: web.Application) -> AsyncIterator[None]:
    async with LoopsClient() as loops:  # reads the key from LOOPS_API_KEY
        app[LOOPS] = loops
        yield


async def save(request: web.Request) -> web.Response:
    """Save a person's mail preferences, and answer with the actual result."""
    try:
        lists = await request.json()
    except ValueError:
        raise web.HTTPBadRequest(text="the body is not JSON") from None
    try:
        receipt = await request.app[LOOPS].contacts.update(
            user_id=request.match_info["user_id"], mailing_lists=lists, timeout=5.0
        )
    except LoopsError as error:
        if error.concerns_input:  # invalid, refused by Loops, or refused by safe mode on staging
            return web.json_response({"error": str(error)}, status=422)
        # This includes OutcomeUnknown: repeating the same PUT is safe, so the client may try again.
        log.warning("user %s is not saved: %s", request.match_info["user_id"], error)
        headers = {"Retry-After": str(math.ceil(wait_of(error)))}
        return web.json_response({"error": "try again"}, status=503, headers=headers)
    return web.json_response({"id": receipt.id})


def wait_of(error: LoopsError) -> float:
    """Seconds after which the client should try again."""
    if isinstance(error, RateLimited | ServerError) and error.retry_after is not None:
        return error.retry_after
    return 5.0


async def healthy(_: web.Request) -> web.Response:
    """Report that this process is up. It does not call Loops: a restart would not fix Loops."""
    return web.json_response({"status": "ok"})


def application() -> web.Application:
    app = web.Application()
    app.cleanup_ctx.append(loops_client)
    app.router.add_put("/users/{user_id}/lists", save)
    app.router.add_get("/healthz", healthy)
    return app


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    web.run_app(application(), port=int(os.environ.get("PORT", "8080")))
