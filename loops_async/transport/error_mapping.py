"""Errors of this package for those of aiohttp.

No object of aiohttp leaves the transport, not even as the cause of an exception: its exceptions
hold the URL with its query and the headers with the API key. The transport therefore raises its
own errors outside of the ``except`` block.
"""

from typing import Any, Final

import aiohttp

from loops_async import errors
from loops_async.pipeline.messages import Request


class ClosedBeforeReply(aiohttp.ClientError):
    """The connection broke before the reply, and the request is not sent again."""


def misuse_error(request: Request[Any], error: Exception) -> errors.LoopsError | None:
    """The error for a mistake in how the user's own session was set up, or None."""
    text = str(error)
    if "AUTH" in text:
        return errors.ConfigurationError(
            f"{request.endpoint}: the aiohttp session adds credentials of its own; open it "
            "without auth=, and with trust_env=True make sure that no netrc entry matches the host"
        )
    if text.startswith("Timeout context manager"):
        return errors.WrongEventLoop(
            "the aiohttp.ClientSession that was handed in was opened in another event loop; "
            "open it inside the coroutine that uses it"
        )
    if text == "Session is closed":
        return errors.SessionClosed("the aiohttp.ClientSession was closed during a call")
    return None


def link_error(request: Request[Any], error: BaseException) -> errors.LinkError:
    """The error for one of aiohttp's.

    It names the class of the original error but not its text, which may contain the request.
    """
    where, what = request.endpoint, type(error).__name__
    if isinstance(error, _NOT_SENT):
        return errors.ConnectFailed(f"{where}: no connection to Loops ({what}{_reason(error)})")
    if isinstance(error, TimeoutError):
        return errors.ReplyTimeout(f"{where}: no complete reply in time ({what})")
    return errors.ConnectionLost(f"{where}: the connection broke ({what})")


_NOT_SENT: Final = (
    aiohttp.ClientConnectorError,
    aiohttp.ClientSSLError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ServerFingerprintMismatch,
    aiohttp.ClientHttpProxyError,
    aiohttp.InvalidURL,
    aiohttp.NonHttpUrlClientError,
)
"""Errors that aiohttp raises before it sends the request."""


def _reason(error: BaseException) -> str:
    cause = getattr(error, "os_error", None) or error.__cause__
    text = getattr(cause, "strerror", None) or (type(cause).__name__ if cause else "")
    return f": {text}" if text else ""
