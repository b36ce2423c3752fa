"""Suppression: addresses that get no mail, and a quota for removing them from the list."""

from collections import deque

from aiohttp import web

from loops_async.sandbox.api.contacts import ContactStore
from loops_async.sandbox.contact_index import StoredContact
from loops_async.sandbox.http import json_response, read_query
from loops_async.sandbox.team import TEAM, SandboxTeam
from loops_async.sandbox.validation import Refusal

NOT_SUPPRESSED = "Contact is not suppressed."
QUOTA_EXHAUSTED = "Suppression removal limit reached."

_QUOTA_SECONDS = 30 * 24 * 60 * 60.0

routes: web.RouteTableDef = web.RouteTableDef()


@routes.get("/v1/contacts/suppression")
async def check_suppression(request: web.Request) -> web.Response:
    """https://loops.so/docs/api-reference/check-contact-suppression."""
    team = request.app[TEAM]
    contact = team.store(ContactStore).one(read_query(request))
    return json_response(team.store(SuppressionStore).status(contact))


@routes.delete("/v1/contacts/suppression")
async def remove_suppression(request: web.Request) -> web.Response:
    """https://loops.so/docs/api-reference/remove-contact-suppression."""
    team = request.app[TEAM]
    contact = team.store(ContactStore).one(read_query(request))
    return json_response(team.store(SuppressionStore).remove(contact))


class SuppressionStore:
    """The suppression list of a team, by address in any letter case."""

    def __init__(self, team: SandboxTeam) -> None:
        self._team = team
        self._addresses: set[str] = set()
        self._removed_at: deque[float] = deque()

    def add(self, email: str) -> None:
        """Suppress an address. No contact needs to have it."""
        self._addresses.add(email.lower())

    def holds(self, email: str) -> bool:
        """Return whether an address is suppressed."""
        return email.lower() in self._addresses

    def status(self, contact: StoredContact) -> dict[str, object]:
        """Return the JSON of a check."""
        return {
            "contact": {"id": contact.id, "email": contact.email, "userId": contact.user_id},
            "isSuppressed": self.holds(contact.email),
            "removalQuota": self._removal_quota(),
        }

    def remove(self, contact: StoredContact) -> dict[str, object]:
        """Remove a contact's address and return the JSON of the response."""
        if self.holds(contact.email):
            if not self._removal_quota()["remaining"]:
                raise Refusal(400, QUOTA_EXHAUSTED)
            self._addresses.remove(contact.email.lower())
            self._removed_at.append(self._team.clock())
        elif self._team.removing_nothing == 400:
            raise Refusal(400, NOT_SUPPRESSED)
        return {
            "success": True,
            "message": "Email removed from suppression list.",
            "removalQuota": self._removal_quota(),
        }

    def _removal_quota(self) -> dict[str, int]:
        earliest = self._team.clock() - _QUOTA_SECONDS
        while self._removed_at and self._removed_at[0] <= earliest:
            self._removed_at.popleft()
        quota = self._team.removal_quota
        return {"limit": quota, "remaining": quota - len(self._removed_at)}
