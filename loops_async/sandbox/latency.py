"""Network latency: a random delay before a request arrives and before its response is sent."""

import random
from math import inf

import attrs
from aiohttp import web
from aiohttp.typedefs import Handler

from loops_async.sandbox.http import drop_request, sleep_until_stop
from loops_async.sandbox.request_keys import DROPPED


@attrs.frozen
class Latency:
    """A delay drawn evenly between two bounds in seconds."""

    min: float
    max: float

    def draw(self) -> float:
        """Return the seconds of one direction."""
        return random.uniform(self.min, self.max)  # noqa: S311 (not a secret)


LATENCY = web.AppKey("latency", Latency)
"""The key of the latency in the application, absent where there is none."""


def make_latency(bounds: tuple[float, float] | None) -> Latency | None:
    """Return the latency for two bounds in seconds, None for none.

    Raises:
        ValueError: The bounds are not two finite numbers in order.
    """
    if bounds is None:
        return None
    try:
        low, high = bounds
        valid = 0 <= low <= high < inf
    except (TypeError, ValueError):
        low, high, valid = 0.0, 0.0, False
    if not valid:
        raise ValueError(
            "latency must be the least and the most seconds of delay each way, such as "
            f"(0.0, 0.08), not {bounds!r}"
        )
    return Latency(low, high)


@web.middleware
async def delay_request(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Wait before the request counts as arrived."""
    await _wait(request)
    return web.Response() if DROPPED in request else await handler(request)


@web.middleware
async def delay_response(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Wait before the first byte of the response is sent."""
    response = await handler(request)
    await _wait(request)
    return response


async def _wait(request: web.Request) -> None:
    latency = request.app.get(LATENCY)
    if latency is not None and await sleep_until_stop(request, latency.draw()):
        drop_request(request)
