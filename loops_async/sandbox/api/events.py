"""Events."""

from collections import deque
from collections.abc import Mapping
from types import MappingProxyType

import attrs
from aiohttp import web

from loops_async.sandbox.api.contacts import NOT_FOUND, ContactStore, read_identifiers
from loops_async.sandbox.api.mailing_lists import read_mailing_lists
from loops_async.sandbox.http import idempotency_key, json_response, read_object
from loops_async.sandbox.json_body import is_object
from loops_async.sandbox.team import TEAM, SandboxTeam
from loops_async.sandbox.validation import Refusal, check_lengths, string

_NOT_THE_CONTACTS = frozenset({"eventName", "eventProperties"})

routes: web.RouteTableDef = web.RouteTableDef()


@routes.post("/v1/events/send")
async def send_event(request: web.Request) -> web.Response:
    """https://loops.so/docs/api-reference/send-event."""
    body = await read_object(request)
    request.app[TEAM].store(EventStore).send(body, key=idempotency_key(request))
    return json_response({"success": True})


@attrs.frozen
class SentEvent:
    """An event that was accepted. Its repr shows no personal data.

    Attributes:
        name: The `eventName`.
        contact_id: The id of its contact, which may have been created for it.
        email: The address it was sent with, None if there was none.
        user_id: The user id it was sent with, None if there was none.
        properties: The `eventProperties`, as they were sent.
        mailing_lists: List id to whether the contact was to be on it, as sent.
        idempotency_key: The header, None if there was none.
    """

    name: str
    contact_id: str
    email: str | None = attrs.field(repr=False)
    user_id: str | None = attrs.field(repr=False)
    properties: Mapping[str, object] = attrs.field(repr=False)
    mailing_lists: Mapping[str, bool] = attrs.field(repr=False)
    idempotency_key: str | None = attrs.field(repr=False)


class EventStore:
    """The events that a team was sent.

    Attributes:
        count: How many there were.
    """

    def __init__(self, team: SandboxTeam) -> None:
        self.count: int = 0
        self._team = team
        self._contacts = team.store(ContactStore)
        self._sent: deque[SentEvent] = deque(maxlen=team.keep_sent)

    @property
    def sent(self) -> tuple[SentEvent, ...]:
        """The most recent events, oldest first."""
        return tuple(self._sent)

    def send(self, body: Mapping[str, object], *, key: str | None) -> None:
        """Accept an event, and create or update its contact. 409 if the key was used.

        A refused event changes nothing, and may be sent again with the same key.
        """
        now = self._team.clock()
        self._team.idempotency_keys.check(key, now)
        check_lengths(body)
        name = string("eventName", body.get("eventName", ""))
        if not name:
            raise Refusal(400, "eventName is required.")
        properties = _read_properties(body.get("eventProperties"))
        contact = {field: value for field, value in body.items() if field not in _NOT_THE_CONTACTS}
        contact_id = self._contacts.update(contact, unknown_user_id=NOT_FOUND)
        email, user_id = read_identifiers(body)
        lists = read_mailing_lists(body.get("mailingLists"), self._team.mailing_lists)
        self._sent.append(
            SentEvent(
                name=name,
                contact_id=contact_id,
                email=email,
                user_id=user_id,
                properties=MappingProxyType(properties),
                mailing_lists=MappingProxyType(lists),
                idempotency_key=key,
            )
        )
        self.count += 1
        self._team.idempotency_keys.remember(key, now)


def _read_properties(value: object) -> dict[str, object]:
    # PHP writes an empty map as [].
    if value is None or value == []:
        return {}
    if not is_object(value):
        raise Refusal(400, "eventProperties must be an object.")
    for name, found in value.items():
        # A date is text or a number: https://loops.so/docs/events/properties. Null is not
        # documented, but a published integration sends it.
        if not isinstance(found, str | int | float | None):
            raise Refusal(
                400, f"Event property {name} must be a string, a number, a boolean or a date."
            )
    return value
