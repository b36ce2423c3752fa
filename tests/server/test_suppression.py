"""Suppression and sending addresses against the sandbox: both ways to say that nothing is there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import pytest

from loops_async import (
    BadRequest,
    ContactNotFound,
    InvalidReply,
    LoopsClient,
    OutcomeUnknown,
    RemovalQuota,
    RetryPolicy,
    SuppressionRemoval,
)
from loops_async.sandbox import Faults, Sandbox
from tests.scripted import ScriptedPacer

ADA = "ada+news@example.com"
PATH = "/v1/contacts/suppression"
DAYS_30 = 30 * 24 * 3600.0


@asynccontextmanager
async def team(*, attempts: int = 3, **options: Any) -> AsyncIterator[tuple[Sandbox, LoopsClient]]:
    """A sandbox that knows Ada, suppressed, and a client that neither waits nor is paced."""
    retry = RetryPolicy(attempts=attempts, base=0.001, cap=0.002)
    async with Sandbox(**{"rate": None, "removal_quota": 2, **options}) as sandbox:
        url, pacer = sandbox.url, ScriptedPacer()
        async with LoopsClient(sandbox.api_key, base_url=url, retry=retry, pacer=pacer) as loops:
            await loops.contacts.create(email=ADA, user_id="u&1")
            sandbox.suppress(ADA)
            yield sandbox, loops


def calls(sandbox: Sandbox) -> list[tuple[str, int | None]]:
    return [(seen.method, seen.status) for seen in sandbox.requests if seen.path == PATH]


@pytest.mark.parametrize("who", [{"email": ADA}, {"user_id": "u&1"}])
async def test_a_contact_is_suppressed_until_it_is_taken_off(who: dict[str, Any]) -> None:
    async with team() as (sandbox, loops):
        held = await loops.contacts.suppression(**who)
        assert (held.is_suppressed, held.removal_quota) == (True, RemovalQuota(2, 2))
        assert held.contact.id == sandbox.contacts[ADA].id
        assert (held.contact.email, held.contact.user_id) == (ADA, "u&1")
        removal = await loops.contacts.remove_suppression(**who)
        assert removal == SuppressionRemoval(RemovalQuota(2, 1))
        assert not (await loops.contacts.suppression(**who)).is_suppressed
        assert calls(sandbox) == [("GET", 200), ("DELETE", 200), ("GET", 200)]


@pytest.mark.parametrize(("status", "seen"), [
    (400, [("DELETE", 400), ("GET", 200)]), (200, [("DELETE", 200)]),
])  # fmt: skip
async def test_where_there_is_nothing_to_remove_it_is_done_whatever_the_status(
    status: Literal[200, 400], seen: list[tuple[str, int]]
) -> None:
    async with team(removing_nothing=status) as (sandbox, loops):
        await loops.contacts.create(email="grace@example.com")
        removal = await loops.contacts.remove_suppression(email="grace@example.com")
        assert removal == SuppressionRemoval(RemovalQuota(2, 2))
        assert calls(sandbox) == seen


async def test_a_quota_that_is_used_up_is_a_bad_request_until_days_have_passed() -> None:
    now = 0.0
    async with team(removal_quota=1, clock=lambda: now) as (sandbox, loops):
        await loops.contacts.remove_suppression(email=ADA)
        sandbox.suppress(ADA)
        with pytest.raises(BadRequest, match="removal limit reached") as caught:
            await loops.contacts.remove_suppression(email=ADA)
        assert (caught.value.status, caught.value.attempts) == (400, 2)
        held = await loops.contacts.suppression(email=ADA)
        assert (held.is_suppressed, held.removal_quota) == (True, RemovalQuota(1, 0))
        now += DAYS_30
        removal = await loops.contacts.remove_suppression(email=ADA)
        assert removal == SuppressionRemoval(RemovalQuota(1, 0))


async def test_nothing_to_remove_costs_no_quota_even_where_none_is_left() -> None:
    async with team(removal_quota=1) as (_, loops):
        for _ in range(3):
            removal = await loops.contacts.remove_suppression(email=ADA)
            assert removal == SuppressionRemoval(RemovalQuota(1, 0))


@pytest.mark.parametrize("call", ["suppression", "remove_suppression"])
async def test_whom_loops_does_not_know_is_not_found(call: str) -> None:
    async with team() as (sandbox, loops):
        with pytest.raises(ContactNotFound, match="404"):
            await getattr(loops.contacts, call)(user_id="nobody")
        assert len(calls(sandbox)) == 1


LOST = ["reset_after", "reset_mid_body", "500_after", "502_html_after", "truncated_json"]


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("fault", LOST)
async def test_a_lost_reply_is_settled_by_asking_again(fault: str, status: Any) -> None:
    faults = Faults.script([fault], path=PATH)
    async with team(removing_nothing=status, faults=faults) as (_, loops):
        removal = await loops.contacts.remove_suppression(email=ADA)
        assert removal == SuppressionRemoval(RemovalQuota(2, 1))
        assert not (await loops.contacts.suppression(email=ADA)).is_suppressed
        assert faults.counts == {fault: 1}


@pytest.mark.parametrize("fault", LOST)
async def test_a_lost_reply_is_settled_by_a_question_where_no_retry_is_left(fault: str) -> None:
    async with team(attempts=1, faults=Faults.script([fault], path=PATH)) as (sandbox, loops):
        removal = await loops.contacts.remove_suppression(email=ADA)
        assert removal == SuppressionRemoval(RemovalQuota(2, 1))
        assert [method for method, _ in calls(sandbox)] == ["DELETE", "GET"]


@pytest.mark.parametrize("script", [["reset_before"], ["reset_after", "500"]])
async def test_what_asking_does_not_settle_stays_unknown(script: list[str]) -> None:
    async with team(attempts=1, faults=Faults.script(script, path=PATH)) as (sandbox, loops):
        with pytest.raises(OutcomeUnknown) as caught:
            await loops.contacts.remove_suppression(email=ADA)
        assert caught.value.attempts == len(calls(sandbox)) == 2


# The addresses that Loops sends from.


async def test_the_sending_addresses_are_listed() -> None:
    async with team(dedicated_sending_ips=["192.0.2.1", "192.0.2.7"]) as (_, loops):
        assert await loops.dedicated_sending_ips.list() == ["192.0.2.1", "192.0.2.7"]


@pytest.mark.parametrize("fault", ["reset_mid_body", "504_empty", "429", "wrong_type"])
async def test_the_sending_addresses_are_asked_for_again_after_a_fault(fault: str) -> None:
    async with team(faults=Faults.script([None, fault])) as (_, loops):
        assert len(await loops.dedicated_sending_ips.list()) == 3


async def test_sending_addresses_that_are_none_are_an_invalid_reply() -> None:
    async with team(dedicated_sending_ips=[192, 0]) as (_, loops):
        with pytest.raises(InvalidReply, match=r"expected text, got a number @ \$\[0\]"):
            await loops.dedicated_sending_ips.list()
