"""What belongs to the team: ``loops.api_key``, ``loops.mailing_lists`` and others."""

from typing import Literal

from loops_async.endpoints import account
from loops_async.errors import InvalidInput
from loops_async.records.account import ContactProperty, MailingList, PropertyType, Team
from loops_async.records.unset import UNSET
from loops_async.records.values import check_property_name
from loops_async.resources.resource import Resource, Timeout


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
            name: Its name in requests, in camelCase, such as ``planName``.
            type: ``string``, ``number``, ``boolean`` or ``date``.
            timeout: Seconds for the whole call; None for no bound.

        Raises:
            InvalidInput: A name or a type that no property can have; nothing was sent.
            BadRequest: The property exists already, or Loops does not take its name.
            OutcomeUnknown: It may have been created, or not; ``list`` tells.
            LoopsError: Any other failure.
        """
        check_property_name(name)
        kinds = [kind.value for kind in PropertyType]
        if type not in kinds:
            raise InvalidInput(f"type: must be one of {', '.join(kinds)}", field="type")
        await account.create_property(
            self._send, name, PropertyType(type), deadline=self._deadline(timeout)
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
