"""Safe mode: whom a client with allowed recipients reaches, and that no endpoint forgets it."""

from typing import Any

import attrs
import pytest

from loops_async import UNSET, ContactCreate, ContactUpdate, Event, LoopsClient, Unset, errors
from loops_async.api.contacts import UPDATE
from loops_async.codec import encode_json
from loops_async.pipeline.allowlist import parse_allowlist
from loops_async.pipeline.messages import Endpoint, Request
from loops_async.testing import ScriptedTransport, reply
from tests.unit.test_endpoints import CASES, Case
from tests.unit.test_operations import ENDPOINTS

ALLOWED = ["@Example.com", "Ada@corp.com", "@bücher.example", "jürgen@corp.com"]
DONE = reply(200, {"success": True, "id": "c1", "removalQuota": {"limit": 1, "remaining": 1}})

NOBODY_IS_REACHED = {
    # Deleting a contact, or making a property, brings no mail to anybody.
    ("POST", "/v1/contacts/delete"),
    ("POST", "/v1/contacts/properties"),
}


def client(*allowed: str, steps: int = 20) -> tuple[LoopsClient, ScriptedTransport]:
    transport = ScriptedTransport([DONE] * steps)
    return LoopsClient("test-key", transport=transport, allowed_recipients=allowed), transport


def is_allowed(email: object) -> bool:
    try:
        parse_allowlist(ALLOWED, "here").check(Request(UPDATE, body=encode_json({"email": email})))
    except errors.RecipientNotAllowed:
        return False
    return True


@pytest.mark.parametrize("email", [
    "a@example.com", "A@EXAMPLE.COM", "a+b.c-d_e@example.com", "o'neil@example.com",
    "ada@corp.com", "ADA@Corp.com", "a@bücher.example", "jürgen@corp.com",
])  # fmt: skip
def test_an_address_that_is_listed_or_whose_domain_is_may_be_reached(email: str) -> None:
    assert is_allowed(email)


@pytest.mark.parametrize("email", [
    "a@example.org", "bob@corp.com", "ada+1@corp.com", "ada@corp.com.evil.com",
    # Neither a part of a domain nor what is below it.
    "a@mail.example.com", "a@notexample.com", "a@example.com.", "a@.example.com", "a@example",
    # Two addresses, or one that may be read as two.
    "a@example.com@evil.com", "evil@evil.com@example.com", '"evil@evil.com"@example.com',
    "evil@evil.com,a@example.com", "evil,a@example.com", "evil;a@example.com",
    "evil<a@example.com", "<a@example.com", "(evil)a@example.com", '"a"@example.com',
    "evil\\@example.com", "evil:a@example.com", "[evil]@example.com",
    # Space, seen and unseen.
    " a@example.com", "a@example.com ", "a @example.com", "a@ example.com", "a@example.com\n",
    "a\n@example.com", "a\u00a0@example.com", "a\u200b@example.com", "a@example.com\u200b",
    "a@exa\u00admple.com", "a\u202e@example.com", "a\x00@example.com",
    # Letters that look like others, or fold into them.
    "a@ex\u0430mple.com", "a@example\u3002com", "a\uff20example.com", "ev\uff20il.com@example.com",
    "a@e\u2093ample.com", "ada@\u0441orp.com", "\u0430da@corp.com", "ada@corp\uff0ecom",
    "a@b\u00dccher.example", "a@bu\u0308cher.example", "a@xn--bcher-kva.example",
    "j\u00dcrgen@corp.com", "ju\u0308rgen@corp.com",
    # No address at all.
    "", "@", "@example.com", "a@", "example.com", "a", None, 7, ["a@example.com"], {"a": 1}, True,
], ids=ascii)  # fmt: skip
def test_whoever_is_not_clearly_listed_is_not_reached(email: object) -> None:
    assert not is_allowed(email)


@pytest.mark.parametrize(("listed", "other"), [
    ("@bank.com", "a@ban\u212a.com"),  # the Kelvin sign, which casefolds to a k
    ("sam@corp.com", "\u017fam@corp.com"),  # the long s
    ("@strasse.de", "a@stra\u00dfe.de"), ("@istanbul.com", "a@\u0130stanbul.com"),
])  # fmt: skip
def test_letters_that_unicode_folds_into_others_stay_others(listed: str, other: str) -> None:
    with pytest.raises(errors.RecipientNotAllowed):
        parse_allowlist([listed], "here").check(Request(UPDATE, body=encode_json({"email": other})))


