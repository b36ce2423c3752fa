"""Safe mode: whom a client may reach, checked on the very bytes that would be sent."""

import re
import string
from collections.abc import Iterable
from typing import Any, Final

import attrs

from loops_async.codec import Undecodable, decode_json
from loops_async.errors import ConfigurationError, RecipientNotAllowed
from loops_async.pipeline.messages import Request

_ENTRY: Final = re.compile(r"[^@\s*]*@[^@\s*.](?:[^@\s*]*[^@\s*.])?")
# Anything else before the "@" (quotes, commas, brackets, letters beyond ASCII) is read as part of
# the name by some and as the end of an address by others.
_PLAIN_NAME: Final = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~.-]+")
# No more than this: in Unicode, letters that mail tells apart fold into one.
_LOWER: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


@attrs.frozen
class Recipients:
    """The addresses and the domains that a client may reach.

    Attributes:
        addresses: Whole addresses, in lower case.
        domains: Domains, each with its ``@``, in lower case.
    """

    addresses: frozenset[str] = attrs.field(repr=False)
    domains: frozenset[str] = attrs.field(repr=False)

    def check(self, request: Request[Any]) -> None:
        """Refuse a request that may reach anybody else.

        Raises:
            RecipientNotAllowed: The address is not allowed, or the request names none.
        """
        endpoint = request.endpoint
        if not (endpoint.changes and endpoint.reaches):
            return
        email = _address(request)
        if not isinstance(email, str):
            raise RecipientNotAllowed(
                f"{endpoint}: not sent, because allowed_recipients (LOOPS_ALLOWED_RECIPIENTS) is "
                "set and this call names no address to look up there; give email="
            )
        if not self._has(email.translate(_LOWER)):
            raise RecipientNotAllowed(
                f"{endpoint}: not sent, because the address is not among allowed_recipients "
                "(LOOPS_ALLOWED_RECIPIENTS); add it, or its @domain, if it may get mail"
            )

    def _has(self, email: str) -> bool:
        if email in self.addresses:
            return True
        name, _, domain = email.rpartition("@")
        return f"@{domain}" in self.domains and _PLAIN_NAME.fullmatch(name) is not None


def read_recipients(entries: Iterable[object], called: str) -> Recipients:
    """The recipients that ``entries`` are; ``called`` is where they come from.

    Raises:
        ConfigurationError: An entry is neither an address nor ``@`` and a domain. The message
            tells its place and does not repeat it.
    """
    addresses: set[str] = set()
    domains: set[str] = set()
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, str) or not _ENTRY.fullmatch(entry) or not entry.isprintable():
            raise ConfigurationError(
                f"{called}: entry {number} must be one address, such as 'ada@example.com', or '@' "
                "and a domain, such as '@example.com', without spaces and wildcards"
            )
        (domains if entry.startswith("@") else addresses).add(entry.translate(_LOWER))
    return Recipients(frozenset(addresses), frozenset(domains))


def _address(request: Request[Any]) -> object:
    """What ``request`` calls ``email``, as Loops will read it."""
    if request.body is None:
        return (request.query or {}).get("email")
    try:
        fields = decode_json(request.body)
    except Undecodable:
        return None
    return fields.get("email") if isinstance(fields, dict) else None
