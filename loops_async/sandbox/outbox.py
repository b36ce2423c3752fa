"""What was sent: the events and the transactional emails that were accepted."""

from collections import deque
from collections.abc import Mapping

import attrs


@attrs.frozen
class SentEvent:
    """An event that was accepted. Its repr names nobody.

    Attributes:
        name: The `eventName`.
        contact_id: The id of the contact it belongs to, made for it or not.
        email: The address it was sent with, None when there was none.
        user_id: The user id it was sent with, None when there was none.
        properties: The `eventProperties`, as they came.
        mailing_lists: List id to whether the contact was to be on it, as it came.
        idempotency_key: The header, None when there was none.
    """

    name: str
    contact_id: str
    email: str | None = attrs.field(repr=False)
    user_id: str | None = attrs.field(repr=False)
    properties: Mapping[str, object] = attrs.field(repr=False)
    mailing_lists: Mapping[str, bool] = attrs.field(repr=False)
    idempotency_key: str | None = attrs.field(repr=False)


@attrs.frozen
class Attachment:
    """A file sent along with an email.

    Attributes:
        filename: Its name.
        content_type: Its MIME type.
        data: Its content, decoded.
    """

    filename: str = attrs.field(repr=False)
    content_type: str
    data: bytes = attrs.field(repr=False)


@attrs.frozen
class SentEmail:
    """A transactional email that was accepted. Its repr names nobody.

    Attributes:
        transactional_id: The `transactionalId`.
        email: The recipient.
        data_variables: The `dataVariables`, as they came.
        attachments: The files, decoded.
        add_to_audience: Whether the recipient was to become a contact.
        idempotency_key: The header, None when there was none.
    """

    transactional_id: str
    email: str = attrs.field(repr=False)
    data_variables: Mapping[str, object] = attrs.field(repr=False)
    attachments: tuple[Attachment, ...]
    add_to_audience: bool
    idempotency_key: str | None = attrs.field(repr=False)


class Outbox:
    """The last events and emails, and exact counts of all of them.

    Args:
        keep: How many of each are kept.
    """

    def __init__(self, keep: int) -> None:
        if keep < 0:
            raise ValueError(f"keep_sent must not be negative, got {keep}")
        self._events: deque[SentEvent] = deque(maxlen=keep)
        self._emails: deque[SentEmail] = deque(maxlen=keep)
        self.event_count: int = 0
        self.email_count: int = 0

    @property
    def events(self) -> tuple[SentEvent, ...]:
        """The kept events, oldest first."""
        return tuple(self._events)

    @property
    def emails(self) -> tuple[SentEmail, ...]:
        """The kept emails, oldest first."""
        return tuple(self._emails)

    def add_event(self, event: SentEvent) -> None:
        """Keep an event."""
        self._events.append(event)
        self.event_count += 1

    def add_email(self, email: SentEmail) -> None:
        """Keep an email."""
        self._emails.append(email)
        self.email_count += 1
