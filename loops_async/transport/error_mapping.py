"""Our errors for aiohttp's.

No aiohttp object climbs above this floor, not even inside an exception: aiohttp's own carry the
URL with its query and the headers with the key, so ours are raised outside of their ``except``.
"""

from typing import Any, Final

import aiohttp

from loops_async import errors
from loops_async.pipeline.messages import Request


class Broke(aiohttp.ClientError):
    """Carries a link failure past aiohttp's own second attempt."""


def misuse_error(request: Request[Any], error: Exception) -> errors.LoopsError | None:
    """What is wrong with a session of the user's own, where aiohttp says so; None where not."""
    text = str(error)
    if "AUTH" in text:
        return errors.ConfigurationError(
            f"{request.endpoint}: the aiohttp session adds credentials of its own; open it "
            "without auth=, and with trust_env=True see that no netrc entry matches the host"
        )
    if text.startswith("Timeout context manager"):
        return errors.WrongEventLoop(
            "the aiohttp.ClientSession that was handed in was opened in another event loop; "
            "open it inside the coroutine that uses it"
        )
    if text == "Session is closed":
        return errors.SessionClosed(
            "the aiohttp.ClientSession was closed while a call was on its way"
        )
    return None


def link_error(request: Request[Any], error: BaseException) -> errors.LinkError:
    """Our error for one of aiohttp's; by its class alone, for its text may hold what was sent."""
    where, what = request.endpoint, _root_name(error)
    if isinstance(error, _NEVER_LEFT):
        return errors.ConnectFailed(f"{where}: no connection to Loops ({what}{_reason(error)})")
    if isinstance(error, TimeoutError):
        return errors.ReplyTimeout(f"{where}: no whole reply in time ({what})")
    return errors.ConnectionLost(f"{where}: the connection broke ({what})")


_NEVER_LEFT: Final = (
    aiohttp.ClientConnectorError,
    aiohttp.ClientSSLError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ServerFingerprintMismatch,
    aiohttp.ClientHttpProxyError,
    aiohttp.InvalidURL,
    aiohttp.NonHttpUrlClientError,
)


def _root_name(error: BaseException) -> str:
    return str(error) if isinstance(error, Broke) else type(error).__name__


def _reason(error: BaseException) -> str:
    cause = getattr(error, "os_error", None) or error.__cause__
    text = getattr(cause, "strerror", None) or (type(cause).__name__ if cause else "")
    return f": {text}" if text else ""
