"""Faults, done to the requests and answers of one connection.

Two middlewares. `meet` is the innermost: it draws the fault and keeps from the endpoint what shall
not be processed. `spoil` is outside of all that makes the answer, so that refusals, headers and
all are spoiled as well.
"""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

from aiohttp import web

from loops_async.sandbox.faults import Fault
from loops_async.sandbox.kinds import FAULT_KINDS, Way
from loops_async.sandbox.marks import DROPPED, ENTRY, FAULT
from loops_async.sandbox.reading import peek_json
from loops_async.sandbox.sockets import drop, hold
from loops_async.sandbox.spoiled import (
    replacement,
    reset_mid_body,
    send_slowly,
    truncated,
    with_html_body,
    with_too_much,
    with_wrong_type,
    without_the_end,
)
from loops_async.sandbox.team import TEAM

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Spoiler = Callable[[web.Request, web.Response, Fault], Awaitable[web.StreamResponse]]


@web.middleware
async def meet(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Draw the request's fault; give it to its endpoint unless the fault comes before that."""
    faults, entry = request.app[TEAM].faults, request[ENTRY]
    fault = None if faults is None else faults.draw(entry.request)
    if fault is not None:
        request[FAULT] = fault
        entry.note(fault=fault.kind)
        if not await _goes_on(request, fault):
            return web.Response()
    response = await handler(request)
    entry.note(processed=True)
    return response


async def _goes_on(request: web.Request, fault: Fault) -> bool:
    kind = FAULT_KINDS[fault.kind]
    if kind.way == "refuse":
        drop(request)
        return False
    if kind.way == "delay" and await hold(request, fault.seconds):
        drop(request)
        return False
    if not kind.processed:
        # Read to its end all the same: the client has sent it all when it meets the fault.
        await peek_json(request)
    return kind.processed


@web.middleware
async def spoil(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Do to the answer what the request's fault says."""
    response = await handler(request)
    fault = request.get(FAULT)
    if fault is None or DROPPED in request or not isinstance(response, web.Response):
        return response
    try:
        return await _SPOILERS[FAULT_KINDS[fault.kind].way](request, response, fault)
    except ConnectionError:
        # The client left. aiohttp finds out for itself, and without a line in the log, when it
        # tries to send an answer.
        return web.Response()


async def _leave(_: web.Request, response: web.Response, __: Fault) -> web.StreamResponse:
    return response


async def _reset(request: web.Request, response: web.Response, _: Fault) -> web.StreamResponse:
    drop(request)
    return response


async def _keep_silent(
    request: web.Request, response: web.Response, _: Fault
) -> web.StreamResponse:
    # Ends with the client leaving, by cancellation, or with the sandbox.
    await hold(request, None)
    drop(request)
    return response


_SPOILERS: Mapping[Way, Spoiler] = MappingProxyType(
    {
        "delay": _leave,
        "reset": _reset,
        "mid_body": reset_mid_body,
        "replace": replacement,
        "truncate": truncated,
        "wrong_type": with_wrong_type,
        "html_body": with_html_body,
        "too_long": without_the_end,
        "too_short": with_too_much,
        "slow": send_slowly,
        "silence": _keep_silent,
    }
)
