"""What a reply means: the promised value, or the one error that fits it. Pure."""

import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

from loops_async import errors
from loops_async.codec import Undecodable, decode_json
from loops_async.pipeline.messages import Endpoint, Reply, Request
from loops_async.pipeline.redaction import cleaned, presentable
from loops_async.pipeline.retry_policy import retry_after

T = TypeVar("T")

_BY_STATUS: Final[dict[int, type[errors.APIError]]] = {
    401: errors.Unauthorized,
    403: errors.Forbidden,
    404: errors.NotFound,
    409: errors.Conflict,
    429: errors.RateLimited,
}
_HINTS: Final[dict[type[errors.APIError], str]] = {
    errors.Unauthorized: "check api_key=… or LOOPS_API_KEY",
    errors.ContactAlreadyExists: "contacts.update would change it",
    errors.RedirectRefused: "check base_url",
}


def parse_response(request: Request[T], reply: Reply, wall: Callable[[], float] = time.time) -> T:
    """The value that ``reply`` holds for ``request``; ``wall`` is the time since the epoch.

    Raises:
        APIError: The status is not a success; the endpoint may have a class of its own for it.
        InvalidReply: The status is a success but the body is not what was promised.
    """
    status = reply.status
    if status >= 300:
        raise refusal(request, reply, wall)
    what = "that is no final answer"
    try:
        if status >= 200:
            return request.endpoint.read(reply)
    except Undecodable as error:
        what = str(error)
    excerpt = cleaned(reply, request)
    raise errors.InvalidReply(
        f"{request.endpoint}: {reply.status}, but {what}" + (f": {excerpt}" if excerpt else ""),
        status=reply.status,
        excerpt=excerpt,
    )


def refusal(
    request: Request[Any], reply: Reply, wall: Callable[[], float] = time.time
) -> errors.APIError:
    """The error for a status that is not a success."""
    kind = error_class(request.endpoint, reply.status)
    message = _message(request, reply)
    text = f"{request.endpoint}: {reply.status}" + (f" {message}" if message else "")
    text += f" ({_HINTS[kind]})" if kind in _HINTS else ""
    if issubclass(kind, errors.RateLimited | errors.ServerError):
        wait = retry_after(reply, wall())
        return kind(text, status=reply.status, message=message, retry_after=wait)
    return kind(text, status=reply.status, message=message)


def error_class(endpoint: Endpoint[Any], status: int) -> type[errors.APIError]:
    """The class of the error for ``status``, the endpoint's own first."""
    own = endpoint.refusals.get(status) or _BY_STATUS.get(status)
    if own is not None:
        return own
    if status >= 500:
        return errors.ServerError
    return errors.RedirectRefused if 300 <= status < 400 else errors.BadRequest


def _message(request: Request[Any], reply: Reply) -> str:
    """What Loops said; the newer ``message`` first, the older ``error`` and ``path`` else."""
    try:
        value = decode_json(reply.body)
    except Undecodable:
        return cleaned(reply, request)
    if not isinstance(value, dict):
        return cleaned(reply, request)
    error = value.get("error")
    nested = error if isinstance(error, dict) else {}
    said = [value.get("message"), error, nested.get("message"), nested.get("reason")]
    text = next((item for item in said if isinstance(item, str) and item), "")
    return presentable(text, reply, request) if text else cleaned(reply, request)
