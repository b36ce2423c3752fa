"""What an import did: counted while it runs, told when it ends."""

import time
from collections.abc import Callable

import attrs

from loops_async.pipeline.observing import Attempt

MOST_REASONS = 20
"""Rows that the summary names, of each kind; all of them are counted."""

MOST_IN_JSON = 10_000
"""Rows that a JSON document names, of each kind."""


def tally_for(*, as_json: bool) -> "Tally":
    """A tally that keeps as many reasons as will be shown."""
    most = MOST_IN_JSON if as_json else MOST_REASONS
    return Tally(rejected=Setbacks(most=most), failed=Setbacks(most=most))


def counted(number: int, noun: str) -> str:
    """``1 row``, ``2 rows``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


@attrs.define
class Setbacks:
    """Rows that did not go in, for one kind of reason.

    Attributes:
        count: How many.
        first: The line and the reason of some of them.
        before: How many of them an earlier import has named.
        most: How many of them ``first`` holds at the most.
        folded: Of each reason, as far as there are few, how many rows have it, and the line of the
            first and of the last of them.
    """

    count: int = 0
    first: list[tuple[int, str]] = attrs.field(factory=list[tuple[int, str]])
    before: int = 0
    most: int = MOST_REASONS
    folded: dict[str, tuple[int, int, int]] = attrs.field(factory=dict[str, tuple[int, int, int]])

    def add(self, line: int, reason: str, kind: str | None = None) -> None:
        """Note the row that begins on ``line``; ``kind`` is what ``reason`` is folded under."""
        self.count += 1
        if len(self.first) < self.most:
            self.first.append((line, reason))
        kind = kind or reason
        if kind in self.folded or len(self.folded) < MOST_REASONS:
            count, low, high = self.folded.get(kind, (0, line, line))
            self.folded[kind] = count + 1, min(low, line), max(high, line)

    def lines(self, most: int = MOST_REASONS) -> list[str]:
        """One line of text for each of the first ``most`` rows, and one for the rest."""
        shown = [f"  line {line}: {reason}" for line, reason in sorted(self.first)[:most]]
        rest = self.count - self.before - len(shown)
        return [*shown, f"  … and {rest} more"] if rest else shown

    def folded_lines(self) -> list[str]:
        """One line of text for each reason, where rows have little more to tell than that."""
        shown: list[str] = []
        rest = self.count - self.before
        for reason, (count, low, high) in sorted(self.folded.items(), key=lambda one: one[1][1]):
            rest -= count
            where = f"line {low}" if count == 1 else f"{count} rows, lines {low} to {high}"
            shown.append(f"  {where}: {reason}")
        return [*shown, f"  … and {rest} more"] if rest else shown


@attrs.define
class Tally:
    """The counts of one import.

    Attributes:
        total: Rows in the file.
        cut_short: Whether the file could not be read, or the journal not written, to the end.
        applied: Rows that Loops took, those before included.
        rejected: Rows that the file or Loops says are wrong, those before included.
        failed: Rows that nothing was wrong with; Loops or the network was.
        before: Rows that were over before, in an import that this one goes on with.
        rate: Rows per second lately.
        requests: Requests sent, retries and questions included.
        rate_limited: Requests answered with 429.
    """

    total: int = 0
    cut_short: bool = False
    applied: int = 0
    rejected: Setbacks = attrs.field(factory=Setbacks)
    failed: Setbacks = attrs.field(factory=Setbacks)
    before: int = 0
    rate: float = 0.0
    requests: int = 0
    rate_limited: int = 0
    clock: Callable[[], float] = time.monotonic
    began: float = attrs.field(default=attrs.Factory(lambda self: self.clock(), takes_self=True))

    @property
    def done(self) -> int:
        """Rows that are over, one way or the other."""
        return self.applied + self.rejected.count + self.failed.count

    @property
    def not_done(self) -> int:
        """Rows that are not over."""
        return self.total - self.done

    @property
    def seconds(self) -> float:
        """Seconds since it began."""
        return self.clock() - self.began

    @property
    def seconds_left(self) -> float | None:
        """Seconds that the rest takes at this rate; None as long as nobody can know."""
        return self.not_done / self.rate if self.rate > 0 else None

    @property
    def complete(self) -> bool:
        """Whether every row went in, as far as the file is known."""
        return self.applied == self.total and not self.cut_short

    def watch(self, attempt: Attempt) -> None:
        """Count a request; to be given to a client as ``on_attempt``."""
        self.requests += 1
        self.rate_limited += attempt.status == 429

    def document(self) -> dict[str, object]:
        """The counts and the reasons, for scripts."""
        named = (("rejected", self.rejected), ("failed", self.failed))
        return {
            "rows": self.total,
            "applied": self.applied,
            "rejected": self.rejected.count,
            "failed": self.failed.count,
            "not_done": self.not_done,
            "done_before": self.before,
            "reasons": [
                {"line": line, "outcome": outcome, "reason": reason}
                for outcome, setbacks in named
                for line, reason in sorted(setbacks.first)
            ],
            "requests": self.requests,
            "rate_limited": self.rate_limited,
            "seconds": round(self.seconds, 3),
        }

    def summary(self, created: int | None = None, *, resumable: bool = False) -> str:
        """The end of the story, in a few lines.

        Args:
            created: Contacts that did not exist before, where somebody knows; Loops does not say.
            resumable: Whether another import can go on where this one ends.
        """
        went = f"{self.applied} applied"
        if created is not None:
            went += f" ({created} created, {self.applied - created} updated)"
        parts = [went, f"{self.rejected.count} rejected"]
        if self.failed.count:
            again = "" if resumable else ", import them again"
            parts.append(f"{self.failed.count} failed{again}")
        if self.not_done:
            # Rows that were on their way may have arrived.
            again = "" if resumable else "; run it again: an update may be repeated"
            parts.append(f"{self.not_done} not done{again}")
        seconds = self.seconds
        # Before a second is over, the burst at the start would be taken for a pace.
        pace = f", {self.requests / seconds:.1f} per second" if seconds >= 1 else ""
        requests = f"{counted(self.requests, 'request')}{pace}"
        before = f" ({self.before} of these rows were done before)" if self.before else ""
        named = self.rejected.before
        if named:
            then = f"the {named} rejected then are" if named > 1 else "the one rejected then is"
            before = before.removesuffix(")") + f"; {then} not named again)"
        return "\n".join(
            [
                f"{counted(self.total, 'row')}: {', '.join(parts)}{before}",
                *self.rejected.lines(),
                *self.failed.folded_lines(),
                f"{seconds:.1f} s, {requests}, {self.rate_limited} of them 429",
            ]
        )