@pytest.mark.parametrize("entry", [
    "example.com", "", "@", " @example.com", "@example.com ", "@exa mple.com", "*", "*@example.com",
    "@*.example.com", "ada@", "ada@@example.com", "@a.com,@b.com", "@a@b.com", "@example.com.",
    "@.example.com", "Ada <ada@corp.com>", "@example.com\n", "@example.com\u200b", "ada@.",
    b"@example.com", None, 7,
], ids=ascii)  # fmt: skip
def test_an_entry_that_is_neither_address_nor_domain_is_named_by_its_place(entry: Any) -> None:
    with pytest.raises(errors.ConfigurationError) as caught:
        LoopsClient("test-key", allowed_recipients=["@example.com", entry])
    assert str(caught.value) == (
        "allowed_recipients: entry 2 must be one address, such as 'ada@example.com', or '@' and a "
        "domain, such as '@example.com', without spaces or wildcards"
    )


@pytest.mark.parametrize("given", ["@example.com", b"@example.com", 7, True, object()])
def test_what_is_no_list_is_refused(given: Any) -> None:
    with pytest.raises(errors.ConfigurationError, match=r"^allowed_recipients: must be a list, "):
        LoopsClient("test-key", allowed_recipients=given)


async def test_an_empty_list_allows_nobody() -> None:
    loops, transport = client()
    async with loops:
        with pytest.raises(errors.RecipientNotAllowed):
            await loops.contacts.update(email="a@example.com")
    assert transport.requests == []


async def test_the_error_says_what_to_do_and_names_nobody() -> None:
    loops, transport = client("@example.com")
    async with loops:
        with pytest.raises(errors.RecipientNotAllowed) as caught:
            await loops.events.send("signup", email="grace@corp.com")
        with pytest.raises(errors.RecipientNotAllowed) as unknown:
            await loops.events.send("signup", user_id="grace-17")
    assert str(caught.value) == (
        "POST /v1/events/send: not sent, because the address is not in allowed_recipients "
        "(LOOPS_ALLOWED_RECIPIENTS); add it, or its @domain, to allow it"
    )
    assert str(unknown.value) == (
        "POST /v1/events/send: not sent, because allowed_recipients (LOOPS_ALLOWED_RECIPIENTS) is "
        "set and this call has no address to check against it; pass email="
    )
    assert "grace" not in f"{caught.value!r}{caught.value.__context__!r}{unknown.value!r}"
    assert (caught.value.attempts, loops.stats().requests, transport.requests) == (0, 0, [])


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
async def test_no_call_that_may_bring_mail_to_somebody_is_forgotten(case: Case) -> None:
    transport = ScriptedTransport([reply(200, case.answer)])
    async with LoopsClient("k", transport=transport, allowed_recipients=["@example.org"]) as loops:
        if case.method == "GET" or (case.method, case.path) in NOBODY_IS_REACHED:
            await case.call(loops)
            transport.assert_done()
        else:
            with pytest.raises(errors.RecipientNotAllowed):
                await case.call(loops)
            assert transport.requests == []


def test_what_reaches_nobody_is_declared_one_by_one() -> None:
    # Every other endpoint, one that is new included, has to name an address that is allowed.
    exempt = {(e.method, e.path) for e in ENDPOINTS if e.changes and not e.reaches}
    assert exempt == NOBODY_IS_REACHED
    assert all(e.changes or e.method == "GET" for e in ENDPOINTS)


async def test_a_new_endpoint_is_refused_until_it_names_whom_it_reaches() -> None:
    loops, transport = client("@example.com")
    new = Endpoint("POST", "/v1/campaigns/send", UPDATE.replay, UPDATE.read)
    unnamed = [None, b"", b"null", b"[]", b'"a@example.com"', b"?", b'{"to": "a@example.com"}']
    for body in unnamed:
        with pytest.raises(errors.RecipientNotAllowed):
            await loops._send(Request(new, body=body))
    assert transport.requests == []
    await loops._send(Request(new, body=b'{"email": "a@example.com"}'))
    assert len(transport.requests) == 1


