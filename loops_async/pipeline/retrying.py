"""The retry layer: rate limiting, attempts, delays and the deadline of a call.

``decide`` in ``retry_policy`` determines whether to retry, and the pacer when to send.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeVar

import attrs

from loops_async import errors
from loops_async.pipeline.clock import Clock
from loops_async.pipeline.messages import (
    Answer,
    Lane,
    Pacing,
    Permit,
    Replay,
    Reply,
    Request,
    Transport,
)
from loops_async.pipeline.observing import Attempt, Observer, observe
from loops_async.pipeline.responses import parse_response
from loops_async.pipeline.retry_policy import (
    FailureKind,
    RetryBudget,
    RetryDecision,
    RetryPolicy,
    decide,
    failure_kind,
)
from loops_async.pipeline.stats import Counters

T = TypeVar("T")

_SUCCEEDED: Final = RetryDecision(wait=None, reason=None)


@attrs.define
class _Call:
    """The state of one call."""

    request: Request[Any]
    attempts: int = 0
    started: float = 0.0
    """When the latest attempt was sent."""
    rate_limited: int = 0
    other_failures: int = 0
    failure: errors.LoopsError | None = None
    """The latest failure."""
    in_doubt: bool = False
    """Whether a failed attempt may have taken effect: the call is *in doubt*."""
    looked_up: str = ""
    """The result of the latest lookup, for error messages."""
    lookups: int = 0
    """Number of requests that lookups took."""

    def note(self, failure: errors.LoopsError) -> None:
        """Record a failed attempt."""
        kind = failure_kind(failure)
        self.failure = failure
        self.rate_limited += kind is FailureKind.RATE_LIMITED
        self.other_failures += kind is not FailureKind.RATE_LIMITED
        self.in_doubt |= kind is FailureKind.IN_DOUBT and self.request.endpoint.changes

    def needs_lookup(self, failure: errors.LoopsError, *, is_last: bool) -> bool:
        """Return whether to look up, after ``failure``, whether the request took effect."""
        kind = failure_kind(failure)
        return (
            self.in_doubt
            and self.request.look_up is not None
            and (
                kind is FailureKind.IN_DOUBT
                or isinstance(failure, errors.Conflict)
                or (is_last and kind is not FailureKind.FINAL)
            )
        )

    def error(
        self, failure: errors.LoopsError, cause: errors.LoopsError | None = None
    ) -> errors.LoopsError:
        """Return the error to raise: ``OutcomeUnknown`` if in doubt, otherwise ``failure``."""
        failure.attempts = self.attempts + self.lookups
        if failure is not self.failure:
            failure.__cause__ = self.failure
        if not self.in_doubt:
            return failure
        looked_up = f"; looked up with {self.looked_up}" if self.looked_up else ""
        unknown = errors.OutcomeUnknown(
            f"{self.request.endpoint}: it may or may not have taken effect, after {self.attempts} "
            f"attempt(s); last: {failure}{looked_up}",
            status=failure.status,
        )
        unknown.attempts = failure.attempts
        unknown.__cause__ = failure if cause is None else cause
        return unknown

    def timed_out(self, when: str) -> errors.LoopsError:
        """Return the error to raise when the call's timeout expires."""
        text = f"{self.request.endpoint}: the call's timeout expired {when}"
        return self.error(errors.DeadlineExceeded(text))


