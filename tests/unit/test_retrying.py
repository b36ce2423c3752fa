import asyncio
import logging
from typing import Any

import pytest

from loops_async import errors
from loops_async.codec import Undecodable
from loops_async.pipeline.clock import Clock
from loops_async.pipeline.messages import Answer, Endpoint, Lane, Replay, Reply, Request
from loops_async.pipeline.observing import Attempt
from loops_async.pipeline.retry_policy import RetryPolicy
from loops_async.pipeline.retrying import Retrying
from tests.scripted import (
    After,
    Cancels,
    ScriptedPacer,
    ScriptedTransport,
    Step,
    late,
    lost,
    never_left,
    reply,
)
from tests.virtual_time import run_virtual


def read(answer: Reply) -> str:
    if answer.body != b"yes":
        raise Undecodable("expected yes @ $")
    return "done"


READ = Endpoint("GET", "/v1/read", Replay.ALWAYS, read, changes=False)
WRITE = Endpoint("PUT", "/v1/write", Replay.ALWAYS, read)
CREATE = Endpoint("POST", "/v1/create", Replay.ONCE, read)
DELETE = Endpoint(
    "POST",
    "/v1/delete",
    Replay.ALWAYS,
    read,
    refusals={404: errors.ContactNotFound},
    after_doubt={404: "gone"},
)
MAIL = Endpoint(
    "POST",
    "/v1/mail",
    Replay.WITH_KEY,
    read,
    refusals={409: errors.IdempotencyConflict},
    after_doubt={409: "sent"},
)
YES = reply(200, b"yes")
GARBAGE = reply(200, b"<html>")
CLOCK = Clock(random=lambda: 0.5)


class Call:
    """One call over a script, run to its end in virtual time."""

    def __init__(
        self,
        endpoint: Endpoint[Any],
        *steps: Step,
        deadline: float | None = None,
        waits: tuple[float, ...] = (),
        policy: RetryPolicy | None = None,
        clock: Clock = CLOCK,
        cancels: Cancels | None = None,
    ) -> None:
        self.seen: list[Attempt] = []
        self.transport = ScriptedTransport(*steps, cancels=cancels)
        self.pacer = ScriptedPacer(waits, cancels=cancels)
        self.layer = Retrying(
            self.transport,
            self.pacer,
            policy if policy is not None else RetryPolicy(),
            clock,
            (self.seen.append,),
        )
        self.request = Request(endpoint, deadline=deadline)
        self.elapsed = 0.0

    async def _send(self) -> Answer[Any]:
        try:
            return await self.layer.send(self.request)
        finally:
            self.elapsed = asyncio.get_running_loop().time()
            assert self.pacer.out == 0
            assert len(self.pacer.released) == len(self.transport.sent)

    def run(self) -> Answer[Any]:
        return run_virtual(self._send())

    def fails(self, kind: type[errors.LoopsError]) -> errors.LoopsError:
        with pytest.raises(kind) as caught:
            self.run()
        assert type(caught.value) is kind
        assert caught.value.attempts == len(self.transport.sent)
        return caught.value


DOUBTS: list[Step] = [
    lost(), late(), reply(500), reply(503, retry_after="0"), GARBAGE, reply(200),
    reply(408), reply(425), reply(408, retry_after="1"),
]  # fmt: skip


@pytest.mark.parametrize("endpoint", [READ, WRITE, CREATE, DELETE, MAIL])
@pytest.mark.parametrize("harmless", [never_left(), reply(429)])
def test_what_surely_did_nothing_is_tried_again(
    endpoint: Endpoint[Any], harmless: Reply | errors.ConnectFailed
) -> None:
    assert Call(endpoint, harmless, YES).run() == Answer("done", 2)


@pytest.mark.parametrize("endpoint", [READ, WRITE, DELETE, MAIL])
@pytest.mark.parametrize("doubt", DOUBTS)
def test_what_may_be_repeated_is_tried_again_after_doubt(
    endpoint: Endpoint[Any], doubt: Step
) -> None:
    assert Call(endpoint, doubt, YES).run() == Answer("done", 2)


@pytest.mark.parametrize("doubt", DOUBTS)
def test_what_may_not_be_repeated_is_never_sent_again_after_doubt(doubt: Step) -> None:
    error = Call(CREATE, never_left(), doubt).fails(errors.OutcomeUnknown)
    assert error.attempts == 2
    assert isinstance(error.__cause__, errors.LoopsError)


@pytest.mark.parametrize(("endpoint", "status", "kind"), [
    (READ, 400, errors.BadRequest), (WRITE, 401, errors.Unauthorized),
    (CREATE, 409, errors.Conflict), (DELETE, 404, errors.ContactNotFound),
    (WRITE, 302, errors.RedirectRefused),
])  # fmt: skip
def test_a_no_is_raised_at_once(
    endpoint: Endpoint[Any], status: int, kind: type[errors.LoopsError]
) -> None:
    error = Call(endpoint, reply(status)).fails(kind)
    assert error.status == status
    assert error.__cause__ is None


