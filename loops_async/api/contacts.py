"""``loops.contacts``: create, update, find and delete contacts, one by one or in bulk."""

from collections.abc import Awaitable
from functools import lru_cache, partial
from typing import Any, Final, TypeVar, Unpack, cast, overload

from loops_async.api.create_in_doubt import look_up_created
from loops_async.api.resource import (
    SUCCESS,
    Timeout,
    contact_identifier,
    read_success,
    success_fields,
)
from loops_async.api.suppression import SuppressionCalls
from loops_async.bulk.outcomes import OnOutcome, Source
from loops_async.bulk.upsert import BulkUpsert
from loops_async.codec import Undecodable, decode, encode, encode_json
from loops_async.errors import (
    ContactAlreadyExists,
    ContactNotFound,
    InvalidCall,
    InvalidReply,
    LoopsError,
)
from loops_async.pipeline.deadlines import check_seconds
from loops_async.pipeline.messages import Answer, Endpoint, Finding, Lane, Replay, Reply
from loops_async.records._request_record import check_declared, record_from
from loops_async.records._types import UNSET
from loops_async.records.contacts import (
    Contact,
    ContactCreate,
    ContactReceipt,
    ContactUpdate,
    CreateFields,
    UpdateFields,
)

C = TypeVar("C", bound=Contact)

_DRY_RUN: Final = b'{"success": true, "id": "dry-run"}'


def _read_id(reply: Reply) -> str:
    contact_id = success_fields(reply).get("id")
    if not isinstance(contact_id, str) or not contact_id:
        raise Undecodable("expected text @ $.id")
    return contact_id


CREATE = Endpoint(
    "POST",
    "/v1/contacts/create",
    Replay.ONCE,
    _read_id,
    refusals={409: ContactAlreadyExists},
    dry_run=_DRY_RUN,
)
UPDATE = Endpoint("PUT", "/v1/contacts/update", Replay.ALWAYS, _read_id, dry_run=_DRY_RUN)
DELETE = Endpoint[None](
    "POST",
    "/v1/contacts/delete",
    Replay.ALWAYS,
    read_success,
    refusals={404: ContactNotFound},
    after_doubt={404: None},
    reaches=False,
    dry_run=SUCCESS,
)


@lru_cache
def _find_endpoint(into: type[Contact], *, counted: bool = True) -> Endpoint[Any]:
    check_declared(into)
    contacts: type[list[Contact]] = list[into]  # type: ignore[valid-type]

    def read(reply: Reply) -> Contact | None:
        found = decode(reply.body, contacts)
        if len(found) > 1:
            # Loops can have several contacts with one address. Any choice would be a guess.
            raise Undecodable(f"found {len(found)} contacts where at most one was expected @ $")
        return found[0] if found else None

    return Endpoint(
        "GET",
        "/v1/contacts/find",
        Replay.ALWAYS,
        read,
        changes=False,
        dry_run=b"[]",
        counted=counted,
    )


FIND: Final[Endpoint[Contact | None]] = _find_endpoint(Contact)
_LOOKUP: Final[Endpoint[Contact | None]] = _find_endpoint(Contact, counted=False)


