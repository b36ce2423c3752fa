"""What goes into a bulk run, row by row, and what comes out of it."""

from collections.abc import AsyncIterable, Iterable, Mapping
from typing import Any, TypeAlias

import attrs

from loops_async import errors
from loops_async.records.contacts import ContactUpdate
from loops_async.records.fields import built

Row: TypeAlias = ContactUpdate | Mapping[str, Any]
"""A contact to update, or the fields of one."""

Source: TypeAlias = Iterable[Row] | AsyncIterable[Row]
"""Where the rows of a run come from."""


@attrs.frozen
class Outcome:
    """What became of one row.

    Attributes:
        index: The row's place in the source, from 0.
        contact: What was to be sent; None where the row was no contact at all.
        id: Loops' id of the contact, or None after an error.
        error: Why the row did not go in, or None.
        attempts: Requests that it took; 0 where nothing was sent.
    """

    index: int
    contact: ContactUpdate | None
    id: str | None
    error: errors.LoopsError | None
    attempts: int


@attrs.frozen
class Unfinished:
    """A row that was read but whose outcome was not given, because the run ended early.

    Attributes:
        index: The row's place in the source, from 0.
        contact: What was to be sent; None where the row was no contact at all.
        started: Whether its sending had begun, so that Loops may have it; False means surely not
            sent.
    """

    index: int
    contact: ContactUpdate | None
    started: bool


def contact_of(row: object) -> ContactUpdate:
    """The contact that ``row`` is.

    Raises:
        InvalidInput: A value that Loops could not take.
        InvalidCall: No contact and no mapping of its fields.
    """
    if isinstance(row, ContactUpdate):
        return row
    if isinstance(row, Mapping):
        return built(ContactUpdate, row)
    raise errors.InvalidCall(
        f"a row must be a ContactUpdate or a mapping of its fields, not {type(row).__name__}"
    )


def stops_everything(error: errors.LoopsError) -> bool:
    """Whether ``error``, or what is behind it, is not about one row and would meet every other."""
    kinds = (
        errors.Unauthorized,
        errors.ConfigurationError,
        errors.SessionClosed,
        errors.WrongEventLoop,
    )
    return isinstance(error, kinds) or isinstance(error.__cause__, kinds)


def check_source(source: object, concurrency: object) -> None:
    """Refuse what no run can be made of.

    Raises:
        InvalidCall: No iterable of rows, or no number of rows in flight.
    """
    if isinstance(concurrency, bool) or not isinstance(concurrency, int) or concurrency < 1:
        raise errors.InvalidCall("concurrency: must be a whole number of at least 1")
    if isinstance(source, str | bytes | Mapping | ContactUpdate) or not isinstance(
        source, Iterable | AsyncIterable
    ):
        raise errors.InvalidCall(
            "source: must be an iterable or async iterable of ContactUpdate or mappings, not "
            f"{type(source).__name__}"
        )
