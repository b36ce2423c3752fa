"""Sending events and transactional emails, each at most once per idempotency key."""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import cast

from loops_async.sandbox.changes import read_identifiers
from loops_async.sandbox.errors import Refusal
from loops_async.sandbox.idempotency import KeyMemory
from loops_async.sandbox.mail import read_email
from loops_async.sandbox.outbox import Outbox, SentEvent
from loops_async.sandbox.payload import is_object
from loops_async.sandbox.store import NOT_FOUND, Store
from loops_async.sandbox.suppression import Suppression
from loops_async.sandbox.values import check_lengths, text

NOT_SENDABLE = "Email not sendable."

_OF_THE_EVENT = frozenset({"eventName", "eventProperties"})


class Mailroom:
    """The part of a team that sends. One memory of keys serves events and emails.

    A call is one step: it checks all, then does all, and remembers its key only then. A request
    that was refused may be sent again under the same key.

    Args:
        store: Where events and emails find and make contacts.
        suppression: Who gets no mail.
        templates: The transactional emails there are, each with the data variables it must be
            given; None when every id is known.
        attachments: Whether emails may carry files.
        keep: How many events and how many emails are kept.
    """

    def __init__(
        self,
        store: Store,
        suppression: Suppression,
        *,
        templates: Mapping[str, Collection[str]] | None,
        attachments: bool,
        keep: int,
    ) -> None:
        self.outbox: Outbox = Outbox(keep)
        self._store = store
        self._suppression = suppression
        self._templates = templates
        self._attachments = attachments
        self._keys = KeyMemory()

    def send_event(self, body: Mapping[str, object], *, key: str | None, now: float) -> None:
        """Send an event: https://loops.so/docs/api-reference/send-event.

        Args:
            body: The parsed body.
            key: The idempotency key, None for none.
            now: Monotonic seconds.

        Raises:
            Refusal: 400, or 409 when the key was used.
        """
        self._keys.check(key, now)
        check_lengths(body)
        name = text("eventName", body.get("eventName", ""))
        if not name:
            raise Refusal(400, "eventName is required.")
        properties = _read_properties(body.get("eventProperties"))
        contact = {field: value for field, value in body.items() if field not in _OF_THE_EVENT}
        contact_id = self._store.update(contact, unknown_user_id=NOT_FOUND)
        email, user_id = read_identifiers(body)
        given = body.get("mailingLists")
        # The store has checked them: a map of booleans, or one of the ways to say none.
        lists = cast("dict[str, bool]", given) if isinstance(given, dict) else {}
        self.outbox.add_event(
            SentEvent(
                name=name,
                contact_id=contact_id,
                email=email,
                user_id=user_id,
                properties=MappingProxyType(properties),
                mailing_lists=MappingProxyType(lists),
                idempotency_key=key,
            )
        )
        self._keys.remember(key, now)

    def send_email(self, body: Mapping[str, object], *, key: str | None, now: float) -> None:
        """Send an email: https://loops.so/docs/api-reference/send-transactional-email.

        Args:
            body: The parsed body.
            key: The idempotency key, None for none.
            now: Monotonic seconds.

        Raises:
            Refusal: 400, 404 when there is no such email, or 409 when the key was used.
        """
        self._keys.check(key, now)
        email = read_email(body, key=key, templates=self._templates, attachments=self._attachments)
        if self._suppression.holds(email.email):
            where = {"path": "email", "reason": "suppressed"}
            raise Refusal(400, NOT_SENDABLE, error=where)
        if email.add_to_audience and email.email not in self._store.contacts:
            self._store.create({"email": email.email})
        self.outbox.add_email(email)
        self._keys.remember(key, now)


def _read_properties(value: object) -> dict[str, object]:
    # PHP writes an empty map as [].
    if value is None or value == []:
        return {}
    if not is_object(value):
        raise Refusal(400, "eventProperties must be an object.")
    for name, found in value.items():
        # A date comes as text or as a number: https://loops.so/docs/events/properties.
        if not isinstance(found, str | int | float):
            raise Refusal(
                400, f"Event property {name} must be a string, a number, a boolean or a date."
            )
    return value
