"""Rows of a contact that an earlier row has: of what both set, the later one's stays."""

from typing import Final

import attrs

from loops_async.bulk.ordering import identity
from loops_async.records.contacts import ContactUpdate

_MOST_LINES: Final = 5


@attrs.define
class Repeats:
    """Counts the rows whose contact an earlier row has named; some 200 bytes a row.

    Attributes:
        count: How many.
        first: The line of some of them, and the line of the row before it of the same contact.
    """

    count: int = 0
    first: list[tuple[int, int]] = attrs.field(factory=list[tuple[int, int]])
    _seen: dict[int, int] = attrs.field(factory=dict[int, int])

    def note(self, line: int, contact: ContactUpdate | None) -> None:
        """Take note of a valid row."""
        names = [hash(name) for name in identity(contact)]
        earlier = max((self._seen[name] for name in names if name in self._seen), default=None)
        if earlier is not None:
            self.count += 1
            if len(self.first) < _MOST_LINES:
                self.first.append((line, earlier))
        self._seen.update(dict.fromkeys(names, line))

    def __str__(self) -> str:
        """What is told of them; empty where there are none."""
        if not self.count:
            return ""
        rows = "1 row is" if self.count == 1 else f"{self.count} rows are"
        lines = ", ".join(f"line {line} after line {before}" for line, before in sorted(self.first))
        more = ", …" if self.count > len(self.first) else ""
        return f"{rows} of a contact that an earlier row has ({lines}{more}): the later one wins."
