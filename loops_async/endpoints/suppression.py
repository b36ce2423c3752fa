"""The suppression list: is a contact on it, and off with it."""

from loops_async.codec import decode
from loops_async.endpoints.replies import reads, success
from loops_async.errors import BadRequest, ContactNotFound, LoopsError, OutcomeUnknown
from loops_async.records.suppression import Suppression, SuppressionRemoval
from loops_async.wire import Endpoint, Replay, Reply, Request, Send


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
)
REMOVE = Endpoint(
    "DELETE",
    "/v1/contacts/suppression",
    Replay.ALWAYS,
    _read_removal,
    refusals={404: ContactNotFound},
)


async def check(
    send: Send, identifier: dict[str, str], *, deadline: float | None = None
) -> Suppression:
    """Whether a contact is suppressed."""
    return (await send(Request(CHECK, query=identifier, deadline=deadline))).value


async def remove(
    send: Send, identifier: dict[str, str], *, deadline: float | None = None
) -> SuppressionRemoval:
    """Take a contact off the list; ask where the answer does not say whether it is off."""
    try:
        return (await send(Request(REMOVE, query=identifier, deadline=deadline))).value
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
