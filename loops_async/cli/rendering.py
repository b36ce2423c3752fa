"""The events and reports of an import as text."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import attrs

from loops_async.cli.console import Console, ProgressDisplay, format_duration
from loops_async.importer import events
from loops_async.importer.errors import count_noun, quote_name, quote_path
from loops_async.importer.planning import ImportPlan
from loops_async.importer.report import ImportReport, RowProblems

MOST_REASONS: Final = 20
"""Rows of each kind that are named; all of them are counted."""


@attrs.define
class ImportScreen:
    """Prints the events of an import of ``file``.

    ``more`` are words for a suggested command, such as ``--rate=5``; ``on_started`` is called when
    the rows are about to be sent.
    """

    console: Console
    file: str
    more: Sequence[str] = ()
    dry: bool = False
    on_started: Callable[[], None] = lambda: None
    how_to_stop_now: Callable[[], str] = str
    _display: ProgressDisplay | None = attrs.field(default=None, init=False)

    def show(self, event: events.ImportEvent) -> None:
        """Print one event."""
        console = self.console
        match event:
            case events.ImportProgress():
                if self._display is None:
                    doing = "checking" if self.dry else "importing"
                    self._display = ProgressDisplay(doing, json_lines=console.json_lines)
                self._display.update(event)
            case events.OptionsRestored(options, journal):
                command = options.command(self.file, resume=True, more=self.more)
                console.log(f"Using the options in {journal}: {command}")
            case events.ColumnsPlanned(plan):
                console.document |= plan.as_dict()
                self._show_plan(plan)
            case events.PropertyCreated(new):
                console.log(f"created the {new.type} property {new.key}")
            case events.ImportNotice(_, message):
                console.log(message)
            case events.ImportStarted():
                self.on_started()
            case events.ImportStopping():
                self._log_beside_bar(self._stopping(event))
            case events.ImportFinished(report):
                self.close()
                self._show_report(report)

    def _log_beside_bar(self, text: str) -> None:
        if self._display is None or not self._display.print(text):
            self.console.log(text)

    def close(self) -> None:
        """Remove the progress bar."""
        if self._display is not None:
            self._display.close()
            self._display = None

    def _show_plan(self, plan: ImportPlan) -> None:
        if plan.objection:
            # The rows are checked all the same, so that everything can be fixed at once.
            self.console.fail(plan.objection)
            return
        for line in describe_plan(plan):
            self.console.log(line)
        for new in plan.new_properties if self.dry and plan.account_asked else ():
            column = quote_name(new.column)
            self.console.log(f"import would create the {new.type} property {new.key} for {column}")

    def _stopping(self, event: events.ImportStopping) -> str:
        rows = count_noun(event.in_flight, "row")
        if event.reason == "unavailable":
            return (
                f"The last {event.failures} rows have failed although nothing is wrong with them: "
                f"reading no more rows, and finishing {rows} in progress."
            )
        time = f", about {format_duration(event.seconds)}" if event.seconds else ""
        return f"Finishing {rows} in progress{time}; {self.how_to_stop_now()}."

    def _show_report(self, report: ImportReport) -> None:
        console = self.console
        if report.error:
            console.fail(report.error)
        command = None
        if report.resumable:
            command = report.options.command(self.file, resume=True, more=self.more)
        console.document |= report.as_dict() | {"resume": command}
        for line in summarize_dry_run(report) if report.dry_run else summarize(report):
            console.print(line)
        if report.rejected_file:
            again = report.options.command(report.rejected_file, resume=False, more=self.more)
            console.print(
                f"The rejected rows are in {quote_path(report.rejected_file)}. Correct them there, "
                "then import that file:"
            )
            console.print(f"  {again}")
        elif report.rejected.count and not report.dry_run:
            console.print("The rejected rows were not kept; --rejected PATH keeps them.")
        if report.file_changed:
            problem = (
                f"{self.file}: changed while it was imported, so it is unknown which of its "
                "current rows were imported; import all of them again, with --restart"
            )
            console.warn(problem)
            console.error = console.error or problem
        if command:
            console.log(f"Continue with: {command}")


def describe_plan(plan: ImportPlan) -> Iterator[str]:
    """Where each column goes, and which are left out."""
    yield from map(str, plan.columns)
    if plan.left_out:
        reasons = ((quote_name(name), f" ({why})" if why else "")
                   for name, why in plan.left_out.items())  # fmt: skip
        yield f"left out: {', '.join(name + why for name, why in reasons)}"
    if plan.account_asked:
        return
    if plan.new_properties:
        yield (
            "Loops was not asked for its properties; these columns are checked against the type "
            "of their own values:"
        )
        yield from (f"  {new}" for new in plan.new_properties)
    elif plan.unchecked:
        names = ", ".join(map(quote_name, plan.unchecked))
        yield f"Loops was not asked for its properties; not checked: {names}"


def summarize(report: ImportReport, created: int | None = None) -> list[str]:
    """The result of an import.

    Args:
        report: The result.
        created: How many contacts are new, if known; Loops does not report it.
    """
    imported = f"{report.applied} imported"
    if created is not None:
        imported += f" ({created} created, {report.applied - created} updated)"
    parts = [imported, f"{report.rejected.count} rejected", *_skipped(report)]
    if report.failed.count:
        again = "" if report.has_journal else ", import them again"
        parts.append(f"{report.failed.count} failed{again}")
    if report.not_done:
        # Rows in flight may have arrived.
        again = "" if report.has_journal else "; run it again: some rows may be sent twice"
        parts.append(f"{report.not_done} not done{again}")
    before = ""
    if report.done_before:
        before = f" ({report.done_before} of these rows were done before"
        if named := report.rejected.before:
            those = f"the {named} rejected then are" if named > 1 else "the one rejected then is"
            before += f"; {those} not named again"
        before += ")"
    # Before a second is over, the burst at the start would be taken for a pace.
    pace = f", {report.requests / report.seconds:.1f} per second" if report.seconds >= 1 else ""
    lines = [
        f"{count_noun(report.rows, 'row')}: {', '.join(parts)}{before}",
        *problem_lines(report.rejected),
        *reason_lines(report.failed),
        (
            f"{report.seconds:.1f} s, {count_noun(report.requests, 'request')}{pace}, "
            f"{report.rate_limited} rate-limited"
        ),
    ]
    if report.overtaken.count:
        lines.append(str(report.overtaken))
    return lines


def summarize_dry_run(report: ImportReport) -> list[str]:
    """The result of a dry run."""
    sent = ", ".join(f"{count} × {name}" for name, count in report.would_send.items())  # noqa: RUF001
    counts = count_checked(report, "valid" if report.would_stop else "would be sent")
    last = (
        describe_stop(report) if report.would_stop else f"Would have been sent: {sent or 'nothing'}"
    )
    return [f"Dry run, nothing was sent. {counts}", *problem_lines(report.rejected), last]


def count_checked(report: ImportReport, valid: str) -> str:
    """How many rows are valid, which ``valid`` describes, and how many are not."""
    parts = [f"{report.applied} {valid}", f"{report.rejected.count} rejected", *_skipped(report)]
    return f"{count_noun(report.rows, 'row')}: {', '.join(parts)}"


def describe_stop(report: ImportReport) -> str:
    """What follows from the objection of the plan, which was printed before."""
    rows = count_noun(report.applied, "row")
    parts = [f"{rows} would be sent", f"{report.rejected.count} rejected", *_skipped(report)]
    return (
        "An import would stop before the first row (see the error above). "
        f"Otherwise {', '.join(parts)}."
    )


def _skipped(report: ImportReport) -> list[str]:
    return [f"{report.skipped} left out because they opted out"] if report.skipped else []


def problem_lines(problems: RowProblems, most: int = MOST_REASONS) -> list[str]:
    """A line for each of the first rows, and one for the others."""
    lines = [f"  line {line}: {reason}" for line, reason in sorted(problems.first)[:most]]
    rest = problems.count - problems.before - len(lines)
    return [*lines, f"  … and {rest} more"] if rest else lines


def reason_lines(problems: RowProblems) -> list[str]:
    """A line for each reason, where rows differ in little more than their line."""
    lines: list[str] = []
    rest = problems.count - problems.before
    for reason, (count, low, high) in sorted(
        problems.by_reason.items(), key=lambda item: item[1][1]
    ):
        rest -= count
        where = f"line {low}" if count == 1 else f"{count} rows, lines {low} to {high}"
        lines.append(f"  {where}: {reason}")
    return [*lines, f"  … and {rest} more"] if rest else lines
