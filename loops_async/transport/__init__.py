"""The transport: sends one request and reads its reply. The only client code that uses aiohttp."""

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
