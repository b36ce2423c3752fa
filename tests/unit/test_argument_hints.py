"""An argument by another client's or Loops' own name is met with ours."""

from typing import Any

import pytest

from loops_async import Event, InvalidCall, LoopsClient, TransactionalEmail
from loops_async.testing import ScriptedTransport

EVENT = "properties of the event go into properties={…}, those of the contact into contact={…}"


async def refusal(call: Any) -> str:
    """What the error of a call says. Nothing is sent."""
    transport = ScriptedTransport([])
    async with LoopsClient("k", transport=transport) as loops:
        with pytest.raises(InvalidCall) as caught:
            await call(loops)
    assert not transport.requests
    return str(caught.value).partition("; ")[2]


@pytest.mark.parametrize(("name", "says"), [
    ("idempotencyKey", "did you mean idempotency_key= of events.send?"),
    ("idempotency_kye", "did you mean idempotency_key= of events.send?"),
    ("Idempotency-Key", "did you mean idempotency_key= of events.send?"),
    ("timeOut", "did you mean timeout= of events.send?"),
    ("to", f"did you mean email=? {EVENT}"),
    ("recipient", f"did you mean email=? {EVENT}"),
    ("emailAddress", f"did you mean email=? {EVENT}"),
    ("contact_properties", f"did you mean contact=? {EVENT}"),
    ("contactProperties", f"did you mean contact=? {EVENT}"),
    ("eventProperties", f"did you mean properties=? {EVENT}"),
    ("event_properties", f"did you mean properties=? {EVENT}"),
    ("data_variables", f"did you mean properties=? {EVENT}"),
    ("userId", f"did you mean user_id=? {EVENT}"),
    ("mailingLists", f"did you mean mailing_lists=? {EVENT}"),
    ("lists", f"did you mean mailing_lists=? {EVENT}"),
    ("plan", EVENT),
    ("headers", EVENT),
])  # fmt: skip
async def test_an_event_names_the_right_argument(name: str, says: str) -> None:
    async def call(loops: LoopsClient) -> None:
        await loops.events.send("signup", email="ada@example.com", **{name: "x"})  # type: ignore[call-overload]

    assert await refusal(call) == says


MAIL = "values for the template go into data_variables={…}"


@pytest.mark.parametrize(("name", "says"), [
    ("idempotencyKey", "did you mean idempotency_key= of transactional.send?"),
    ("to", f"did you mean email=? {MAIL}"),
    ("to_email", f"did you mean email=? {MAIL}"),
    ("transactionalId", f"did you mean transactional_id=? {MAIL}"),
    ("template_id", f"did you mean transactional_id=? {MAIL}"),
    ("contact_properties", f"did you mean data_variables=? {MAIL}"),
    ("dataVariables", f"did you mean data_variables=? {MAIL}"),
    ("variables", f"did you mean data_variables=? {MAIL}"),
    ("properties", f"did you mean data_variables=? {MAIL}"),
    ("addToAudience", f"did you mean add_to_audience=? {MAIL}"),
    ("attachment", f"did you mean attachments=? {MAIL}"),
    ("cc", MAIL),
])  # fmt: skip
async def test_a_mail_names_the_right_argument(name: str, says: str) -> None:
    async def call(loops: LoopsClient) -> None:
        await loops.transactional.send("welcome", **{name: "ada@example.com"})  # type: ignore[call-overload]

    assert await refusal(call) == says


CONTACT = "custom properties go into properties={…}"


@pytest.mark.parametrize(("name", "says"), [
    ("firstName", f"did you mean first_name=? {CONTACT}"),
    ("emial", f"did you mean email=? {CONTACT}"),
    ("contact_properties", f"did you mean properties=? {CONTACT}"),
    ("lists", f"did you mean mailing_lists=? {CONTACT}"),
    ("externalId", f"did you mean user_id=? {CONTACT}"),
    ("timeot", "did you mean timeout= of contacts.update?"),
    ("company_id", CONTACT),
    ("plan", CONTACT),
])  # fmt: skip
async def test_a_contact_names_the_right_argument(name: str, says: str) -> None:
    async def call(loops: LoopsClient) -> None:
        await loops.contacts.update(user_id="u1", **{name: "x"})  # type: ignore[call-overload]

    assert await refusal(call) == says


def test_a_record_says_where_the_arguments_of_the_call_go() -> None:
    with pytest.raises(InvalidCall, match=r"idempotency_key= of events\.send"):
        Event(event_name="e", email="a@example.com", idempotency_key="k")  # type: ignore[call-arg]
    with pytest.raises(InvalidCall, match=r"idempotency_key= of transactional\.send"):
        TransactionalEmail(
            transactional_id="t",
            email="a@example.com",
            idempotency_key="k",  # type: ignore[call-arg]
        )


async def test_a_mail_to_nobody_says_what_is_missing() -> None:
    async def call(loops: LoopsClient) -> None:
        await loops.transactional.send("welcome")  # type: ignore[call-overload]

    with pytest.raises(InvalidCall, match="TransactionalEmail needs email="):
        async with LoopsClient("k", transport=ScriptedTransport([])) as loops:
            await call(loops)
