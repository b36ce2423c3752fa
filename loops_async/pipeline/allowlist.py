"""The recipient allowlist, which restricts to whom a client may send."""

import re
import string
from collections.abc import Iterable
from typing import Any, Final

import attrs

from loops_async.codec import Undecodable, decode_json
from loops_async.errors import ConfigurationError, RecipientNotAllowed
from loops_async.pipeline.messages import Request

_ENTRY: Final = re.compile(r"[^@\s*]*@[^@\s*.](?:[^@\s*]*[^@\s*.])?")
# Parsers disagree about other characters before the "@" (quotes, commas, brackets, non-ASCII
# letters): some treat them as part of the name, others as the end of an address.
_PLAIN_NAME: Final = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~.-]+")
# ASCII only: Unicode case folding merges letters that mail systems treat as different.
_LOWER: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


@attrs.frozen
class Allowlist:
    """The addresses and domains to which a client may send.

    Attributes:
        addresses: Whole addresses, in lower case.
        domains: Domains in lower case, each starting with ``@``.
    """

    addresses: frozenset[str] = attrs.field(repr=False)
    domains: frozenset[str] = attrs.field(repr=False)

    def check(self, request: Request[Any]) -> None:
        """Check that ``request`` only affects an address on the list.

        Raises:
            RecipientNotAllowed: The address is not allowed, or the request contains no address.
        """
        endpoint = request.endpoint
        if not (endpoint.changes and endpoint.reaches):
            return
        email = _address(request)
        if not isinstance(email, str):
            raise RecipientNotAllowed(
                f"{endpoint}: not sent, because allowed_recipients (LOOPS_ALLOWED_RECIPIENTS) is "
                "set and this call has no address to check against it; pass email="
            )
        if not self._allows(email.translate(_LOWER)):
            raise RecipientNotAllowed(
                f"{endpoint}: not sent, because the address is not in allowed_recipients "
                "(LOOPS_ALLOWED_RECIPIENTS); add it, or its @domain, to allow it"
            )

    def _allows(self, email: str) -> bool:
        if email in self.addresses:
            return True
        name, _, domain = email.rpartition("@")
        return f"@{domain}" in self.domains and _PLAIN_NAME.fullmatch(name) is not None


def parse_allowlist(entries: Iterable[object], setting: str) -> Allowlist:
    """Parse the entries of ``setting``.

    Raises:
        ConfigurationError: An entry is neither an address nor ``@`` followed by a domain. The
            message names its position and does not repeat it.
    """
    addresses: set[str] = set()
    domains: set[str] = set()
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, str) or not _ENTRY.fullmatch(entry) or not entry.isprintable():
            raise ConfigurationError(
                f"{setting}: entry {number} must be one address, such as 'ada@example.com', or '@' "
                "and a domain, such as '@example.com', without spaces or wildcards"
            )
        (domains if entry.startswith("@") else addresses).add(entry.translate(_LOWER))
    return Allowlist(frozenset(addresses), frozenset(domains))


def _address(request: Request[Any]) -> object:
    """Return the ``email`` of ``request``, read from the data that Loops would receive."""
    if request.body is None:
        return (request.query or {}).get("email")
    try:
        fields = decode_json(request.body)
    except Undecodable:
        return None
    return fields.get("email") if isinstance(fields, dict) else None
