"""The suppression list: ``loops.contacts.suppression`` and ``remove_suppression``."""

import attrs

from loops_async.api.resource import (
    Resource,
    Timeout,
    contact_identifier,
    mark_dry_run,
    reads,
    success_fields,
)
from loops_async.codec import decode
from loops_async.errors import BadRequest, ContactNotFound, LoopsError, OutcomeUnknown
from loops_async.pipeline.messages import Endpoint, Replay, Reply
from loops_async.records._types import UNSET
from loops_async.records.suppression import SuppressedContact, Suppression, SuppressionRemoval


def _read_removal(reply: Reply) -> SuppressionRemoval:
    success_fields(reply)
    return decode(reply.body, SuppressionRemoval)


CHECK = Endpoint(
    "GET",
    "/v1/contacts/suppression",
    Replay.ALWAYS,
    reads(Suppression),
    changes=False,
    refusals={404: ContactNotFound},
    dry_run=(
        b'{"contact": {"id": "dry-run", "email": ""}, "isSuppressed": false,'
        b' "removalQuota": {"limit": 0, "remaining": 0}}'
    ),
)
REMOVE = Endpoint(
    "DELETE",
    "/v1/contacts/suppression",
    Replay.ALWAYS,
    _read_removal,
    refusals={404: ContactNotFound},
    dry_run=b'{"success": true, "removalQuota": {"limit": 0, "remaining": 0}}',
)


class SuppressionCalls(Resource):
    """The methods of ``loops.contacts`` that concern the suppression list."""

    __slots__ = ()

    async def suppression(
        self,
        *,
        email: str | None = None,
        user_id: str | None = None,
        timeout: Timeout = UNSET,
    ) -> Suppression:
        """Check whether a contact is on the suppression list.

        See https://loops.so/docs/api-reference/check-contact-suppression.

        Args:
            email: The contact's address. Give exactly one of ``email`` and ``user_id``.
            user_id: Your own id of the contact.
            timeout: Seconds for the whole call; None for no limit.

        Raises:
            InvalidCall: Neither or both of ``email`` and ``user_id`` were given.
            ContactNotFound: There is no such contact.
            LoopsError: Any other failure.
        """
        identifier = contact_identifier(email, user_id)
        answer = await self._call(CHECK, self._deadline(timeout), query=identifier)
        if not answer.dry_run:
            return answer.value
        contact = SuppressedContact(
            answer.value.contact.id, identifier.get("email", ""), identifier.get("userId")
        )
        return attrs.evolve(mark_dry_run(answer), contact=contact)

    async def remove_suppression(
        self,
        *,
        email: str | None = None,
        user_id: str | None = None,
        timeout: Timeout = UNSET,
    ) -> SuppressionRemoval:
        """Remove a contact from the suppression list.

        Removing a contact that is not suppressed succeeds.
        See https://loops.so/docs/api-reference/remove-contact-suppression.

        Args:
            email: The contact's address. Give exactly one of ``email`` and ``user_id``.
            user_id: Your own id of the contact.
            timeout: Seconds for the whole call; None for no limit.

        Raises:
            InvalidCall: Neither or both of ``email`` and ``user_id`` were given.
            ContactNotFound: There is no such contact.
            BadRequest: Loops rejected the request, for example because the removal quota is used
                up.
            OutcomeUnknown: The contact may have been removed from the list.
            LoopsError: Any other failure; nothing was changed.
        """
        identifier = contact_identifier(email, user_id)
        deadline = self._deadline(timeout)
        try:
            return mark_dry_run(await self._call(REMOVE, deadline, query=identifier))
        except (BadRequest, OutcomeUnknown) as error:
            failure: LoopsError = error
        # For a contact that is not suppressed, Loops documents a 400 but has also returned 200.
        # After a lost response, the state is unknown. Check the current state in both cases.
        try:
            held = await self._call(CHECK, deadline, query=identifier)
        except LoopsError as error:
            failure.attempts += error.attempts
            raise failure from failure.__cause__
        if held.value.is_suppressed:
            failure.attempts += held.attempts
            raise failure
        return SuppressionRemoval(held.value.removal_quota)
