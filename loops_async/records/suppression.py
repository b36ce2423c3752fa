"""The suppression list: whether Loops refuses to send to a contact."""

import attrs

from loops_async.records._types import LOCAL, ReplyRecord


@attrs.frozen(slots=False)
class RemovalQuota(ReplyRecord):
    """How many contacts may be removed from the suppression list.

    Attributes:
        limit: Removals in a rolling 30 days.
        remaining: How many of them are left.
    """

    limit: int
    remaining: int


@attrs.frozen(slots=False)
class SuppressedContact(ReplyRecord):
    """The contact that a suppression is about.

    Attributes:
        id: Loops' own id.
        email: The contact's address.
        user_id: Your own id of the contact, or None.
    """

    id: str
    email: str = attrs.field(repr=False)
    user_id: str | None = attrs.field(default=None, repr=False)


@attrs.frozen(slots=False)
class Suppression(ReplyRecord):
    """Whether a contact is suppressed.

    See https://loops.so/docs/api-reference/check-contact-suppression.

    Attributes:
        contact: The contact.
        is_suppressed: Whether Loops refuses to send to it.
        removal_quota: How many contacts may still be removed from the list.
        dry_run: Whether this is a made-up result, because nothing was sent.
    """

    contact: SuppressedContact
    is_suppressed: bool
    removal_quota: RemovalQuota
    dry_run: bool = attrs.field(default=False, metadata=LOCAL)


@attrs.frozen(slots=False)
class SuppressionRemoval(ReplyRecord):
    """The contact is no longer suppressed, or never was.

    Attributes:
        removal_quota: How many contacts may still be removed from the list.
        dry_run: Whether this is a made-up result, because nothing was sent.
    """

    removal_quota: RemovalQuota
    dry_run: bool = attrs.field(default=False, metadata=LOCAL)
