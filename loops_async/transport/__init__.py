"""The edge: one request in, one reply out. The only client room that knows aiohttp."""

from loops_async.transport.error_mapping import link_error
from loops_async.transport.session import HttpSession, TraceConfig, open_http, opened_elsewhere
from loops_async.transport.transport import LARGEST_REPLY, AiohttpTransport

__all__ = [
    "LARGEST_REPLY",
    "AiohttpTransport",
    "HttpSession",
    "TraceConfig",
    "link_error",
    "open_http",
    "opened_elsewhere",
]
