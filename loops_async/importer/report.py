"""What an import did: counts, and the reasons for rows that were not imported."""

from typing import Any, Final

import attrs

from loops_async.importer.events import ImportProgress
from loops_async.importer.options import ImportOptions
from loops_async.importer.planning import ImportPlan
from loops_async.importer.warnings import OvertakenRows, RepeatedContacts

MOST_REASONS: Final = 10_000
"""Rows of each kind whose reasons a report keeps; all of them are counted."""

_MOST_KINDS: Final = 20


@attrs.define
class RowProblems:
    """Rows that were not imported, of one kind.

    Attributes:
        count: How many.
        first: The line and the reason of the first ``most`` of them, in order of their outcome.
        before: How many of them an earlier run of the import has reported.
        most: How many of them ``first`` holds at most.
        by_reason: For each reason, while there are few: how many rows, and the line of the first
            and the last of them.
    """

    count: int = 0
    first: list[tuple[int, str]] = attrs.field(factory=list[tuple[int, str]])
    before: int = 0
    most: int = MOST_REASONS
    by_reason: dict[str, tuple[int, int, int]] = attrs.field(
        factory=dict[str, tuple[int, int, int]]
    )

    def add(self, line: int, reason: str, summary: str | None = None) -> None:
        """Add the row that begins on ``line``, with its ``reason``.

        Args:
            line: The line.
            reason: Why the row was rejected.
            summary: The key of the reason in ``by_reason``; ``reason`` if left out.
        """
        self.count += 1
        if len(self.first) < self.most:
            self.first.append((line, reason))
        summary = summary or reason
        if summary in self.by_reason or len(self.by_reason) < _MOST_KINDS:
            count, low, high = self.by_reason.get(summary, (0, line, line))
            self.by_reason[summary] = count + 1, min(low, line), max(high, line)


@attrs.define
class ImportReport:
    """What an import did, or what it would do: ``validate_file`` and dry runs send nothing.

    Attributes:
        rows: Rows in the file.
        applied: Rows that Loops accepted, or would be sent, including those of earlier runs.
        rejected: Rows that the file or Loops says are wrong, including those of earlier runs.
        failed: Rows that could not be sent although nothing is wrong with them.
        skipped: Rows of people who have opted out, which ``ImportOptions.opted_out`` leaves out.
        done_before: Rows that were done before, in the run that this one continues.
        requests: Requests that the client sent during the import, retries included.
        rate_limited: Requests that were answered with 429.
        rate: Rows per second lately.
        seconds: How long it took.
        options: The options it ran with; a resumed import takes those it began with.
        plan: What was done with each column.
        resubscribing: Rows that set ``subscribed`` to true, of those that were not done before.
        repeated: Rows whose contact an earlier row has; counted only if nothing is sent.
        overtaken: Rejected rows whose contact a later row has updated.
        rejected_file: The file of rejected rows; None without any.
        has_journal: Whether a journal records what is done.
        resumable: Whether ``resume`` would send the rows that are not done.
        stopped: Whether it was asked to stop.
        unavailable: Why it stopped by itself, after many rows in a row had failed; else None.
        error: What cut it short, such as a full disk; else None.
        file_changed: Whether the file changed while it was imported.
        dry_run: Whether nothing was sent.
        would_send: How many requests a dry run would have sent, by endpoint; empty if an import
            would stop before the first row.
    """

    rows: int = 0
    applied: int = 0
    rejected: RowProblems = attrs.field(factory=RowProblems)
    failed: RowProblems = attrs.field(factory=RowProblems)
    skipped: int = 0
    done_before: int = 0
    requests: int = 0
    rate_limited: int = 0
    rate: float = 0.0
    seconds: float = 0.0
    options: ImportOptions = attrs.field(factory=ImportOptions)
    plan: ImportPlan = attrs.field(factory=lambda: ImportPlan(()))
    resubscribing: int = 0
    repeated: RepeatedContacts = attrs.field(factory=RepeatedContacts)
    overtaken: OvertakenRows = attrs.field(factory=OvertakenRows)
    rejected_file: str | None = None
    has_journal: bool = False
    resumable: bool = False
    stopped: bool = False
    unavailable: str | None = None
    error: str | None = None
    file_changed: bool = False
    dry_run: bool = False
    would_send: dict[str, int] = attrs.field(factory=dict[str, int])

    @property
    def done(self) -> int:
        """Rows with an outcome."""
        return self.applied + self.rejected.count + self.failed.count + self.skipped

    @property
    def not_done(self) -> int:
        """Rows without an outcome."""
        return self.rows - self.done

    @property
    def complete(self) -> bool:
        """Whether every row was imported."""
        is_cut_short = self.plan.objection or self.error or self.file_changed
        return self.applied + self.skipped == self.rows and not is_cut_short

    @property
    def would_stop(self) -> bool:
        """Whether an import would stop before the first row; ``plan.objection`` is the reason."""
        return self.plan.objection is not None

    def progress(self) -> ImportProgress:
        """The counts at this moment."""
        return ImportProgress(
            rows=self.rows,
            applied=self.applied,
            rejected=self.rejected.count,
            failed=self.failed.count,
            skipped=self.skipped,
            requests=self.requests,
            rate_limited=self.rate_limited,
            rate=self.rate,
        )

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON values, with the reasons."""
        return {
            "dry_run": self.dry_run,
            "would_send": self.would_send,
            "would_stop": self.would_stop,
            "rows": self.rows,
            "applied": self.applied,
            "rejected": self.rejected.count,
            "failed": self.failed.count,
            "skipped": self.skipped,
            "not_done": self.not_done,
            "done_before": self.done_before,
            "reasons": [
                {"line": line, "outcome": outcome, "reason": reason}
                for outcome, problems in (("rejected", self.rejected), ("failed", self.failed))
                for line, reason in sorted(problems.first)
            ],
            "requests": self.requests,
            "rate_limited": self.rate_limited,
            "seconds": round(self.seconds, 3),
            "resubscribing": self.resubscribing,
            "rejected_file": self.rejected_file,
            **self.plan.as_dict(),
        }
