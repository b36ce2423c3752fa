"""Addresses that get no mail, and how many of them may be freed.

See https://loops.so/docs/api-reference/check-contact-suppression.
"""

from collections import deque
from typing import Literal

from loops_async.sandbox.errors import Refusal
from loops_async.sandbox.records import Contact

NOT_SUPPRESSED = "Contact is not suppressed."
QUOTA_USED_UP = "Suppression removal limit reached."

_QUOTA_SECONDS = 30 * 24 * 60 * 60.0


class Suppression:
    """The suppression list of a team, by address in any letter case.

    Told the time by its caller, in monotonic seconds.

    Args:
        quota: How many removals there may be in any 30 days.
        removing_nothing: The status for removing an address that is not suppressed: 400 as
            documented, or 200 as it was seen.
    """

    def __init__(self, quota: int, removing_nothing: Literal[200, 400]) -> None:
        if quota < 0:
            raise ValueError(f"removal_quota must not be negative, got {quota}")
        if removing_nothing not in {200, 400}:
            raise ValueError(f"removing_nothing must be 200 or 400, got {removing_nothing!r}")
        self._quota = quota
        self._removing_nothing = removing_nothing
        self._addresses: set[str] = set()
        self._removed_at: deque[float] = deque()

    def add(self, email: str) -> None:
        """Suppress an address, of a contact or of nobody yet."""
        self._addresses.add(email.lower())

    def holds(self, email: str) -> bool:
        """Return whether an address is suppressed."""
        return email.lower() in self._addresses

    def status(self, contact: Contact, now: float) -> dict[str, object]:
        """Tell about a contact: https://loops.so/docs/api-reference/check-contact-suppression."""
        return {
            "contact": {"id": contact.id, "email": contact.email, "userId": contact.user_id},
            "isSuppressed": self.holds(contact.email),
            "removalQuota": self._removal_quota(now),
        }

    def remove(self, contact: Contact, now: float) -> dict[str, object]:
        """Free a contact: https://loops.so/docs/api-reference/remove-contact-suppression.

        Raises:
            Refusal: 400 when it is not suppressed, or when the quota is used up.
        """
        quota = self._removal_quota(now)
        if self.holds(contact.email):
            if not quota["remaining"]:
                raise Refusal(400, QUOTA_USED_UP)
            self._addresses.remove(contact.email.lower())
            self._removed_at.append(now)
        elif self._removing_nothing == 400:
            raise Refusal(400, NOT_SUPPRESSED)
        return {
            "success": True,
            "message": "Email removed from suppression list.",
            "removalQuota": self._removal_quota(now),
        }

    def _removal_quota(self, now: float) -> dict[str, int]:
        while self._removed_at and self._removed_at[0] + _QUOTA_SECONDS <= now:
            self._removed_at.popleft()
        return {"limit": self._quota, "remaining": self._quota - len(self._removed_at)}
