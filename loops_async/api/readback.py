"""Whether Loops holds what was sent: the forms in which it reads a value back. Pure."""

from datetime import UTC, datetime
from typing import Any

from loops_async.codec import to_json
from loops_async.records.contacts import Contact, ContactCreate, ContactUpdate


def differences(sent: ContactCreate | ContactUpdate, held: Contact) -> list[str]:
    """The fields of ``sent``, by their names at Loops, that ``held`` does not bear out.

    What was left out is not compared; what was emptied may be absent, null or empty text.
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
            wishes: dict[str, bool] = value or {}
            same = all(held.mailing_lists.get(i, False) == on for i, on in wishes.items())
        else:
            same = _same(name, value, holds.get(name))
        if not same:
            differing.append(name)
    return differing


def _same(name: str, sent: Any, held: Any) -> bool:
    if sent is None:
        # An identifier sent as null is none; a null source or subscription goes back to default.
        return name in {"email", "userId", "source", "subscribed"} or held in (None, "")
    if sent == "" and held is None:
        return True
    if name == "email":
        return str(sent).casefold() == str(held).casefold()
    if isinstance(sent, bool) or isinstance(held, bool):
        return sent is held
    if sent == held:
        return True
    # Two numbers are two values, however near in time the moments that they may stand for.
    if not isinstance(sent, str) and not isinstance(held, str):
        return False
    return _moment(sent) is not None and _moment(sent) == _moment(held)


def _moment(value: Any) -> datetime | None:
    """The moment that ``value`` stands for in one of the forms of a date at Loops, or None."""
    try:
        if isinstance(value, str):
            read = datetime.fromisoformat(value)
            return read if read.tzinfo is not None else read.replace(tzinfo=UTC)
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None
