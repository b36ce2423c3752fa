"""What may be quoted of a reply: nothing that was sent, no address, no key. Pure.

Servers and proxies echo what they refuse, in every spelling; so what they say is cleaned of the
request's own values before it becomes part of an exception.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final
from urllib.parse import unquote

from loops_async.codec import decode_json
from loops_async.pipeline.messages import Reply, Request
from loops_async.records._types import JsonValue

LONGEST_EXCERPT: Final = 200

_MOST_VALUES: Final = 2000
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


def cleaned(reply: Reply, request: Request[Any]) -> str:
    """The beginning of a reply's body, fit for a message: no tags, no values, nothing sent."""
    body = reply.body
    text, whole = body[:4096].decode("utf-8", "replace"), len(body) <= 4096
    if text.lstrip("\ufeff \t\r\n")[:1] in {"{", "["}:
        return presentable(_JSON_VALUE.sub(r"\1\2…\2", text), reply, request, whole=whole)
    # A value may hold what looks like a tag, so the values go first.
    return _short(_TAG.sub(" ", _without_sent(_plain(text), reply, request, whole=whole)))


def presentable(text: str, reply: Reply, request: Request[Any], *, whole: bool = True) -> str:
    """``text``, which ``reply`` says, fit for a message."""
    whole = whole and len(text) <= 1000
    return _short(_without_sent(_plain(text[:1000]), reply, request, whole=whole))


def _plain(text: str) -> str:
    """``text`` without its percent, HTML and JSON escapes, and without those within them."""
    import html  # noqa: PLC0415 - its table of entities is wanted for a reply that is refused alone

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


def _without_sent(text: str, reply: Reply, request: Request[Any], *, whole: bool) -> str:
    """``text`` without addresses, the key, and any value that the request carried."""
    text = " ".join(text.split())
    told = _sent(request) - request.endpoint.vocabulary
    values = sorted(told | _forms([reply.secret]), key=len, reverse=True)
    if not whole:
        text = _without_stump(text, values)
    for value in values:
        if value.lower() in text.lower():
            # A short value may well be part of an innocent word; a long one is an echo.
            edges = ("", "") if len(value) >= _LONG else (r"(?<![^\W_])", r"(?![^\W_])")
            mark = "…@…" if "@" in value else "…"
            text = re.sub(re.escape(value).join(edges), mark, text, flags=re.IGNORECASE)
    if not whole:
        # Once more: of a value that repeats itself, the first time takes a part only.
        text = _without_stump(text, values)
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
        values.extend(islice(_leaves(decode_json(request.body)), _MOST_VALUES))
    return _forms(values)


def _forms(values: Iterable[str]) -> set[str]:
    read = {form for value in values for form in (value, _plain(value))}
    forms = read | {form.replace(" ", "+") for form in read}
    return {folded for form in forms if (folded := " ".join(form.split()))}


def _leaves(value: JsonValue) -> Iterator[str]:
    from decimal import Decimal  # noqa: PLC0415 - as above

    if isinstance(value, dict | list):
        items: Iterable[JsonValue] = value.values() if isinstance(value, dict) else value
        for item in items:
            yield from _leaves(item)
    elif isinstance(value, str):
        yield value
    elif value is not None and not isinstance(value, bool):
        yield str(value)
        # As JavaScript says it: 5 for 5.0, and of large numbers 17 digits and zeros.
        if abs(value) < 10**21:
            shown = format(Decimal(repr(float(value))), "f")
            yield shown.rstrip("0").rstrip(".") if "." in shown else shown
