"""Rejected rows of contacts that later rows have updated: to import them would undo that."""

from typing import Final

import attrs

from loops_async.cli.columns import Plan
from loops_async.cli.rows import Reading, Row
from loops_async.cli.tally import MOST_REASONS

MOST_KEPT: Final = 100_000
"""Rejected rows whose contacts are remembered; those beyond are not looked out for."""


@attrs.define
class Undoing:
    """Remembers whose the rejected rows are, as digests and not as addresses.

    Attributes:
        count: Rejected rows that a later row of their contact has overtaken.
        first: The line of some of them, and the line of the row that overtook it.
    """

    count: int = 0
    first: list[tuple[int, int]] = attrs.field(factory=list[tuple[int, int]])
    _waiting: dict[int, list[int]] = attrs.field(factory=dict[int, list[int]])
    _kept: int = 0
    _counted: set[int] = attrs.field(factory=set[int])

    def rejected(self, reading: Reading, plan: Plan) -> None:
        """Look out for later rows of this one's contact, where it can be read whose it is."""
        if self._kept < MOST_KEPT:
            for digest in _digests(reading, plan):
                self._kept += 1
                self._waiting.setdefault(digest, []).append(reading.line)

    def applied(self, reading: Reading, plan: Plan) -> None:
        """Take note of a row that went in."""
        if not self._waiting:
            return
        for digest in _digests(reading, plan):
            lines = self._waiting.get(digest)
            if lines is not None:
                # A row may be told of after a later one was rejected: that one undoes nothing.
                self._waiting[digest] = [line for line in lines if line > reading.line]
                for line in lines:
                    if line < reading.line:
                        self._note(line, reading.line)

    def __str__(self) -> str:
        """What the summary says of them; empty where there are none."""
        if not self.count:
            return ""
        rows = "1 rejected row is" if self.count == 1 else f"{self.count} rejected rows are"
        these = ", ".join(f"line {line} by line {later}" for line, later in self.first)
        rest = ", …" if self.count > len(self.first) else ""
        return (
            f"{rows} of contacts that a later row has updated, which importing the mended row "
            f"would undo: {these}{rest}"
        )

    def _note(self, line: int, later: int) -> None:
        # By its address and by its user id it is one row.
        if line in self._counted:
            return
        self._counted.add(line)
        self.count += 1
        if len(self.first) < MOST_REASONS:
            self.first.append((line, later))


def _digests(reading: Reading, plan: Plan) -> list[int]:
    if not isinstance(reading, Row):
        return []
    found: list[int] = []
    for planned in plan.columns:
        if planned.target.kind == "field" and planned.target.name in ("email", "user_id"):
            cell = reading.cells.get(planned.column)
            text = str(cell).strip() if isinstance(cell, str | int) else ""
            if planned.target.name == "email":
                # As a run of upserts tells contacts apart.
                text = text.casefold()
            if text:
                found.append(hash((planned.target.name, text)))
    return found
