"""What the package promises of every call, checked against what the sandbox holds.

Each check returns sentences that say what is broken; none raises, so that a run shows all of them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sized
from typing import Any

import attrs

from loops_async import (
    APIError,
    Attempt,
    IdempotencyConflict,
    LoopsError,
    OutcomeUnknown,
    RateLimited,
    ServerError,
)
from loops_async.sandbox import ReceivedRequest, Sandbox, StoredContact
from tests.chaos.model import State, Step, after, refuses, state_of
from tests.chaos.pacing import OpenPacer

SENDS = {"/v1/events/send": "eventProperties", "/v1/transactional": "dataVariables"}
# A client in a hurry may leave before a busy server has looked at its request.
_NOT_LINKED = frozenset({"ConnectFailed", "ConnectionLost", "ReplyTimeout"})


class PromiseBroken(AssertionError):
    """What the package promises is not so."""


@attrs.define
class Call:
    """How one call ended.

    Attributes:
        step: What was called.
        repeat: Whether it was called again, under the same key, because its outcome was unknown.
        result: What it returned.
        error: What it raised.
        attempts: What ``on_attempt`` was told of it.
    """

    step: Step
    repeat: bool = False
    result: Any = None
    error: BaseException | None = None
    attempts: list[Attempt] = attrs.field(factory=list)

    @property
    def done(self) -> bool:
        """Whether the caller may take it that the call took effect."""
        return self.error is None or (self.repeat and isinstance(self.error, IdempotencyConflict))

    @property
    def unknown(self) -> bool:
        """Whether nobody knows."""
        return isinstance(self.error, OutcomeUnknown)

    @property
    def refused(self) -> bool:
        """Whether Loops said no to it."""
        return isinstance(self.error, APIError) and not isinstance(
            self.error, RateLimited | ServerError
        )

    def __str__(self) -> str:
        tries = ", ".join(str(attempt.error or attempt.status) for attempt in self.attempts)
        end = "success" if self.error is None else repr(self.error)
        return f"{self.step.kind} {self.step.number} ({tries}): {end}"


def named(call: Call, api_key: str) -> Iterator[str]:
    """It ended in a result or a named error, which tells nobody who it is about."""
    error: BaseException | None = call.error
    if error is not None and (not isinstance(error, LoopsError) or type(error) is LoopsError):
        yield f"{call}: no named error"
    while error is not None:
        if call.step.email in str(error) or api_key in str(error):
            yield f"{call}: its error tells the address or the key"
        error = error.__cause__


def counted(call: Call) -> Iterator[str]:
    """``on_attempt`` was told of as many attempts as the caller."""
    told = call.result if call.error is None else call.error
    attempts = getattr(told, "attempts", len(call.attempts))
    if attempts != len(call.attempts):
        yield f"{call}: it says {attempts} attempts, on_attempt was told of {len(call.attempts)}"


def effect(
    call: Call, possible: list[State], contact: StoredContact | None
) -> tuple[list[State], str]:
    """What Loops may hold after ``call``, and what is wrong with what it does hold, if anything."""
    step, held = call.step, state_of(contact)
    # What is gone already is deleted, too: a delete whose repeat is told so is done.
    able = [state for state in possible if step.kind == "delete" or not refuses(step, state)]
    would = [after(step, state) for state in able]
    if call.done:
        possible, why = would, "reported success, and Loops does not hold what it should"
    elif call.unknown:
        possible, why = [*possible, *would], "is unknown, and Loops holds neither this nor that"
    elif call.refused:
        possible = [state for state in possible if refuses(step, state)]
        why = "was refused, and there was no reason or it had an effect all the same"
    else:
        why = "reported that nothing happened, and something did"
    if held not in possible:
        return [held], f"{call}: it {why}: held {held}, possible {possible}"
    # A certain end leaves one state. Were an older attempt to land later, it would show.
    return (possible if call.unknown else [held]), _about(call, contact)


def _about(call: Call, contact: StoredContact | None) -> str:
    if call.error is not None:
        return f"{call}: a read has no unknown outcome" if _unknown_read(call) else ""
    kind = call.step.kind
    if kind in {"create", "update"} and (contact is None or contact.id != call.result.id):
        return f"{call}: its id is not the contact's"
    if kind == "find" and state_of(call.result) != state_of(contact):
        return f"{call}: found something else than Loops holds"
    return ""


def _unknown_read(call: Call) -> bool:
    return call.step.kind == "find" and call.unknown


def stands(calls: Iterable[Call], sandbox: Sandbox) -> Iterator[str]:
    """No event or mail stands twice, and each stands as its call reported."""
    count = Counter(event.properties["call"] for event in sandbox.sent_events)
    count += Counter(mail.data_variables["call"] for mail in sandbox.sent_emails)
    by_step: dict[int, list[Call]] = defaultdict(list)
    for call in calls:
        if call.step.sends:
            by_step[call.step.number].append(call)
    for number, ends in by_step.items():
        done, unknown = any(end.done for end in ends), any(end.unknown for end in ends)
        allowed = {1} if done else {0, 1} if unknown else {0}
        if count[number] not in allowed:
            yield f"{ends[-1]}: it stands {count[number]} times, not {allowed}"


def one_key(calls: Iterable[Call], requests: Iterable[ReceivedRequest]) -> Iterator[str]:
    """All attempts of one call carried one key, the caller's own where there was one."""
    steps = {call.step.number: call for call in calls if call.step.sends}
    keys: dict[int, set[str | None]] = defaultdict(set)
    for request in requests:
        # A request that was reset before its body was read does not say whose it was.
        if request.path in SENDS and isinstance(request.json, dict):
            number = request.json[SENDS[request.path]]["call"]
            keys[number].add(request.headers.get("idempotency-key"))
    for number, seen in keys.items():
        call = steps[number]
        if len(seen) != 1 or None in seen:
            yield f"{call}: its attempts carried {len(seen)} keys"
        elif call.step.own_key and seen != {call.step.key}:
            yield f"{call}: its key is not the caller's"
        elif call.error is None and seen != {call.result.idempotency_key}:
            yield f"{call}: its key is not the receipt's"
    shared = Counter(key for seen in keys.values() for key in seen)
    yield from (f"{times} calls shared a key" for times in shared.values() if times > 1)


