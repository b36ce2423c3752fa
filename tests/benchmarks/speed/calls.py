"""Every public call, and the request that one would write for it by hand with aiohttp."""

import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import aiohttp

from loops_async import ContactUpdate, LoopsClient, Pacer
from tests.benchmarks.speed.layers import KEY, PATIENT, RATE, Call

LIST = "list_123"
ADA = "ada@example.com"


def email(index: int) -> str:
    return f"ada.{index}@example.com"


OURS: dict[str, Callable[[LoopsClient, int], Any]] = {
    "update": lambda loops, n: loops.contacts.update(
        email=email(n), properties={"plan": "pro", "seats": 3}
    ),
    "update-record": lambda loops, n: loops.contacts.update(
        ContactUpdate(email=email(n), properties={"plan": "pro", "seats": 3})
    ),
    "update-one": lambda loops, n: loops.contacts.update(email=email(n), first_name="Ada"),
    "update-all": lambda loops, n: loops.contacts.update(
        email=email(n), user_id=f"u{n}", first_name="Ada", last_name=None, source="shop",
        user_group=None, mailing_lists={LIST: True}, properties={"plan": "pro", "seats": None},
    ),
    "create": lambda loops, n: loops.contacts.create(
        email=email(n), first_name="Ada", properties={"plan": "pro"}
    ),
    "delete": lambda loops, n: loops.contacts.delete(email=email(n)),
    "find": lambda loops, _: loops.contacts.find(email=ADA),
    "lists": lambda loops, _: loops.mailing_lists.list(),
    "event": lambda loops, n: loops.events.send("signup", email=email(n), properties={"plan": "x"}),
    "mail": lambda loops, n: loops.transactional.send(
        "tx1", email(n), data_variables={"name": "Ada"}
    ),
    "key": lambda loops, _: loops.api_key.test(),
}  # fmt: skip

BARE: dict[str, tuple[str, str, Callable[[int], dict[str, Any]]]] = {
    "update": (
        "PUT", "/v1/contacts/update", lambda n: {"email": email(n), "plan": "pro", "seats": 3},
    ),
    "update-one": (
        "PUT", "/v1/contacts/update", lambda n: {"email": email(n), "firstName": "Ada"},
    ),
    "update-all": (
        "PUT", "/v1/contacts/update", lambda n: {
            "email": email(n), "userId": f"u{n}", "firstName": "Ada", "lastName": None,
            "source": "shop", "userGroup": None, "mailingLists": {LIST: True}, "plan": "pro",
            "seats": None,
        },
    ),
    "create": (
        "POST", "/v1/contacts/create",
        lambda n: {"email": email(n), "firstName": "Ada", "plan": "pro"},
    ),
    "delete": ("POST", "/v1/contacts/delete", lambda n: {"email": email(n)}),
    "event": (
        "POST", "/v1/events/send", lambda n: {
            "email": email(n), "eventName": "signup", "eventProperties": {"plan": "x"},
        },
    ),
    "mail": (
        "POST", "/v1/transactional", lambda n: {
            "transactionalId": "tx1", "email": email(n), "dataVariables": {"name": "Ada"},
        },
    ),
    "find": ("GET", "/v1/contacts/find", lambda _: {"email": ADA}),
    "lists": ("GET", "/v1/lists", lambda _: {}),
    "key": ("GET", "/v1/api-key", lambda _: {}),
}  # fmt: skip
"""Method, path, and the fields of the body or the query."""


def _ours(name: str) -> Callable[[str], AbstractAsyncContextManager[Call]]:
    @asynccontextmanager
    async def opened(url: str) -> AsyncIterator[Call]:
        call = OURS[name]
        async with LoopsClient(KEY, base_url=url, pacer=Pacer(RATE), timeout=PATIENT) as loops:
            yield lambda index: call(loops, index)

    return opened


def _bare(name: str) -> Callable[[str], AbstractAsyncContextManager[Call]]:
    @asynccontextmanager
    async def opened(url: str) -> AsyncIterator[Call]:
        method, path, fields = BARE[name]
        headers = {"Authorization": f"Bearer {KEY}"}
        async with aiohttp.ClientSession(headers=headers) as session:

            async def put(index: int) -> Any:
                async with session.put(url + path, json=fields(index)) as reply:
                    return await reply.json()

            async def post(index: int) -> Any:
                async with session.post(url + path, json=fields(index)) as reply:
                    return await reply.json()

            async def post_once(index: int) -> Any:
                headers = {"Idempotency-Key": str(uuid.uuid4())}
                async with session.post(url + path, json=fields(index), headers=headers) as reply:
                    return await reply.json()

            async def get(index: int) -> Any:
                async with session.get(url + path, params=fields(index)) as reply:
                    return await reply.json()

            with_key = name in {"event", "mail"}
            yield {"PUT": put, "POST": post_once if with_key else post, "GET": get}[method]

    return opened


CALLS = {f"{name}-ours": _ours(name) for name in OURS} | {
    f"{name}-bare": _bare(name) for name in BARE
}
