"""Paged lists: what is fetched when, how a list ends, and what cannot end it."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import pytest

from loops_async import LoopsClient, RetryPolicy, errors
from loops_async.api.pages import Page, Pages
from loops_async.pipeline.clock import Clock
from loops_async.pipeline.retrying import Retrying
from loops_async.records.transactional import PublishedTransactionalEmail
from tests.scripted import After, ScriptedPacer, ScriptedTransport, Step, reply
from tests.virtual_time import run_virtual

Do = Callable[[LoopsClient], Coroutine[Any, Any, Any]]
UPDATED = "2025-06-29T07:47:39.370Z"


def email(name: str) -> dict[str, Any]:
    return {"id": f"id-{name}", "name": name, "lastUpdated": UPDATED, "dataVariables": ["url"]}


def page(names: str, cursor: object = None) -> Any:
    """A page of an email for each letter, as Loops sends it."""
    pagination = {
        "totalResults": 9, "returnedResults": len(names), "perPage": 50, "totalPages": 3,
        "nextCursor": cursor, "nextPage": None,
    }  # fmt: skip
    return reply(200, {"pagination": pagination, "data": [email(name) for name in names]})


def with_replies(do: Do, *steps: Step) -> tuple[Any, list[dict[str, str]]]:
    """What ``do`` returns or raises, and the query of each request."""
    transport = ScriptedTransport(*steps)

    async def main() -> Any:
        async with LoopsClient("test-key") as loops:
            policy, clock = RetryPolicy(attempts=1), Clock(random=lambda: 0.5)
            loops._layer = Retrying(transport, ScriptedPacer(), policy, clock)
            try:
                return await do(loops)
            except errors.LoopsError as error:
                return error

    value = run_virtual(main())
    return value, [dict(request.query or {}) for request in transport.sent]


FIRST, SECOND, THIRD = ({"perPage": "50"} | more for more in ({}, {"cursor": "2"}, {"cursor": "3"}))
THREE = (page("ab", "2"), page("", "3"), page("c"))


async def whole(loops: LoopsClient) -> list[str]:
    return [email.name for email in await loops.transactional.list()]


def test_an_awaited_list_is_the_whole_list() -> None:
    async def do(loops: LoopsClient) -> Any:
        return await loops.transactional.list()

    value, sent = with_replies(do, *THREE)
    updated = datetime(2025, 6, 29, 7, 47, 39, 370_000, UTC)
    assert value == [
        PublishedTransactionalEmail(f"id-{name}", name, updated, ["url"]) for name in "abc"
    ]
    assert sent == [FIRST, SECOND, THIRD]


def test_a_page_is_fetched_when_it_is_needed_and_an_abandoned_loop_leaves_nothing() -> None:
    async def do(loops: LoopsClient) -> Any:
        emails = loops.transactional.list()
        names = []
        async for email in emails:
            names.append(email.name)
            if email.name == "b":
                break
        assert asyncio.all_tasks() == {asyncio.current_task()}
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return names

    assert with_replies(do, *THREE) == (["a", "b"], [FIRST])


def test_nothing_is_sent_before_it_is_asked_for() -> None:
    async def do(loops: LoopsClient) -> Any:
        emails = loops.transactional.list()
        aiter(emails)
        emails.pages()
        return repr(emails)

    assert with_replies(do) == ("<Pages of GET /v1/transactional>", [])


def test_the_pages_themselves_have_items_and_the_next_cursor() -> None:
    async def do(loops: LoopsClient) -> Any:
        return [
            ([email.name for email in page.items], page.next_cursor)
            async for page in loops.transactional.list().pages()
        ]

    value, sent = with_replies(do, *THREE)
    assert value == [(["a", "b"], "2"), ([], "3"), (["c"], None)]
    assert sent == [FIRST, SECOND, THIRD]


@pytest.mark.parametrize(("steps", "name", "requests"), [
    ([page("ab", "2")], "a", 1), ([page("")], None, 1), ([page("", "2"), page("c")], "c", 2),
])  # fmt: skip
def test_first_is_the_first_item_or_none(
    steps: list[Step], name: str | None, requests: int
) -> None:
    async def do(loops: LoopsClient) -> Any:
        email = await loops.transactional.list().first()
        return email.name if email is not None else None

    value, sent = with_replies(do, *steps)
    assert (value, len(sent)) == (name, requests)


def test_a_list_begins_where_the_cursor_says_and_asks_for_as_many_as_it_is_told() -> None:
    async def do(loops: LoopsClient) -> Any:
        return await loops.transactional.list(per_page=10, cursor="a&b").first()

    _, sent = with_replies(do, page("a", "z"))
    assert sent == [{"perPage": "10", "cursor": "a&b"}]


def test_each_iteration_begins_anew() -> None:
    async def do(loops: LoopsClient) -> Any:
        emails = loops.transactional.list()
        return [len(await emails), len(await emails), len([email async for email in emails])]

    value, sent = with_replies(do, page("a"), page("ab"), page("abc"))
    assert (value, sent) == ([1, 2, 3], [FIRST] * 3)


@pytest.mark.parametrize(("replies", "requests"), [
    ([page("a", "2"), page("b", "2")], 2),
    ([page("a", "2"), page("b", "3"), page("c", "2")], 3),
])  # fmt: skip
def test_a_cursor_that_comes_again_ends_the_list_with_an_error(
    replies: list[Step], requests: int
) -> None:
    error, sent = with_replies(whole, *replies)
    assert isinstance(error, errors.InvalidReply)
    assert "GET /v1/transactional: 200, but the nextCursor" in str(error)
    assert (error.status, len(sent)) == (200, requests)


def test_the_cursor_that_a_list_began_with_may_not_come_again_either() -> None:
    async def do(loops: LoopsClient) -> Any:
        return await loops.transactional.list(cursor="2")

    error, sent = with_replies(do, page("b", "2"))
    assert isinstance(error, errors.InvalidReply)
    assert sent == [SECOND]


@pytest.mark.parametrize(("body", "says"), [
    ([], "expected an object @ $"),
    ({"data": []}, "expected an object @ $.pagination"),
    ({"data": [], "pagination": {}}, "expected text or null @ $.pagination.nextCursor"),
    ({"data": [], "pagination": {"nextCursor": 2}}, "null @ $.pagination.nextCursor"),
    ({"pagination": {"nextCursor": None}}, "expected an array, got null @ $.data"),
    ({"data": {}, "pagination": {"nextCursor": None}}, "expected an array, got an object @ $.data"),
    ({"data": [{"id": "1"}], "pagination": {"nextCursor": None}}, "@ $.data[0]"),
])  # fmt: skip
def test_a_page_that_does_not_say_how_it_goes_on_is_no_last_page(body: object, says: str) -> None:
    error, _ = with_replies(whole, reply(200, body))
    assert isinstance(error, errors.InvalidReply)
    assert says in str(error)


def test_unknown_keys_of_an_item_are_kept() -> None:
    async def do(loops: LoopsClient) -> Any:
        return await loops.transactional.list().first()

    new = {**email("a"), "status": "live"}
    body = {"data": [new], "pagination": {"nextCursor": None, "newer": 1}, "newer": 2}
    found, _ = with_replies(do, reply(200, body))
    assert found.extra == {"status": "live"}


def test_an_empty_cursor_ends_the_list() -> None:
    assert with_replies(whole, page("a", "")) == (["a"], [FIRST])


def test_a_loop_that_goes_on_after_an_error_loses_nothing() -> None:
    async def do(loops: LoopsClient) -> Any:
        emails, names, failed = aiter(loops.transactional.list()), [], 0
        while True:
            try:
                names.append((await anext(emails)).name)
            except errors.ServerError:
                failed += 1
            except StopAsyncIteration:
                return names, failed

    value, sent = with_replies(do, page("a", "2"), reply(500), reply(500), page("b"))
    assert value == (["a", "b"], 2)
    assert sent == [FIRST, SECOND, SECOND, SECOND]


def test_the_timeout_is_that_of_one_page() -> None:
    async def do(loops: LoopsClient) -> Any:
        return [page.next_cursor async for page in loops.transactional.list(timeout=5).pages()]

    slow = [After(4, page("a", "2")), After(4, page("b", "3")), After(4, page("c"))]
    assert with_replies(do, *slow)[0] == ["2", "3", None]


@pytest.mark.parametrize("per_page", [9, 51, 0, -1, 10.0, "20", None, True])
def test_a_page_of_a_size_that_loops_does_not_take_is_refused_before_it_is_sent(
    per_page: Any,
) -> None:
    with pytest.raises(errors.InvalidInput) as caught:
        LoopsClient("test-key").transactional.list(per_page=per_page)
    assert str(caught.value) == "per_page: must be a whole number from 10 to 50"
    assert caught.value.field == "per_page"


@pytest.mark.parametrize("cursor", ["", 7, b"2", "\ud800"])
def test_a_cursor_that_is_none_is_refused_before_it_is_sent(cursor: Any) -> None:
    with pytest.raises(errors.InvalidInput) as caught:
        LoopsClient("test-key").transactional.list(cursor=cursor)
    assert caught.value.field == "cursor"


def test_a_timeout_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(errors.ConfigurationError, match="timeout: "):
        LoopsClient("test-key").transactional.list(timeout=0)


async def test_pages_can_be_iterated_by_hand() -> None:
    async def fetch(cursor: str | None) -> Page[str]:
        return Page([json.dumps(cursor)], None if cursor else "next")

    pages = Pages("GET /v1/things", fetch, None)
    assert await pages == ["null", '"next"']
    iterator = aiter(pages)
    assert [await anext(iterator), await anext(iterator)] == ["null", '"next"']
    for _ in range(2):
        with pytest.raises(StopAsyncIteration):
            await anext(iterator)
