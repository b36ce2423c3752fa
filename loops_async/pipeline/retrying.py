"""The layer between the endpoints and the transport: turns, attempts, pauses, and the deadline.

It decides nothing by itself: ``decide`` says when to try again, the pacer when to send.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeVar

import attrs

from loops_async import errors
from loops_async.pipeline.clock import Clock
from loops_async.pipeline.messages import Answer, Lane, Pacing, Permit, Reply, Request, Transport
from loops_async.pipeline.observing import LOG, Attempt
from loops_async.pipeline.responses import parse_response
from loops_async.pipeline.retry_policy import (
    Failures,
    GiveUp,
    Nature,
    RetryBudget,
    RetryPolicy,
    Wait,
    decide,
    nature,
)
from loops_async.pipeline.stats import Counts

T = TypeVar("T")


_DONE: Final = GiveUp("")


def _ignore(_: Attempt) -> None:
    pass


@attrs.define
class _Call:
    """How far one call has come."""

    request: Request[Any]
    number: int = 0
    started: float = 0.0
    refused: int = 0
    others: int = 0
    last: errors.LoopsError | None = None
    doubted: bool = False
    """Whether an attempt may have taken effect. Only a success lifts that."""

    def failed(self, failure: errors.LoopsError) -> Failures:
        """Note what went wrong."""
        kind = nature(failure)
        self.last = failure
        self.refused += kind is Nature.NOT_NOW
        self.others += kind is not Nature.NOT_NOW
        self.doubted |= kind is Nature.DOUBT and self.request.endpoint.changes
        return Failures(failure, self.refused, self.others)

    def final(self, failure: errors.LoopsError) -> errors.LoopsError:
        """What the caller has to know: ``failure``, or that nobody knows the outcome."""
        failure.attempts = self.number
        if failure is not self.last:
            failure.__cause__ = self.last
        if not self.doubted:
            return failure
        unknown = errors.OutcomeUnknown(
            f"{self.request.endpoint}: it may have taken effect, or not, after {self.number} "
            f"attempt(s); last: {failure}",
            status=failure.status,
        )
        unknown.attempts = self.number
        unknown.__cause__ = failure
        return unknown


@attrs.frozen
class Retrying:
    """Sends a request until it succeeds, or until another attempt would be wrong or in vain.

    Attributes:
        transport: Sends one attempt.
        pacer: Grants each attempt its turn.
        policy: How often and how long.
        clock: Time and chance.
        on_attempt: Is told of every attempt.
        counts: What has been sent so far.
    """

    transport: Transport
    pacer: Pacing
    policy: RetryPolicy = attrs.field(factory=RetryPolicy)
    clock: Clock = attrs.field(factory=Clock)
    on_attempt: Callable[[Attempt], None] = _ignore
    counts: Counts = attrs.field(factory=Counts)
    budget: RetryBudget = attrs.field(
        default=attrs.Factory(lambda self: RetryBudget(self.policy.budget), takes_self=True)
    )
    _at_once: Callable[[Lane], Permit | None] = attrs.field(init=False, repr=False)

    @_at_once.default  # pyright: ignore[reportFunctionMemberAccess]
    def _free_turn(self) -> Callable[[Lane], Permit | None]:
        # Only a pacer that may have to ask elsewhere cannot say at once.
        return getattr(self.pacer, "acquire_nowait", lambda _: None)

    async def send(self, request: Request[T], /) -> Answer[T]:
        """Send ``request`` as often as its endpoint and the policy allow.

        Raises:
            LoopsError: The failure that ended it; ``OutcomeUnknown`` where a write may have
                taken effect.
        """
        call: _Call | None = None
        counts, deadline, number = self.counts, request.deadline, 1
        try:
            while True:
                now = self.clock.now()
                if deadline is not None and now >= deadline:
                    # Without this, a free turn would let a write go whose reply nobody waits for.
                    raise (call or _Call(request)).final(_too_late(request, "before it was sent"))
                permit = self._at_once(request.lane)
                if permit is None:
                    permit = await self._turn(call or _Call(request))
                    now = self.clock.now()
                counts.retries += call is not None
                counts.requests += 1
                counts.in_flight += 1
                reply: Reply | None = None
                failure: errors.LoopsError | None = None
                try:
                    reply = await self.transport.send(request)
                    value = parse_response(request, reply, self.clock.wall)
                except errors.LoopsError as error:
                    failure = error
                finally:
                    counts.in_flight -= 1
                    permit.release(reply)
                if failure is None:
                    if self.on_attempt is not _ignore or self.budget.left < self.budget.capacity:
                        self._succeeded(_Call(request, number, now))
                    # No failure, so there is a value.
                    return Answer(value, number)  # pyright: ignore[reportReturnType, reportPossiblyUnboundVariable]
                if call is None:
                    call = _Call(request)  # nearly all calls need none
                call.number, call.started = number, now
                done = await self._failed(call, failure)
                if done is not None:
                    return done
                number += 1
        except errors.LoopsError:
            counts.failures += request.endpoint.counted
            raise

    async def _turn(self, call: _Call) -> Permit:
        """Wait for the pacer, but not past the deadline."""
        request = call.request
        try:
            async with asyncio.timeout_at(request.deadline):
                return await self.pacer.acquire(request.lane)
        except TimeoutError:
            pass
        raise call.final(_too_late(request, "while it waited for its turn under the rate limit"))

    def _succeeded(self, call: _Call) -> None:
        self.budget.refund()
        self._observe(call, None, _DONE)

    async def _failed(self, call: _Call, failure: errors.LoopsError) -> Answer[Any] | None:
        """The answer that the failure is after all, or None after a pause; or raise."""
        status, endpoint = failure.status, call.request.endpoint
        self.counts.rate_limited += status == 429
        if call.doubted and status is not None and status in endpoint.after_doubt:
            self._observe(call, failure, GiveUp("an earlier attempt did it"))
            return Answer(endpoint.after_doubt[status], call.number)
        await self._pause(call, failure)
        return None

    async def _pause(self, call: _Call, failure: errors.LoopsError) -> None:
        """Wait before the next attempt, or raise."""
        verdict = decide(
            self.policy,
            call.request.endpoint.replay,
            call.failed(failure),
            take=self.budget.take,
            random=self.clock.random,
        )
        deadline = call.request.deadline
        wait = verdict.seconds if isinstance(verdict, Wait) else 0.0
        if (
            deadline is not None
            and nature(failure) is not Nature.FINAL
            and self.clock.now() + wait >= deadline
        ):
            self._observe(call, failure, GiveUp("the call's timeout leaves no time"))
            raise call.final(_too_late(call.request, f"after {call.number} attempt(s)"))
        self._observe(call, failure, verdict)
        if isinstance(verdict, GiveUp):
            raise call.final(failure)
        await self.clock.sleep(wait)

    def _observe(
        self, call: _Call, failure: errors.LoopsError | None, verdict: Wait | GiveUp
    ) -> None:
        """Tell ``on_attempt`` of the latest attempt."""
        if self.on_attempt is _ignore:
            return
        endpoint = call.request.endpoint
        attempt = Attempt(
            method=endpoint.method,
            path=endpoint.path,
            number=call.number,
            status=failure.status if failure is not None else 200,
            error=type(failure).__name__ if failure is not None else None,
            seconds=self.clock.now() - call.started,
            wait=verdict.seconds if isinstance(verdict, Wait) else None,
            reason=verdict.why if failure is not None else None,
        )
        try:
            self.on_attempt(attempt)
        except Exception:  # noqa: BLE001 - it is another's code
            # Whoever watches must not turn a finished write into a failed call.
            LOG.exception("on_attempt raised")


def _too_late(request: Request[Any], when: str) -> errors.DeadlineExceeded:
    return errors.DeadlineExceeded(f"{request.endpoint}: the call's timeout ran out {when}")
