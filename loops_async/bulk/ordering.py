"""Which rows may go, and how many are read ahead of them. Pure.

The rows of one contact go one after the other, in the order given.
"""

from typing import Final

from loops_async.records.contacts import ContactUpdate

_LOOKAHEAD: Final = 4
"""Rows held for each one in flight, so that a run of one contact's rows does not idle the rest."""

_SPARE: Final = 4
"""One worker in so many has its next row ready: stopping is short, and reading goes in chunks."""

_SOON: Final = 0.5
"""Seconds. Where more rows than those are done in so little time, as many are held ready: stopping
takes hardly longer, and no worker waits for a source that is read in a thread or a task."""


class Job:
    """One row on its way.

    Attributes:
        index: The row's place in the source, from 0.
        contact: What is to be sent; None where the row was no contact at all.
        keys: What makes it one of its contact's rows.
        started: Whether its sending has begun.
        blockers: How many earlier rows of the same contact are not over yet.
        followers: The rows that wait for this one.
    """

    __slots__ = ("blockers", "contact", "followers", "index", "keys", "started")

    def __init__(self, index: int, contact: ContactUpdate | None) -> None:
        self.index: int = index
        self.contact: ContactUpdate | None = contact
        self.keys: tuple[tuple[str, str], ...] = identity(contact)
        self.started: bool = False
        self.blockers: int = 0
        self.followers: list[Job] | None = None


def identity(contact: ContactUpdate | None) -> tuple[tuple[str, str], ...]:
    """What makes two rows the same contact: an address or a user id in common.

    Nobody promises that Loops tells addresses apart by letter case, so it is folded here.
    """
    if contact is None:
        return ()
    email, user_id = contact.email, contact.user_id
    if not isinstance(user_id, str):
        return (("email", email.casefold()),) if isinstance(email, str) else ()
    own = ("user_id", user_id)
    return (("email", email.casefold()), own) if isinstance(email, str) else (own,)


class ContactOrder:
    """The last row of every contact that is on its way.

    Attributes:
        blocked: Rows that wait for others.
    """

    def __init__(self) -> None:
        self.blocked: int = 0
        self._last: dict[tuple[str, str], Job] = {}

    def admit(self, job: Job) -> bool:
        """Take in the next row of the source; True if it may go at once."""
        last = self._last
        for key in job.keys:
            earlier = last.setdefault(key, job)
            # One row may follow two others: one with its address, one with its user id.
            if earlier is not job:
                last[key] = job
                if earlier.followers is None:
                    earlier.followers = []
                if job not in earlier.followers:
                    earlier.followers.append(job)
                    job.blockers += 1
        if job.blockers:
            self.blocked += 1
            return False
        return True

    def finish(self, job: Job) -> list[Job]:
        """Note that a row is over; the rows that may go now."""
        last = self._last
        for key in job.keys:
            if last[key] is job:
                del last[key]
        if job.followers is None:
            return []
        for follower in job.followers:
            follower.blockers -= 1
        freed = [follower for follower in job.followers if not follower.blockers]
        self.blocked -= len(freed)
        return freed


class Lookahead:
    """Room for rows.

    Attributes:
        fewest: It is not worth the reader's while to read fewer rows than these.
        is_full: Whether it was outcomes that nobody took which left the least room.
    """

    def __init__(self, concurrency: int) -> None:
        self._concurrency = concurrency
        self._spare = 0
        self.fewest: int = 0
        self.is_full: bool = False
        self.adapt(0.0)

    def adapt(self, rate: float) -> None:
        """Reckon with ``rate`` rows per second."""
        soon = min(self._concurrency, int(rate * _SOON))
        self._spare = max(1, self._concurrency // _SPARE, soon)
        self.fewest = max(1, self._spare // 2)

    def room(self, for_workers: int, held: int) -> int:
        """How many rows more may be read.

        A few more than the workers have, and others only while rows wait for rows: ``for_workers``
        are in flight or may be, ``held`` were read and their outcome was not taken.
        """
        ahead = self._concurrency + self._spare - for_workers
        left = self._concurrency * _LOOKAHEAD - held
        self.is_full = left < ahead
        return left if self.is_full else ahead
