"""The connection below a request: reset it, wait on it."""

import asyncio
import socket
import struct
import sys

from aiohttp import web

from loops_async.sandbox.marks import DROPPED, STOPPING

# To linger for no time: what makes a close a reset. Windows has its own shape of the struct.
_NO_LINGER = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


def reset(request: web.Request) -> None:
    """Close the request's connection with a TCP RST, at once; what is unsent is lost."""
    transport = request.transport
    if transport is not None:
        transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER
        )
        transport.abort()


def drop(request: web.Request) -> None:
    """Reset the connection of a request that was not answered a byte."""
    request[DROPPED] = True
    reset(request)


async def hold(request: web.Request, seconds: float | None) -> bool:
    """Wait, for ever when `seconds` is None; return whether the sandbox stopped meanwhile."""
    try:
        async with asyncio.timeout(seconds):
            await request.app[STOPPING].wait()
    except TimeoutError:
        return False
    return True
