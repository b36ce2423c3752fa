"""What a user should know of rows that are valid: re-subscriptions, repeats, and overtaken rows."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

import attrs

from loops_async.bulk.ordering import identity
from loops_async.importer.errors import RowRefused, count_noun, quote_mapping, quote_name
from loops_async.importer.events import ImportNotice
from loops_async.importer.journal import ImportJournal
from loops_async.importer.mapping import PlannedColumn
from loops_async.importer.planning import ImportPlan
from loops_async.importer.reading import AnyRow, InputFile, InputRow
from loops_async.importer.row_to_contact import clean_address, row_to_contact
from loops_async.importer.type_inference import FileScan
from loops_async.records.contacts import ContactUpdate

MOST_NAMED: Final = 20
"""Overtaken rows that are named; all of them are counted."""

MOST_KEPT: Final = 100_000
"""Rejected rows whose contacts are remembered; later ones are not compared."""

_MOST_REPEATS: Final = 5


def count_resubscribing(
    source: InputFile, columns: Sequence[PlannedColumn], journal: ImportJournal | None = None
) -> int:
    """How many valid rows set ``subscribed`` to true, of those that are not done."""
    if _subscribed_column(columns) is None:
        return 0
    rows = 0
    for number, row in enumerate(source.rows()):
        if journal is None or not journal.is_done(number):
            with suppress(RowRefused):
                rows += row_to_contact(row, columns).subscribed is True
    return rows


def resubscribing_notice(rows: int, columns: Sequence[PlannedColumn]) -> ImportNotice:
    """What to tell the user of ``rows`` rows that set ``subscribed`` to true."""
    those = "1 row sets" if rows == 1 else f"{rows} rows set"
    message = (
        f"Note: {those} subscribed to true, which re-subscribes people who have unsubscribed; "
        f"{quote_mapping(_subscribed_column(columns) or '', '')} leaves the column out."
    )
    return ImportNotice("resubscribing", message)


def note_null_words(scan: FileScan, plan: ImportPlan, emit: Callable[[ImportNotice], None]) -> None:
    """Tell the user of cells that have a word for nothing, if there are any."""
    found: Counter[str] = Counter()
    for column in scan.columns:
        if plan.left_out.get(column.name) != "":
            found.update(column.null_words)
    if not found:
        return
    cells = count_noun(found.total(), "cell")
    words = ", ".join(f"{word} ({count})" for word, count in found.most_common())
    count_as = (
        "has a word for nothing and counts"
        if found.total() == 1
        else ("have a word for nothing and count")
    )
    message = f"Note: {cells} {count_as} as empty: {words}; --keep-null-words sends them as text."
    emit(ImportNotice("null_words", message))


def _subscribed_column(columns: Sequence[PlannedColumn]) -> str | None:
    return next((p.column for p in columns if str(p.target) == "subscribed"), None)


@attrs.define
class CleanedAddresses:
    """Counts the addresses around which something is removed, such as ``mailto:``.

    Attributes:
        columns: The columns that are sent.
        count: How many.
        first: The line of the first.
    """

    columns: Sequence[PlannedColumn]
    count: int = 0
    first: int = 0
    _column: str | None = attrs.field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        emails = (p.column for p in self.columns if p.identifies and p.target.name == "email")
        self._column = next(emails, None)

    def note(self, row: InputRow) -> None:
        """Take a row into account."""
        cell = row.cells.get(self._column) if self._column is not None else None
        if isinstance(cell, str) and clean_address(cell) != cell.strip():
            self.count += 1
            self.first = self.first or row.line

    def notice(self) -> ImportNotice:
        """What to tell the user."""
        addresses = "1 address" if self.count == 1 else f"{self.count} addresses"
        message = (
            f"{addresses} in column {quote_name(self._column or '')}, first on line {self.first}, "
            "will be sent without what stands around them, such as mailto:, a name and angle "
            "brackets, or a semicolon."
        )
        return ImportNotice("addresses_cleaned", message)


@attrs.define
class RepeatedContacts:
    """Counts rows whose contact an earlier row has; about 200 bytes a row.

    Attributes:
        count: How many.
        first: The line of some of them, and the line of the previous row of the same contact.
    """

    count: int = 0
    first: list[tuple[int, int]] = attrs.field(factory=list[tuple[int, int]])
    _seen: dict[int, int] = attrs.field(factory=dict[int, int])

    def note(self, line: int, contact: ContactUpdate) -> None:
        """Take a valid row into account."""
        names = [hash(name) for name in identity(contact)]
        earlier = max((self._seen[name] for name in names if name in self._seen), default=None)
        if earlier is not None:
            self.count += 1
            if len(self.first) < _MOST_REPEATS:
                self.first.append((line, earlier))
        self._seen.update(dict.fromkeys(names, line))

    def __str__(self) -> str:
        """What to tell the user; empty without any."""
        if not self.count:
            return ""
        rows = "1 row has" if self.count == 1 else f"{self.count} rows have"
        lines = ", ".join(f"line {line} after line {before}" for line, before in sorted(self.first))
        more = ", …" if self.count > len(self.first) else ""
        return f"{rows} the same contact as an earlier row ({lines}{more}); the later row wins."


@attrs.define
class OvertakenRows:
    """Rejected rows whose contact a later row has updated: importing them later would undo that.

    Contacts are remembered as hashes, not as addresses.

    Attributes:
        count: How many.
        first: The line of some of them, and the line of the row that overtook it.
    """

    count: int = 0
    first: list[tuple[int, int]] = attrs.field(factory=list[tuple[int, int]])
    _waiting: dict[int, list[int]] = attrs.field(factory=dict[int, list[int]])
    _kept: int = 0
    _counted: set[int] = attrs.field(factory=set[int])

    def rejected(self, row: AnyRow, columns: Sequence[PlannedColumn]) -> None:
        """Watch for later rows of this one's contact, if the row identifies it."""
        if self._kept < MOST_KEPT:
            for name in _hashed_identifiers(row, columns):
                self._kept += 1
                self._waiting.setdefault(name, []).append(row.line)

    def applied(self, row: AnyRow, columns: Sequence[PlannedColumn]) -> None:
        """Take a row into account that was imported."""
        if not self._waiting:
            return
        for name in _hashed_identifiers(row, columns):
            lines = self._waiting.get(name)
            if lines is not None:
                # An outcome may come after that of a later, rejected row.
                self._waiting[name] = [line for line in lines if line > row.line]
                for line in lines:
                    if line < row.line:
                        self._note(line, row.line)

    def __str__(self) -> str:
        """What to tell the user; empty without any."""
        if not self.count:
            return ""
        rows = "1 rejected row belongs" if self.count == 1 else f"{self.count} rejected rows belong"
        these = ", ".join(f"line {line} by line {later}" for line, later in self.first)
        rest = ", …" if self.count > len(self.first) else ""
        return (
            f"{rows} to contacts that a later row has updated; importing the corrected row would "
            f"undo that update: {these}{rest}"
        )

    def _note(self, line: int, later: int) -> None:
        # One row, though it is found by its address and by its user id.
        if line in self._counted:
            return
        self._counted.add(line)
        self.count += 1
        if len(self.first) < MOST_NAMED:
            self.first.append((line, later))


def _hashed_identifiers(row: AnyRow, columns: Sequence[PlannedColumn]) -> list[int]:
    if not isinstance(row, InputRow):
        return []
    found: list[int] = []
    for planned in columns:
        if planned.identifies:
            cell = row.cells.get(planned.column)
            has_text = isinstance(cell, str | int) and not planned.is_empty(cell)
            text = str(cell).strip() if has_text else ""
            if planned.target.name == "email":
                # As a bulk run compares contacts.
                text = clean_address(text).casefold()
            if text:
                found.append(hash((planned.target.name, text)))
    return found