@attrs.frozen
class AppUpdate(ContactUpdate):
    plan: str | None | Unset = UNSET


async def test_who_is_allowed_is_reached_by_every_call() -> None:
    ada = "ada@example.com"
    loops, transport = client("@example.com")
    async with loops:
        await loops.contacts.create(ContactCreate(email=ada))
        await loops.contacts.update(email=ada, user_id="u-1")
        await loops.contacts.update(AppUpdate(email=ada, plan="pro"))
        await loops.events.send(Event(event_name="signup", email=ada, user_id="u-1"))
        await loops.transactional.send("tx1", ada, add_to_audience=True)
        await loops.contacts.remove_suppression(email=ada)
        await loops.contacts.delete(user_id="u-1")
        await loops.contacts.delete(email="grace@corp.com")
    assert len(transport.requests) == 8


@pytest.mark.parametrize("email", [UNSET, None])
async def test_an_id_alone_does_not_say_who_would_be_reached(email: None | Unset) -> None:
    loops, transport = client("@example.com")
    async with loops:
        for call in (
            lambda: loops.contacts.update(user_id="u-1", email=email),
            lambda: loops.events.send("signup", user_id="u-1", email=email),
            lambda: loops.contacts.remove_suppression(user_id="u-1"),
        ):
            with pytest.raises(errors.RecipientNotAllowed, match="pass email="):
                await call()
    assert transport.requests == []


async def test_what_is_checked_is_what_would_be_sent() -> None:
    loops, transport = client("@example.com")
    contact = ContactUpdate(email="ada@example.com", properties={"plan": "pro"})
    # A property that is put there after the checks of construction goes into the JSON.
    contact.properties["email"] = "grace@corp.com"  # type: ignore[index]
    async with loops:
        with pytest.raises(errors.RecipientNotAllowed):
            await loops.contacts.update(contact)
    assert transport.requests == []


async def test_a_row_that_is_not_allowed_is_its_own_outcome() -> None:
    loops, transport = client("@example.com")
    rows = [{"email": "a@example.com"}, {"email": "b@corp.com"}, {"user_id": "u"},
            {"email": "c@example.com"}]  # fmt: skip
    async with loops:
        run = loops.contacts.upsert_many(rows)
        outcomes = {outcome.index: outcome async for outcome in run}
    assert [outcomes[i].error is None for i in range(4)] == [True, False, False, True]
    assert [type(outcomes[i].error) for i in (1, 2)] == [errors.RecipientNotAllowed] * 2
    assert [outcomes[i].attempts for i in range(4)] == [1, 0, 0, 1]
    assert [request.json for request in transport.requests] == [rows[0], rows[3]]


def test_the_environment_lists_them_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOPS_ALLOWED_RECIPIENTS", " @example.com , ada@corp.com,")
    loops = LoopsClient("test-key")
    assert loops._allowed == parse_allowlist(["@example.com", "ada@corp.com"], "here")
    explicit = LoopsClient("test-key", allowed_recipients=iter(["@example.org"]))
    assert explicit._allowed == parse_allowlist(["@example.org"], "here")
    monkeypatch.setenv("LOOPS_ALLOWED_RECIPIENTS", "@example.com,ada corp.com")
    with pytest.raises(errors.ConfigurationError, match="LOOPS_ALLOWED_RECIPIENTS: entry 2 must"):
        LoopsClient("test-key")
    monkeypatch.delenv("LOOPS_ALLOWED_RECIPIENTS")
    assert LoopsClient("test-key")._allowed is None


@pytest.mark.parametrize("nothing", ["", " ", " , ,"])
def test_an_empty_variable_is_taken_for_neither_everybody_nor_nobody(
    monkeypatch: pytest.MonkeyPatch, nothing: str
) -> None:
    monkeypatch.setenv("LOOPS_ALLOWED_RECIPIENTS", nothing)
    with pytest.raises(errors.ConfigurationError, match=r"is empty; .* remove the variable"):
        LoopsClient("test-key")
    assert LoopsClient("test-key", allowed_recipients=["@example.com"])._allowed is not None


def test_no_repr_shows_them() -> None:
    loops, _ = client("ada@corp.com")
    assert "ada" not in f"{loops!r}{loops._allowed!r}"
    assert repr(loops) == "<LoopsClient https://app.loops.so/api safe mode>"
