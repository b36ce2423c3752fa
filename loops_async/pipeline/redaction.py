"""Redaction of reply text before it becomes part of an exception.

Servers and proxies echo input that they reject, in various encodings, truncated, or in another
letter case. Values of the request, email addresses and the API key are therefore replaced before
text is quoted.

Values are matched by their letters and digits, ignoring case and accents. Six in a row are enough,
and fewer if they are the whole value, or are in quotation marks or next to an ellipsis.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import islice, pairwise
from typing import Any, Final
from unicodedata import category, normalize
from urllib.parse import unquote

import attrs

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
_ESCAPE = re.compile(r"""\\(?:[uU]([0-9a-fA-F]{4})|(["'\\/bfnrt]))""")
_ESCAPED = re.compile(r"[%&\\\ud800-\udfff]")
_LAST_WORD = re.compile(r"""[^\s"'<>,;:(){}\[\]&?]*+\Z""")
_ELLIPSIS = re.compile(r"\.{2,}|…|\*{2,}")
_QUOTES = "\"'`()\\[\\]\u2018\u2019\u201c\u201d\xab\xbb"
_QUOTED = re.compile(f"[{_QUOTES}]([^{_QUOTES}]{{1,20}})[{_QUOTES}](?P<colon>:?)")
_GAPS: Final = {"", " ", "-", "_", ".", "@", "/", ",", ", "}
"""What may come between a truncated value and its ellipsis."""
_WORD = re.compile(r"\w+")
_PUNCTUATION = re.compile(r"[^a-z0-9]+")

_RUN: Final = 6
"""Minimum length of a part of a value that is redacted even in the middle of a word."""

_LONG_RUN: Final = 12
"""The same for long values, except near their ends, because shorter parts may be a coincidence."""

_LONG: Final = 64
"""Values with more letters than this are long."""

_END: Final = 16
"""Letters at each end of a long value in which ``_RUN`` letters in a row are redacted."""

_MAX_LETTERS: Final = 32_768
"""Approximate limit of letters to search for in total; of long values, only the ends are used."""


def redacted_excerpt(reply: Reply, request: Request[Any]) -> str:
    """Return the start of a reply's body without markup, JSON values and values of the request."""
    body = reply.body
    text, whole = body[:4096].decode("utf-8", "replace"), len(body) <= 4096
    if text.lstrip("\ufeff \t\r\n")[:1] in {"{", "["}:
        return redacted(_JSON_VALUE.sub(r"\1\2…\2", text), reply, request, whole=whole)
    # Values are redacted first, because they may contain text that looks like a tag.
    return _one_line(_TAG.sub(" ", _redact_sent(_unescape_all(text), reply, request, whole=whole)))


def redacted(text: str, reply: Reply, request: Request[Any], *, whole: bool = True) -> str:
    """Return ``text``, from ``reply``, without values of the request, shortened for a message."""
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
    """Replace addresses, the API key and all values of the request."""
    text = " ".join(text.split())
    if not whole:
        text = _LAST_WORD.sub("", text)
    sent = _Sent.of(request, reply.secret)
    hidden = bytearray(len(text))
    letters, places = _letters(text)
    _hide_runs(sent, letters, places, hidden)
    _hide_ends(sent, text, letters, places, hidden, whole=whole)
    for word in _WORD.finditer(text):
        if word[0] in sent.names:
            hidden[word.start() : word.end()] = bytes(len(word[0]))
    _hide_short(sent, text, hidden)
    return _MAILBOX.sub("…@…", _without(text, hidden))


@attrs.frozen
class _Sent:
    """The values of a request, prepared for searching a text.

    Attributes:
        short: Values of fewer than ``_RUN`` letters, in lower case, in each form that a reply may
            quote.
        runs: Letters in a row that identify a value.
        starts: Fewer letters with which values start.
        ends: Fewer letters with which values end.
        words: Words of values that have fewer letters.
        names: Words that may be quoted, such as the names of fields, unless they are values too.
    """

    short: frozenset[str]
    runs: frozenset[str]
    starts: frozenset[str]
    ends: frozenset[str]
    words: frozenset[str]
    names: frozenset[str]

    @classmethod
    def of(cls, request: Request[Any], secret: str) -> "_Sent":
        """Collect the values of ``request``, and ``secret``."""
        names, values = set(request.endpoint.vocabulary), {secret}
        query = request.query or {}
        names.update(query)
        values.update(query.values(), [request.idempotency_key or ""])
        if request.body is not None:
            pairs = _scalars("", decode_json(request.body))
            for name, value in islice(pairs, _MAX_VALUES):
                names.add(name)
                values.add(value)
        values -= request.endpoint.vocabulary
        share = max(2 * _END, _MAX_LETTERS // len(values))
        short, runs, starts, ends, words = (set[str]() for _ in range(5))
        for value in _spellings(values, share):
            letters = _letters_of(value)
            if len(letters) < _RUN:
                short.update({_lower(value), _lower(value.replace(" ", "+"))})
            else:
                runs.update(_runs(letters))
            for length in range(1, min(_RUN, len(letters) + 1)):
                starts.add(letters[:length])
                ends.add(letters[-length:])
            words.update([_letters_of(w) for w in _WORD.findall(value) if len(w) < _RUN])
        sets = (short, runs, starts, ends, words, names - values)
        return cls(*map(frozenset[str], sets))


def _spellings(values: Iterable[str], share: int) -> set[str]:
    """Yield each value, as sent and decoded; of long values, the beginning and the end."""
    parts, half = set[str](), share // 2
    for value in values:
        parts.update([value] if len(value) <= share else [value[:half], value[-half:]])
    parts.update([_unescape_all(part) for part in parts if _ESCAPED.search(part)])
    return {" ".join(part.split()) for part in parts} - {""}


def _runs(letters: str) -> Iterator[str]:
    long = len(letters) > _LONG
    for part in (letters[:_END], letters[-_END:]) if long else (letters,):
        yield from (part[at : at + _RUN] for at in range(len(part) - _RUN + 1))
    if long:
        yield from (letters[at : at + _LONG_RUN] for at in range(len(letters) - _LONG_RUN + 1))


def _hide_runs(sent: _Sent, letters: str, places: list[int], hidden: bytearray) -> None:
    for length in (_RUN, _LONG_RUN):
        for at in range(len(letters) - length + 1):
            if letters[at : at + length] in sent.runs:
                start, end = places[at], places[at + length - 1] + 1
                hidden[start:end] = b"1" * (end - start)


def _hide_ends(
    sent: _Sent, text: str, letters: str, places: list[int], hidden: bytearray, *, whole: bool
) -> None:
    """Hide parts of values that are in quotation marks or next to an ellipsis."""
    is_json = text[:1] in {"{", "["}
    for quoted in _QUOTED.finditer(text):
        part = _letters_of(quoted[1])
        if not (is_json and quoted["colon"]) and (
            part in sent.words or part in sent.starts or part in sent.ends
        ):
            hidden[quoted.start(1) : quoted.end(1)] = b"1" * len(quoted[1])
    for found in _ELLIPSIS.finditer(text):
        at = bisect_left(places, found.start())
        if at and text[places[at - 1] + 1 : found.start()] in _GAPS:
            _hide_start(sent, text, letters[:at], places, hidden)
        if at < len(places) and text[found.end() : places[at]] in _GAPS:
            for length in range(1, _RUN):
                if letters[at : at + length] in sent.ends:
                    last = min(at + length, len(letters)) - 1
                    _hide_words(text, places[at], places[last] + 1, hidden)
    if not whole:
        _hide_start(sent, text, letters, places, hidden)


def _hide_start(sent: _Sent, text: str, letters: str, places: list[int], hidden: bytearray) -> None:
    """Hide the start of a value at the end of ``letters``."""
    for length in range(1, min(_RUN, len(letters) + 1)):
        if letters[-length:] in sent.starts:
            first, last = places[len(letters) - length], places[len(letters) - 1]
            _hide_words(text, first, last + 1, hidden)


def _hide_short(sent: _Sent, text: str, hidden: bytearray) -> None:
    lowered = _lower(text)
    for value in sent.short:
        at = lowered.find(value)
        while at >= 0:
            _hide_words(text, at, at + len(value), hidden)
            at = lowered.find(value, at + 1)


def _hide_words(text: str, start: int, end: int, hidden: bytearray) -> None:
    """Hide a part of ``text``, unless it begins or ends in the middle of a word."""
    for at in (start, end):
        before, after = text[max(at - 1, 0) : at], text[at : at + 1]
        if _in_words(before) and _in_words(after):
            return
    hidden[start:end] = b"1" * (end - start)


def _in_words(char: str) -> bool:
    # Scripts without letter case, such as Chinese, do not separate words.
    return char.isalnum() and (char.isascii() or char.lower() != char.upper())


def _without(text: str, hidden: bytearray) -> str:
    """Return ``text`` with "…" in place of each hidden part."""
    edges = [at for at in range(len(text)) if at == 0 or hidden[at] != hidden[at - 1]]
    parts = [
        text[start:end] if not hidden[start] else "…@…" if "@" in text[start:end] else "…"
        for start, end in pairwise([*edges, len(text)])
    ]
    return "".join(parts)


def _lower(text: str) -> str:
    """Return ``text`` in lower case, character by character, so that its length is the same."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def _letters_of(text: str) -> str:
    if text.isascii():
        return _PUNCTUATION.sub("", text.lower())
    return _letters(text)[0]


def _letters(text: str) -> tuple[str, list[int]]:
    """Return the letters and digits of ``text``, without case and accents, and their positions."""
    letters: list[str] = []
    places: list[int] = []
    for place, char in enumerate(text):
        plain = char.lower() if char.isascii() else _plain(char)
        for letter in plain:
            if letter.isalnum() or (not letter.isascii() and category(letter)[0] == "S"):
                letters.append(letter)
                places.append(place)
    return "".join(letters), places


def _plain(char: str) -> str:
    return normalize("NFKD", normalize("NFKD", char).casefold())


def _scalars(name: str, value: JsonValue) -> Iterator[tuple[str, str]]:
    """Return the names and values within ``value``, whose own name is ``name``."""
    from decimal import Decimal  # noqa: PLC0415 - only needed for error replies

    if isinstance(value, dict):
        for key, item in value.items():
            yield from _scalars(key, item)
    elif isinstance(value, list):
        for item in value:
            yield from _scalars(name, item)
    elif isinstance(value, str):
        yield name, value
    elif value is not None and not isinstance(value, bool):
        yield name, str(value)
        # As JavaScript formats it: 5 for 5.0, and large numbers as 17 digits and zeros.
        if abs(value) < 10**21:
            shown = format(Decimal(repr(float(value))), "f")
            yield name, shown.rstrip("0").rstrip(".") if "." in shown else shown
