"""What goes into a bulk run, row by row, and what comes out of it."""

import inspect
from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias, cast

import attrs

from loops_async import errors
from loops_async.freezing import unfrozen
from loops_async.records._validation import build_record
from loops_async.records.contacts import ContactReceipt, ContactUpdate

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
        dry_run: Whether this is a dry run's outcome: nothing was sent, though nothing was wrong.
        row: What the source gave, where it was no contact at all; None otherwise. Not in the repr.
    """

    index: int
    contact: ContactUpdate | None
    id: str | None
    error: errors.LoopsError | None
    attempts: int
    dry_run: bool = False
    row: object = attrs.field(default=None, repr=False)


_outcome: Final = unfrozen(Outcome)


def applied(index: int, contact: ContactUpdate | None, receipt: ContactReceipt) -> Outcome:
    """The ``Outcome`` of a row that went in, for less than its constructor takes."""
    outcome = _outcome()
    outcome.index = index
    outcome.contact = contact
    outcome.id = receipt.id
    outcome.error = None
    outcome.attempts = receipt.attempts
    outcome.dry_run = receipt.dry_run
    outcome.row = None
    outcome.__class__ = Outcome
    return cast("Outcome", outcome)


OnOutcome: TypeAlias = Callable[[Outcome], object]
"""What is called with each row's outcome."""


@attrs.frozen
class Unfinished:
    """A row that was read but whose outcome was not told, because the run ended early.

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
    # The usual one is known at once; to ask an abstract class is slow.
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


def stops_everything(error: errors.LoopsError) -> bool:
    """Whether ``error``, or what is behind it, is not about one row and would meet every other."""
    kinds = (
        errors.Unauthorized,
        errors.ConfigurationError,
        errors.SessionClosed,
        errors.WrongEventLoop,
    )
    return isinstance(error, kinds) or isinstance(error.__cause__, kinds)


def check_run(source: object, concurrency: object, total: object, on_outcome: object) -> None:
    """Refuse what no run can be made of.

    Raises:
        InvalidCall: No iterable of rows, no number of rows, or nothing that can be told of them.
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
    called = type(on_outcome).__call__
    if inspect.iscoroutinefunction(on_outcome) or inspect.iscoroutinefunction(called):
        raise _not_plain()


def tell(on_outcome: OnOutcome, outcome: Outcome) -> None:
    """Call ``on_outcome``.

    Raises:
        InvalidCall: It gave a coroutine, which nobody would run.
    """
    told = on_outcome(outcome)
    if inspect.iscoroutine(told):
        told.close()
        raise _not_plain()


def _not_plain() -> errors.InvalidCall:
    return errors.InvalidCall(
        "on_outcome: must be a plain function, for nothing awaits it; what has to be awaited "
        "belongs into the loop over the run"
    )
