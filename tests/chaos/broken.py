"""Ways of breaking the retry table from outside of the package: the switch is this file."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs
import pytest

from loops_async import APIError, LoopsError, ServerError
from loops_async.api import contacts, create_in_doubt, events, transactional
from loops_async.pipeline import responses, retry_policy, retrying
from loops_async.pipeline.messages import Replay, Reply, Request
from loops_async.pipeline.retrying import Retrying
from loops_async.transport import AiohttpTransport

Break = Callable[[pytest.MonkeyPatch], None]

_send = AiohttpTransport.send


def _a_new_key_for_each_attempt(patch: pytest.MonkeyPatch) -> None:
    async def send(self: AiohttpTransport, request: Request[Any], /) -> Reply:
        if request.idempotency_key is not None:
            request = attrs.evolve(request, idempotency_key=str(uuid.uuid4()))
        return await _send(self, request)

    for module in (events, transactional):
        patch.setattr(module, "SEND", attrs.evolve(module.SEND, replay=Replay.ALWAYS))
    patch.setattr(AiohttpTransport, "send", send)


def _no_key_at_all(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(AiohttpTransport, "_headers_of", lambda self, _: self._headers.copy())


def _doubt_is_a_refusal(patch: pytest.MonkeyPatch) -> None:
    """A lost reply is raised as it is, as if nothing had happened."""
    _kinds(patch, {retry_policy.FailureKind.IN_DOUBT: retry_policy.FailureKind.FINAL})


def _doubt_is_no_connection(patch: pytest.MonkeyPatch) -> None:
    """A lost reply is taken for a request that never left, and all is sent again."""
    _kinds(patch, {retry_policy.FailureKind.IN_DOUBT: retry_policy.FailureKind.NOT_SENT})


def _kinds(
    patch: pytest.MonkeyPatch,
    taken_for: Mapping[retry_policy.FailureKind, retry_policy.FailureKind],
) -> None:
    true = retry_policy.failure_kind

    def failure_kind(failure: LoopsError) -> retry_policy.FailureKind:
        kind = true(failure)
        return taken_for.get(kind, kind)

    patch.setattr(retry_policy, "failure_kind", failure_kind)
    patch.setattr(retrying, "failure_kind", failure_kind)


def _creates_are_repeated(patch: pytest.MonkeyPatch) -> None:
    """A create is sent again blindly, and what the repeat is told is taken at its word."""
    blind = attrs.evolve(contacts.CREATE, replay=Replay.ALWAYS, changes=False)
    patch.setattr(contacts, "CREATE", blind)


def _a_conflict_is_a_success(patch: pytest.MonkeyPatch) -> None:
    """A 409 to a repeated create is taken for the create's own work, and is not looked up."""
    trusting = attrs.evolve(
        contacts.CREATE, replay=Replay.ALWAYS, after_doubt={409: "cl00000000000000000000000"}
    )
    patch.setattr(contacts, "CREATE", trusting)
    patch.setattr(retrying._Call, "needs_lookup", lambda *_, **__: False)


def _a_create_is_not_asked_about(patch: pytest.MonkeyPatch) -> None:
    """Whoever has the address is taken for the contact that was sent."""
    patch.setattr(create_in_doubt, "differences", lambda *_: [])


def _server_errors_are_no_doubt(patch: pytest.MonkeyPatch) -> None:
    """A 5xx is taken for a refusal, as if the server could not have done the work."""
    true = responses.error_class

    def error_class(*args: Any) -> type[APIError]:
        kind = true(*args)
        return APIError if issubclass(kind, ServerError) else kind

    patch.setattr(responses, "error_class", error_class)


def _a_repeated_delete_is_unknown(patch: pytest.MonkeyPatch) -> None:
    """A 404 to a repeated delete is not understood: always right, and no help to anybody."""
    patch.setattr(contacts, "DELETE", attrs.evolve(contacts.DELETE, after_doubt={}))


def _a_repeated_event_is_unknown(patch: pytest.MonkeyPatch) -> None:
    """A 409 to a repeated event is not understood."""
    patch.setattr(events, "SEND", attrs.evolve(events.SEND, after_doubt={}))


def _some_attempts_are_not_observed(patch: pytest.MonkeyPatch) -> None:
    """``on_attempt`` is told of nothing that failed."""
    true = Retrying._observe

    def observe(self: Retrying, call: Any, failure: Any, why: Any) -> None:
        if failure is None:
            true(self, call, failure, why)

    patch.setattr(Retrying, "_observe", observe)


WAYS: Final[dict[str, tuple[Break, str]]] = {
    "a new key for each attempt": (_a_new_key_for_each_attempt, "stands 2 times"),
    "no key at all": (_no_key_at_all, "stands 2 times"),
    "doubt is a refusal": (_doubt_is_a_refusal, "reported that nothing happened"),
    "doubt is no connection": (_doubt_is_no_connection, "was refused, and"),
    "a 5xx is a refusal": (_server_errors_are_no_doubt, "was refused, and"),
    "creates are repeated": (_creates_are_repeated, "was refused, and"),
    "a conflict is a success": (_a_conflict_is_a_success, "reported success, and"),
    "a create is not asked about": (_a_create_is_not_asked_about, "reported success, and"),
    "a repeated delete is unknown": (_a_repeated_delete_is_unknown, "told nobody"),
    "a repeated event is unknown": (_a_repeated_event_is_unknown, "told nobody"),
    "some attempts are not observed": (_some_attempts_are_not_observed, "on_attempt was told"),
}
"""How the table is broken, and what the suite says to it."""
