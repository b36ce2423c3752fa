"""The suppression list: is a contact on it, and off with it."""

import attrs

from loops_async.codec import decode
from loops_async.endpoints.replies import marked, reads, success
from loops_async.errors import BadRequest, ContactNotFound, LoopsError, OutcomeUnknown
from loops_async.pipeline.messages import Endpoint, Replay, Reply, Request, Send
from loops_async.records.suppression import SuppressedContact, Suppression, SuppressionRemoval


def _read_removal(reply: Reply) -> SuppressionRemoval:
    success(reply)
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


async def check(
    send: Send, identifier: dict[str, str], *, deadline: float | None = None
) -> Suppression:
    """Whether a contact is suppressed."""
    answer = await send(Request(CHECK, query=identifier, deadline=deadline))
    if not answer.dry_run:
        return answer.value
    asked = SuppressedContact(
        answer.value.contact.id, identifier.get("email", ""), identifier.get("userId")
    )
    return attrs.evolve(marked(answer), contact=asked)


async def remove(
    send: Send, identifier: dict[str, str], *, deadline: float | None = None
) -> SuppressionRemoval:
    """Take a contact off the list; ask where the answer does not say whether it is off."""
    try:
        return marked(await send(Request(REMOVE, query=identifier, deadline=deadline)))
    except (BadRequest, OutcomeUnknown) as error:
        failure: LoopsError = error
    # Loops documents a 400 where there was nothing to remove, and has been seen to answer 200. A
    # reply that got lost says nothing either way.
    try:
        held = await send(Request(CHECK, query=identifier, deadline=deadline))
    except LoopsError as error:
        failure.attempts += error.attempts
        raise failure from failure.__cause__
    if held.value.is_suppressed:
        failure.attempts += held.attempts
        raise failure
    return SuppressionRemoval(held.value.removal_quota)
