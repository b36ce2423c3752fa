"""Resolving a create whose reply was lost: look the contact up and compare it."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final

from loops_async.codec import to_json
from loops_async.errors import ContactAlreadyExists, LoopsError, OutcomeUnknown
from loops_async.pipeline.messages import Answer
from loops_async.records.contacts import Contact, ContactCreate, ContactReceipt, ContactUpdate

_ROUNDS: Final = 3
"""How often a create in doubt is looked up and repeated."""


async def resolve_create(
    doubt: OutcomeUnknown,
    sent: ContactCreate,
    *,
    find: Callable[[], Awaitable[Answer[Contact | None]]],
    create: Callable[[], Awaitable[Answer[str]]],
    name: str,
) -> ContactReceipt:
    """Find out whether a create took effect, and repeat it only if it did not.

    Args:
        doubt: The failure of the first create.
        sent: The contact that it sent.
        find: Looks the contact up by its email.
        create: Sends the create again.
        name: The endpoint, for messages.

    Raises:
        ContactAlreadyExists: Loops has a contact that differs from ``sent``.
        OutcomeUnknown: The lookups, or the repeated creates, failed as well.
    """
    attempts, refused = doubt.attempts, False
    last: LoopsError = doubt
    for _ in range(_ROUNDS):
        try:
            found = await find()
            attempts += found.attempts
            if found.value is not None and not differences(sent, found.value):
                return ContactReceipt(found.value.id, attempts)
            if found.value is not None or refused:
                # Refused, though no contact has the email: another contact has the user id.
                break
            created = await create()
            return ContactReceipt(created.value, attempts + created.attempts)
        except ContactAlreadyExists as error:
            refused, last = True, error
        except OutcomeUnknown as error:
            last = error
        except LoopsError as error:
            raise _unresolved(name, error, attempts + error.attempts) from error
        attempts += last.attempts
    else:
        raise _unresolved(name, last, attempts) from last
    conflict = ContactAlreadyExists(
        f"{name}: a contact with this email or user id exists and differs from what was sent",
        status=409,
    )
    conflict.attempts = attempts
    raise conflict from doubt


def _unresolved(name: str, last: LoopsError, attempts: int) -> OutcomeUnknown:
    unknown = OutcomeUnknown(
        f"{name}: may have taken effect, and looking the contact up did not settle it; "
        f"last error: {last}",
        status=last.status,
    )
    unknown.attempts = attempts
    return unknown


def differences(sent: ContactCreate | ContactUpdate, held: Contact) -> list[str]:
    """The fields of ``sent``, by their names at Loops, whose values differ in ``held``.

    Fields that were left out are not compared. An emptied field may be absent, null or empty text.
    """
    holds: dict[str, Any] = {
        "email": held.email,
        "firstName": held.first_name,
        "lastName": held.last_name,
        "source": held.source,
        "subscribed": held.subscribed,
        "userGroup": held.user_group,
        "userId": held.user_id,
        **held.properties,
    }
    differing: list[str] = []
    for name, value in to_json(sent).items():
        if name == "mailingLists":
            sent_lists: dict[str, bool] = value or {}
            same = all(held.mailing_lists.get(i, False) == on for i, on in sent_lists.items())
        else:
            same = _same(name, value, holds.get(name))
        if not same:
            differing.append(name)
    return differing


def _same(name: str, sent: Any, held: Any) -> bool:
    if sent is None:
        # A null identifier is ignored; a null source or subscription resets it to the default.
        return name in {"email", "userId", "source", "subscribed"} or held in (None, "")
    if sent == "" and held is None:
        return True
    if name == "email":
        return str(sent).casefold() == str(held).casefold()
    if isinstance(sent, bool) or isinstance(held, bool):
        return sent is held
    if sent == held:
        return True
    # Two numbers are compared as numbers only, even if both could be times.
    if not isinstance(sent, str) and not isinstance(held, str):
        return False
    return _moment(sent) is not None and _moment(sent) == _moment(held)


def _moment(value: Any) -> datetime | None:
    """The time that ``value`` means in one of the date formats of Loops, or None."""
    try:
        if isinstance(value, str):
            read = datetime.fromisoformat(value)
            return read if read.tzinfo is not None else read.replace(tzinfo=UTC)
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None
