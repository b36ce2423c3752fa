"""What belongs to the team: ``loops.api_key``, ``loops.mailing_lists`` and others."""

import re
from typing import Final, Literal

from loops_async.endpoints import account
from loops_async.errors import InvalidInput
from loops_async.records._types import UNSET
from loops_async.records._validation import check_property_name, masked
from loops_async.records.api_key import Team
from loops_async.records.contact_properties import ContactProperty, PropertyType
from loops_async.records.mailing_lists import MailingList
from loops_async.resources.resource import Resource, Timeout

_CAMEL_CASE: Final = re.compile(r"[a-z][a-zA-Z0-9]*")
_WORD: Final = re.compile(r"[a-zA-Z0-9]+")


class ApiKey(Resource):
    """The API key (https://loops.so/docs/api-reference/api-key)."""

    __slots__ = ()

    async def test(self, *, timeout: Timeout = UNSET) -> Team:
        """Ask Loops whose key this is (https://loops.so/docs/api-reference/api-key).

        Args:
            timeout: Seconds for the whole call; None for no bound.

        Raises:
            Unauthorized: The key is wrong or was revoked.
            LoopsError: Any other failure.
        """
        return await account.team(self._send, deadline=self._deadline(timeout))


class ContactProperties(Resource):
    """Contact properties (https://loops.so/docs/contacts/properties)."""

    __slots__ = ()

    async def list(
        self,
        custom_only: bool = False,  # noqa: FBT001, FBT002 - its one argument, as in the API
        *,
        timeout: Timeout = UNSET,
    ) -> list[ContactProperty]:
        """List contact properties (https://loops.so/docs/api-reference/list-contact-properties).

        Args:
            custom_only: Leave out the properties that every Loops team has.
            timeout: Seconds for the whole call; None for no bound.

        Raises:
            LoopsError: The call failed.
        """
        return await account.list_properties(
            self._send, custom_only=custom_only, deadline=self._deadline(timeout)
        )

    async def create(
        self,
        name: str,
        type: PropertyType | Literal["string", "number", "boolean", "date"],  # noqa: A002
        *,
        timeout: Timeout = UNSET,
    ) -> None:
        """Create a custom property (https://loops.so/docs/api-reference/create-contact-property).

        Args:
            name: Its name in requests, in camelCase, such as ``planName``: a small letter, then
                letters and digits of ASCII.
            type: ``string``, ``number``, ``boolean`` or ``date``.
            timeout: Seconds for the whole call; None for no bound.

        Raises:
            InvalidInput: A name or a type that no property can have; nothing was sent.
            BadRequest: The property exists already, or Loops does not take its name.
            OutcomeUnknown: It may have been created, or not; ``list`` tells.
            LoopsError: Any other failure.
        """
        check_property_name(name)
        _check_camel_case(name)
        kinds = [kind.value for kind in PropertyType]
        if type not in kinds:
            raise InvalidInput(f"type: must be one of {', '.join(kinds)}", field="type")
        await account.create_property(
            self._send, name, PropertyType(type), deadline=self._deadline(timeout)
        )


def _check_camel_case(name: str) -> None:
    """Refuse what Loops would not make a property of, though a contact may have it."""
    if _CAMEL_CASE.fullmatch(name):
        return
    words = [word.lower() if word.isupper() else word for word in _WORD.findall(name)]
    words = [word[:1].upper() + word[1:] for word in words]
    meant = words[0][:1].lower() + words[0][1:] + "".join(words[1:]) if words else ""
    fix = repr(meant) if _CAMEL_CASE.fullmatch(meant) else "a name such as 'planName'"
    raise InvalidInput(
        f"name: {masked(name)!r} is not in camelCase, as Loops wants it; use {fix}", field="name"
    )


class MailingLists(Resource):
    """Mailing lists (https://loops.so/docs/contacts/mailing-lists)."""

    __slots__ = ()

    async def list(self, *, timeout: Timeout = UNSET) -> "list[MailingList]":
        """List mailing lists (https://loops.so/docs/api-reference/list-mailing-lists).

        Args:
            timeout: Seconds for the whole call; None for no bound.

        Raises:
            LoopsError: The call failed.
        """
        return await account.mailing_lists(self._send, deadline=self._deadline(timeout))


class DedicatedSendingIps(Resource):
    """Loops' dedicated sending IP addresses."""

    __slots__ = ()

    async def list(self, *, timeout: Timeout = UNSET) -> "list[str]":
        """List them (https://loops.so/docs/api-reference/dedicated-sending-ips).

        The list changes, and shared addresses are not on it; Loops advises against allow-listing.

        Args:
            timeout: Seconds for the whole call; None for no bound.

        Raises:
            LoopsError: The call failed.
        """
        return await account.sending_ips(self._send, deadline=self._deadline(timeout))
