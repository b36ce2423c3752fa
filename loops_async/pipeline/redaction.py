"""Redaction of reply text before it becomes part of an exception.

Servers and proxies echo the input that they reject, in various encodings. The values that the
request carried, email addresses and the API key are therefore replaced before text is quoted.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final
from urllib.parse import unquote

from loops_async.codec import decode_json
from loops_async.pipeline.messages import Reply, Request
from loops_async.records._types import JsonValue

MAX_EXCERPT: Final = 200

_MAX_VALUES: Final = 2000
_TAG = re.compile(r"<(script|style)\b.*?(?:</\1\s*>|\Z)|<[^>]*>?", re.IGNORECASE | re.DOTALL)
# Anchored at the start of a word: trying every letter would take quadratic time.
_MAILBOX = re.compile(r"(?<![^\s<>\"'=(),;:?&])[^\s<>\"'=(),;:?&]+@[^\s<>\"'(),;:?&]+")
# The closing quotation mark may be missing, because long replies are truncated first.
_JSON_VALUE = re.compile(
    r"""([:\[,]\s*+)(?:(")(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|-?[0-9][0-9.eE+-]*+)""", re.DOTALL
)
_ESCAPE = re.compile(r"""\\(?:u([0-9a-fA-F]{4})|(["'\\/bfnrt]))""")
_LAST_WORD = re.compile(r"""[^\s"'<>,;:(){}\[\]&?]*+\Z""")
_MIN_ECHO: Final = 6
"""Values of at least this many characters are redacted even in the middle of a word."""


def redacted_excerpt(reply: Reply, request: Request[Any]) -> str:
    """Return the start of a reply's body without markup, JSON values and sent values."""
    body = reply.body
    text, whole = body[:4096].decode("utf-8", "replace"), len(body) <= 4096
    if text.lstrip("\ufeff \t\r\n")[:1] in {"{", "["}:
        return redacted(_JSON_VALUE.sub(r"\1\2…\2", text), reply, request, whole=whole)
    # Values first: one of them may contain text that looks like a tag.
    return _one_line(_TAG.sub(" ", _redact_sent(_unescape_all(text), reply, request, whole=whole)))


def redacted(text: str, reply: Reply, request: Request[Any], *, whole: bool = True) -> str:
    """Return ``text``, a part of ``reply``, without sent values, shortened for a message."""
    whole = whole and len(text) <= 1000
    return _one_line(_redact_sent(_unescape_all(text[:1000]), reply, request, whole=whole))


def _unescape_all(text: str) -> str:
    """Decode percent, HTML and JSON escapes in ``text``, including nested ones."""
    import html  # noqa: PLC0415 - its large table of entities is only needed for error replies

    for _ in range(8):
        before = text
        text = _ESCAPE.sub(_unescape, html.unescape(unquote(text)))
        if text == before:
            break
    # Characters beyond U+FFFF are written as two escapes, one per surrogate.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _unescape(escape: re.Match[str]) -> str:
    if escape[1]:
        return chr(int(escape[1], 16))
    return {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}.get(escape[2], escape[2])


def _one_line(text: str) -> str:
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= MAX_EXCERPT else line[: MAX_EXCERPT - 1] + "…"


def _redact_sent(text: str, reply: Reply, request: Request[Any], *, whole: bool) -> str:
    """Replace addresses, the API key, and every value that the request carried."""
    text = " ".join(text.split())
    sent = _sent_values(request) - request.endpoint.vocabulary
    values = sorted(sent | _spellings([reply.secret]), key=len, reverse=True)
    if not whole:
        text = _cut_partial_value(text, values)
    for value in values:
        if value.lower() in text.lower():
            # A short value may be part of an unrelated word; a long one is an echo.
            edges = ("", "") if len(value) >= _MIN_ECHO else (r"(?<![^\W_])", r"(?![^\W_])")
            mark = "…@…" if "@" in value else "…"
            text = re.sub(re.escape(value).join(edges), mark, text, flags=re.IGNORECASE)
    if not whole:
        # Again, because a value that repeats itself was only partly removed the first time.
        text = _cut_partial_value(text, values)
    return _MAILBOX.sub("…@…", text)


def _cut_partial_value(text: str, values: list[str]) -> str:
    """Remove the start of a value from the end of ``text``, which was truncated."""
    text = _LAST_WORD.sub("", text)
    for value in values:
        limit = min(len(value), len(text))
        partial = next((n for n in range(limit, 0, -1) if text.endswith(value[:n])), 0)
        text = text[: len(text) - partial]
    return text


def _sent_values(request: Request[Any]) -> set[str]:
    """Return the values that ``request`` carries, in each form that a reply may quote."""
    values = list((request.query or {}).values())
    if request.idempotency_key is not None:
        values.append(request.idempotency_key)
    if request.body is not None:
        values.extend(islice(_scalars(decode_json(request.body)), _MAX_VALUES))
    return _spellings(values)


def _spellings(values: Iterable[str]) -> set[str]:
    read = {form for value in values for form in (value, _unescape_all(value))}
    forms = read | {form.replace(" ", "+") for form in read}
    return {folded for form in forms if (folded := " ".join(form.split()))}


def _scalars(value: JsonValue) -> Iterator[str]:
    from decimal import Decimal  # noqa: PLC0415 - only needed for error replies

    if isinstance(value, dict | list):
        items: Iterable[JsonValue] = value.values() if isinstance(value, dict) else value
        for item in items:
            yield from _scalars(item)
    elif isinstance(value, str):
        yield value
    elif value is not None and not isinstance(value, bool):
        yield str(value)
        # As JavaScript prints it: 5 for 5.0, and large numbers as 17 digits and zeros.
        if abs(value) < 10**21:
            shown = format(Decimal(repr(float(value))), "f")
            yield shown.rstrip("0").rstrip(".") if "." in shown else shown
