"""User ids that belong to several people, or that a spreadsheet has rounded."""

import re
from array import array
from collections.abc import Sequence
from itertools import groupby
from typing import Final

import attrs

from loops_async.importer.coercion import is_empty
from loops_async.importer.errors import quote_mapping, quote_name
from loops_async.importer.mapping import PlannedColumn
from loops_async.importer.reading import InputRow
from loops_async.importer.row_to_contact import clean_address

MOST_NAMED: Final = 5
"""Shared ids that are named, and lines that are named for each; all of them are counted."""

# 7.21E+12 of a spreadsheet, and 101.0 where a column of whole numbers had gaps.
_ROUNDED: Final = re.compile(r"[+-]?\d+(?:(?:[.,]\d+)?E\+\d+|[.,]0+)", re.ASCII | re.IGNORECASE)


@attrs.define
class SharedIds:
    """Finds ids that rows with different addresses have; 20 bytes a row.

    Loops would merge such rows into one contact.
    """

    columns: Sequence[PlannedColumn]
    _ids: "array[int]" = attrs.field(factory=lambda: array("q"))
    _emails: "array[int]" = attrs.field(factory=lambda: array("q"))
    _lines: "array[int]" = attrs.field(factory=lambda: array("q"))
    _rounded: "array[int]" = attrs.field(factory=lambda: array("q"))
    _id: str | None = attrs.field(init=False, default=None)
    _email: str | None = attrs.field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        for planned in self.columns:
            if planned.identifies and planned.target.name == "user_id":
                self._id = planned.column
            elif planned.identifies:
                self._email = planned.column

    def note(self, row: InputRow) -> None:
        """Take a row into account."""
        if self._id is None:
            return
        user_id = row.cells.get(self._id)
        if is_empty(user_id) or isinstance(user_id, bool | list | dict):
            return
        text = str(user_id).strip()
        if isinstance(user_id, float) or _ROUNDED.fullmatch(text):
            self._rounded.append(row.line)
            return
        email = row.cells.get(self._email) if self._email is not None else None
        if isinstance(email, str) and email.strip():
            self._ids.append(hash(text))
            self._emails.append(hash(clean_address(email).casefold()))
            self._lines.append(row.line)

    def objection(self) -> list[str]:
        """Why an import stops, and the ways to continue; empty if no id is shared."""
        ids, emails = self._ids, self._emails
        groups = groupby(sorted(range(len(ids)), key=ids.__getitem__), key=ids.__getitem__)
        shared: list[list[int]] = []
        for _, group in groups:
            rows = list(group)
            if len(rows) > 1 and len({emails[row] for row in rows}) > 1:
                shared.append(rows)
        if not shared:
            return []
        shared.sort(key=lambda rows: rows[0])
        column = quote_name(self._id or "")
        lines = [
            (
                "Rows with different email addresses have the same id in column "
                f"{column}, and Loops would merge them into one contact:"
            )
        ]
        for rows in shared[:MOST_NAMED]:
            named = ", ".join(str(self._lines[row]) for row in rows[:MOST_NAMED])
            more = f" and {len(rows) - MOST_NAMED} more" if len(rows) > MOST_NAMED else ""
            lines.append(f"  lines {named}{more} have one id")
        if len(shared) > MOST_NAMED:
            lines.append(f"  … and {len(shared) - MOST_NAMED} more ids")
        lines.append(
            f"Correct the ids, leave the column out with {quote_mapping(self._id or '', '')}, or "
            "merge these people with --shared-ids allow."
        )
        return lines

    def rounded_objection(self) -> list[str]:
        """Why an import stops if ids were rounded; empty if none was."""
        if not self._rounded:
            return []
        column, count = self._id or "", len(self._rounded)
        ids = "1 id was" if count == 1 else f"{count} ids were"
        return [
            (
                f"Column {quote_name(column)}: {ids} rounded or turned into decimal numbers by a "
                f"spreadsheet, first on line {self._rounded[0]}, and may belong to other people. "
                f"Export the column as text, or leave it out with {quote_mapping(column, '')}."
            )
        ]
