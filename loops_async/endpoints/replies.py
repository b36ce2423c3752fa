"""Readers: what an endpoint promises, as a function of its reply."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import attrs

from loops_async.codec import Undecodable, decode, decode_fast
from loops_async.pipeline.messages import Answer, Reply
from loops_async.records.api_key import Team
from loops_async.records.suppression import Suppression, SuppressionRemoval

T = TypeVar("T")
R = TypeVar("R", Team, Suppression, SuppressionRemoval)

SUCCESS: Final = b'{"success": true}'
"""The least that Loops answers to a change."""


def reads(into: type[T]) -> Callable[[Reply], T]:
    """A reader of one record of type ``into``."""
    return lambda reply: decode(reply.body, into)


def reads_success(reply: Reply) -> None:
    """The reader of ``{"success": true}`` and nothing more."""
    success(reply)


def success(reply: Reply) -> dict[str, Any]:
    """The fields of a reply that says ``"success": true``.

    Raises:
        Undecodable: It does not.
    """
    value = decode_fast(reply.body)
    if not isinstance(value, dict):
        raise Undecodable("expected an object @ $")
    if value.get("success") is not True:
        raise Undecodable("expected true @ $.success")
    return value


def marked(answer: Answer[R]) -> R:
    """The value of an answer, which says itself if it is made up."""
    return attrs.evolve(answer.value, dry_run=True) if answer.dry_run else answer.value
