"""Pagination: lists that Loops returns in pages."""

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from typing import Any, Final, Generic, TypeAlias, TypeVar

import attrs

from loops_async.codec import Undecodable, decode_json, from_json
from loops_async.errors import InvalidInput, InvalidReply
from loops_async.pipeline.messages import Reply
from loops_async.records._validation import check_unicode

T = TypeVar("T")

FEWEST: Final = 10
MOST: Final = 50
"""Loops' limits for ``perPage``."""

EMPTY: Final = b'{"pagination": {"nextCursor": null}, "data": []}'
"""The response for an empty list."""


@attrs.frozen
class Page(Generic[T]):
    """One page of a list.

    Attributes:
        items: The items of this page.
        next_cursor: The cursor of the next page, for ``list(cursor=…)``; None on the last page.
    """

    items: list[T]
    next_cursor: str | None


Fetch: TypeAlias = Callable[[str | None], Awaitable[Page[T]]]
"""Fetches the page that begins at a cursor; None for the first page."""


class Pages(Generic[T]):
    """A paginated list that fetches each page when it is needed.

    ::

        async for email in loops.transactional.list():
            print(email.name)

        emails = await loops.transactional.list()  # the whole list

    Nothing is fetched in advance, so you can leave a loop at any time, and nothing needs closing.
    Each iteration, ``await`` or ``first`` starts from the beginning and sends new requests.
    """

    def __init__(self, name: str, fetch: Fetch[T], cursor: str | None) -> None:
        self._name = name
        self._fetch = fetch
        self._cursor = cursor

    def pages(self) -> AsyncIterator[Page[T]]:
        """Iterate over pages instead of items.

        After an error, the iterator can be used again; it continues with the page that failed.

        Raises:
            InvalidReply: Loops returned the same cursor twice, so the list would never end.
            LoopsError: A page could not be fetched.
        """
        return _PageIterator(self._name, self._fetch, self._cursor)

    def __aiter__(self) -> AsyncIterator[T]:
        return _ItemIterator(self.pages())

    def __await__(self) -> Generator[Any, None, list[T]]:
        return self._all().__await__()

    async def _all(self) -> list[T]:
        return [item async for item in self]

    async def first(self) -> T | None:
        """The first item, or None if the list is empty.

        Raises:
            LoopsError: A page could not be fetched.
        """
        return await anext(aiter(self), None)

    def __repr__(self) -> str:
        return f"<Pages of {self._name}>"


# These are classes because a generator ends when it raises: code that continued after an error
# would mistake the items so far for the whole list.
class _PageIterator(AsyncIterator[Page[T]]):
    def __init__(self, name: str, fetch: Fetch[T], cursor: str | None) -> None:
        self._name = name
        self._fetch = fetch
        self._cursor = cursor
        self._fetched: set[str | None] = set()
        self._ended = False

    async def __anext__(self) -> Page[T]:
        if self._ended:
            raise StopAsyncIteration
        if self._cursor in self._fetched:
            raise InvalidReply(
                f"{self._name}: 200, but the nextCursor of this page was already returned before; "
                "the list would never end",
                status=200,
            )
        page = await self._fetch(self._cursor)
        self._fetched.add(self._cursor)
        self._cursor, self._ended = page.next_cursor, page.next_cursor is None
        return page


class _ItemIterator(AsyncIterator[T]):
    def __init__(self, pages: AsyncIterator[Page[T]]) -> None:
        self._pages = pages
        self._items: deque[T] = deque()

    async def __anext__(self) -> T:
        while not self._items:
            self._items.extend((await anext(self._pages)).items)
        return self._items.popleft()


def page_query(per_page: int, cursor: str | None) -> dict[str, str]:
    """Return the query parameters of a paginated list.

    Raises:
        InvalidInput: ``per_page`` is not a whole number from 10 to 50, or ``cursor`` is not a
            non-empty string.
    """
    if type(per_page) is not int or not FEWEST <= per_page <= MOST:
        raise InvalidInput(
            f"per_page: must be a whole number from {FEWEST} to {MOST}", field="per_page"
        )
    query = {"perPage": str(per_page)}
    if cursor is None:
        return query
    if not isinstance(cursor, str) or not cursor:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidInput(
            "cursor: must be the next_cursor of a page, or None for the first page", field="cursor"
        )
    check_unicode("cursor", cursor)
    return query | {"cursor": cursor}


def reads_page(item: type[T]) -> Callable[[Reply], Page[T]]:
    """Return a function that reads a page of ``item`` from a response."""

    def read(reply: Reply) -> Page[T]:
        fields = decode_json(reply.body)
        if not isinstance(fields, dict):
            raise Undecodable("expected an object @ $")
        pagination = fields.get("pagination")
        if not isinstance(pagination, dict):
            raise Undecodable("expected an object @ $.pagination")
        cursor = pagination.get("nextCursor", ...)
        # Otherwise, a list whose cursor is missing would end after its first page.
        if cursor is not None and not isinstance(cursor, str):
            raise Undecodable("expected text or null @ $.pagination.nextCursor")
        items = from_json(fields.get("data"), list[item], path="$.data")  # type: ignore[valid-type]
        return Page(items, cursor or None)

    return read
