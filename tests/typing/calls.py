"""What a type checker knows of the client's calls. Checked by mypy and pyright, never run."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple, assert_type

import aiohttp
import aiosqlite
import attrs
from sqlalchemy.ext.asyncio import AsyncResult

from loops_async import (
    Contact,
    ContactCreate,
    ContactProperty,
    ContactReceipt,
    ContactUpdate,
    LoopsClient,
    LoopsError,
    LoopsSession,
    MailingList,
    Outcome,
    Pacer,
    Page,
    Pages,
    PropertyType,
    PublishedTransactionalEmail,
    RetryPolicy,
    Team,
    Timeouts,
    Unfinished,
)
from loops_async.pipeline.messages import Pacing
from loops_async.sandbox import Sandbox

EMAIL = "a@example.com"


@attrs.frozen
class AppFound(Contact):
    """Custom properties with types, for reading."""

    plan: str | None = None


@attrs.frozen
class AppUpdate(ContactUpdate):
    """Custom properties with types, for sending."""

    plan: str | None = None


class Person(NamedTuple):
    """A row of a database driver that makes named tuples."""

    email: str


async def create_and_update_take_a_record_or_its_fields(loops: LoopsClient) -> None:
    assert_type(await loops.contacts.create(ContactCreate(email=EMAIL)), ContactReceipt)
    assert_type(await loops.contacts.create(email=EMAIL, first_name=None), ContactReceipt)
    assert_type(await loops.contacts.update(ContactUpdate(user_id="u")), ContactReceipt)
    assert_type(await loops.contacts.update(AppUpdate(email=EMAIL, plan="pro")), ContactReceipt)
    await loops.contacts.update(email=EMAIL, properties={"plan": "pro", "seats": 3}, timeout=5)
    await loops.contacts.update(user_id="u", mailing_lists={"list": False}, timeout=None)


async def a_misspelt_or_mistyped_keyword_is_an_error(loops: LoopsClient) -> None:
    await loops.contacts.update(emial=EMAIL)  # type: ignore[call-overload] # pyright: ignore[reportCallIssue]
    await loops.contacts.update(email=7)  # type: ignore[call-overload] # pyright: ignore[reportArgumentType]
    await loops.contacts.update(email=EMAIL, subscribed="yes")  # type: ignore[call-overload] # pyright: ignore[reportArgumentType]
    await loops.contacts.update(email=EMAIL, plan="pro")  # type: ignore[call-overload] # pyright: ignore[reportCallIssue]
    await loops.contacts.create(first_name="Ada")  # type: ignore[call-overload] # pyright: ignore[reportCallIssue]
    await loops.contacts.create(email=None)  # type: ignore[call-overload] # pyright: ignore[reportArgumentType]
    await loops.contacts.create(email=EMAIL, first_nam="Ada")  # type: ignore[call-overload] # pyright: ignore[reportCallIssue]
    await loops.contacts.create(email=EMAIL, timeout="5")  # type: ignore[call-overload] # pyright: ignore[reportArgumentType]


async def sending_and_holding_are_different_types(loops: LoopsClient, found: Contact) -> None:
    await loops.contacts.update(found)  # type: ignore[call-overload] # pyright: ignore[reportArgumentType]
    await loops.contacts.create(ContactUpdate(email=EMAIL))  # type: ignore[call-overload] # pyright: ignore[reportArgumentType]
    await loops.contacts.update(ContactUpdate(email=EMAIL), first_name="Ada")  # type: ignore[call-overload] # pyright: ignore[reportCallIssue]


async def find_gives_what_was_asked_for_or_none(loops: LoopsClient) -> None:
    assert_type(await loops.contacts.find(email=EMAIL), Contact | None)
    assert_type(await loops.contacts.find(user_id="u", timeout=1.5), Contact | None)
    assert_type(await loops.contacts.find(email=EMAIL, into=AppFound), AppFound | None)
    found = await loops.contacts.find(email=EMAIL, into=AppFound)
    found.plan  # type: ignore[union-attr] # noqa: B018 # pyright: ignore[reportOptionalMemberAccess]
    if found is not None:
        assert_type(found.plan, str | None)
    await loops.contacts.find(EMAIL)  # type: ignore[call-overload] # pyright: ignore[reportCallIssue]
    await loops.contacts.find(email=EMAIL, into=dict)  # type: ignore[type-var] # pyright: ignore[reportArgumentType]
    assert_type(await loops.contacts.delete(email=EMAIL), None)


async def outcomes_tell_their_row(loops: LoopsClient, rows: list[ContactUpdate]) -> None:
    run = loops.contacts.upsert_many(rows, concurrency=20)
    async for outcome in run:
        assert_type(outcome, Outcome)
        assert_type(outcome.index, int)
        assert_type(outcome.contact, ContactUpdate | None)
        assert_type(outcome.id, str | None)
        assert_type(outcome.error, LoopsError | None)
        assert_type(outcome.attempts, int)
    assert_type(run.unfinished, list[Unfinished])
    assert_type(run.totals.succeeded, int)


def any_iterable_of_rows_will_do(
    loops: LoopsClient,
    updates: list[AppUpdate],
    stream: AsyncIterator[AppUpdate],
    mappings: Iterator[dict[str, Any]],
    words: list[str],
) -> None:
    loops.contacts.upsert_many(updates)
    loops.contacts.upsert_many(stream)
    loops.contacts.upsert_many(mappings)
    loops.contacts.upsert_many(row for row in updates)
    loops.contacts.upsert_many([{"email": EMAIL, "properties": {"plan": "pro"}}])
    loops.contacts.upsert_many(words)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    loops.contacts.upsert_many(7)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def rows_of_a_database_will_do_as_well(
    loops: LoopsClient,
    rows: list[sqlite3.Row],
    cursor: aiosqlite.Cursor,
    stream: "AsyncResult[tuple[str]]",
    named_tuples: Iterator[Person],
) -> None:
    loops.contacts.upsert_many(rows)
    loops.contacts.upsert_many(cursor)
    loops.contacts.upsert_many(stream)
    loops.contacts.upsert_many(named_tuples)


async def the_rest_of_the_account(loops: LoopsClient) -> None:
    assert_type(await loops.api_key.test(), Team)
    assert_type(await loops.contact_properties.list(), list[ContactProperty])
    assert_type(await loops.contact_properties.list(custom_only=True), list[ContactProperty])
    assert_type(await loops.mailing_lists.list(), list[MailingList])
    await loops.contact_properties.create("plan", "string")
    await loops.contact_properties.create("plan", PropertyType.DATE)
    await loops.contact_properties.create("plan", "text")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


async def lists_in_pages(loops: LoopsClient) -> None:
    emails = loops.transactional.list(per_page=20, cursor=None, timeout=5)
    assert_type(emails, Pages[PublishedTransactionalEmail])
    assert_type(await emails, list[PublishedTransactionalEmail])
    assert_type(await emails.first(), PublishedTransactionalEmail | None)
    async for email in emails:
        assert_type(email, PublishedTransactionalEmail)
    async for page in emails.pages():
        assert_type(page, Page[PublishedTransactionalEmail])
        assert_type(page.items, list[PublishedTransactionalEmail])
        assert_type(page.next_cursor, str | None)
    loops.transactional.list(per_page="20")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


async def clients_and_sessions(http: aiohttp.ClientSession, own: Pacing) -> None:
    async with LoopsSession(timeouts=Timeouts(read=5.0), retry=RetryPolicy(attempts=2)) as session:
        assert_type(session, LoopsSession)
        assert_type(session.client(api_key="key"), LoopsClient)
        async with session.client("key", pacer=Pacer(rate=20)) as loops:
            assert_type(loops, LoopsClient)
        LoopsClient("key", session=session)
    LoopsClient("key", session=http, pacer=own, timeout=None)
    LoopsClient("key", timeout=Timeouts())
    LoopsSession(http=http)
    safe = LoopsClient(dry_run=True, allowed_recipients=["@example.com"])
    assert_type(safe.dry_run, bool)
    assert_type((await safe.contacts.update(email=EMAIL)).dry_run, bool)
    LoopsSession().client(dry_run=None, allowed_recipients={EMAIL})
    LoopsClient(dry_run="yes")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    LoopsClient("key", allowed_recipients=[7])  # type: ignore[list-item] # pyright: ignore[reportArgumentType]
    LoopsClient("key", sesion=http)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
    LoopsClient("key", retry=3)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    LoopsClient("key", session="http")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


async def a_sandbox_is_spoken_to_by_a_client() -> None:
    async with (
        Sandbox() as sandbox,
        LoopsClient(sandbox.api_key, base_url=sandbox.url) as loops,
    ):
        assert_type(loops.contacts.upsert_many([]).totals.read, int)