class Contacts(SuppressionCalls):
    """Contacts (https://loops.so/docs/contacts)."""

    __slots__ = ()

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

        If the response is lost, the client checks with ``find`` whether the contact was created
        before it sends the request again.

        Args:
            contact: The contact to create, instead of keyword arguments.
            timeout: Seconds for the whole call; None for no limit.
            **fields: The fields of ``ContactCreate``: ``email``, ``first_name``, ``last_name``,
                ``source``, ``subscribed``, ``user_group``, ``user_id``, ``mailing_lists`` and
                ``properties``. A field that is left out (or ``UNSET``) gets Loops' default value,
                and ``None`` leaves it empty. Leave ``subscribed`` out unless you mean it:
                ``True`` re-subscribes a contact who has unsubscribed.

        Returns:
            The contact's id at Loops and the number of attempts.

        Raises:
            InvalidInput: A field that Loops would not accept; nothing was sent.
            ContactAlreadyExists: A contact with this email or user id already exists.
            OutcomeUnknown: The contact may have been created.
            LoopsError: Any other failure; nothing was created.
        """
        record = record_from(ContactCreate, contact, fields)
        deadline = self._deadline(timeout)
        look_up = partial(self._look_up_created, record, deadline)
        answer = await self._call(CREATE, deadline, body=encode(record), look_up=look_up)
        return ContactReceipt(answer.value, answer.attempts, answer.dry_run)

    def _look_up_created(
        self, contact: ContactCreate, deadline: float | None, failure: LoopsError
    ) -> Awaitable[Finding[str]]:
        identifier = contact_identifier(contact.email, None)
        find = partial(self._find, _LOOKUP, identifier, deadline)
        return look_up_created(contact, failure, find, create=str(CREATE), asked=str(FIND))

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
            contact: The fields to send, instead of keyword arguments.
            timeout: Seconds for the whole call; None for no limit.
            **fields: The fields of ``ContactUpdate``: ``email`` or ``user_id`` or both, and the
                fields to change: ``first_name``, ``last_name``, ``source``, ``subscribed``,
                ``user_group``, ``mailing_lists`` and ``properties``. A field that is left out (or
                ``UNSET``) keeps its value, and ``None`` empties it. Leave ``subscribed`` out
                unless you mean it: ``True`` re-subscribes a contact who has unsubscribed.

        Returns:
            The contact's id at Loops, and the number of attempts.

        Raises:
            InvalidInput: A field that Loops would not accept; nothing was sent.
            BadRequest: Loops rejected the request, for example because no contact has the
                ``user_id`` and no email was given.
            OutcomeUnknown: The update may have taken effect.
            LoopsError: Any other failure; nothing was changed.
        """
        record = record_from(ContactUpdate, contact, fields)
        answer = await self._call(UPDATE, self._deadline(timeout), body=encode(record))
        return ContactReceipt(answer.value, answer.attempts, answer.dry_run)

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
            email: The contact's address. Give exactly one of ``email`` and ``user_id``.
            user_id: Your own id of the contact.
            into: ``Contact``, or a subclass of it that declares custom properties with types.
            timeout: Seconds for the whole call; None for no limit.

        Returns:
            The contact, or None if there is no such contact.

        Raises:
            InvalidCall: Neither or both of ``email`` and ``user_id`` were given.
            InvalidReply: Loops found several contacts.
            LoopsError: The call failed.
        """
        if not (isinstance(into, type) and issubclass(into, Contact)):
            raise InvalidCall("into: must be Contact or a subclass of it")
        endpoint = _find_endpoint(cast("type", into))
        identifier = contact_identifier(email, user_id)
        return (await self._find(endpoint, identifier, self._deadline(timeout))).value

    async def _find(
        self,
        endpoint: Endpoint[Contact | None],
        identifier: dict[str, str],
        deadline: float | None,
    ) -> Answer[Contact | None]:
        answer = await self._call(endpoint, deadline, query=identifier)
        contact = answer.value
        if contact is None or _matches(contact, identifier):
            return answer
        # Never return a response that was meant for another request: it has another person's data.
        mismatch = InvalidReply(f"{FIND}: 200, but with a different contact", status=200)
        mismatch.attempts = answer.attempts
        raise mismatch

    async def delete(
        self,
        *,
        email: str | None = None,
        user_id: str | None = None,
        timeout: Timeout = UNSET,
    ) -> None:
        """Delete a contact (https://loops.so/docs/api-reference/delete-contact).

        Args:
            email: The contact's address. Give exactly one of ``email`` and ``user_id``.
            user_id: Your own id of the contact.
            timeout: Seconds for the whole call; None for no limit.

        Raises:
            InvalidCall: Neither or both of ``email`` and ``user_id`` were given.
            ContactNotFound: There is no such contact.
            OutcomeUnknown: The contact may have been deleted.
            LoopsError: Any other failure; nothing was deleted.
        """
        identifier = contact_identifier(email, user_id)
        await self._call(DELETE, self._deadline(timeout), body=encode_json(identifier))

    def upsert_many(
        self,
        source: Source,
        *,
        concurrency: int = 50,
        timeout: float | None = None,
        total: int | None = None,
        on_outcome: OnOutcome | None = None,
    ) -> BulkUpsert:
        """Update or create many contacts, as fast as the team's rate limit allows.

        ::

            async for outcome in loops.contacts.upsert_many(rows):
                if outcome.error:
                    print(outcome.index, outcome.error)

        Each row has exactly one outcome, yielded as soon as it is known, so outcomes are not in the
        order of the source. An invalid row does not stop the run; an invalid API key does. If rows
        may be invalid, pass mappings: a ``ContactUpdate`` raises when it is created, in your own
        code. Rows with the same email or user id are sent one after the other, in their order.
        Other calls of the client take precedence over bulk rows.

        Args:
            source: An iterable or async iterable of ``ContactUpdate``, or of mappings of its
                fields. It is read only as fast as Loops accepts rows, so it may be infinite. A
                source that is not in memory (a generator, a file, a cursor) may block: it is read
                in a separate thread, always the same one.
            concurrency: Maximum number of rows in flight.
            timeout: Seconds for each row, including retries; None for no limit but the retry
                policy.
            total: The number of rows, for ``run.totals.time_remaining``, if the source does not
                have a length.
            on_outcome: A plain function, called on the event loop with each ``Outcome`` as soon
                as it is known, and before another row takes its place. Use it to keep a journal. An
                exception that it raises stops the run and is raised to the code that iterates.

        Raises:
            InvalidCall: The arguments are not valid.
            Unauthorized: During the run: the key is wrong, and no more rows are sent.
        """
        check_seconds("timeout", timeout, allow_none=True)

        async def write(contact: ContactUpdate) -> ContactReceipt:
            deadline, body = self._deadline(timeout), encode(contact)
            answer = await self._call(UPDATE, deadline, body=body, lane=Lane.BULK)
            return ContactReceipt(answer.value, answer.attempts, answer.dry_run)

        run = BulkUpsert(source, write, concurrency=concurrency, total=total, on_outcome=on_outcome)
        self._caller.runs.add(run)
        return run


def _matches(contact: Contact, identifier: dict[str, str]) -> bool:
    if "email" in identifier:
        return contact.email.casefold() == identifier["email"].casefold()
    return contact.user_id == identifier["userId"]
