"""``loops.events``: sending events."""

from collections.abc import Mapping
from typing import Any, overload

from loops_async.api.idempotency import check_key, keyed_endpoint
from loops_async.api.resource import Resource, Timeout
from loops_async.codec import encode
from loops_async.records._request_record import build_record, record_from
from loops_async.records._types import UNSET, PropertyValue, SendReceipt, Unset
from loops_async.records.events import Event

SEND = keyed_endpoint("/v1/events/send")


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
        """Send an event once (https://loops.so/docs/api-reference/send-event).

        Args:
            event_name: The name of the event, or an ``Event`` instead of the fields.
            **fields: The fields of ``Event``, listed below.
            email: The contact's address. Give ``email``, ``user_id`` or both.
            user_id: Your own id of the contact.
            properties: Event properties, for use in the emails that the event triggers.
            mailing_lists: Mailing list ids, each with True (add) or False (remove).
            contact: Properties to set on the contact itself, permanently.
            idempotency_key: 1 to 100 printable ASCII characters. Loops processes events with the
                same key once in 24 hours. When left out, a new key is generated for each call,
                which makes retries within the call safe. Pass your own key, such as an order
                number, to make it safe to repeat the call itself.
            timeout: Seconds for the whole call; None for no limit.

        Returns:
            The idempotency key and the number of attempts.

        Raises:
            InvalidInput: A field that Loops would not accept; nothing was sent.
            IdempotencyConflict: The event was already sent with this key, by an earlier call.
                Nothing was sent this time, and no action is required.
            OutcomeUnknown: The event may have been sent. Repeat the call with the same key.
            LoopsError: Any other failure; nothing was sent.
        """
        if isinstance(event_name, Event):
            event = record_from(Event, event_name, fields)
        else:
            fields["event_name"] = event_name
            event = build_record(Event, fields)
        deadline = self._deadline(timeout)
        body, key = encode(event), check_key(idempotency_key)
        answer = await self._call(SEND, deadline, body=body, idempotency_key=key)
        return SendReceipt(key, answer.attempts, answer.value, answer.dry_run)
