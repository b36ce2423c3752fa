"""Transactional emails."""

from base64 import b64decode
from binascii import Error as Base64Error
from collections import deque
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import NoReturn

import attrs
from aiohttp import web

from loops_async.sandbox.api.contacts import ContactStore
from loops_async.sandbox.api.suppression import SuppressionStore
from loops_async.sandbox.http import idempotency_key, json_response, page_response, read_object
from loops_async.sandbox.json_body import is_array, is_object
from loops_async.sandbox.team import TEAM, SandboxTeam
from loops_async.sandbox.validation import Refusal, email_address, iso_text, string

EMAIL_NOT_FOUND = "Transactional email not found."
NO_ATTACHMENTS = "Attachments are not enabled for your account."
NOT_SENDABLE = "Email not sendable."

routes: web.RouteTableDef = web.RouteTableDef()


@routes.post("/v1/transactional")
async def send_transactional(request: web.Request) -> web.Response:
    """https://loops.so/docs/api-reference/send-transactional-email."""
    body = await read_object(request)
    request.app[TEAM].store(TransactionalStore).send(body, key=idempotency_key(request))
    return json_response({"success": True})


@routes.get("/v1/transactional")
async def list_transactional(request: web.Request) -> web.Response:
    """https://loops.so/docs/api-reference/list-transactional-emails-v1."""
    return page_response(request, request.app[TEAM].store(TransactionalStore).published())


@attrs.frozen
class ReceivedAttachment:
    """A file sent with a transactional email.

    Attributes:
        filename: Its name.
        content_type: Its MIME type.
        data: Its decoded content.
    """

    filename: str = attrs.field(repr=False)
    content_type: str
    data: bytes = attrs.field(repr=False)


@attrs.frozen
class SentEmail:
    """A transactional email that was accepted. Its repr shows no personal data.

    Attributes:
        transactional_id: The `transactionalId`.
        email: The recipient.
        data_variables: The `dataVariables`, as they were sent.
        attachments: The files, decoded.
        add_to_audience: Whether the recipient was to become a contact.
        idempotency_key: The header, None if there was none.
    """

    transactional_id: str
    email: str = attrs.field(repr=False)
    data_variables: Mapping[str, object] = attrs.field(repr=False)
    attachments: tuple[ReceivedAttachment, ...]
    add_to_audience: bool
    idempotency_key: str | None = attrs.field(repr=False)


class TransactionalStore:
    """The published transactional emails of a team, and those that were sent.

    Attributes:
        count: How many were sent.
    """

    def __init__(self, team: SandboxTeam) -> None:
        self.count: int = 0
        self._team = team
        self._contacts = team.store(ContactStore)
        self._suppression = team.store(SuppressionStore)
        self._sent: deque[SentEmail] = deque(maxlen=team.keep_sent)
        self._published_at = iso_text(datetime.now(UTC))

    @property
    def sent(self) -> tuple[SentEmail, ...]:
        """The most recent emails, oldest first."""
        return tuple(self._sent)

    def published(self) -> list[dict[str, object]]:
        """Return the JSON of the published emails."""
        return [
            {
                "id": transactional_id,
                "name": transactional_id,
                "lastUpdated": self._published_at,
                "dataVariables": list(variables),
            }
            for transactional_id, variables in (self._team.transactional_emails or {}).items()
        ]

    def send(self, body: Mapping[str, object], *, key: str | None) -> None:
        """Accept an email, and create its contact if the body says so. 409 if the key was used.

        A refused email changes nothing, and may be sent again with the same key.
        """
        now = self._team.clock()
        self._team.idempotency_keys.check(key, now)
        email = self._read(body, key)
        if self._suppression.holds(email.email):
            raise Refusal(400, NOT_SENDABLE, error={"path": "email", "reason": "suppressed"})
        if email.add_to_audience and email.email not in self._contacts.contacts:
            self._contacts.create({"email": email.email})
        self._sent.append(email)
        self.count += 1
        self._team.idempotency_keys.remember(key, now)

    def _read(self, body: Mapping[str, object], key: str | None) -> SentEmail:
        transactional_id = _required("transactionalId", body.get("transactionalId"))
        try:
            email = email_address(body.get("email"))
        except Refusal as refusal:
            _refuse("email", refusal.message)
        published = self._team.transactional_emails
        if published is not None and transactional_id not in published:
            _refuse("transactionalId", EMAIL_NOT_FOUND, status=404)
        add_to_audience = body.get("addToAudience")
        if add_to_audience is not None and not isinstance(add_to_audience, bool):
            _refuse("addToAudience", "addToAudience must be a boolean.")
        variables = _read_variables(
            body.get("dataVariables"),
            required=(published or {}).get(transactional_id, ()),
            transactional_id=transactional_id,
        )
        return SentEmail(
            transactional_id=transactional_id,
            email=email,
            data_variables=MappingProxyType(variables),
            attachments=self._read_attachments(body.get("attachments")),
            add_to_audience=bool(add_to_audience),
            idempotency_key=key,
        )

    def _read_attachments(self, value: object) -> tuple[ReceivedAttachment, ...]:
        if value is None or value == []:
            return ()
        if not self._team.attachments:
            raise Refusal(400, NO_ATTACHMENTS, path="attachments")
        if not is_array(value):
            _refuse("attachments", "attachments must be an array of objects.")
        return tuple(
            _read_attachment(f"attachments[{index}]", item) for index, item in enumerate(value)
        )


def _refuse(path: str, message: str, *, status: int = 400) -> NoReturn:
    # "Invalid request or email" in the OpenAPI document.
    raise Refusal(status, message, error={"path": path, "message": message})


def _required(path: str, value: object) -> str:
    name = path.rpartition(".")[2]
    try:
        found = string(name, value)
    except Refusal as refusal:
        _refuse(path, refusal.message)
    if not found:
        _refuse(path, f"{name} is required.")
    return found


def _read_variables(
    value: object, *, required: Collection[str], transactional_id: str
) -> dict[str, object]:
    def refuse(message: str) -> NoReturn:
        # "Invalid data variables" in the OpenAPI document.
        error = {"path": "dataVariables", "message": message}
        raise Refusal(400, message, error=error, transactionalId=transactional_id)

    # PHP writes an empty map as [].
    variables: dict[str, object] = {}
    if is_object(value):
        variables = value
    elif value is not None and value != []:
        refuse("dataVariables must be an object.")
    for name, variable in variables.items():
        if not _is_plain(variable) and not _is_array_of_objects(variable):
            refuse(f"Data variable {name} must be a string, a number or an array of objects.")
    # A required variable that is empty counts as missing: loops.so/docs/transactional/guide.
    missing = [name for name in required if variables.get(name, "") == ""]
    if missing:
        refuse(f"Missing required data variable(s): {', '.join(missing)}")
    return variables


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _is_array_of_objects(value: object) -> bool:
    return is_array(value) and all(
        is_object(item) and all(map(_is_plain, item.values())) for item in value
    )


def _read_attachment(path: str, value: object) -> ReceivedAttachment:
    if not is_object(value):
        _refuse(path, "attachments must be an array of objects.")
    fields = {
        name: _required(f"{path}.{name}", value.get(name))
        for name in ("filename", "contentType", "data")
    }
    try:
        # Without line breaks, and not in the URL-safe alphabet.
        data = b64decode(fields["data"], validate=True)
    except (Base64Error, ValueError):
        _refuse(f"{path}.data", "data must be base64.")
    return ReceivedAttachment(fields["filename"], fields["contentType"], data)
