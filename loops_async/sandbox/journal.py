"""What the sandbox received, for a test to ask."""

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import attrs

HIDDEN = "<hidden>"
"""What stands in a record for the value of a header that carries a key."""

_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie"})


@attrs.frozen
class ReceivedRequest:
    """One request, in the order of arrival. Its repr shows neither key nor address.

    Attributes:
        at: When it arrived, in monotonic seconds (`time.monotonic` unless the sandbox was given
            another clock).
        method: In capitals.
        path: As in the API reference, below `Sandbox.url`: `/v1/contacts/create`.
        status: What it was answered; None as long as it was not, and when the client had left.
        query: The query, decoded. Of a repeated name the first value.
        headers: By lower-cased name. The value of `authorization` is not kept.
        json: The parsed body, None when there was none or it was no JSON.
        fault: The kind of fault it met, None for none; known as soon as it is drawn.
        processed: Whether its endpoint did what it asks for, whatever became of the answer.
            False when it was refused, or when a fault came before.
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


@attrs.frozen
class Counts:
    """How many requests there were since the start or the last reset, kept records or not.

    Attributes:
        requests: All that arrived.
        rate_limited: Those answered 429.
        by_status: How many were answered with each status.
        events: The events that were accepted.
        emails: The transactional emails that were accepted.
    """

    requests: int
    rate_limited: int
    by_status: Mapping[int, int]
    events: int = 0
    emails: int = 0


class Entry:
    """One line of the journal, to be written on as the request goes on.

    Attributes:
        request: The request as it arrived.
    """

    def __init__(self, journal: "Journal", number: int, request: ReceivedRequest) -> None:
        self.request = request
        self._journal = journal
        self._number = number

    def note(self, **changes: Any) -> None:
        """Change fields of the request's record."""
        self._journal.change(self._number, changes)

    def close(self, *, status: int | None, json: object) -> None:
        """Note how the request was answered (None: it was not) and what its body held."""
        self._journal.count(status)
        self.note(status=status, json=json)


class Journal:
    """The last requests, and exact counts of all of them.

    Args:
        keep: How many requests are kept.
    """

    def __init__(self, keep: int) -> None:
        if keep < 0:
            raise ValueError(f"keep_requests must not be negative, got {keep}")
        self._keep = keep
        self._kept: dict[int, ReceivedRequest] = {}
        self._arrived = 0
        self._by_status: Counter[int] = Counter()

    def open(self, request: ReceivedRequest) -> Entry:
        """Note an arrival."""
        self._arrived += 1
        self._kept[self._arrived] = request
        # By number, not "the first key": a dict skips its deleted entries one by one.
        self._kept.pop(self._arrived - self._keep, None)
        return Entry(self, self._arrived, request)

    def change(self, number: int, changes: Mapping[str, Any]) -> None:
        """Change the record of a request, unless it is no longer kept."""
        request = self._kept.get(number)
        if request is not None:
            self._kept[number] = attrs.evolve(request, **changes)

    def count(self, status: int | None) -> None:
        """Count an answer, None for a request that has got none."""
        if status is not None:
            self._by_status[status] += 1

    def requests(self) -> tuple[ReceivedRequest, ...]:
        """Return the kept requests, oldest first."""
        return tuple(self._kept.values())

    def counts(self) -> Counts:
        """Return the counts of this moment."""
        by_status = MappingProxyType(dict(sorted(self._by_status.items())))
        return Counts(self._arrived, self._by_status[429], by_status)


def visible_headers(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Return headers by lower-cased name, with secrets replaced by `HIDDEN`."""
    shown = {name.lower(): value for name, value in headers.items()}
    return MappingProxyType(
        {name: HIDDEN if name in _SECRET_HEADERS else value for name, value in shown.items()}
    )
