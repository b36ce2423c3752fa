"""Events and transactional mail: sent once, however often it takes."""

import asyncio
import re
import uuid
from typing import Final

from loops_async.codec import encode
from loops_async.endpoints.replies import SUCCESS, success
from loops_async.errors import IdempotencyConflict, InvalidInput
from loops_async.pipeline.messages import Endpoint, Replay, Reply, Request, Send
from loops_async.records._types import SendReceipt
from loops_async.records.attachments import LARGEST_MAIL, size
from loops_async.records.events import Event
from loops_async.records.transactional import TransactionalEmail

_OFF_THE_LOOP: Final = 64 * 1024
_KEY: Final = re.compile(r"[!-~](?:[ -~]{0,98}[!-~])?")


def _read_sent(reply: Reply) -> bool:
    success(reply)
    return False


# After doubt, "already processed" is the confirmation that the lost reply would have been.
EVENT = Endpoint(
    "POST",
    "/v1/events/send",
    Replay.WITH_KEY,
    _read_sent,
    refusals={409: IdempotencyConflict},
    after_doubt={409: True},
    dry_run=SUCCESS,
)
TRANSACTIONAL = Endpoint(
    "POST",
    "/v1/transactional",
    Replay.WITH_KEY,
    _read_sent,
    refusals={409: IdempotencyConflict},
    after_doubt={409: True},
    dry_run=SUCCESS,
)


def checked_key(key: object) -> str:
    """``key`` if it can be an idempotency key, or a new one where it is None.

    Raises:
        InvalidInput: Not 1 to 100 printable ASCII characters.
    """
    if key is None:
        return str(uuid.uuid4())
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise InvalidInput(
            "idempotency_key: must be 1 to 100 printable ASCII characters without white space at "
            "its ends; leave it out to have one made",
            field="idempotency_key",
        )
    return key


async def send_event(
    send: Send, event: Event, key: str | None, *, deadline: float | None = None
) -> SendReceipt:
    """Send an event under one idempotency key."""
    return await _sent(send, EVENT, encode(event), checked_key(key), deadline)


async def send_mail(
    send: Send, mail: TransactionalEmail, key: str | None, *, deadline: float | None = None
) -> SendReceipt:
    """Send a transactional mail under one idempotency key.

    Raises:
        InvalidInput: It is larger than Loops takes, or an attachment cannot be read.
    """
    key = checked_key(key)
    in_memory = sum(len(a.data) for a in mail.attachments if isinstance(a.data, bytes))
    # Reading files, and base64 of more than a little, would hold the loop.
    if in_memory > _OFF_THE_LOOP or any(not isinstance(a.data, bytes) for a in mail.attachments):
        body = await asyncio.to_thread(_encoded, mail)
    else:
        body = _encoded(mail)
    return await _sent(send, TRANSACTIONAL, body, key, deadline)


def _encoded(mail: TransactionalEmail) -> bytes:
    # Base64 makes four bytes of three; a file of gigabytes is refused before it is read.
    least = sum(size(mail.attachments, index) for index in range(len(mail.attachments))) * 4 // 3
    body = encode(mail) if least <= LARGEST_MAIL else b""
    if max(least, len(body)) > LARGEST_MAIL:
        field = "attachments" if mail.attachments else "data_variables"
        raise InvalidInput(
            f"{field}: the mail has {max(least, len(body))} bytes of JSON or more, Loops takes "
            f"{LARGEST_MAIL}; send less, or link to it",
            field=field,
        )
    return body


async def _sent(
    send: Send, endpoint: Endpoint[bool], body: bytes, key: str, deadline: float | None
) -> SendReceipt:
    request = Request(endpoint, body=body, idempotency_key=key, deadline=deadline)
    answer = await send(request)
    return SendReceipt(key, answer.attempts, answer.value, answer.dry_run)
