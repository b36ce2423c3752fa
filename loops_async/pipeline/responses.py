"""Conversion of a reply to the endpoint's result or an exception."""

import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

from loops_async import errors
from loops_async.codec import Undecodable, decode_json
from loops_async.pipeline.messages import Endpoint, Reply, Request
from loops_async.pipeline.redaction import redacted, redacted_excerpt
from loops_async.pipeline.retry_policy import parse_retry_after

T = TypeVar("T")

_BY_STATUS: Final[dict[int, type[errors.APIError]]] = {
    401: errors.Unauthorized,
    403: errors.Forbidden,
    404: errors.NotFound,
    # Load balancers send 408 for a slow request, and 425 for one that arrived too early.
    408: errors.ServerError,
    409: errors.Conflict,
    425: errors.ServerError,
    429: errors.RateLimited,
}
_HINTS: Final[dict[type[errors.APIError] | int, str]] = {
    errors.Unauthorized: "check api_key=… or LOOPS_API_KEY",
    errors.ContactAlreadyExists: "use contacts.update to change it",
    errors.IdempotencyConflict: (
        "an earlier call with this idempotency_key has already succeeded, so no action is "
        "required; if that call was for something else, use another key"
    ),
    errors.RedirectRefused: "check base_url",
    407: "a proxy between you and Loops requires a user name and a password",
    413: "the request is too large; Loops accepts 4 MB, attachments included",
}


def parse_response(request: Request[T], reply: Reply, wall: Callable[[], float] = time.time) -> T:
    """Return the result of ``request``; ``wall`` returns the seconds since the epoch.

    Raises:
        APIError: The status is not a success; an endpoint may define its own class for it.
        InvalidReply: The status is a success, but the body is not as documented.
    """
    status = reply.status
    if status >= 300:
        raise error_for(request, reply, wall)
    problem = "which is not a final response"
    try:
        if status >= 200:
            return request.endpoint.read(reply)
    except Undecodable as error:
        problem = f"but {error}"
    excerpt = redacted_excerpt(reply, request)
    raise errors.InvalidReply(
        f"{request.endpoint}: {status}, {problem}" + (f": {excerpt}" if excerpt else ""),
        status=status,
        excerpt=excerpt,
    )


def error_for(
    request: Request[Any], reply: Reply, wall: Callable[[], float] = time.time
) -> errors.APIError:
    """Return the error for a reply whose status is not a success."""
    kind = error_class(request.endpoint, reply.status)
    message = _error_message(request, reply)
    text = f"{request.endpoint}: {reply.status}" + (f" {message}" if message else "")
    hint = _HINTS.get(reply.status) or _HINTS.get(kind)
    text += f" ({hint})" if hint else ""
    if issubclass(kind, errors.RateLimited | errors.ServerError):
        wait = parse_retry_after(reply, wall())
        return kind(text, status=reply.status, message=message, retry_after=wait)
    error = kind(text, status=reply.status, message=message)
    # A proxy's error page does not depend on the input, unless the input is too large for it.
    error.concerns_input &= reply.status == 413 or _is_from_loops(reply)
    return error


def error_class(endpoint: Endpoint[Any], status: int) -> type[errors.APIError]:
    """Return the error class for ``status``; classes of the endpoint take precedence."""
    own = endpoint.refusals.get(status) or _BY_STATUS.get(status)
    if own is not None:
        return own
    if status >= 500:
        return errors.ServerError
    return errors.RedirectRefused if 300 <= status < 400 else errors.BadRequest


def _is_from_loops(reply: Reply) -> bool:
    """Return whether the body of an error is JSON, as in Loops' own errors."""
    try:
        return isinstance(decode_json(reply.body), dict)
    except Undecodable:
        return False


def _error_message(request: Request[Any], reply: Reply) -> str:
    """Return the redacted error message: ``message``, or the older ``error``."""
    try:
        value = decode_json(reply.body)
    except Undecodable:
        return redacted_excerpt(reply, request)
    if not isinstance(value, dict):
        return redacted_excerpt(reply, request)
    error = value.get("error")
    nested = error if isinstance(error, dict) else {}
    candidates = [value.get("message"), error, nested.get("message"), nested.get("reason")]
    text = next((item for item in candidates if isinstance(item, str) and item), "")
    return redacted(text, reply, request) if text else redacted_excerpt(reply, request)
