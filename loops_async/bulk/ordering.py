"""Ordering of rows per contact, and how many rows to read ahead.

Rows of the same contact are sent one after the other, in the order of the source.
"""

from typing import Final

from loops_async.records.contacts import ContactUpdate

_MAX_HELD: Final = 4
"""Maximum number of rows per worker that were read and whose outcome was not consumed. It is more
than one, so that many rows of one contact do not leave the other workers idle."""

_WORKERS_PER_SPARE_ROW: Final = 4
"""Workers per row that is kept ready. Few rows are kept ready, so that stopping is fast."""

_SPARE_SECONDS: Final = 0.5
"""At high rates, rows for this many seconds are kept ready, so that workers do not wait for a
source that is read in a thread or a task."""


class QueuedRow:
    """A row that was read and whose outcome is not known yet.

    Attributes:
        index: The row's position in the source, from 0.
        contact: The contact to send; None if the row is not a valid contact.
        keys: The keys that identify the contact; see ``identity``.
        started: Whether sending has begun.
        blocked_by: The number of earlier rows for which this row waits.
        successors: The rows that wait for this row.
    """

    __slots__ = ("blocked_by", "contact", "index", "keys", "started", "successors")

    def __init__(self, index: int, contact: ContactUpdate | None) -> None:
        self.index: int = index
        self.contact: ContactUpdate | None = contact
        self.keys: tuple[tuple[str, str], ...] = identity(contact)
        self.started: bool = False
        self.blocked_by: int = 0
        self.successors: list[QueuedRow] | None = None


def identity(contact: ContactUpdate | None) -> tuple[tuple[str, str], ...]:
    """Return the keys of a contact. Rows that share a key belong to the same contact.

    Addresses are compared without case, because Loops does not document whether case matters.
    """
    if contact is None:
        return ()
    email, user_id = contact.email, contact.user_id
    if not isinstance(user_id, str):
        return (("email", email.casefold()),) if isinstance(email, str) else ()
    own = ("user_id", user_id)
    return (("email", email.casefold()), own) if isinstance(email, str) else (own,)


class ContactOrder:
    """Keeps the rows of each contact in order.

    Attributes:
        blocked: The number of rows that wait for other rows.
    """

    def __init__(self) -> None:
        self.blocked: int = 0
        self._last: dict[tuple[str, str], QueuedRow] = {}

    def add(self, row: QueuedRow) -> bool:
        """Add the next row of the source; return True if it may be sent at once."""
        last = self._last
        for key in row.keys:
            earlier = last.setdefault(key, row)
            # A row may have to wait for two others: one with its address and one with its user id.
            if earlier is not row:
                last[key] = row
                if earlier.successors is None:
                    earlier.successors = []
                if row not in earlier.successors:
                    earlier.successors.append(row)
                    row.blocked_by += 1
        if row.blocked_by:
            self.blocked += 1
            return False
        return True

    def finish(self, row: QueuedRow) -> list[QueuedRow]:
        """Remove a finished row; return the rows that may be sent now."""
        last = self._last
        for key in row.keys:
            if last[key] is row:
                del last[key]
        if row.successors is None:
            return []
        for successor in row.successors:
            successor.blocked_by -= 1
        freed = [successor for successor in row.successors if not successor.blocked_by]
        self.blocked -= len(freed)
        return freed


class ReadAhead:
    """Determines how many rows to read ahead of the workers.

    Attributes:
        min_batch: The number of rows below which reading is not worthwhile.
        limited_by_outcomes: Whether the last limit was due to outcomes that were not consumed.
    """

    def __init__(self, concurrency: int) -> None:
        self._concurrency = concurrency
        self._spare = 0
        self.min_batch: int = 0
        self.limited_by_outcomes: bool = False
        self.adapt(0.0)

    def adapt(self, rate: float) -> None:
        """Adapt to a throughput of ``rate`` rows per second."""
        soon = min(self._concurrency, int(rate * _SPARE_SECONDS))
        self._spare = max(1, self._concurrency // _WORKERS_PER_SPARE_ROW, soon)
        self.min_batch = max(1, self._spare // 2)

    def room(self, sendable: int, held: int) -> int:
        """Return how many more rows may be read.

        Args:
            sendable: Rows in flight or ready to be sent, without rows that wait for other rows. The
                limit is a few more than the number of workers.
            held: Rows whose outcome was not consumed.
        """
        for_workers = self._concurrency + self._spare - sendable
        for_outcomes = self._concurrency * _MAX_HELD - held
        self.limited_by_outcomes = for_outcomes < for_workers
        return for_outcomes if self.limited_by_outcomes else for_workers
