from typing import Any

import pytest

from loops_async import errors
from loops_async.pipeline.messages import Replay
from loops_async.pipeline.retry_policy import (
    RetryBudget,
    RetryDecision,
    RetryPolicy,
    decide,
)

POLICY = RetryPolicy()
ALWAYS, WITH_KEY, ONCE = Replay.ALWAYS, Replay.WITH_KEY, Replay.ONCE

NEVER_LEFT = errors.ConnectFailed("x")
REFUSED = errors.RateLimited("x", status=429)
DOUBT = [
    errors.ConnectionLost("x"),
    errors.ReplyTimeout("x"),
    errors.LinkError("x"),
    errors.ServerError("x", status=500),
    errors.InvalidReply("x", status=200),
    errors.ReplyTooLarge("x", status=200),
]
FINAL = [
    errors.BadRequest("x", status=400),
    errors.Unauthorized("x", status=401),
    errors.Forbidden("x", status=403),
    errors.NotFound("x", status=404),
    errors.ContactNotFound("x", status=404),
    errors.Conflict("x", status=409),
    errors.ContactAlreadyExists("x", status=409),
    errors.IdempotencyConflict("x", status=409),
    errors.RedirectRefused("x", status=302),
    errors.SessionClosed("x"),
    errors.WrongEventLoop("x"),
    errors.ConfigurationError("x"),
    errors.MissingExtra("x"),
    errors.RecipientNotAllowed("x"),
    errors.DeadlineExceeded("x"),
    errors.LoopsError("x"),
]


def decided(
    failure: errors.LoopsError,
    replay: Replay = ALWAYS,
    *,
    refused: int = 0,
    others: int = 1,
    policy: RetryPolicy = POLICY,
    left: bool = True,
) -> RetryDecision:
    return decide(
        policy,
        replay,
        failure,
        rate_limited=refused,
        others=others,
        take=lambda: left,
        random=lambda: 0.5,
    )


def give_up(reason: str) -> RetryDecision:
    return RetryDecision(None, reason)


@pytest.mark.parametrize(("replay", "failure", "again"), [
    *[(replay, NEVER_LEFT, True) for replay in Replay],
    *[(replay, REFUSED, True) for replay in Replay],
    *[(replay, failure, True) for replay in (ALWAYS, WITH_KEY) for failure in DOUBT],
    *[(ONCE, failure, False) for failure in DOUBT],
    *[(replay, failure, False) for replay in Replay for failure in FINAL],
])  # fmt: skip
def test_the_table_of_what_is_tried_again(
    replay: Replay, failure: errors.LoopsError, again: bool
) -> None:
    refused = isinstance(failure, errors.RateLimited)
    verdict = decided(failure, replay, refused=int(refused), others=int(not refused))
    assert (verdict.wait is not None) is again


def test_every_kind_of_failure_stands_in_the_table() -> None:
    def all_below(kind: type[errors.LoopsError]) -> set[type[errors.LoopsError]]:
        return {kind}.union(*(all_below(below) for below in kind.__subclasses__()))

    in_table = {type(failure) for failure in [NEVER_LEFT, REFUSED, *DOUBT, *FINAL]}
    never_from_an_attempt = {
        errors.APIError, errors.InvalidInput, errors.InvalidCall,
        errors.OutcomeUnknown,
    }  # fmt: skip
    ours = {kind for kind in all_below(errors.LoopsError) if kind.__module__ == errors.__name__}
    assert ours == in_table | never_from_an_attempt


@pytest.mark.parametrize(("failures", "longest"), [(1, 0.5), (2, 1.0), (3, 2.0)])
def test_the_curve_doubles_from_the_base(failures: int, longest: float) -> None:
    assert decided(NEVER_LEFT, others=failures) == RetryDecision(
        0.5 * longest, "no connection was made"
    )


def test_as_many_attempts_as_allowed_are_made() -> None:
    assert decided(NEVER_LEFT, others=3).wait is not None
    assert decided(NEVER_LEFT, others=4) == give_up("all attempts used (4)")
    once = RetryPolicy(attempts=1)
    assert decided(NEVER_LEFT, policy=once) == give_up("all attempts used (1)")


def test_refused_attempts_count_by_themselves() -> None:
    assert decided(REFUSED, refused=19, others=3).wait is not None
    assert decided(NEVER_LEFT, refused=19, others=3).wait is not None
    assert decided(REFUSED, refused=20, others=0) == give_up("all attempts used (20)")
    assert decided(REFUSED, refused=1, policy=RetryPolicy(attempts=1)).wait is not None


@pytest.mark.parametrize("kind", [errors.RateLimited, errors.ServerError])
def test_the_servers_word_wins_up_to_a_bound(
    kind: type[errors.RateLimited | errors.ServerError],
) -> None:
    def asked(seconds: float) -> RetryDecision:
        return decided(kind("x", retry_after=seconds), refused=1)

    for seconds in (0.0, 0.1, 20.0, 60.0):
        verdict = asked(seconds)
        assert verdict.wait == seconds
    assert asked(60.1) == give_up("the server asked for a wait of 60 s")
    assert asked(1e9) == give_up("the server asked for a wait of 1000000000 s")


def test_without_a_retry_left_in_the_budget_only_a_429_is_tried_again() -> None:
    assert decided(NEVER_LEFT, left=False) == give_up("retry budget exhausted")
    assert decided(DOUBT[0], left=False) == give_up("retry budget exhausted")
    assert decided(REFUSED, refused=1, left=False).wait is not None


def test_what_is_not_tried_again_takes_nothing_from_the_budget() -> None:
    def take() -> bool:
        raise AssertionError("the budget was touched")

    refused = errors.RateLimited("x")
    over = errors.ServerError("x", retry_after=61.0)
    for failure, replay, others in [
        (FINAL[0], ALWAYS, 1), (DOUBT[0], ONCE, 1), (DOUBT[0], ALWAYS, 4), (refused, ALWAYS, 1),
        (over, ALWAYS, 1),
    ]:  # fmt: skip
        decide(
            POLICY, replay, failure, rate_limited=1, others=others, take=take, random=lambda: 0.0
        )


def test_a_budget_holds_no_more_than_at_the_start_and_two_successes_pay_for_a_retry() -> None:
    budget = RetryBudget(2)
    budget.refund()
    assert [budget.take() for _ in range(3)] == [True, True, False]
    budget.refund()
    assert not budget.take()
    budget.refund()
    assert [budget.take(), budget.take()] == [True, False]


@pytest.mark.parametrize("name", ["attempts", "rate_limited_attempts", "budget"])
@pytest.mark.parametrize("value", [0, -1, 1.0, "2", None, True])
def test_a_count_that_cannot_work_is_refused_by_its_name(name: str, value: Any) -> None:
    with pytest.raises(errors.ConfigurationError, match=rf"RetryPolicy\({name}=…\): .*at least 1"):
        RetryPolicy(**{name: value})


@pytest.mark.parametrize("name", ["base", "cap", "max_retry_after"])
@pytest.mark.parametrize("value", [0, -1.0, float("nan"), float("inf"), "2", None, True])
def test_a_length_of_time_that_cannot_work_is_refused_by_its_name(name: str, value: Any) -> None:
    with pytest.raises(errors.ConfigurationError, match=rf"RetryPolicy\({name}=…\): .*than 0"):
        RetryPolicy(**{name: value})
