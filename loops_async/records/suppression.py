"""Whether Loops refuses to send to a contact, and how often that may be undone."""

import attrs


@attrs.frozen
class RemovalQuota:
    """How many contacts may be taken off the suppression list.

    Attributes:
        limit: Removals in a rolling 30 days.
        remaining: How many of them are left.
    """

    limit: int
    remaining: int


@attrs.frozen
class SuppressedContact:
    """The contact that was asked about.

    Attributes:
        id: Loops' own id.
        email: The contact's address.
        user_id: Your own id of the contact, or None.
    """

    id: str
    email: str = attrs.field(repr=False)
    user_id: str | None = attrs.field(default=None, repr=False)


@attrs.frozen
class Suppression:
    """Whether a contact is suppressed.

    See https://loops.so/docs/api-reference/check-contact-suppression.

    Attributes:
        contact: The contact that was asked about.
        is_suppressed: Whether Loops refuses to send to it.
        removal_quota: How often that may be undone.
        dry_run: Whether it is made up, because nothing was sent.
    """

    contact: SuppressedContact
    is_suppressed: bool
    removal_quota: RemovalQuota
    dry_run: bool = False


@attrs.frozen
class SuppressionRemoval:
    """The contact is not suppressed any more, or was not to begin with.

    Attributes:
        removal_quota: What is left of the quota.
        dry_run: Whether it is made up, because nothing was sent.
    """

    removal_quota: RemovalQuota
    dry_run: bool = False
