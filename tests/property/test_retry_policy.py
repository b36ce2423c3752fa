from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from loops_async import errors
from loops_async.pipeline.messages import Replay
from loops_async.pipeline.retry_policy import RetryBudget, RetryPolicy, decide

SECONDS = st.floats(1e-6, 1e6)
POLICIES = st.builds(
    RetryPolicy,
    attempts=st.integers(1, 10),
    rate_limited_attempts=st.integers(1, 10),
    base=SECONDS,
    cap=SECONDS,
    max_retry_after=SECONDS,
    budget=st.integers(1, 20),
)
RANDOM = st.floats(0, 1, exclude_max=True)
ASKED = st.none() | st.floats(0, 1e9)
FAILURES: st.SearchStrategy[errors.LoopsError] = st.one_of(
    st.builds(errors.ConnectFailed, st.just("x")),
    st.builds(errors.ConnectionLost, st.just("x")),
    st.builds(errors.ReplyTimeout, st.just("x")),
    st.builds(errors.InvalidReply, st.just("x")),
    st.builds(errors.RateLimited, st.just("x"), retry_after=ASKED),
    st.builds(errors.ServerError, st.just("x"), retry_after=ASKED),
    st.builds(errors.BadRequest, st.just("x")),
    st.builds(errors.Unauthorized, st.just("x")),
)


def yes() -> bool:
    return True


@given(policy=POLICIES, failures=st.integers(1, 10**6), chance=RANDOM)
def test_a_delay_lies_between_nothing_and_the_cap(
    policy: RetryPolicy, failures: int, chance: float
) -> None:
    assert 0 <= policy.delay(failures, lambda: chance) <= policy.cap


@given(policy=POLICIES, failures=st.integers(1, 10**6))
def test_delays_at_the_cap_are_spread_over_the_whole_of_it(
    policy: RetryPolicy, failures: int
) -> None:
    """Jitter before the cap would make everybody who has reached it wait the same time."""
    longest = policy.delay(failures, lambda: 1.0)
    for tenth in range(10):
        delay = policy.delay(failures, lambda tenth=tenth: tenth / 10)  # type: ignore[misc]
        assert abs(delay - longest * tenth / 10) <= longest * 1e-9
    assert policy.delay(10**6, lambda: 1.0) == min(policy.cap, policy.base * 2.0**60)


@given(
    policy=POLICIES,
    replay=st.sampled_from(Replay),
    failure=FAILURES,
    refused=st.integers(0, 12),
    others=st.integers(0, 12),
    chance=RANDOM,
)
def test_a_wait_is_within_its_bound_and_the_servers_word_is_kept(
    *,
    policy: RetryPolicy,
    replay: Replay,
    failure: errors.LoopsError,
    refused: int,
    others: int,
    chance: float,
) -> None:
    wait = decide(
        policy,
        replay,
        failure,
        rate_limited=refused,
        others=others,
        take=yes,
        random=lambda: chance,
    ).wait
    if wait is None:
        return
    asked = getattr(failure, "retry_after", None)
    if asked is None:
        assert 0 <= wait <= policy.cap
    else:
        assert wait == asked <= policy.max_retry_after


@given(policy=POLICIES, draws=st.lists(FAILURES, min_size=21, max_size=21))
def test_attempts_are_bounded_whatever_the_failures(
    policy: RetryPolicy, draws: list[errors.LoopsError]
) -> None:
    refused = others = 0
    for failure in draws:
        refused += isinstance(failure, errors.RateLimited)
        others += not isinstance(failure, errors.RateLimited)
        verdict = decide(
            policy,
            Replay.ALWAYS,
            failure,
            rate_limited=refused,
            others=others,
            take=yes,
            random=lambda: 0.0,
        )
        if verdict.wait is None:
            break
    assert refused <= policy.rate_limited_attempts
    assert others <= policy.attempts


@given(policy=POLICIES, calls=st.lists(st.booleans(), max_size=60))
def test_retries_are_never_more_than_the_budget_and_half_the_successes(
    policy: RetryPolicy, calls: list[bool]
) -> None:
    budget = RetryBudget(policy.budget)
    retries = 0
    take: Callable[[], bool] = budget.take
    for succeeds in calls:
        if succeeds:
            budget.refund()
            continue
        verdict = decide(
            RetryPolicy(attempts=2),
            Replay.ONCE,
            errors.ConnectFailed("x"),
            rate_limited=0,
            others=1,
            take=take,
            random=lambda: 0.0,
        )
        retries += verdict.wait is not None
    assert retries <= policy.budget + sum(calls) / 2
    assert 0 <= budget.left <= policy.budget
