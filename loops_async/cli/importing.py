"""An import whose columns are settled: the rows on their way to Loops."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs

from loops_async import errors
from loops_async.cli.columns import Plan
from loops_async.cli.contacts import contact_fields
from loops_async.cli.refusals import RowRefused
from loops_async.cli.rows import Rejected
from loops_async.cli.source import Source, read_rows
from loops_async.cli.tally import Tally
from loops_async.client import LoopsClient
from loops_async.outcomes import Outcome

_THE_ROWS_FAULT = (errors.InvalidInput, errors.InvalidCall, errors.BadRequest, errors.Conflict)


@attrs.define
class Import:
    """The rows of one file on their way.

    Attributes:
        source: The file.
        plan: Where its columns go.
        tally: What became of the rows so far.
        empty_as_null: Empty a property at Loops where a cell is empty.
        update: Called whenever the tally changed.
    """

    source: Source
    plan: Plan
    tally: Tally
    empty_as_null: bool
    update: Callable[[], None]
    _lines: dict[int, int] = attrs.field(factory=dict, init=False)
    _sent: int = attrs.field(default=0, init=False)

    async def run(self, loops: LoopsClient, *, concurrency: int) -> None:
        """Send every row that can be sent.

        Raises:
            LoopsError: What stops the whole import, such as a wrong key.
        """
        async with loops.contacts.upsert_many(self._contacts(), concurrency=concurrency) as rows:
            async for outcome in rows:
                self._note(outcome)
                self.update()
        self.update()

    def _contacts(self) -> Iterator[Mapping[str, Any]]:
        for reading in read_rows(self.source):
            if isinstance(reading, Rejected):
                self.tally.rejected.add(reading.line, reading.reason)
                continue
            try:
                fields = contact_fields(reading, self.plan, empty_as_null=self.empty_as_null)
            except RowRefused as refused:
                self.tally.rejected.add(refused.line, refused.reason)
                continue
            self._lines[self._sent] = reading.line
            self._sent += 1
            yield fields

    def _note(self, outcome: Outcome) -> None:
        line = self._lines.pop(outcome.index)
        if outcome.error is None:
            self.tally.applied += 1
        elif isinstance(outcome.error, _THE_ROWS_FAULT):
            said = getattr(outcome.error, "message", "")
            reason = f"Loops said: {said}" if said else str(outcome.error)
            self.tally.rejected.add(line, reason)
        else:
            self.tally.failed.add(line, str(outcome.error))
