"""The edge: one request in, one reply out. The only client room that knows aiohttp."""

from loops_async.transport.links import link_error
from loops_async.transport.sending import LARGEST_REPLY, AiohttpTransport
from loops_async.transport.sessions import HttpSession, TraceConfig, open_http, opened_elsewhere

__all__ = [
    "LARGEST_REPLY",
    "AiohttpTransport",
    "HttpSession",
    "TraceConfig",
    "link_error",
    "open_http",
    "opened_elsewhere",
]
