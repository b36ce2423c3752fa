"""``loops.contacts``."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar, Unpack, overload

from loops_async.bulk.outcomes import OnOutcome, Source
from loops_async.bulk.upsert import BulkUpsert
from loops_async.endpoints import contacts
from loops_async.errors import InvalidCall
from loops_async.pipeline.deadlines import check_seconds
from loops_async.pipeline.messages import Lane, Send
from loops_async.records._types import UNSET
from loops_async.records._validation import check_declared, record_from
from loops_async.records.contacts import (
    Contact,
    ContactCreate,
    ContactReceipt,
    ContactUpdate,
    CreateFields,
    UpdateFields,
)
from loops_async.resources.resource import Deadline, Timeout
from loops_async.resources.suppression import SuppressionCalls

C = TypeVar("C", bound=Contact)


class Contacts(SuppressionCalls):
    """Contacts (https://loops.so/docs/contacts)."""

    __slots__ = ("_fail", "_runs")

    def __init__(
        self,
        send: Send,
        deadline: Deadline,
        runs: Callable[[BulkUpsert], None],
        fail: Callable[[], None],
    ) -> None:
        super().__init__(send, deadline)
        self._runs = runs
        self._fail = fail

    @overload
    async def create(
        self, contact: ContactCreate, /, *, timeout: Timeout = UNSET
    ) -> ContactReceipt: ...
    @overload
    async def create(
        self, /, *, timeout: Timeout = UNSET, **fields: Unpack[CreateFields]
    ) -> ContactReceipt: ...
    async def create(
        self, contact: ContactCreate | None = None, /, *, timeout: Timeout = UNSET, **fields: Any
    ) -> ContactReceipt:
        """Create a contact (https://loops.so/docs/api-reference/create-contact).

        A create is never sent twice blindly: when a reply gets lost, ``find`` tells what became
        of it.

        Args:
            contact: What to create; or give its fields as keyword arguments instead.
            timeout: Seconds for the whole call; None for no bound.
            **fields: The fields of ``ContactCreate``: ``email``, ``first_name``, ``last_name``,
                ``source``, ``subscribed``, ``user_group``, ``user_id``, ``mailing_lists`` and
                ``properties``. Left out (or ``UNSET``), a value, and ``None`` (empties the field)
                are three different things. Leave ``subscribed`` out unless you mean it: ``True``
                re-subscribes a person who had left.

        Returns:
            The new contact's id at Loops.

        Raises:
            InvalidInput: A field that Loops could not take; nothing was sent.
            ContactAlreadyExists: The email or the user id is taken.
            OutcomeUnknown: It may have been created, or not.
            LoopsError: Any other failure; nothing was created.
        """
        record = record_from(ContactCreate, contact, fields)
        deadline = self._deadline(timeout)
        return await contacts.create(self._send, record, deadline=deadline, fail=self._fail)

    @overload
    async def update(
        self, contact: ContactUpdate, /, *, timeout: Timeout = UNSET
    ) -> ContactReceipt: ...
    @overload
    async def update(
        self, /, *, timeout: Timeout = UNSET, **fields: Unpack[UpdateFields]
    ) -> ContactReceipt: ...
    async def update(
        self, contact: ContactUpdate | None = None, /, *, timeout: Timeout = UNSET, **fields: Any
    ) -> ContactReceipt:
        """Update a contact, or create it (https://loops.so/docs/api-reference/update-contact).

        Args:
            contact: What to send; or give its fields as keyword arguments instead.
            timeout: Seconds for the whole call; None for no bound.
            **fields: The fields of ``ContactUpdate``: ``email`` or ``user_id`` or both, and what
                shall change: ``first_name``, ``last_name``, ``source``, ``subscribed``,
                ``user_group``, ``mailing_lists`` and ``properties``. Left out (or ``UNSET``)
                stays as it is, a value sets it, and ``None`` empties it. Leave ``subscribed`` out
                unless you mean it: ``True`` re-subscribes a person who had left.

        Returns:
            The contact's id at Loops.

        Raises:
            InvalidInput: A field that Loops could not take; nothing was sent.
            BadRequest: Loops refused it, for example an unknown ``user_id`` without an email.
            OutcomeUnknown: It may have taken effect, or not.
            LoopsError: Any other failure; nothing was changed.
        """
        record = record_from(ContactUpdate, contact, fields)
        return await contacts.update(self._send, record, deadline=self._deadline(timeout))

    @overload
    async def find(
        self,
        *,
        email: str | None = None,
        user_id: str | None = None,
        timeout: Timeout = UNSET,
    ) -> Contact | None: ...
    @overload
    async def find(
        self,
        *,
        email: str | None = None,
        user_id: str | None = None,
        into: type[C],
        timeout: Timeout = UNSET,
    ) -> C | None: ...
    async def find(
        self,
        *,
        email: str | None = None,
        user_id: str | None = None,
        into: object = Contact,
        timeout: Timeout = UNSET,
    ) -> Contact | None:
        """Find a contact (https://loops.so/docs/api-reference/find-contact).

        Args:
            email: The contact's address. Give exactly one of the two.
            user_id: Your own id of the contact.
            into: ``Contact``, or a subclass of it that declares custom properties with types.
            timeout: Seconds for the whole call; None for no bound.

        Returns:
            What Loops holds, or None when there is no such contact.

        Raises:
            InvalidCall: None or both of the two were given.
            LoopsError: The call failed.
        """
        if not (isinstance(into, type) and issubclass(into, Contact)):
            raise InvalidCall("into: must be Contact or a subclass of it")
        check_declared(into)
        identifier = contacts.identified(email, user_id)
        return await contacts.find(self._send, identifier, into, deadline=self._deadline(timeout))

    async def delete(
        self,
        *,
        email: str | None = None,
        user_id: str | None = None,
        timeout: Timeout = UNSET,
    ) -> None:
        """Delete a contact (https://loops.so/docs/api-reference/delete-contact).

        Args:
            email: The contact's address. Give exactly one of the two.
            user_id: Your own id of the contact.
            timeout: Seconds for the whole call; None for no bound.

        Raises:
            InvalidCall: None or both of the two were given.
            ContactNotFound: There is no such contact.
            OutcomeUnknown: It may have been deleted, or not.
            LoopsError: Any other failure; nothing was deleted.
        """
        identifier = contacts.identified(email, user_id)
        await contacts.delete(self._send, identifier, deadline=self._deadline(timeout))

    def upsert_many(
        self,
        source: Source,
        *,
        concurrency: int = 50,
        timeout: float | None = None,
        total: int | None = None,
        on_outcome: OnOutcome | None = None,
    ) -> BulkUpsert:
        """Update or create many contacts, as fast as the team's rate limit lets them in.

        ::

            async for outcome in loops.contacts.upsert_many(rows):
                if outcome.error:
                    print(outcome.index, outcome.error)

        Each row has exactly one outcome; outcomes come as they are done, not in the order of the
        source. A bad row never stops the rest; a bad key stops everything. Where rows may be bad,
        give mappings: a ``ContactUpdate`` is checked where it is made, in your own code. Rows with
        the same email or user id go one after the other, as given. Interactive calls go ahead.

        Args:
            source: An iterable or async iterable of ``ContactUpdate``, or of mappings of its
                fields. It is read only as fast as Loops takes, so it may be endless. What is not
                in memory (a generator, a file, a cursor) may block: it is read in a thread of its
                own from first to last.
            concurrency: Rows in flight at the most.
            timeout: Seconds for one row's whole call; None leaves it to the retry policy.
            total: How many rows there are, if the source does not know it: for
                ``run.totals.time_remaining``.
            on_outcome: Called with each ``Outcome`` the moment it is known, before its place is
                given to another row; for a journal. A plain function, called on the event loop.
                What it raises stops the run and reaches whoever iterates.

        Raises:
            InvalidCall: The arguments cannot work.
            Unauthorized: While it runs: the key is wrong, and no further row is sent.
        """
        check_seconds("timeout", timeout, allow_none=True)

        update = partial(contacts.update, self._send, lane=Lane.BULK)

        def in_time(contact: ContactUpdate) -> Awaitable[ContactReceipt]:
            return update(contact, deadline=self._deadline(timeout))

        run = BulkUpsert(
            source,
            update if timeout is None else in_time,
            concurrency=concurrency,
            total=total,
            on_outcome=on_outcome,
        )
        self._runs(run)
        return run
