"""Checking whether a contact create in doubt has taken effect.

A request is *in doubt* if it may or may not have taken effect, because it was sent and no usable
response was received. For a create, the contact is looked up and compared with what was sent.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from loops_async.codec import to_json
from loops_async.errors import ContactAlreadyExists, LoopsError
from loops_async.pipeline.messages import Answer, Finding
from loops_async.records.contacts import Contact, ContactCreate, ContactUpdate


async def look_up_created(
    sent: ContactCreate,
    failure: LoopsError,
    find: Callable[[], Awaitable[Answer[Contact | None]]],
    *,
    create: str,
    asked: str,
) -> Finding[str]:
    """Look up the contact to find out whether a create in doubt took effect.

    Args:
        sent: The contact that the create contained.
        failure: The latest failure of the create.
        find: Looks up the contact by its email.
        create: The name of the create endpoint, for messages.
        asked: The name of the lookup endpoint, for messages.

    Raises:
        LoopsError: The lookup failed.
    """
    answer = await find()
    held = answer.value
    if held is None and not isinstance(failure, ContactAlreadyExists):
        return Finding(f"{asked}: no contact has this email", answer.attempts)
    if held is not None and not differences(sent, held):
        return Finding(f"{asked}: the contact exists as sent", answer.attempts, held.id)
    # If no contact has the email but the create was rejected, another contact has the user id.
    conflict = ContactAlreadyExists(
        f"{create}: a contact with this email or user id exists and differs from what was sent",
        status=409,
    )
    return Finding(f"{asked}: {conflict}", answer.attempts, conflict=conflict)


def differences(sent: ContactCreate | ContactUpdate, held: Contact) -> list[str]:
    """Return the names of the fields of ``sent`` whose values differ in ``held``.

    Names are those of Loops. Fields that were left out are not compared. An empty field may be
    missing, null or empty text.
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
    # Two numbers are compared only as numbers, even if both could be timestamps.
    if not isinstance(sent, str) and not isinstance(held, str):
        return False
    return _moment(sent) is not None and _moment(sent) == _moment(held)


def _moment(value: Any) -> datetime | None:
    """Parse ``value`` in one of Loops' date formats; None if it is not a date."""
    try:
        if isinstance(value, str):
            read = datetime.fromisoformat(value)
            return read if read.tzinfo is not None else read.replace(tzinfo=UTC)
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None
