"""The requests that the sandbox received, for tests to inspect."""

from collections import Counter, deque
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import attrs

HIDDEN = "<hidden>"
"""Replaces the value of a header that carries a secret."""

_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie"})


@attrs.frozen
class ReceivedRequest:
    """A request. Its repr shows no API key and no personal data.

    Attributes:
        at: When it arrived, in monotonic seconds (`time.monotonic` unless the sandbox was given
            another clock).
        method: In upper case.
        path: As in the API reference, relative to `Sandbox.url`: `/v1/contacts/create`.
        status: The status of the response, None while there is none or when the client left.
        query: The decoded query. If a name is repeated, its first value.
        headers: By lower-case name. The value of `authorization` is not stored.
        json: The parsed body, None when there was none or it was not JSON.
        fault: The kind of fault it was given, None for none. Set as soon as it is drawn.
        processed: Whether its endpoint did the work, even if the response was lost. False when the
            request was refused, or when a fault came first.
    """

    at: float
    method: str
    path: str
    status: int | None = None
    query: Mapping[str, str] = attrs.field(factory=dict[str, str], repr=False)
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str], repr=False)
    json: object = attrs.field(default=None, repr=False)
    fault: str | None = None
    processed: bool = False


@attrs.define
class LogEntry:
    """A request whose record is updated while it is handled."""

    request: ReceivedRequest
    _by_status: Counter[int]
    _is_closed: bool = False

    def update(self, **changes: Any) -> None:
        """Change fields of the record."""
        self.request = attrs.evolve(self.request, **changes)

    def close(self, *, status: int | None, json: object) -> None:
        """Record the body and the status; None if there is no response. Only the first call counts.

        To be called before the client can see the result, so that its test finds it in the log.
        """
        if self._is_closed:
            return
        self._is_closed = True
        self.update(status=status, json=json)
        if status is not None:
            self._by_status[status] += 1


class RequestLog:
    """The most recent requests, and exact counts of all of them.

    Args:
        keep: How many requests are kept.
    """

    def __init__(self, keep: int) -> None:
        self._entries: deque[LogEntry] = deque(maxlen=keep)
        self._by_status: Counter[int] = Counter()
        self.received: int = 0

    def add(self, request: ReceivedRequest) -> LogEntry:
        """Record a request that has arrived."""
        entry = LogEntry(request, self._by_status)
        self.received += 1
        self._entries.append(entry)
        return entry

    @property
    def requests(self) -> tuple[ReceivedRequest, ...]:
        """The kept requests, oldest first."""
        # Of a copy: another thread may look while the server adds a request.
        return tuple(entry.request for entry in list(self._entries))

    @property
    def by_status(self) -> Mapping[int, int]:
        """How many requests got each status."""
        return MappingProxyType(dict(sorted(self._by_status.items())))


def visible_headers(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Return headers by lower-case name, with secrets replaced by `HIDDEN`."""
    lower = {name.lower(): value for name, value in headers.items()}
    return MappingProxyType(
        {name: HIDDEN if name in _SECRET_HEADERS else value for name, value in lower.items()}
    )
