"""Matching the names of columns, in the spellings of other tools, with Loops' field names."""

import re
import unicodedata
from collections.abc import Collection
from functools import cache
from typing import Final

from loops_async.importer.coercion import ValueType
from loops_async.importer.languages import column_words, words_beside

DEFAULT_FIELDS: Final = {
    "email": "email",
    "userId": "user_id",
    "firstName": "first_name",
    "lastName": "last_name",
    "source": "source",
    "subscribed": "subscribed",
    "userGroup": "user_group",
}
"""The default fields of a contact: their names at Loops, and as keyword arguments."""

RESERVED: Final = frozenset({"id", "listId", "softDeleteAt", "teamId", "updatedAt"})
"""Names that Loops reserves for itself."""

NOT_BY_API: Final = frozenset({"notes", "optInStatus"})
"""Default properties of Loops without a documented way to write them through the API."""

_OWN: Final = (*RESERVED, *NOT_BY_API, "createdAt")

_WORD: Final = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")


def normalize(name: str) -> str:
    """``name`` without case, white space and punctuation: ``E-mail`` becomes ``email``."""
    return "".join(c for c in unicodedata.normalize("NFKC", name).casefold() if c.isalnum())


_BY_NAME: Final = {normalize(name): name for name in DEFAULT_FIELDS}


def default_field(name: str) -> str | None:
    """The default field that ``name`` spells exactly, as ``first_name`` or "First Name" do."""
    return _BY_NAME.get(normalize(name))


def own_field(name: str) -> str | None:
    """The field that only Loops itself fills and that ``name`` looks like."""
    return next((own for own in _OWN if normalize(own) == normalize(name)), None)


def known_spelling(name: str, headers: Collection[str] = ()) -> str | None:
    """The default field for which ``name`` is another tool's or language's word, such as "FNAME".

    Some words mean a field only beside another one: "Nom" may be a whole name, but beside "Prénom"
    it is the last name. ``headers`` are the names of all columns.
    """
    name = without_accents(name)
    if field := _by_spelling().get(name):
        return field
    for other in ("firstName", "lastName"):
        field = _by_spelling(beside=other).get(name)
        if field and any(_means(header, other) for header in headers):
            return field
    return None


@cache
def _by_spelling(beside: str | None = None) -> dict[str, str]:
    # No status or consent column is taken for ``subscribed``: sending true re-subscribes people
    # who have left.
    words = column_words() if beside is None else words_beside(beside)
    return {without_accents(word): field for word, field in words.items()}


def _means(header: str, field: str) -> bool:
    return field in (default_field(header), _by_spelling().get(without_accents(header)))


def default_type(field: str) -> ValueType:
    """The type of a default field, by its name at Loops."""
    return "boolean" if field == "subscribed" else "string"


def camel_case(name: str) -> str:
    """``name`` as Loops names properties: ``MEMBER_RATING`` becomes ``memberRating``.

    Accents are dropped; empty if nothing of ``name`` can be written in ASCII.
    """
    words: list[str] = _WORD.findall(_decompose(name.replace("ß", "ss")))
    first, *others = words or [""]
    if first.isdigit():
        first, others = "column", [first, *others]
    return first.lower() + "".join(word.capitalize() for word in others)


def without_accents(name: str) -> str:
    """``name`` as ``normalize`` returns it, with plain letters in place of accented ones."""
    return normalize(_decompose(name))


def _decompose(name: str) -> str:
    decomposed = unicodedata.normalize("NFKD", name)
    return "".join(c for c in decomposed if not unicodedata.combining(c))
