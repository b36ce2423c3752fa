"""The rows of a bulk run and their outcomes, and validation of its arguments."""

import inspect
from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from typing import Any, Final, Protocol, TypeAlias, cast

import attrs

from loops_async import errors
from loops_async.records._request_record import build_record
from loops_async.records._value_descriptions import type_name
from loops_async.records.contacts import ContactUpdate


class NamedRow(Protocol):
    """A database row with column names, such as ``sqlite3.Row``."""

    def keys(self) -> Iterable[str]:
        """Return the names."""
        ...

    def __getitem__(self, name: str, /) -> Any: ...


class NamedTupleRow(Protocol):
    """A named tuple, or a row of SQLAlchemy."""

    def _asdict(self) -> Mapping[str, Any]: ...


Row: TypeAlias = ContactUpdate | Mapping[str, Any] | NamedRow | NamedTupleRow
"""A contact to update, or its fields: a mapping, or a row of a database driver."""

Source: TypeAlias = Iterable[Row] | AsyncIterable[Row]
"""The rows of a run."""


@attrs.frozen(slots=False)
class Outcome:
    """The outcome of one row.

    Attributes:
        index: The row's position in the source, from 0.
        contact: The contact to send; None if the row is not a valid contact.
        id: The contact's id at Loops, or None after an error.
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
        started: Whether sending had begun, so that Loops may have received the row. If False, it
            was not sent.
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
    try:
        fields = _fields_of(row)
        if fields is not None:
            return build_record(ContactUpdate, fields)
    except errors.LoopsError:
        raise
    except Exception as error:  # noqa: BLE001 - a mapping is the caller's code
        problem = f"the row could not be read ({type(error).__name__})"
    else:
        problem = (
            "a row must be a ContactUpdate or a mapping of its fields, such as a dict or a row of "
            f"a database driver, not {type_name(row)}"
        )
        if isinstance(row, tuple | list):
            problem += (
                "; let the driver return rows with names, for example with row_factory = "
                "sqlite3.Row, or iter_rows(named=True) in polars"
            )
    raise errors.InvalidCall(problem)


def _fields_of(row: Any) -> Mapping[str, Any] | None:
    """Return the fields of a row, or None if it has no column names."""
    kind = cast("Any", type(row))
    # Testing for dict first is faster than testing for the abstract class.
    if kind is dict or issubclass(kind, Mapping):
        return row  # type: ignore[no-any-return]
    # Named tuples, and the rows of SQLAlchemy.
    if hasattr(kind, "_asdict"):
        return row._asdict()  # type: ignore[no-any-return]
    # sqlite3.Row, asyncpg.Record and others behave like mappings but are not registered as such.
    if hasattr(kind, "keys") and hasattr(kind, "__getitem__"):
        return {name: row[name] for name in row.keys()}  # noqa: SIM118 - see above
    return None


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
    _check_no_frame(source)
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


_FRAME_ROWS: Final = {
    "pandas.DataFrame": (
        "({k: v for k, v in row.items() if pandas.notna(v)} for row in df.to_dict('records'))"
    ),
    "polars.DataFrame": (
        "({k: v for k, v in row.items() if v is not None} for row in df.iter_rows(named=True))"
    ),
    "polars.LazyFrame": "the rows of df.collect(), which is a DataFrame",
    "pyarrow.Table": (
        "({k: v for k, v in row.items() if v is not None} for row in table.to_pylist())"
    ),
}
"""Code that iterates over the rows of each kind of data frame, without missing values, which would
empty fields at Loops."""


def _check_no_frame(source: object) -> None:
    """Check that ``source`` is not a data frame, which is iterated by column.

    Raises:
        InvalidCall: It is a data frame. The message contains code to use instead.
    """
    for kind in type(source).__mro__:
        name = f"{kind.__module__.partition('.')[0]}.{kind.__name__}"
        if name in _FRAME_ROWS:
            raise errors.InvalidCall(
                f"source: a {name} is iterated by column, not by row; pass {_FRAME_ROWS[name]}"
            )


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
