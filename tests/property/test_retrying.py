"""Invariants of a call, over any script of replies and failures, any waits, and any deadline."""

import asyncio
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from loops_async import errors
from loops_async.codec import Undecodable
from loops_async.pipeline.clock import Clock
from loops_async.pipeline.messages import Endpoint, Replay, Reply, Request
from loops_async.pipeline.retry_policy import RetryPolicy
from loops_async.pipeline.retrying import Retrying
from tests.scripted import After, ScriptedPacer, ScriptedTransport, late, lost, never_left, reply
from tests.virtual_time import run_virtual


def read(answer: Reply) -> str:
    if answer.body != b"yes":
        raise Undecodable("expected yes @ $")
    return "done"


WRITES = [
    Endpoint("PUT", "/v1/write", Replay.ALWAYS, read),
    Endpoint("POST", "/v1/create", Replay.ONCE, read),
    Endpoint("POST", "/v1/delete", Replay.ALWAYS, read, after_doubt={404: "gone"}),
]
READ = Endpoint("GET", "/v1/read", Replay.ALWAYS, read, changes=False)

# Whether it leaves doubt, and how to make it: an exception must be made anew for each attempt.
Happening = tuple[bool, Callable[[], Reply | errors.LoopsError]]
HAPPENINGS: list[Happening] = [
    (False, lambda: reply(200, b"yes")),
    (False, lambda: reply(429)),
    (False, lambda: reply(429, retry_after="2")),
    (False, lambda: reply(429, retry_after="70")),
    (False, lambda: reply(400)),
    (False, lambda: reply(401)),
    (False, lambda: reply(404)),
    (False, never_left),
    (True, lost),
    (True, late),
    (True, lambda: reply(200, b"garbage")),
    (True, lambda: reply(500)),
    (True, lambda: reply(503, retry_after="2")),
]
SECONDS = st.sampled_from([0.0, 0.1, 1.0, 5.0])
SCRIPTS = st.lists(st.tuples(st.sampled_from(HAPPENINGS), SECONDS, SECONDS), min_size=1)
DEADLINES = st.none() | st.floats(0, 30)
CHANCE = st.floats(0, 1, exclude_max=True)


class Run:
    """A call over a script that ends with success."""

    def __init__(
        self,
        endpoint: Endpoint[str],
        script: list[tuple[Happening, float, float]],
        deadline: float | None,
        chance: float,
    ) -> None:
        self.script = [*script, (HAPPENINGS[0], 0.0, 0.0)]
        self.pacer = ScriptedPacer(wait for _, _, wait in self.script)
        self.transport = ScriptedTransport(respond=lambda _: self._step())
        self.policy = RetryPolicy(attempts=3, rate_limited_attempts=4)
        self.deadline = deadline
        self.elapsed = 0.0
        self.value: str | None = None
        self.error: errors.LoopsError | None = None
        layer = Retrying(self.transport, self.pacer, self.policy, Clock(random=lambda: chance))
        run_virtual(self._send(layer, Request(endpoint, deadline=deadline)))
        self.happened = [happening for happening, _, _ in self.script[: len(self.transport.sent)]]
        self.doubts = [index for index, (doubt, _) in enumerate(self.happened) if doubt]

    def _step(self) -> After:
        (_, make), seconds, _ = self.script[len(self.transport.sent) - 1]
        left = self._left()
        if seconds >= left:
            # As the real transport does: no attempt outlasts the call's deadline.
            self.script[len(self.transport.sent) - 1] = ((True, late), seconds, 0.0)
            return After(left, late())
        return After(seconds, make())

    def _left(self) -> float:
        if self.deadline is None:
            return 1e9
        return self.deadline - asyncio.get_running_loop().time()

    async def _send(self, layer: Retrying, request: Request[str]) -> None:
        try:
            self.value = (await layer.send(request)).value
        except errors.LoopsError as error:
            self.error = error
        self.elapsed = asyncio.get_running_loop().time()


def runs(endpoint: Endpoint[str]) -> st.SearchStrategy[Run]:
    return st.builds(Run, st.just(endpoint), SCRIPTS, DEADLINES, CHANCE)


ANY_WRITE = st.one_of([runs(endpoint) for endpoint in WRITES])


@given(ANY_WRITE | runs(READ))
def test_a_call_keeps_its_deadline_and_starts_nothing_after_it(run: Run) -> None:
    if run.deadline is not None:
        assert run.elapsed <= run.deadline + 1e-9
        assert all(moment < run.deadline for moment in run.transport.times)


@given(ANY_WRITE | runs(READ))
def test_every_permit_comes_back_once_and_attempts_are_counted_and_bounded(run: Run) -> None:
    assert run.pacer.out == 0
    assert len(run.pacer.released) == len(run.transport.sent)
    if run.error is not None:
        assert run.error.attempts == len(run.transport.sent)
    refused = sum(reply is not None and reply.status == 429 for reply in run.pacer.released)
    assert refused <= run.policy.rate_limited_attempts
    assert len(run.transport.sent) - refused <= run.policy.attempts


@given(ANY_WRITE)
def test_any_error_of_a_write_but_one_means_that_it_did_not_happen(run: Run) -> None:
    if run.error is not None:
        assert isinstance(run.error, errors.OutcomeUnknown) == bool(run.doubts)


@given(runs(WRITES[1]))
def test_what_may_be_sent_once_is_never_sent_again_after_doubt(run: Run) -> None:
    assert run.doubts in ([], [len(run.transport.sent) - 1])


@given(runs(READ))
def test_the_outcome_of_a_read_is_never_unknown(run: Run) -> None:
    assert not isinstance(run.error, errors.OutcomeUnknown)


@given(runs(WRITES[2]))
def test_a_delete_is_done_by_success_or_by_a_404_after_doubt(run: Run) -> None:
    last = run.pacer.released[-1] if run.pacer.released else None
    if run.value == "gone":
        assert last is not None
        assert last.status == 404
        assert run.doubts
    if isinstance(run.error, errors.NotFound):
        assert not run.doubts


@given(ANY_WRITE | runs(READ))
def test_an_error_leads_back_to_the_last_failure(run: Run) -> None:
    error: BaseException | None = run.error
    while isinstance(error, errors.OutcomeUnknown | errors.DeadlineExceeded):
        if not run.transport.sent:
            assert error.__cause__ is None
            return
        error = error.__cause__
        assert isinstance(error, errors.LoopsError)
