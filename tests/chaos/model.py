"""The plain model: what each call does to a contact, in the API's own words.

It is written from the API reference alone and shares nothing with the client's encoder or with the
sandbox's store, so that three parties have to agree on what became of a call.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import attrs

from loops_async.sandbox import DEFAULT_MAILING_LISTS, StoredContact

State: TypeAlias = dict[str, Any] | None
"""A contact field by field, or None where there is none."""

LISTS: Final = tuple(mailing_list.id for mailing_list in DEFAULT_MAILING_LISTS)

TAKEN: Final = "user-id-of-the-doorkeeper"
"""The user id of a contact that is there from the beginning and that nobody touches."""

_RESETS: Final[Mapping[str, Any]] = {
    "first_name": None,
    "last_name": None,
    "user_group": "",
    "source": "API",
}


class Refused(Exception):
    """Loops says no to this call, whatever the weather."""


@attrs.frozen
class Step:
    """One call of the plan.

    Attributes:
        number: Its own, unique in the plan.
        kind: ``create``, ``update``, ``delete``, ``find``, ``event``, ``mail`` or ``removal``.
        email: Whose contact it is about.
        fields: What the contact shall be like, by the client's argument names.
        bad: Whether it carries a value of a wrong type, which Loops refuses.
        own_key: Whether the caller gives an idempotency key, or leaves it to the client.
    """

    number: int
    kind: str
    email: str
    fields: Mapping[str, Any] = attrs.field(factory=dict)
    bad: bool = False
    own_key: bool = True

    @property
    def key(self) -> str:
        """The idempotency key that the caller gives."""
        return f"chaos-{self.number}"

    @property
    def sends(self) -> bool:
        """Whether it is an event or a mail."""
        return self.kind in {"event", "mail"}


def refuses(step: Step, before: State) -> bool:
    """Whether Loops would refuse ``step`` where it holds ``before``."""
    if step.kind == "delete":
        return before is None
    try:
        after(step, before)
    except Refused:
        return True
    return False


def after(step: Step, before: State) -> State:
    """What Loops holds once ``step`` has taken effect on ``before``.

    Raises:
        Refused: It cannot take effect.
    """
    if step.bad:
        raise Refused
    if step.kind in {"find", "removal"}:
        return before
    if step.kind == "delete":
        return None
    if step.kind == "mail":
        return _new(step.email) if before is None and step.fields["add_to_audience"] else before
    if step.kind == "create" and (before is not None or step.fields.get("user_id") == TAKEN):
        raise Refused
    return _changed(before if before is not None else _new(step.email), step.fields)


def _new(email: str) -> dict[str, Any]:
    return {
        "email": email,
        "user_id": None,
        "subscribed": True,
        "mailing_lists": {},
        "properties": {},
        **_RESETS,
    }


def _changed(before: dict[str, Any], fields: Mapping[str, Any]) -> State:
    held = dict(before)
    for name, reset in _RESETS.items():
        if name in fields:
            held[name] = reset if fields[name] is None else fields[name]
    for name in ("subscribed", "user_id"):
        if fields.get(name) is not None:
            held[name] = fields[name]
    wishes: dict[str, bool] = fields.get("mailing_lists") or {}
    if not held["subscribed"] and any(wishes.values()):
        raise Refused
    lists = {**before["mailing_lists"], **wishes} if held["subscribed"] else {}
    held["mailing_lists"] = {key: True for key, wish in lists.items() if wish}
    values = {**before["properties"], **fields.get("properties", {})}
    held["properties"] = {key: _read(value) for key, value in values.items() if value is not None}
    return held


def _read(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return value


def state_of(contact: StoredContact | None) -> State:
    """What the sandbox holds, in the model's form."""
    if contact is None:
        return None
    named = ("email", "user_id", "subscribed", *_RESETS)
    return {
        **{name: getattr(contact, name) for name in named},
        "mailing_lists": dict(contact.mailing_lists),
        "properties": dict(contact.properties),
    }
