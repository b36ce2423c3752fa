"""Which rows may go: the rows of one contact go one after the other, in the order given. Pure."""

from loops_async.records.contacts import ContactUpdate


class Job:
    """One row on its way.

    Attributes:
        index: The row's place in the source, from 0.
        contact: What is to be sent; None where the row was no contact at all.
        started: Whether its sending has begun.
        blockers: How many earlier rows of the same contact are not over yet.
        followers: The rows that wait for this one.
        keys: What it is known by, once it is on its way.
    """

    __slots__ = ("blockers", "contact", "followers", "index", "keys", "started")

    def __init__(self, index: int, contact: ContactUpdate | None) -> None:
        self.index: int = index
        self.contact: ContactUpdate | None = contact
        self.started: bool = False
        self.blockers: int = 0
        self.followers: list[Job] | None = None
        self.keys: list[tuple[str, str]] = []


def identity(contact: ContactUpdate | None) -> list[tuple[str, str]]:
    """What makes two rows the same contact: an address or a user id in common.

    Nobody promises that Loops tells addresses apart by letter case, so it is folded here.
    """
    keys: list[tuple[str, str]] = []
    if contact is not None and isinstance(contact.email, str):
        keys.append(("email", contact.email.casefold()))
    if contact is not None and isinstance(contact.user_id, str):
        keys.append(("user_id", contact.user_id))
    return keys


class ContactOrder:
    """The last row of every contact that is on its way."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], Job] = {}

    def admit(self, job: Job) -> bool:
        """Take in the next row of the source; True if it may go at once."""
        keys = job.keys = identity(job.contact)
        last = self._last
        for key in keys:
            earlier = last.get(key)
            # One row may follow two others: one with its address, one with its user id.
            if earlier is not None and earlier is not job:
                if earlier.followers is None:
                    earlier.followers = []
                if job not in earlier.followers:
                    earlier.followers.append(job)
                    job.blockers += 1
            last[key] = job
        return not job.blockers

    def finish(self, job: Job) -> list[Job]:
        """Note that a row is over; the rows that may go now."""
        for key in job.keys:
            if self._last[key] is job:
                del self._last[key]
        if job.followers is None:
            return []
        for follower in job.followers:
            follower.blockers -= 1
        return [follower for follower in job.followers if not follower.blockers]
