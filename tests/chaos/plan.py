"""What is called, in which order, drawn from the seed: one chain of calls for each contact."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import attrs

from loops_async.sandbox import StoredProperty
from tests.chaos.model import LISTS, TAKEN, Step

PROPERTIES: Final = (
    StoredProperty("plan", "string"),
    StoredProperty("seats", "number"),
    StoredProperty("trial", "boolean"),
    StoredProperty("trialEnds", "date"),
    StoredProperty("serial", "number"),
)


@attrs.frozen
class Size:
    """How many calls of each kind."""

    updates: int = 2000
    creates: int = 500
    events: int = 1000
    mails: int = 1000
    deletes: int = 200
    finds: int = 300
    removals: int = 100

    def times(self, factor: float) -> "Size":
        """As much as that, or a part of it."""
        return Size(*(round(count * factor) for count in attrs.astuple(self)))


def chains(seed: int, size: Size) -> list[list[Step]]:
    """The calls, as one chain for each contact: the calls of a chain go one after the other."""
    lot = random.Random(seed)  # noqa: S311 - a plan, no secret
    emails = [f"person{number}@example.com" for number in range(size.creates)]
    kinds: list[tuple[str, str]] = [("create", email) for email in emails]
    for kind, count in (
        ("update", size.updates),
        ("event", size.events),
        ("mail", size.mails),
        ("delete", size.deletes),
        ("find", size.finds),
    ):
        kinds += [(kind, lot.choice(emails)) for _ in range(count)]
    lot.shuffle(kinds)
    # Half of the creates come first, the others meet whatever the chain has made by then.
    kinds.sort(key=lambda pair: pair[0] != "create" or lot.random() < 0.5)
    by_email: dict[str, list[Step]] = {email: [] for email in emails}
    for number, (kind, email) in enumerate(kinds):
        by_email[email].append(_step(lot, number, kind, email))
    return list(by_email.values())


def _step(lot: random.Random, number: int, kind: str, email: str) -> Step:
    bad = kind in {"update", "create", "event"} and lot.random() < 0.04
    own_key = lot.random() < 0.7
    return Step(number, kind, email, _fields(lot, number, kind, bad=bad), bad, own_key)


def _fields(lot: random.Random, number: int, kind: str, *, bad: bool) -> dict[str, Any]:
    if kind in {"delete", "find"}:
        return {}
    if kind == "mail":
        return {"add_to_audience": lot.random() < 0.3}
    fields: dict[str, Any] = {
        name: lot.choice([None, f"{name} {number}", f"{name} {number % 3}"])
        for name in ("first_name", "last_name", "user_group", "source")
        if lot.random() < 0.5
    }
    fields["properties"] = {**_properties(lot, number), "serial": "text" if bad else number}
    if lot.random() < 0.2:
        fields["subscribed"] = lot.random() < 0.7
    if lot.random() < 0.3:
        fields["mailing_lists"] = lot.choice([None, {}, {lot.choice(LISTS): lot.random() < 0.6}])
    if kind == "create" and lot.random() < 0.06:
        fields["user_id"] = TAKEN
    return fields


def _properties(lot: random.Random, number: int) -> dict[str, Any]:
    moment = datetime(2024, 1, 17, 10, 21, 11, tzinfo=UTC) + timedelta(minutes=number)
    values = {
        "plan": f"plan {number}",
        "seats": lot.choice([number, number / 4]),
        "trial": lot.random() < 0.5,
        "trialEnds": moment,
    }
    return {
        name: value if lot.random() < 0.7 else None
        for name, value in values.items()
        if lot.random() < 0.5
    }
