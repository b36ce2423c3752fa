"""What a reply means: the promised value, or the one error that fits it. Pure."""

import html
import re
import time
from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar
from urllib.parse import unquote

from loops_async import errors
from loops_async.codec import Undecodable, decode_json
from loops_async.wire import Endpoint, Reply, Request

T = TypeVar("T")

LONGEST_EXCERPT: Final = 200

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
_TAG = re.compile(r"<(script|style)\b.*?(?:</\1\s*>|\Z)|<[^>]*>?", re.IGNORECASE | re.DOTALL)
# It begins where a word begins: to try each letter of it would take the square of its length.
_MAILBOX = re.compile(r"(?<![^\s<>\"'=(),;:?&])[^\s<>\"'=(),;:?&]+@[^\s<>\"'(),;:?&]+")
# The quotation mark at the end may be missing: a reply is cut before it is looked at.
_JSON_VALUE = re.compile(
    r"""([:\[,]\s*+)(?:(")(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|-?[0-9][0-9.eE+-]*+)""", re.DOTALL
)
_ESCAPE = re.compile(r"""\\(?:u([0-9a-fA-F]{4})|(["'\\/bfnrt]))""")
_LAST_WORD = re.compile(r"""[^\s"'<>,;:(){}\[\]&?]*+\Z""")
_LONG: Final = 6
"""Characters from which on a value is taken out even where it stands within a word."""
_DIGITS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


def judge(request: Request[T], reply: Reply, wall: Callable[[], float] = time.time) -> T:
    """The value that ``reply`` holds for ``request``; ``wall`` is the time since the epoch.

    Raises:
        APIError: The status is not a success; the endpoint may have a class of its own for it.
        InvalidReply: The status is a success but the body is not what was promised.
    """
    if reply.status >= 300:
        raise refusal(request, reply, wall)
    what = "that is no final answer"
    try:
        if reply.status >= 200:
            return request.endpoint.read(reply)
    except Undecodable as error:
        what = str(error)
    excerpt = cleaned(reply.body, request)
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


def retry_after(reply: Reply, wall: float) -> float | None:
    """The seconds that ``Retry-After`` asks for; ``wall`` is now, in seconds since the epoch.

    Both forms of the header are read, and anything else counts as no header.
    """
    text = reply.headers.get("retry-after", "").strip()
    if _DIGITS.fullmatch(text):
        return float(text)
    try:
        when = parsedate_to_datetime(text)
        if when.tzinfo is None:
            when = when.replace(tzinfo=UTC)
        return max(0.0, when.timestamp() - wall)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def _message(request: Request[Any], reply: Reply) -> str:
    """What Loops said; the newer ``message`` first, the older ``error`` and ``path`` else."""
    try:
        value = decode_json(reply.body)
    except Undecodable:
        return cleaned(reply.body, request)
    if not isinstance(value, dict):
        return cleaned(reply.body, request)
    error = value.get("error")
    nested = error if isinstance(error, dict) else {}
    said = [value.get("message"), error, nested.get("message"), nested.get("reason")]
    text = next((item for item in said if isinstance(item, str) and item), "")
    return _presentable(text, request) if text else cleaned(reply.body, request)


def cleaned(body: bytes, request: Request[Any]) -> str:
    """The beginning of ``body``, fit for a message: no tags, no values, nothing that was sent."""
    text, whole = body[:4096].decode("utf-8", "replace"), len(body) <= 4096
    if text.lstrip("\ufeff \t\r\n")[:1] in {"{", "["}:
        return _presentable(_JSON_VALUE.sub(r"\1\2…\2", text), request, whole=whole)
    # A value may hold what looks like a tag, so the values go first.
    return _short(_TAG.sub(" ", _without_sent(_plain(text), request, whole=whole)))


def _presentable(text: str, request: Request[Any], *, whole: bool = True) -> str:
    whole = whole and len(text) <= 1000
    return _short(_without_sent(_plain(text[:1000]), request, whole=whole))


def _plain(text: str) -> str:
    """``text`` without its percent, HTML and JSON escapes, and without those within them."""
    for _ in range(8):
        before = text
        text = _ESCAPE.sub(_unescaped, html.unescape(unquote(text)))
        if text == before:
            break
    # Characters beyond U+FFFF come as two escapes, one for each half.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _unescaped(escape: re.Match[str]) -> str:
    if escape[1]:
        return chr(int(escape[1], 16))
    return {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}.get(escape[2], escape[2])


def _short(text: str) -> str:
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= LONGEST_EXCERPT else line[: LONGEST_EXCERPT - 1] + "…"


def _without_sent(text: str, request: Request[Any], *, whole: bool) -> str:
    """``text`` without addresses and without any value that the request carried."""
    values = sorted(_sent(request), key=len, reverse=True)
    if not whole:
        text = _without_stump(text, values)
    for value in values:
        if value.lower() in text.lower():
            # A short value may well be part of an innocent word; a long one is an echo.
            edges = ("", "") if len(value) >= _LONG else (r"(?<![^\W_])", r"(?![^\W_])")
            mark = "…@…" if "@" in value else "…"
            text = re.sub(re.escape(value).join(edges), mark, text, flags=re.IGNORECASE)
    return _MAILBOX.sub("…@…", text)


def _without_stump(text: str, values: list[str]) -> str:
    """``text``, which was cut somewhere, without the beginning of a value at its end."""
    text = _LAST_WORD.sub("", text)
    for value in values:
        longest = min(len(value), len(text))
        stump = next((n for n in range(longest, 0, -1) if text.endswith(value[:n])), 0)
        text = text[: len(text) - stump]
    return text


def _sent(request: Request[Any]) -> set[str]:
    """The values that ``request`` carries, in each form in which a reply may quote them."""
    values = list((request.query or {}).values())
    if request.idempotency_key is not None:
        values.append(request.idempotency_key)
    if request.body is not None:
        values.extend(_leaves(decode_json(request.body)))
    forms = {form for value in values for form in (value, _plain(value), value.replace(" ", "+"))}
    return {stripped for form in forms if (stripped := form.strip())}


def _leaves(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in _leaves(item)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in _leaves(item)]
    if isinstance(value, str):
        return [value]
    return [] if value is None or isinstance(value, bool) else [str(value)]
