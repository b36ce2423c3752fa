"""Contacts: create, update, find, delete."""

from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

from loops_async.api.readback import differences
from loops_async.codec import Undecodable, decode, decode_fast, encode, encode_json
from loops_async.endpoints.replies import SUCCESS, reads_success, success
from loops_async.errors import (
    ContactAlreadyExists,
    ContactNotFound,
    InvalidCall,
    InvalidReply,
    LoopsError,
    OutcomeUnknown,
)
from loops_async.pipeline.messages import (
    Answer,
    Endpoint,
    Lane,
    Replay,
    Reply,
    Request,
    Send,
    write,
)
from loops_async.records._validation import check_email, check_user_id
from loops_async.records.contacts import (
    Contact,
    ContactCreate,
    ContactReceipt,
    ContactUpdate,
    receipt_of,
)

C = TypeVar("C", bound=Contact)

_ROUNDS = 3
"""How often a create in doubt is asked about and repeated."""

_DRY_RUN = b'{"success": true, "id": "dry-run"}'


def _read_id(reply: Reply) -> str:
    value = decode_fast(reply.body)
    if type(value) is not dict or value.get("success") is not True:
        value = success(reply)
    contact_id = value.get("id")
    if not isinstance(contact_id, str) or not contact_id:
        raise Undecodable("expected text @ $.id")
    return contact_id


CREATE = Endpoint(
    "POST",
    "/v1/contacts/create",
    Replay.ONCE,
    _read_id,
    refusals={409: ContactAlreadyExists},
    dry_run=_DRY_RUN,
    counted=False,
)
UPDATE = Endpoint("PUT", "/v1/contacts/update", Replay.ALWAYS, _read_id, dry_run=_DRY_RUN)
DELETE = Endpoint[None](
    "POST",
    "/v1/contacts/delete",
    Replay.ALWAYS,
    reads_success,
    refusals={404: ContactNotFound},
    after_doubt={404: None},
    reaches=False,
    dry_run=SUCCESS,
)


def _find_endpoint(into: type[C], *, counted: bool = True) -> Endpoint[C | None]:
    def read(reply: Reply) -> C | None:
        found = decode(reply.body, list[into])  # type: ignore[valid-type]
        return found[0] if found else None

    return Endpoint(
        "GET",
        "/v1/contacts/find",
        Replay.ALWAYS,
        read,
        changes=False,
        dry_run=b"[]",
        counted=counted,
    )


FIND = _find_endpoint(Contact)
_ASK = _find_endpoint(Contact, counted=False)


def _nobody_counts() -> None:
    pass


def identified(email: str | None, user_id: str | None) -> dict[str, str]:
    """Exactly one identifier, checked, under the name that Loops gives it.

    Raises:
        InvalidCall: None or both were given.
        InvalidInput: The one given cannot be an identifier.
    """
    if (email is None) == (user_id is None):
        raise InvalidCall("give exactly one of email= and user_id=")
    if email is not None:
        check_email("email", email)
        return {"email": str.__str__(email)}
    check_user_id("user_id", user_id)
    # ``str()`` of an enumeration's member is its name, not its text.
    return {"userId": str.__str__(cast(str, user_id))}


async def update(
    send: Send,
    contact: ContactUpdate,
    *,
    lane: Lane = Lane.INTERACTIVE,
    deadline: float | None = None,
) -> ContactReceipt:
    """Update a contact, or create it when there is none."""
    answer = await send(write(UPDATE, encode(contact), lane, deadline))
    return receipt_of(answer.value, answer.attempts, answer.dry_run)


async def find(
    send: Send, identifier: dict[str, str], into: type[C], *, deadline: float | None = None
) -> C | None:
    """Find a contact by one identifier."""
    endpoint = cast(Endpoint[C | None], FIND) if into is Contact else _find_endpoint(into)
    return (await _found(send, identifier, endpoint, deadline)).value


async def _found(
    send: Send, identifier: dict[str, str], endpoint: Endpoint[C | None], deadline: float | None
) -> Answer[C | None]:
    answer = await send(Request(endpoint, query=identifier, deadline=deadline))
    contact = answer.value
    if contact is not None and not _is_asked_for(contact, identifier):
        # So would a stray reply on a connection that is used again, with somebody else's data.
        stray = InvalidReply(
            f"{FIND}: 200, but that is not the contact that was asked for", status=200
        )
        stray.attempts = answer.attempts
        raise stray
    return answer


def _is_asked_for(contact: Contact, identifier: dict[str, str]) -> bool:
    if "email" in identifier:
        return contact.email.casefold() == identifier["email"].casefold()
    return contact.user_id == identifier["userId"]


async def delete(send: Send, identifier: dict[str, str], *, deadline: float | None = None) -> None:
    """Delete a contact by one identifier."""
    await send(Request(DELETE, body=encode_json(identifier), deadline=deadline))


async def create(
    send: Send,
    contact: ContactCreate,
    *,
    deadline: float | None = None,
    fail: Callable[[], None] = _nobody_counts,
) -> ContactReceipt:
    """Create a contact, and ask Loops what became of it where the reply got lost.

    ``fail`` is called once where that ended in an error after it was to be sent.
    """
    request = Request(CREATE, body=encode(contact), deadline=deadline)
    # What is refused before it is to be sent is refused by this call, not by the awaiting.
    sending = send(request)
    try:
        return await _created(send, sending, request, contact)
    except LoopsError:
        fail()
        raise


async def _created(
    send: Send,
    sending: Awaitable[Answer[str]],
    request: Request[str],
    contact: ContactCreate,
) -> ContactReceipt:
    try:
        answer = await sending
    except OutcomeUnknown as error:
        doubt = error
    else:
        return receipt_of(answer.value, answer.attempts, answer.dry_run)
    return await _settle(send, request, contact, doubt)


async def _settle(
    send: Send, request: Request[str], contact: ContactCreate, doubt: OutcomeUnknown
) -> ContactReceipt:
    """What became of a create in doubt: what Loops holds says it, and only then is it repeated.

    Raises:
        ContactAlreadyExists: Loops holds something else than was sent.
        OutcomeUnknown: Asking, or creating again, gave no answer either.
    """
    attempts, refused = doubt.attempts, False
    last: LoopsError = doubt
    asked = identified(contact.email, None)
    for _ in range(_ROUNDS):
        try:
            found = await _found(send, asked, _ASK, request.deadline)
            attempts += found.attempts
            if found.value is not None and not differences(contact, found.value):
                return ContactReceipt(found.value.id, attempts)
            if found.value is not None or refused:
                # Refused and yet nobody has the address: another contact has the user id.
                break
            created = await send(request)
            return ContactReceipt(created.value, attempts + created.attempts)
        except ContactAlreadyExists as error:
            refused, last = True, error
        except OutcomeUnknown as error:
            last = error
        except LoopsError as error:
            raise _unsettled(error, attempts + error.attempts) from error
        attempts += last.attempts
    else:
        raise _unsettled(last, attempts) from last
    conflict = ContactAlreadyExists(
        f"{CREATE}: a contact with this email or user id exists and differs from what was sent",
        status=409,
    )
    conflict.attempts = attempts
    raise conflict from doubt


def _unsettled(last: LoopsError, attempts: int) -> OutcomeUnknown:
    unknown = OutcomeUnknown(
        f"{CREATE}: it may have taken effect, or not, and asking Loops did not settle it; "
        f"last: {last}",
        status=last.status,
    )
    unknown.attempts = attempts
    return unknown
