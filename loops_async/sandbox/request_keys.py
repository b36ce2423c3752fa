"""Keys for what the middlewares store in a request or in the application."""

import asyncio

from aiohttp import web

from loops_async.sandbox.request_log import LogEntry

LOG_ENTRY = web.RequestKey("log_entry", LogEntry)
"""The request's entry in the request log."""

DROPPED = web.RequestKey("dropped", bool)
"""Present when the connection was reset before the first byte of a response."""

STOPPING = web.AppKey("stopping", asyncio.Event)
"""Set when the sandbox stops, so that a handler that waits for a client ends."""
