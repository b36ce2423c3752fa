"""``loops.events`` and ``loops.transactional``."""

from collections.abc import Iterable, Mapping
from typing import Any, overload

from loops_async.endpoints import sending
from loops_async.records._types import UNSET, PropertyValue, SendReceipt, Unset
from loops_async.records._validation import build_record, record_from
from loops_async.records.attachments import Attachment
from loops_async.records.events import Event
from loops_async.records.transactional import DataVariable, TransactionalEmail
from loops_async.resources.resource import Resource, Timeout


class Events(Resource):
    """Events (https://loops.so/docs/events)."""

    __slots__ = ()

    @overload
    async def send(
        self,
        event: Event,
        /,
        *,
        idempotency_key: str | None = None,
        timeout: Timeout = UNSET,
    ) -> SendReceipt: ...
    @overload
    async def send(
        self,
        event_name: str,
        *,
        email: str | None | Unset = UNSET,
        user_id: str | None | Unset = UNSET,
        properties: Mapping[str, PropertyValue] | Unset = UNSET,
        mailing_lists: Mapping[str, bool] | None | Unset = UNSET,
        contact: Mapping[str, PropertyValue] | Unset = UNSET,
        idempotency_key: str | None = None,
        timeout: Timeout = UNSET,
    ) -> SendReceipt: ...
    async def send(
        self,
        event_name: Event | str | Unset = UNSET,
        *,
        idempotency_key: str | None = None,
        timeout: Timeout = UNSET,
        **fields: Any,
    ) -> SendReceipt:
        """Send an event, once (https://loops.so/docs/api-reference/send-event).

        Args:
            event_name: The event's name; or a whole ``Event`` in place of all the fields.
            **fields: The fields of an ``Event``, as follows.
            email: The contact's address. Give this or ``user_id``, or both.
            user_id: Your own id of the contact.
            properties: Event properties, for the mails that the event sends.
            mailing_lists: Mailing list ids, each with True (add) or False (remove).
            contact: What the event changes of the contact itself, for good.
            idempotency_key: 1 to 100 printable characters. Loops takes an event with the same
                key once in 24 hours. Made for each call when left out, so that retries are safe;
                give one of your own (an order's number, say) to be safe across processes.
            timeout: Seconds for the whole call; None for no bound.

        Returns:
            The key it was sent under, and how.

        Raises:
            InvalidInput: A field that Loops could not take; nothing was sent.
            IdempotencyConflict: This key was processed before; nothing was sent now.
            OutcomeUnknown: It may have been sent, or not. Repeat it with the same key.
            LoopsError: Any other failure; nothing was sent.
        """
        if isinstance(event_name, Event):
            record = record_from(Event, event_name, fields)
        else:
            record = build_record(Event, {"event_name": event_name, **fields})
        deadline = self._deadline(timeout)
        return await sending.send_event(self._send, record, idempotency_key, deadline=deadline)


class Transactional(Resource):
    """Transactional mail (https://loops.so/docs/transactional)."""

    __slots__ = ()

    @overload
    async def send(
        self,
        mail: TransactionalEmail,
        /,
        *,
        idempotency_key: str | None = None,
        timeout: Timeout = UNSET,
    ) -> SendReceipt: ...
    @overload
    async def send(
        self,
        transactional_id: str,
        email: str,
        *,
        data_variables: Mapping[str, DataVariable] | Unset = UNSET,
        add_to_audience: bool | Unset = UNSET,
        attachments: Iterable[Attachment] = (),
        idempotency_key: str | None = None,
        timeout: Timeout = UNSET,
    ) -> SendReceipt: ...
    async def send(
        self,
        transactional_id: TransactionalEmail | str | Unset = UNSET,
        email: str | Unset = UNSET,
        *,
        idempotency_key: str | None = None,
        timeout: Timeout = UNSET,
        **fields: Any,
    ) -> SendReceipt:
        """Send a mail, once (https://loops.so/docs/api-reference/send-transactional-email).

        Args:
            transactional_id: The id of the published mail in Loops; or a whole
                ``TransactionalEmail`` in place of all the fields.
            email: The recipient's address.
            **fields: The fields of a ``TransactionalEmail``, as follows.
            data_variables: What the template's variables stand for: text, numbers, or lists of
                mappings of those.
            add_to_audience: Whether the recipient becomes a contact.
            attachments: Files to send along; Loops has to enable them for your team first.
            idempotency_key: 1 to 100 printable characters. Loops takes a mail with the same key
                once in 24 hours. Made for each call when left out, so that retries are safe; give
                one of your own to be safe across processes.
            timeout: Seconds for the whole call; None for no bound.

        Returns:
            The key it was sent under, and how.

        Raises:
            InvalidInput: A field that Loops could not take, or more than 4 MB; nothing was sent.
            NotFound: There is no such mail.
            IdempotencyConflict: This key was processed before; nothing was sent now.
            OutcomeUnknown: It may have been sent, or not. Repeat it with the same key.
            LoopsError: Any other failure; nothing was sent.
        """
        if email is not UNSET:
            fields["email"] = email
        if isinstance(transactional_id, TransactionalEmail):
            record = record_from(TransactionalEmail, transactional_id, fields)
        else:
            record = build_record(
                TransactionalEmail, {"transactional_id": transactional_id, **fields}
            )
        deadline = self._deadline(timeout)
        return await sending.send_mail(self._send, record, idempotency_key, deadline=deadline)
