"""Two middlewares that inject faults.

`draw_fault` is the innermost middleware: it draws the fault and skips the endpoint for kinds that
are not processed. `spoil_response` is outside everything that makes the response, so that it also
spoils error responses and the headers of the limit.
"""

from aiohttp import web
from aiohttp.typedefs import Handler

from loops_async.sandbox.faults.fault_kinds import FAULT_KINDS, Fault
from loops_async.sandbox.request_keys import DROPPED, LOG_ENTRY
from loops_async.sandbox.team import TEAM

_FAULT = web.RequestKey("fault", Fault)


@web.middleware
async def draw_fault(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Draw the request's fault, and pass the request on unless the fault comes first."""
    faults, entry = request.app[TEAM].faults, request[LOG_ENTRY]
    fault = None if faults is None else faults.draw(entry.request)
    if fault is not None:
        kind = FAULT_KINDS[fault.kind]
        request[_FAULT] = fault
        entry.update(fault=fault.kind)
        if kind.on_request is not None:
            await kind.on_request(request, fault)
        if DROPPED in request or not kind.processed:
            return web.Response()
    response = await handler(request)
    entry.update(processed=True)
    return response


@web.middleware
async def spoil_response(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Apply the request's fault to its response."""
    response = await handler(request)
    fault = request.get(_FAULT)
    if fault is None or DROPPED in request or not isinstance(response, web.Response):
        return response
    on_response = FAULT_KINDS[fault.kind].on_response
    if on_response is None:
        return response
    try:
        return await on_response(request, response, fault)
    except ConnectionError:
        # The client left. aiohttp notices, without logging it, when it tries to send a response.
        return web.Response()