def observed(attempts: Iterable[Attempt], sandbox: Sandbox) -> Iterator[str]:
    """Every request that arrived was told to ``on_attempt``; what did not arrive was lost."""
    made, lost = Counter[str](), Counter[str]()
    for attempt in attempts:
        made[attempt.path] += 1
        lost[attempt.path] += attempt.error in _NOT_LINKED
    arrived = Counter(request.path for request in sandbox.requests)
    if sandbox.counts.requests != arrived.total():
        yield "the sandbox does not remember all requests: it was told to keep too few"
    for path in made | arrived:
        if not 0 <= made[path] - arrived[path] <= lost[path]:
            yield f"{path}: {made[path]} attempts, {lost[path]} lost, {arrived[path]} arrived"


def turns(attempts: Sized, pacer: OpenPacer) -> Iterator[str]:
    """Every attempt, retries included, took a turn and gave it back."""
    if not len(attempts) == pacer.given == pacer.returned:
        yield f"{len(attempts)} attempts, {pacer.given} turns given, {pacer.returned} returned"


def audience(possible: Mapping[str, list[State]], sandbox: Sandbox) -> Iterator[str]:
    """Loops holds the contacts that the model holds, field by field, and no others."""
    for email, states in possible.items():
        held = state_of(sandbox.contacts.get(email))
        if held not in states:
            yield f"the audience holds {held}, the model {states}"
    strangers = {email for email in sandbox.contacts if email not in possible}
    if strangers:
        yield f"the audience holds {len(strangers)} contacts that nobody made"


def sharp(calls: Iterable[Call], at_most: float) -> Iterator[str]:
    """``OutcomeUnknown`` and the like are rare: who always says so is always right, and useless."""
    all_, failed = Counter[str](), Counter[str]()
    for call in calls:
        if not call.refused and not call.step.bad and not call.repeat:
            all_[call.step.kind] += 1
            failed[call.step.kind] += call.error is not None
    for kind, total in all_.items():
        if failed[kind] > 3 + at_most * total:
            yield f"{kind}: {failed[kind]} of {total} calls told nobody what became of them"
