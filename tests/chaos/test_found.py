"""What a chaos run has found, once more and without chance."""

import pytest

from loops_async import ContactAlreadyExists, LoopsClient, OutcomeUnknown, RetryPolicy
from loops_async.sandbox import Faults, Sandbox

pytestmark = pytest.mark.usefixtures("nothing_is_left")


def _client(sandbox: Sandbox, attempts: int) -> LoopsClient:
    retry = RetryPolicy(attempts=attempts, base=0.001)
    return LoopsClient(sandbox.api_key, base_url=sandbox.url, retry=retry)


async def test_a_create_refused_in_its_last_round_counts_each_attempt_once() -> None:
    async with Sandbox(rate=None) as sandbox, _client(sandbox, 4) as loops:
        await loops.contacts.create(email="ada@example.com", user_id="taken")
        faults = Faults.script(["500", None, "500", None, "500", None, None])
        before, sandbox.faults = sandbox.counts.requests, faults
        with pytest.raises(ContactAlreadyExists) as raised:
            await loops.contacts.create(email="new@example.com", user_id="taken")
        assert raised.value.attempts == sandbox.counts.requests - before == 8


@pytest.mark.parametrize("question", [None, "500"])
async def test_a_removal_in_doubt_counts_the_question_too(question: str | None) -> None:
    async with Sandbox(rate=None) as sandbox, _client(sandbox, 1) as loops:
        await loops.contacts.create(email="ada@example.com")
        sandbox.suppress("ada@example.com")
        before, sandbox.faults = sandbox.counts.requests, Faults.script(["500", question])
        with pytest.raises(OutcomeUnknown) as raised:
            await loops.contacts.remove_suppression(email="ada@example.com")
        assert raised.value.attempts == sandbox.counts.requests - before == 2
