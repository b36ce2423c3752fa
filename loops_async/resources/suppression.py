"""The part of ``loops.contacts`` that is about the suppression list."""

from loops_async.endpoints import contacts, suppression
from loops_async.records._types import UNSET
from loops_async.records.suppression import Suppression, SuppressionRemoval
from loops_async.resources.resource import Resource, Timeout


class SuppressionCalls(Resource):
    """Whom Loops does not mail, and how that ends."""

    __slots__ = ()

    async def suppression(
        self,
        *,
        email: str | None = None,
        user_id: str | None = None,
        timeout: Timeout = UNSET,
    ) -> Suppression:
        """Ask whether a contact is on the suppression list.

        See https://loops.so/docs/api-reference/check-contact-suppression.

        Args:
            email: The contact's address. Give exactly one of the two.
            user_id: Your own id of the contact.
            timeout: Seconds for the whole call; None for no bound.

        Raises:
            InvalidCall: None or both of the two were given.
            ContactNotFound: There is no such contact.
            LoopsError: Any other failure.
        """
        identifier = contacts.identified(email, user_id)
        return await suppression.check(self._send, identifier, deadline=self._deadline(timeout))

    async def remove_suppression(
        self,
        *,
        email: str | None = None,
        user_id: str | None = None,
        timeout: Timeout = UNSET,
    ) -> SuppressionRemoval:
        """Take a contact off the suppression list; it is no error if it is not on it.

        See https://loops.so/docs/api-reference/remove-contact-suppression.

        Args:
            email: The contact's address. Give exactly one of the two.
            user_id: Your own id of the contact.
            timeout: Seconds for the whole call; None for no bound.

        Raises:
            InvalidCall: None or both of the two were given.
            ContactNotFound: There is no such contact.
            BadRequest: Loops refused it, for example because the quota is used up.
            OutcomeUnknown: It may have been taken off, or not.
            LoopsError: Any other failure; nothing was changed.
        """
        identifier = contacts.identified(email, user_id)
        return await suppression.remove(self._send, identifier, deadline=self._deadline(timeout))
