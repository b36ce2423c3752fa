"""The Loops team that a sandbox stands in for: its options and everything it stores."""

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import attrs
from aiohttp import web
from attrs.validators import ge, in_

from loops_async.sandbox.faults.schedule import Faults
from loops_async.sandbox.idempotency import IdempotencyKeys
from loops_async.sandbox.latency import Latency
from loops_async.sandbox.limits import RequestLimit, Window, make_limit
from loops_async.sandbox.request_log import RequestLog

if TYPE_CHECKING:
    from loops_async.sandbox.api.contact_properties import StoredProperty
    from loops_async.sandbox.api.mailing_lists import StoredMailingList

T = TypeVar("T")


@attrs.define(repr=False, eq=False, kw_only=True)
class SandboxTeam:
    """A team at Loops.

    Attributes:
        idempotency_keys: The keys of accepted events and transactional emails.
        limit: The rate limit, None for none.
        log: The requests it received.

    The other attributes are the options, which `Sandbox` describes.
    """

    name: str
    api_key: str
    clock: Callable[[], float]
    rate: float | None
    window: Window
    retry_after: int | None
    strict_properties: bool
    mailing_lists: "tuple[StoredMailingList, ...]"
    properties: "tuple[StoredProperty, ...]"
    transactional_emails: Mapping[str, Collection[str]] | None
    attachments: bool
    removal_quota: int = attrs.field(validator=ge(0))
    removing_nothing: Literal[200, 400] = attrs.field(validator=in_([200, 400]))
    sending_ips: tuple[str, ...]
    faults: Faults | None
    latency: Latency | None
    keep_requests: int = attrs.field(validator=ge(0))
    keep_sent: int = attrs.field(validator=ge(0))
    idempotency_keys: IdempotencyKeys = attrs.field(init=False)
    limit: RequestLimit | None = attrs.field(init=False)
    log: RequestLog = attrs.field(init=False)
    _stores: dict[object, Any] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Empty every store. Faults stay."""
        self.idempotency_keys = IdempotencyKeys()
        self.limit = make_limit(self.rate, self.window)
        self.log = RequestLog(self.keep_requests)
        self._stores = {}

    def store(self, kind: "Callable[[SandboxTeam], T]") -> T:
        """Return the team's instance of a store, such as `ContactStore`, created on first use."""
        store: T | None = self._stores.get(kind)
        # setdefault, because another thread may look at the store while the first request does.
        return self._stores.setdefault(kind, kind(self)) if store is None else store


TEAM = web.AppKey("team", SandboxTeam)
"""The key of the team in the application."""
