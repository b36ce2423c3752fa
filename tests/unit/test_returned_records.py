"""What a call returns, as the plain return value of a FastAPI endpoint and through a model."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import BaseModel

import loops_async
from loops_async import LoopsClient
from loops_async.testing import ScriptedTransport, reply

QUOTA = {"limit": 100, "remaining": 99}
SUPPRESSED = {"id": "c1", "email": "ada@example.com", "userId": None}
CONTACT = {
    "id": "c1", "email": "ada@example.com", "firstName": "Ada", "optInStatus": "accepted",
    "mailingLists": {"l1": True}, "plan": "pro", "seats": 3,
}  # fmt: skip
PAGE = {
    "pagination": {"nextCursor": None},
    "data": [
        {"id": "t1", "name": "Hi", "lastUpdated": "2026-01-01T00:00:00Z", "dataVariables": ["n"]}
    ],
}


async def _all(pages: Any) -> list[object]:
    return [item async for item in pages]


async def _stats(loops: LoopsClient) -> object:
    return loops.stats()


CALLS: list[tuple[Callable[[LoopsClient], Any], object, dict[str, object] | list[Any]]] = [
    (lambda c: c.contacts.update(email="ada@example.com"), {"success": True, "id": "c1"},
     {"id": "c1", "attempts": 1, "dry_run": False}),
    (lambda c: c.contacts.create(email="ada@example.com"), {"success": True, "id": "c1"},
     {"id": "c1", "attempts": 1, "dry_run": False}),
    (lambda c: c.events.send("e", email="ada@example.com", idempotency_key="k"), {"success": True},
     {"idempotency_key": "k", "attempts": 1, "confirmed_by_repeat": False, "dry_run": False}),
    (lambda c: c.transactional.send("t", "ada@example.com", idempotency_key="k"), {"success": True},
     {"idempotency_key": "k", "attempts": 1, "confirmed_by_repeat": False, "dry_run": False}),
    (lambda c: c.contacts.find(email="ada@example.com"), [CONTACT],
     {"id": "c1", "first_name": "Ada", "opt_in_status": "accepted", "mailing_lists": {"l1": True},
      "properties": {"plan": "pro", "seats": 3}}),
    (lambda c: c.contacts.suppression(email="ada@example.com"),
     {"contact": SUPPRESSED, "isSuppressed": True, "removalQuota": QUOTA},
     {"is_suppressed": True, "removal_quota": {**QUOTA, "extra": {}}}),
    (lambda c: c.contacts.remove_suppression(email="ada@example.com"),
     {"success": True, "message": "", "removalQuota": QUOTA},
     {"removal_quota": {**QUOTA, "extra": {}}}),
    (lambda c: c.api_key.test(), {"success": True, "teamName": "Acme"}, {"team_name": "Acme"}),
    (lambda c: c.contact_properties.list(), [{"key": "plan", "label": "Plan", "type": "string"}],
     [{"key": "plan", "label": "Plan", "type": "string", "extra": {}}]),
    (lambda c: c.mailing_lists.list(), [{"id": "l1", "name": "News", "isPublic": True}],
     [{"id": "l1", "name": "News", "description": None, "is_public": True, "extra": {}}]),
    (lambda c: _all(c.transactional.list()), PAGE,
     [{"id": "t1", "name": "Hi", "last_updated": "2026-01-01T00:00:00+00:00",
       "data_variables": ["n"], "extra": {}}]),
    (_stats, {}, {"requests": 0, "retries": 0}),
]  # fmt: skip


@pytest.mark.parametrize(("call", "answer", "expected"), CALLS, ids=range(len(CALLS)))
def test_what_a_call_returns_is_a_plain_return_value_of_an_endpoint(
    call: Any, answer: object, expected: Any
) -> None:
    app = FastAPI()

    @app.post("/")
    async def endpoint():  # type: ignore[no-untyped-def] # as a user writes it
        transport = ScriptedTransport([reply(json=answer)])
        async with LoopsClient("k", transport=transport) as loops:
            return await call(loops)

    with TestClient(app) as web:
        response = web.post("/")
    assert response.status_code == 200, response.text
    found = response.json()
    if isinstance(expected, dict):
        found = {name: found[name] for name in expected}
    assert found == expected


class Saved(BaseModel):
    id: str
    attempts: int


def test_a_model_takes_what_it_names_of_a_receipt() -> None:
    app = FastAPI()

    @app.post("/", response_model=Saved)
    async def endpoint() -> object:
        transport = ScriptedTransport([reply(json={"success": True, "id": "c1"})])
        async with LoopsClient("k", transport=transport) as loops:
            return await loops.contacts.update(email="ada@example.com")

    with TestClient(app) as web:
        assert web.post("/").json() == {"id": "c1", "attempts": 1}
        shown = web.get("/openapi.json").json()["components"]["schemas"]["Saved"]
    assert set(shown["properties"]) == {"id", "attempts"}


def test_every_public_record_has_what_fastapi_reads() -> None:
    """``vars()`` works for it."""
    public = [getattr(loops_async, name) for name in dir(loops_async)]
    returned = [
        value
        for value in public
        if isinstance(value, type)
        and attrs.has(value)
        and value.__module__.startswith(("loops_async.records", "loops_async.pipeline.stats"))
        and value is not loops_async.Attachment
    ]
    assert len(returned) > 10
    assert [kind.__name__ for kind in returned if not hasattr(kind, "__dict__")] == []
    assert [kind.__name__ for kind in returned if "__slots__" in vars(kind)] == []


def test_dates_of_a_record_stay_dates() -> None:
    when = datetime(2026, 1, 1, tzinfo=UTC)
    mail = loops_async.PublishedTransactionalEmail(
        id="t1", name="Hi", last_updated=when, data_variables=[]
    )
    assert vars(mail)["last_updated"] == when