@attrs.frozen
class Retrying:
    """Sends a request until it succeeds or must not be repeated.

    Attributes:
        transport: Sends one attempt.
        pacer: Keeps attempts within the rate limit.
        policy: How often and how long to retry.
        clock: The source of time and randomness.
        observers: Called with every attempt.
        counters: The client's counters.
        budget: The retries available to the client as a whole.
    """

    transport: Transport
    pacer: Pacing
    policy: RetryPolicy = attrs.field(factory=RetryPolicy)
    clock: Clock = attrs.field(factory=Clock)
    observers: tuple[Observer, ...] = ()
    counters: Counters = attrs.field(factory=Counters)
    budget: RetryBudget = attrs.field(
        default=attrs.Factory(lambda self: RetryBudget(self.policy.budget), takes_self=True)
    )
    # Optional for pacers, because some must wait, for example for Redis, before granting a permit.
    _acquire_nowait: Callable[[Lane], Permit | None] = attrs.field(
        init=False,
        repr=False,
        default=attrs.Factory(
            lambda self: getattr(self.pacer, "acquire_nowait", lambda _: None), takes_self=True
        ),
    )

    async def send(self, request: Request[T], /) -> Answer[T]:
        """Send ``request`` as often as its endpoint and the policy allow.

        Raises:
            LoopsError: The last failure, or ``OutcomeUnknown`` if a write may have taken effect.
        """
        call: _Call | None = None
        counters, deadline, number = self.counters, request.deadline, 1
        try:
            while True:
                now = self.clock.now()
                if deadline is not None and now >= deadline:
                    # Checked even if a permit is available, so that no expired write is sent.
                    raise (call or _Call(request)).timed_out("before the request was sent")
                permit = self._acquire_nowait(request.lane)
                if permit is None:
                    permit = await self._acquire(call or _Call(request))
                    now = self.clock.now()
                counters.retries += call is not None
                counters.requests += 1
                counters.in_flight += 1
                reply: Reply | None = None
                failure: errors.LoopsError | None = None
                try:
                    reply = await self.transport.send(request)
                    value = parse_response(request, reply, self.clock.wall)
                except errors.LoopsError as error:
                    failure = error
                finally:
                    counters.in_flight -= 1
                    permit.release(reply)
                if failure is None:
                    if self.observers or self.budget.left < self.budget.capacity:
                        self.budget.refund()
                        self._observe(_Call(request, number, now), None, _SUCCEEDED)
                    return Answer(value, number + (call.lookups if call is not None else 0))  # pyright: ignore[reportReturnType, reportPossiblyUnboundVariable]
                if call is None:
                    call = _Call(request)  # created late, because most calls need none
                call.attempts, call.started = number, now
                answer = await self._handle_failure(call, failure)
                if answer is not None:
                    return answer
                number += 1
        except errors.LoopsError:
            counters.failures += request.endpoint.counted
            raise

    async def _acquire(self, call: _Call) -> Permit:
        """Wait for the pacer, at most until the deadline."""
        try:
            async with asyncio.timeout_at(call.request.deadline):
                return await self.pacer.acquire(call.request.lane)
        except TimeoutError:
            pass
        raise call.timed_out("while waiting for the rate limit")

    async def _handle_failure(self, call: _Call, failure: errors.LoopsError) -> Answer[Any] | None:
        """Return an answer if the failure implies one, wait until the next attempt, or raise."""
        endpoint, deadline = call.request.endpoint, call.request.deadline
        self.counters.rate_limited += failure.status == 429
        if call.in_doubt and failure.status is not None and failure.status in endpoint.after_doubt:
            self._observe(call, failure, RetryDecision(None, "an earlier attempt succeeded"))
            return Answer(endpoint.after_doubt[failure.status], call.attempts)
        call.note(failure)
        decision = decide(
            self.policy,
            Replay.ALWAYS if call.request.look_up is not None else endpoint.replay,
            failure,
            rate_limited=call.rate_limited,
            others=call.other_failures,
            take=self.budget.take,
            random=self.clock.random,
        )
        next_at, expires = self.clock.now() + (decision.wait or 0.0), False
        if (
            deadline is not None
            and failure_kind(failure) is not FailureKind.FINAL
            and next_at >= deadline
        ):
            expires = True
            decision = RetryDecision(
                None, "the call's timeout would expire before the next attempt"
            )
        self._observe(call, failure, decision)
        if call.needs_lookup(failure, is_last=decision.wait is None):
            answer = await self._look_up(call, failure)
            if answer is not None:
                return answer
        if expires:
            raise call.timed_out(f"after {call.attempts} attempt(s)")
        if decision.wait is None:
            raise call.error(failure)
        # The time taken by the lookup counts towards the wait.
        await self.clock.sleep(max(0.0, next_at - self.clock.now()))
        return None

    async def _look_up(self, call: _Call, failure: errors.LoopsError) -> Answer[Any] | None:
        """Look up a request in doubt; return an answer if it took effect, or None if not."""
        assert call.request.look_up is not None  # noqa: S101 - see needs_lookup
        try:
            finding = await call.request.look_up(failure)
        except errors.LoopsError as error:
            call.lookups += error.attempts
            call.looked_up = str(error)
            raise call.error(failure, cause=error) from error
        call.lookups += finding.attempts
        call.looked_up = finding.text
        if finding.conflict is not None:
            finding.conflict.attempts = call.attempts + call.lookups
            raise finding.conflict from call.error(failure)
        if finding.value is None:
            return None
        return Answer(finding.value, call.attempts + call.lookups)

    def _observe(
        self, call: _Call, failure: errors.LoopsError | None, decision: RetryDecision
    ) -> None:
        """Pass the latest attempt to the observers, and log retries and calls given up."""
        endpoint = call.request.endpoint
        attempt = Attempt(
            method=endpoint.method,
            path=endpoint.path,
            number=call.attempts,
            status=failure.status if failure is not None else 200,
            error=type(failure).__name__ if failure is not None else None,
            seconds=self.clock.now() - call.started,
            wait=decision.wait,
            reason=decision.reason,
        )
        # An error response is not logged, because the caller gets an exception with more details.
        is_answered = failure is None or failure_kind(failure) is FailureKind.FINAL
        observe(attempt, self.observers, log=not is_answered)
