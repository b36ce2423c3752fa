"""The suppression list: contacts to which Loops does not send email."""

import attrs

from loops_async.records._types import LOCAL, ReplyRecord


@attrs.frozen(slots=False)
class RemovalQuota(ReplyRecord):
    """How many contacts may be removed from the suppression list.

    Attributes:
        limit: Number of removals allowed in a rolling window of 30 days.
        remaining: Number of removals left.
    """

    limit: int
    remaining: int


@attrs.frozen(slots=False)
class SuppressedContact(ReplyRecord):
    """The contact of a suppression.

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
        is_suppressed: Whether the contact is on the suppression list.
        removal_quota: How many contacts may still be removed from the list.
        dry_run: True for the placeholder result of a dry run, which sends nothing.
    """

    contact: SuppressedContact
    is_suppressed: bool
    removal_quota: RemovalQuota
    dry_run: bool = attrs.field(default=False, metadata=LOCAL)


@attrs.frozen(slots=False)
class SuppressionRemoval(ReplyRecord):
    """The result of removing a contact from the suppression list.

    Attributes:
        removal_quota: How many contacts may still be removed from the list.
        dry_run: True for the placeholder result of a dry run, which sends nothing.
    """

    removal_quota: RemovalQuota
    dry_run: bool = attrs.field(default=False, metadata=LOCAL)
