"""``loops.transactional``: transactional email."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Final, overload

import attrs

from loops_async.api.idempotency import check_key, keyed_endpoint
from loops_async.api.pages import EMPTY, Pages, reads_page
from loops_async.api.resource import Resource, Timeout
from loops_async.codec import encode
from loops_async.errors import InvalidInput
from loops_async.pipeline.messages import Endpoint, Replay
from loops_async.records._request_record import build_record, record_from
from loops_async.records._types import UNSET, SendReceipt, Unset
from loops_async.records.attachments import MAX_MAIL_SIZE, Attachment, read_files, total_size
from loops_async.records.transactional import (
    DataVariable,
    PublishedTransactionalEmail,
    TransactionalEmail,
)

_ENCODED_IN_THREAD: Final = 64 * 1024
"""Size of attachments, in bytes, above which encoding would noticeably block the event loop."""

SEND = keyed_endpoint("/v1/transactional")
LIST = Endpoint(
    "GET",
    "/v1/transactional",
    Replay.ALWAYS,
    reads_page(PublishedTransactionalEmail),
    changes=False,
    dry_run=EMPTY,
)


class Transactional(Resource):
    """Transactional email (https://loops.so/docs/transactional)."""

    __slots__ = ()

    @overload
    async def send(
        self,
        mail: TransactionalEmail,
        /,
        *,
        idempotency_key: str | None = None,
        timeout: Timeout = UNSET,
    ) -> SendReceipt: ...
    @overload
    async def send(
        self,
        transactional_id: str,
        email: str,
        *,
        data_variables: Mapping[str, DataVariable] | Unset = UNSET,
        add_to_audience: bool | Unset = UNSET,
        attachments: Iterable[Attachment] = (),
        idempotency_key: str | None = None,
        timeout: Timeout = UNSET,
    ) -> SendReceipt: ...
    async def send(
        self,
        transactional_id: TransactionalEmail | str | Unset = UNSET,
        email: str | Unset = UNSET,
        *,
        idempotency_key: str | None = None,
        timeout: Timeout = UNSET,
        **fields: Any,
    ) -> SendReceipt:
        """Send an email once (https://loops.so/docs/api-reference/send-transactional-email).

        Args:
            transactional_id: The id of the published email in Loops, or a ``TransactionalEmail``
                instead of the fields.
            email: The recipient's address.
            **fields: The fields of ``TransactionalEmail``, listed below.
            data_variables: Values for the variables of the template: text, numbers, or lists of
                mappings of those.
            add_to_audience: Whether to add the recipient to the audience as a contact.
            attachments: Files to attach. Loops must enable attachments for your team first.
            idempotency_key: 1 to 100 printable ASCII characters. Loops processes emails with the
                same key once in 24 hours. When left out, a new key is generated for each call,
                which makes retries within the call safe. Pass your own key, such as an order
                number, to make it safe to repeat the call itself.
            timeout: Seconds for the whole call; None for no limit.

        Returns:
            The idempotency key and the number of attempts.

        Raises:
            InvalidInput: A field that Loops would not accept, an attachment that cannot be read,
                or an email larger than 4 MB; nothing was sent.
            NotFound: There is no published email with this id.
            IdempotencyConflict: The email was already sent with this key, by an earlier call.
                Nothing was sent this time, and no action is required.
            OutcomeUnknown: The email may have been sent. Repeat the call with the same key.
            LoopsError: Any other failure; nothing was sent.
        """
        if email is not UNSET:
            fields["email"] = email
        if isinstance(transactional_id, TransactionalEmail):
            mail = record_from(TransactionalEmail, transactional_id, fields)
        else:
            fields["transactional_id"] = transactional_id
            mail = build_record(TransactionalEmail, fields)
        deadline = self._deadline(timeout)
        key = check_key(idempotency_key)
        body = await _encode_attached(mail) if mail.attachments else _encode(mail)
        answer = await self._call(SEND, deadline, body=body, idempotency_key=key)
        return SendReceipt(key, answer.attempts, answer.value, answer.dry_run)

    def list(
        self, *, per_page: int = 50, cursor: str | None = None, timeout: Timeout = UNSET
    ) -> Pages[PublishedTransactionalEmail]:
        """List published transactional emails, with the data variables of each.

        See https://loops.so/docs/api-reference/list-transactional-emails-v1. Loops has deprecated
        this operation.

        Args:
            per_page: How many emails each request returns, 10 to 50.
            cursor: The ``next_cursor`` of a page, to begin with the page after it.
            timeout: Seconds for each page; None for no limit.

        Returns:
            ``Pages``: iterate over it with ``async for``, or ``await`` it for the whole list.

        Raises:
            InvalidInput: ``per_page`` or ``cursor`` is not valid; nothing was sent.
            LoopsError: While iterating: a page could not be fetched.
        """
        return self._pages(LIST, per_page, cursor, timeout)


async def _encode_attached(mail: TransactionalEmail) -> bytes:
    """Encode ``mail`` as JSON, in a thread if it has files to read or large attachments."""
    in_memory = sum(len(a.data) for a in mail.attachments if isinstance(a.data, bytes))
    if in_memory > _ENCODED_IN_THREAD or any(
        not isinstance(a.data, bytes) for a in mail.attachments
    ):
        return await asyncio.to_thread(_encode, mail)
    return _encode(mail)


def _encode(mail: TransactionalEmail) -> bytes:
    if mail.attachments:
        # Base64 encodes three bytes as four. Files that are too large are rejected without being
        # read.
        size = total_size(mail.attachments) * 4 // 3
        if size > MAX_MAIL_SIZE:
            raise _too_large(mail, size)
        mail = attrs.evolve(mail, attachments=read_files(mail.attachments))
    body = encode(mail)
    if len(body) > MAX_MAIL_SIZE:
        raise _too_large(mail, len(body))
    return body


def _too_large(mail: TransactionalEmail, size: int) -> InvalidInput:
    field = "attachments" if mail.attachments else "data_variables"
    return InvalidInput(
        f"{field}: the email has at least {size} bytes of JSON, and Loops accepts "
        f"{MAX_MAIL_SIZE}; send less, or link to files",
        field=field,
    )