@pytest.mark.parametrize("last", [
    [reply(400)], [reply(401)], [reply(404)], [never_left()] * 3, [reply(429, retry_after="61")],
    [reply(429)] * 20, [lost()] * 3,
])  # fmt: skip
def test_no_failure_after_doubt_says_that_a_write_did_not_happen(last: list[Step]) -> None:
    error = Call(WRITE, lost(), *last).fails(errors.OutcomeUnknown)
    cause = error.__cause__
    assert isinstance(cause, errors.LoopsError)
    assert error.status == cause.status
    assert str(cause) in str(error)


@pytest.mark.parametrize("status", [408, 425])
def test_a_request_that_was_too_slow_or_too_early_ends_as_a_server_error_or_in_doubt(
    status: int,
) -> None:
    steps: list[Step] = [reply(status) for _ in range(4)]
    assert Call(READ, *steps).fails(errors.ServerError).status == status
    error = Call(WRITE, *steps).fails(errors.OutcomeUnknown)
    assert isinstance(error.__cause__, errors.ServerError)


def test_a_read_is_never_in_doubt() -> None:
    Call(READ, lost(), reply(404)).fails(errors.NotFound)
    Call(READ, *[late() for _ in range(4)]).fails(errors.ReplyTimeout)
    Call(READ, GARBAGE, GARBAGE, GARBAGE, GARBAGE).fails(errors.InvalidReply)


def test_a_deleted_contact_that_is_gone_after_doubt_was_deleted() -> None:
    call = Call(DELETE, lost(), reply(429), never_left(), reply(404))
    assert call.run() == Answer("gone", 4)
    assert call.seen[-1].reason == "an earlier attempt succeeded"


@pytest.mark.parametrize("before", [[], [never_left()], [reply(429)]])
def test_without_doubt_a_contact_that_is_not_there_was_not_deleted(before: list[Step]) -> None:
    Call(DELETE, *before, reply(404)).fails(errors.ContactNotFound)


def test_a_key_that_was_processed_after_doubt_means_done_and_before_it_a_conflict() -> None:
    assert Call(MAIL, late(), reply(409)).run() == Answer("sent", 2)
    Call(MAIL, never_left(), reply(409)).fails(errors.IdempotencyConflict)


def test_every_attempt_is_the_same_request() -> None:
    call = Call(MAIL, lost(), reply(500), YES)
    call.request = Request(MAIL, body=b"{}", idempotency_key="k")
    call.run()
    assert call.transport.sent == [call.request] * 3


def test_attempts_are_bounded_and_those_under_the_limit_do_not_count() -> None:
    assert Call(READ, *[reply(429)] * 19, *[never_left()] * 3, YES).run().attempts == 23
    error = Call(READ, *[never_left()] * 4).fails(errors.ConnectFailed)
    assert error.attempts == 4
    assert Call(READ, *[reply(429)] * 20).fails(errors.RateLimited).attempts == 20


def test_the_pauses_follow_the_curve() -> None:
    call = Call(WRITE, lost(), lost(), lost(), YES)
    call.run()
    assert call.transport.times == [0.0, 0.25, 0.75, 1.75]


def test_the_servers_word_takes_the_place_of_the_curve() -> None:
    call = Call(WRITE, reply(429, retry_after="7"), reply(503, retry_after="9"), YES)
    call.run()
    assert call.transport.times == [0.0, 7.0, 16.0]


def test_a_date_in_retry_after_is_read_by_the_wall_clock() -> None:
    clock = Clock(random=lambda: 0.5, wall=lambda: 784_111_770.0)
    call = Call(READ, reply(429, retry_after="Sun, 06 Nov 1994 08:49:37 GMT"), YES, clock=clock)
    call.run()
    assert call.transport.times == [0.0, 7.0]


def test_a_wait_past_the_bound_is_the_callers_to_make() -> None:
    call = Call(READ, reply(429, retry_after="61"))
    error = call.fails(errors.RateLimited)
    assert isinstance(error, errors.RateLimited)
    assert error.retry_after == 61.0
    assert call.elapsed == 0.0


def test_every_attempt_takes_a_turn_in_the_lane_of_its_request() -> None:
    call = Call(READ, lost(), reply(429), YES)
    call.request = Request(READ, lane=Lane.BULK)
    call.run()
    assert call.pacer.lanes == [Lane.BULK] * 3


def test_the_pacer_is_shown_each_reply_and_none_where_none_came() -> None:
    refused = reply(429)
    call = Call(READ, lost(), refused, GARBAGE, YES)
    call.run()
    assert call.pacer.released == [None, refused, GARBAGE, YES]


def test_a_client_out_of_retries_still_makes_first_attempts() -> None:
    call = Call(READ, *[never_left()] * 3, YES, never_left(), policy=RetryPolicy(budget=2))
    call.fails(errors.ConnectFailed)
    for _ in range(1):
        assert call.run() == Answer("done", 1)
    with pytest.raises(errors.ConnectFailed):
        call.run()


@pytest.mark.parametrize("crash", [RuntimeError("bug"), AssertionError(), KeyError("x")])
def test_what_is_no_named_failure_comes_through_at_once(crash: Exception) -> None:
    call = Call(READ, lost(), crash, YES)
    with pytest.raises(type(crash)) as caught:
        call.run()
    assert caught.value is crash
    assert len(call.transport.sent) == 2


