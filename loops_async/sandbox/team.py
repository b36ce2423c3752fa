"""All that one sandbox serves."""

from collections.abc import Callable

import attrs
from aiohttp import web

from loops_async.sandbox.journal import Journal
from loops_async.sandbox.limits import Limit
from loops_async.sandbox.store import Store


@attrs.define(repr=False, kw_only=True)
class Team:
    """One team at Loops, and the book kept of what was asked of it.

    Attributes:
        name: As the API key endpoint tells it.
        api_key: The key that opens it.
        clock: Returns monotonic seconds.
        retry_after: Seconds for the `Retry-After` of a 429, None to send none.
        store: Its contacts, properties and lists.
        limit: None for no limit.
        journal: What was received.
    """

    name: str
    api_key: str
    clock: Callable[[], float]
    retry_after: int | None
    new_store: Callable[[], Store]
    new_limit: Callable[[], Limit | None]
    new_journal: Callable[[], Journal]
    store: Store = attrs.field(init=False)
    limit: Limit | None = attrs.field(init=False)
    journal: Journal = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Begin empty."""
        self.reset()

    def reset(self) -> None:
        """Forget everything that happened."""
        self.store = self.new_store()
        self.limit = self.new_limit()
        self.journal = self.new_journal()


TEAM = web.AppKey("team", Team)
"""Where the application keeps its team."""
