"""How a column's name, in the spelling of whatever tool wrote it, becomes a name at Loops."""

import re
import unicodedata
from collections.abc import Collection

from loops_async.cli.values import ValueType

DEFAULT_FIELDS: dict[str, str] = {
    "email": "email",
    "userId": "user_id",
    "firstName": "first_name",
    "lastName": "last_name",
    "source": "source",
    "subscribed": "subscribed",
    "userGroup": "user_group",
}
"""The default fields of a contact: their names at Loops, and as keyword arguments."""

RESERVED = frozenset({"id", "listId", "softDeleteAt", "teamId", "updatedAt"})
"""Names Loops keeps for itself."""

NOT_BY_API = frozenset({"notes", "optInStatus"})
"""Default properties Loops shows, with no documented way to write them through its API."""

_OWN = (*RESERVED, *NOT_BY_API, "createdAt")

# Only spellings that can mean nothing else. No status or consent column is taken for
# ``subscribed``: sending true re-subscribes people who have left.
_KNOWN = {
    "email": (
        *("emailaddress", "contactemail", "subscriberemail", "primaryemail", "useremail"),
        *("email1value", "emailadresse", "adresseemail", "adressemail", "correoelectronico"),
    ),
    "userId": ("externalid", "externaluserid"),
    "firstName": ("fname", "givenname", "forename", "vorname", "prenom", "nombredepila"),
    "lastName": (
        *("lname", "surname", "familyname"),
        *("nachname", "familienname", "nomdefamille", "apellido", "apellidos"),
    ),
    "source": ("signupsource",),
}
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")


def plain(name: str) -> str:
    """``name`` without case, space and punctuation, for comparing: ``E-mail`` is ``email``."""
    return "".join(c for c in unicodedata.normalize("NFKC", name).casefold() if c.isalnum())


_BY_NAME = {plain(name): name for name in DEFAULT_FIELDS}
_BY_SPELLING = {spelling: name for name, known in _KNOWN.items() for spelling in known}


def default_field(name: str) -> str | None:
    """The default field ``name`` spells exactly, as ``first_name`` or "First Name" do."""
    return _BY_NAME.get(plain(name))


def own_field(name: str) -> str | None:
    """The field that Loops fills in itself, or keeps, and that ``name`` looks like."""
    return next((own for own in _OWN if plain(own) == plain(name)), None)


def known_spelling(name: str, beside: Collection[str] = ()) -> str | None:
    """The default field that ``name`` is another tool's or language's word for, as "FNAME" is.

    "Nombre" alone may be a whole name, or a number in French: it is a first name only where
    ``beside`` has a column for the last one.
    """
    folded = _folded(name)
    if folded == "nombre" and not {"apellido", "apellidos"}.isdisjoint(map(_folded, beside)):
        return "firstName"
    return _BY_SPELLING.get(folded)


def default_type(field: str) -> ValueType:
    """The type of a default field, by its name at Loops."""
    return "boolean" if field == "subscribed" else "string"


def camel_case(name: str) -> str:
    """``name`` the way Loops names properties: ``MEMBER_RATING`` becomes ``memberRating``.

    Accents go; empty if nothing of ``name`` can be written in ASCII.
    """
    words: list[str] = _WORD.findall(_unaccented(name.replace("ß", "ss")))
    first, *others = words or [""]
    if first.isdigit():
        first, others = "column", [first, *others]
    return first.lower() + "".join(word.capitalize() for word in others)


def _folded(name: str) -> str:
    return plain(_unaccented(name))


def _unaccented(name: str) -> str:
    decomposed = unicodedata.normalize("NFKD", name)
    return "".join(c for c in decomposed if not unicodedata.combining(c))
