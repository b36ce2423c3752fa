"""The events of an import, as plain values."""

from typing import TYPE_CHECKING, Literal, TypeAlias

import attrs

if TYPE_CHECKING:
    from loops_async.importer.options import ImportOptions
    from loops_async.importer.planning import ImportPlan, NewProperty
    from loops_async.importer.report import ImportReport


@attrs.frozen
class OptionsRestored:
    """A resumed import takes the options it began with, since it was given none.

    Attributes:
        options: The options.
        journal: What messages call the journal that recorded them.
    """

    options: "ImportOptions"
    journal: str


@attrs.frozen
class ColumnsPlanned:
    """Every column has its target; nothing was sent or created yet.

    Attributes:
        plan: What happens with each column.
    """

    plan: "ImportPlan"


@attrs.frozen
class PropertyCreated:
    """A contact property was created.

    Attributes:
        property: The property.
    """

    property: "NewProperty"


@attrs.frozen
class ImportNotice:
    """Something that the user should know and that does not stop the import.

    Attributes:
        code: What it is about.
        message: A sentence about it.
    """

    code: Literal[
        "addresses_cleaned",
        "already_complete",
        "file_read",
        "new_file",
        "no_journal",
        "null_words",
        "rejects_kept",
        "resubscribing",
        "resumed",
    ]
    message: str


@attrs.frozen
class ImportStarted:
    """The rows are about to be sent; from now on ``stop`` lets those in flight finish.

    Attributes:
        rows: Rows in the file.
        done_before: Rows of these that were done before.
    """

    rows: int
    done_before: int


@attrs.frozen(kw_only=True)
class ImportProgress:
    """How far an import has come; sent for each row that Loops answers, and once a second.

    Attributes:
        rows: Rows in the file.
        applied: Rows that Loops accepted.
        rejected: Rows that the file or Loops says are wrong.
        failed: Rows that could not be sent although nothing is wrong with them.
        skipped: Rows of people who have opted out.
        requests: Requests that the client has sent since the import began.
        rate_limited: Requests that were answered with 429.
        rate: Rows per second lately.
    """

    rows: int
    applied: int = 0
    rejected: int = 0
    failed: int = 0
    skipped: int = 0
    requests: int = 0
    rate_limited: int = 0
    rate: float = 0.0

    @property
    def done(self) -> int:
        """Rows with an outcome, including those of earlier runs."""
        return self.applied + self.rejected + self.failed + self.skipped

    @property
    def seconds_left(self) -> float | None:
        """Seconds that the remaining rows take at this rate; None while it is unknown."""
        return (self.rows - self.done) / self.rate if self.rate > 0 else None


@attrs.frozen
class ImportStopping:
    """No more rows are read; those in flight finish.

    Attributes:
        reason: ``requested``: ``stop`` was set. ``unavailable``: many rows in a row have failed.
        in_flight: How many rows have to finish.
        seconds: About how long that takes; None if unknown.
        failures: How many rows in a row have failed.
    """

    reason: Literal["requested", "unavailable"]
    in_flight: int
    seconds: float | None
    failures: int = 0


@attrs.frozen
class ImportFinished:
    """The import has ended; also sent if an error or a cancellation ended it after it started.

    Attributes:
        report: What it did.
    """

    report: "ImportReport"


ImportEvent: TypeAlias = (
    OptionsRestored
    | ColumnsPlanned
    | PropertyCreated
    | ImportNotice
    | ImportStarted
    | ImportProgress
    | ImportStopping
    | ImportFinished
)
"""What ``on_progress`` is called with."""
