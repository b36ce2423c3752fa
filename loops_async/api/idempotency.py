"""Idempotency keys of events and transactional email. Loops processes each key only once."""

import os
import re
from typing import Final

from loops_async.api.resource import SUCCESS, success_fields
from loops_async.errors import IdempotencyConflict, InvalidInput
from loops_async.pipeline.messages import Endpoint, Replay, Reply

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
    """Return 128 random bits, written as a UUID. ``uuid.uuid4`` takes five times as long."""
    bits = os.urandom(16)
    return f"{bits[:4].hex()}-{bits[4:10].hex('-', 2)}-{bits[10:].hex()}"


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