def test_a_crash_of_the_pacer_comes_through_at_once() -> None:
    class Crashing(ScriptedPacer):
        async def acquire(self, lane: Lane = Lane.INTERACTIVE) -> Any:
            raise RuntimeError("bug")

    layer = Retrying(ScriptedTransport(), Crashing())
    with pytest.raises(RuntimeError, match="bug"):
        run_virtual(layer.send(Request(READ)))


def test_a_deadline_that_ends_the_wait_for_a_turn_says_so() -> None:
    call = Call(WRITE, deadline=10.0, waits=(11.0,))
    error = call.fails(errors.DeadlineExceeded)
    assert "waiting for the rate limit" in str(error)
    assert error.__cause__ is None
    assert call.elapsed == 10.0


def test_a_deadline_that_ends_a_later_wait_has_the_last_failure_as_its_cause() -> None:
    call = Call(WRITE, never_left(), deadline=10.0, waits=(1.0, 100.0))
    error = call.fails(errors.DeadlineExceeded)
    assert isinstance(error.__cause__, errors.ConnectFailed)
    assert call.elapsed == 10.0


def test_a_deadline_after_doubt_leaves_the_outcome_unknown() -> None:
    call = Call(WRITE, lost(), deadline=10.0, waits=(1.0, 100.0))
    error = call.fails(errors.OutcomeUnknown)
    assert isinstance(error.__cause__, errors.DeadlineExceeded)
    assert isinstance(error.__cause__.__cause__, errors.ConnectionLost)
    assert call.elapsed == 10.0


@pytest.mark.parametrize("failure", [never_left(), reply(429, retry_after="10"), reply(500)])
def test_a_pause_that_would_outlast_the_deadline_is_not_begun(failure: Step) -> None:
    policy = RetryPolicy(base=40.0, cap=40.0)
    call = Call(READ, After(1.0, failure), deadline=10.0, policy=policy)  # type: ignore[arg-type]
    error = call.fails(errors.DeadlineExceeded)
    assert isinstance(error.__cause__, errors.LoopsError)
    assert call.elapsed == 1.0
    assert call.seen[-1].reason == "the call's timeout would expire before the next attempt"
    assert call.seen[-1].wait is None


def test_a_no_is_worth_more_than_a_deadline_that_passed_meanwhile() -> None:
    Call(WRITE, After(20.0, reply(400)), deadline=10.0).fails(errors.BadRequest)


def test_nothing_is_sent_once_the_deadline_has_passed() -> None:
    for deadline in (0.0, -5.0):
        call = Call(WRITE, deadline=deadline)
        error = call.fails(errors.DeadlineExceeded)
        assert error.attempts == 0
        assert call.transport.sent == []


STEPS: list[Step] = [
    After(1.0, lost()), After(1.0, reply(429, retry_after="3")), After(1.0, reply(500)),
    After(1.0, YES),
]  # fmt: skip


@pytest.mark.parametrize("deadline", [None, 1000.0])
def test_a_cancel_at_any_wait_gives_the_permit_back_once_and_nothing_else_happens(
    deadline: float | None,
) -> None:
    for at in range(1, 12):
        cancels = Cancels(at)
        clock = Clock(random=lambda: 0.5, sleep=cancels.wait)
        call = Call(
            WRITE, *STEPS, deadline=deadline, waits=(2.0,) * 4, clock=clock, cancels=cancels
        )
        with pytest.raises(asyncio.CancelledError):
            call.run()
        assert cancels.waits == at
        assert call.pacer.out == 0
        assert len(call.pacer.released) == len(call.transport.sent)
    call = Call(WRITE, *STEPS, deadline=deadline, waits=(2.0,) * 4, cancels=Cancels(12))
    assert call.run() == Answer("done", 4)


def test_whoever_watches_hears_of_every_attempt() -> None:
    call = Call(WRITE, After(2.0, lost()), reply(429, retry_after="3"), After(1.0, YES))
    call.run()
    assert call.seen == [
        Attempt(
            "PUT", "/v1/write", 1, None, "ConnectionLost", 2.0, 0.25, "it may have taken effect"
        ),
        Attempt(
            "PUT", "/v1/write", 2, 429, "RateLimited", 0.0, 3.0,
            "rate limited; the server asked for a wait of 3 s",
        ),
        Attempt("PUT", "/v1/write", 3, 200, None, 1.0, None, None),
    ]  # fmt: skip


def test_an_observer_that_crashes_does_not_turn_a_finished_write_into_a_failed_call(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def crash(_: Attempt) -> None:
        raise ZeroDivisionError

    layer = Retrying(
        ScriptedTransport(lost(), YES), ScriptedPacer(), clock=CLOCK, observers=(crash,)
    )
    with caplog.at_level(logging.ERROR, logger="loops_async"):
        assert run_virtual(layer.send(Request(WRITE))) == Answer("done", 2)
    ours = [record.message for record in caplog.records if record.name == "loops_async"]
    assert ours == ["on_attempt raised an exception"] * 2
