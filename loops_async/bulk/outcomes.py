"""The rows of a bulk run and their outcomes, and validation of its arguments."""

import inspect
from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from typing import Any, TypeAlias, cast

import attrs

from loops_async import errors
from loops_async.records._validation import build_record
from loops_async.records.contacts import ContactUpdate

Row: TypeAlias = ContactUpdate | Mapping[str, Any]
"""A contact to update, or its fields."""

Source: TypeAlias = Iterable[Row] | AsyncIterable[Row]
"""The rows of a run."""


@attrs.frozen
class Outcome:
    """The outcome of one row.

    Attributes:
        index: The row's position in the source, from 0.
        contact: The contact to send; None if the row is not a valid contact.
        id: The contact's ID at Loops, or None after an error.
        error: Why the row failed, or None.
        attempts: The number of requests sent; 0 if nothing was sent.
        dry_run: Whether this is the outcome of a dry run, in which nothing was sent.
        row: The row from the source if it is not a valid contact; None otherwise. Not in the repr.
    """

    index: int
    contact: ContactUpdate | None
    id: str | None
    error: errors.LoopsError | None
    attempts: int
    dry_run: bool = False
    row: object = attrs.field(default=None, repr=False)


OnOutcome: TypeAlias = Callable[[Outcome], object]
"""Called with the outcome of each row."""


@attrs.frozen
class Unfinished:
    """A row that was read but whose outcome was not reported, because the run ended early.

    Attributes:
        index: The row's position in the source, from 0.
        contact: The contact to send; None if the row is not a valid contact.
        started: Whether sending had begun, so that Loops may have received it. False means that
            it was certainly not sent.
    """

    index: int
    contact: ContactUpdate | None
    started: bool


def contact_of(row: object) -> ContactUpdate:
    """Convert ``row`` to a contact.

    Raises:
        InvalidInput: A value is invalid.
        InvalidCall: The row is neither a contact nor a mapping of its fields.
    """
    if isinstance(row, ContactUpdate):
        return row
    # Testing for dict first is faster than for the abstract class.
    if type(row) is dict or isinstance(row, Mapping):
        try:
            return build_record(ContactUpdate, cast("Mapping[str, Any]", row))
        except errors.LoopsError:
            raise
        except Exception as error:  # noqa: BLE001 - a mapping is the caller's code
            kind = type(error).__name__
        raise errors.InvalidCall(f"the row could not be read ({kind})")
    raise errors.InvalidCall(
        f"a row must be a ContactUpdate or a mapping of its fields, not {type(row).__name__}"
    )


def ends_run(error: errors.LoopsError) -> bool:
    """Return whether ``error`` or its cause would affect all other rows as well."""
    kinds = (
        errors.Unauthorized,
        errors.ConfigurationError,
        errors.SessionClosed,
        errors.WrongEventLoop,
    )
    return isinstance(error, kinds) or isinstance(error.__cause__, kinds)


def check_run(source: object, concurrency: object, total: object, on_outcome: object) -> None:
    """Validate the arguments of a run.

    Raises:
        InvalidCall: An argument is invalid.
    """
    if isinstance(concurrency, bool) or not isinstance(concurrency, int) or concurrency < 1:
        raise errors.InvalidCall("concurrency: must be a whole number of at least 1")
    kind = type(source).__name__
    if isinstance(source, str | bytes | Mapping | ContactUpdate) or not isinstance(
        source, Iterable | AsyncIterable
    ):
        raise errors.InvalidCall(
            "source: must be an iterable or async iterable of ContactUpdate or mappings, not "
            f"{kind}"
        )
    if total is not None and (isinstance(total, bool) or not isinstance(total, int) or total < 0):
        raise errors.InvalidCall("total: must be a whole number of rows, or None")
    if on_outcome is not None:
        _check_callback(on_outcome)


def _check_callback(on_outcome: object) -> None:
    if not callable(on_outcome):
        raise errors.InvalidCall(
            f"on_outcome: must be callable with an Outcome, not {type(on_outcome).__name__}"
        )
    call = type(on_outcome).__call__
    if inspect.iscoroutinefunction(on_outcome) or inspect.iscoroutinefunction(call):
        raise _is_coroutine_function()


def call_on_outcome(on_outcome: OnOutcome, outcome: Outcome) -> None:
    """Call ``on_outcome``.

    Raises:
        InvalidCall: It returned a coroutine.
    """
    result = on_outcome(outcome)
    if inspect.iscoroutine(result):
        result.close()
        raise _is_coroutine_function()


def _is_coroutine_function() -> errors.InvalidCall:
    return errors.InvalidCall(
        "on_outcome: must be a plain function, because it is not awaited; await in the loop over "
        "the run instead"
    )
