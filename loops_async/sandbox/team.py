"""All that one sandbox serves."""

from collections.abc import Callable

import attrs
from aiohttp import web

from loops_async.sandbox.faults import Faults
from loops_async.sandbox.journal import Counts, Journal
from loops_async.sandbox.latency import Latency
from loops_async.sandbox.limits import Limit
from loops_async.sandbox.sending import Mailroom
from loops_async.sandbox.store import Store
from loops_async.sandbox.suppression import Suppression


@attrs.define(repr=False, kw_only=True)
class Team:
    """One team at Loops, and the book kept of what was asked of it.

    Attributes:
        name: As the API key endpoint tells it.
        api_key: The key that opens it.
        clock: Returns monotonic seconds.
        retry_after: Seconds for the `Retry-After` of a 429, None to send none.
        sending_ips: Its dedicated sending IPs.
        faults: What goes wrong, None for nothing. Outlives a reset.
        latency: How far away it is, None for next door.
        store: Its contacts, properties and lists.
        suppression: Who gets no mail.
        mailroom: What sends.
        limit: None for no limit.
        journal: What was received.
    """

    name: str
    api_key: str
    clock: Callable[[], float]
    retry_after: int | None
    sending_ips: tuple[str, ...]
    faults: Faults | None
    latency: Latency | None
    new_store: Callable[[], Store]
    new_suppression: Callable[[], Suppression]
    new_mailroom: Callable[[Store, Suppression], Mailroom]
    new_limit: Callable[[], Limit | None]
    new_journal: Callable[[], Journal]
    store: Store = attrs.field(init=False)
    suppression: Suppression = attrs.field(init=False)
    mailroom: Mailroom = attrs.field(init=False)
    limit: Limit | None = attrs.field(init=False)
    journal: Journal = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Begin empty."""
        self.reset()

    def reset(self) -> None:
        """Forget everything that happened."""
        self.store = self.new_store()
        self.suppression = self.new_suppression()
        self.mailroom = self.new_mailroom(self.store, self.suppression)
        self.limit = self.new_limit()
        self.journal = self.new_journal()

    def counts(self) -> Counts:
        """Return the counts of this moment."""
        outbox = self.mailroom.outbox
        return attrs.evolve(
            self.journal.counts(), events=outbox.event_count, emails=outbox.email_count
        )


TEAM = web.AppKey("team", Team)
"""Where the application keeps its team."""
