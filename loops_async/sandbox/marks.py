"""What the middlewares tell one another about a request and the application."""

import asyncio

from aiohttp import web

from loops_async.sandbox.faults import Fault
from loops_async.sandbox.journal import Entry

ENTRY = web.RequestKey("entry", Entry)
"""The request's line in the journal."""

FAULT = web.RequestKey("fault", Fault)
"""The fault it meets, when it meets one."""

DROPPED = web.RequestKey("dropped", bool)
"""That its connection was reset and not a byte answered."""

STOPPING = web.AppKey("stopping", asyncio.Event)
"""Set when the sandbox stops: what waits for a client must not hold it up."""
