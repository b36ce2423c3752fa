"""Idempotency keys of events and transactional email. Loops processes each key only once."""

import re
import secrets
from typing import Final

from loops_async.api.resource import SUCCESS, Resource, success_fields
from loops_async.errors import IdempotencyConflict, InvalidInput
from loops_async.pipeline.messages import Endpoint, Replay, Reply
from loops_async.records._types import SendReceipt

_KEY: Final = re.compile(r"[!-~](?:[ -~]{0,98}[!-~])?")


def _read_sent(reply: Reply) -> bool:
    success_fields(reply)
    return False


def keyed_endpoint(path: str) -> Endpoint[bool]:
    """Return an endpoint for a ``POST`` with an idempotency key.

    The result is True if the response to an earlier attempt was lost and a 409 ("already
    processed") to a later one confirmed that the request had succeeded.
    """
    return Endpoint(
        "POST",
        path,
        Replay.WITH_KEY,
        _read_sent,
        refusals={409: IdempotencyConflict},
        after_doubt={409: True},
        dry_run=SUCCESS,
    )


def _new_key() -> str:
    """Return a random UUID (version 4). ``uuid.uuid4`` takes almost three times as long."""
    digits = secrets.token_hex(16)
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def check_key(key: object) -> str:
    """Return ``key``, or a new key if it is None.

    Raises:
        InvalidInput: The key is not 1 to 100 printable ASCII characters.
    """
    if key is None:
        return _new_key()
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise InvalidInput(
            "idempotency_key: must be 1 to 100 printable ASCII characters that do not begin or "
            "end with a space; leave it out to have one generated",
            field="idempotency_key",
        )
    return key


class KeyedResource(Resource):
    """Base class of resources whose operations have an idempotency key."""

    __slots__ = ()

    async def _send_once(
        self, endpoint: Endpoint[bool], body: bytes, key: str, deadline: float | None
    ) -> SendReceipt:
        answer = await self._call(endpoint, deadline, body=body, idempotency_key=key)
        return SendReceipt(key, answer.attempts, answer.value, answer.dry_run)
