"""Continuing an import: whether a journal belongs to it, and which rows are sent again."""

import hashlib
import os
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

import attrs

from loops_async.bulk.ordering import identity
from loops_async.importer.errors import (
    FileRefused,
    ImportRefused,
    RowRefused,
    UnfinishedImport,
    count_noun,
)
from loops_async.importer.events import ImportEvent, ImportNotice, OptionsRestored
from loops_async.importer.journal import DONE_STATES, ImportJournal, JournalHeader, RowState
from loops_async.importer.mapping import NEGATION, PlannedColumn, Target
from loops_async.importer.options import ImportOptions
from loops_async.importer.planning import cell_format
from loops_async.importer.reading import InputFile, UnreadableRow
from loops_async.importer.row_to_contact import row_to_contact

_CHUNK: Final = 1024 * 1024

Emit = Callable[[ImportEvent], None]


@contextmanager
def open_journal(
    source: InputFile, path: str | None, options: ImportOptions, emit: Emit
) -> Generator[ImportJournal | None, None, None]:
    """The journal at ``path``; None if there is no path.

    Raises:
        FileRefused: It cannot be used, or there is none and ``options`` ask to resume.
        UnfinishedImport: Its import is not finished, and ``options`` do not resume or restart it.
    """
    if path is None:
        if options.resume:
            raise FileRefused(
                source.name,
                "has no journal, so there is nothing to --resume; import a file, or name the "
                "journal with --journal PATH",
            )
        yield None
        return
    journal = ImportJournal.open(path, restart=options.restart)
    try:
        if options.resume and journal.header is None:
            message = "There is no journal to continue from: importing from the first row."
            emit(ImportNotice("no_journal", message))
        elif not options.resume and not options.restart:
            _refuse_to_forget(journal, options)
        yield journal
    finally:
        journal.close()


def restore_options(
    options: ImportOptions, journal: ImportJournal | None, source: InputFile, emit: Emit
) -> ImportOptions:
    """``options``, or if an import is resumed with none, those it began with.

    The options of a complete import are not used for another file.
    """
    header = journal.header if journal is not None and options.resume else None
    if journal is None or header is None or options.has_recorded:
        return options
    began_with = recorded_options(options, journal, header)
    if began_with == options or (journal.complete and digest(source) != header.sha256):
        return options
    emit(OptionsRestored(began_with, journal.name))
    return began_with


def recorded_options(
    options: ImportOptions, journal: ImportJournal, header: JournalHeader
) -> ImportOptions:
    """``options`` with those that the import of a journal began with.

    Raises:
        FileRefused: A newer version wrote the journal, or it was edited.
    """
    try:
        return options.with_recorded(header.settings)
    except LookupError as unknown:
        raise FileRefused(
            journal.name,
            f"was written by a newer version of loops-async, which has the option {unknown.args[0]}"
            "; finish that import with the newer version, or start over with --restart",
        ) from None
    except ValueError:
        raise FileRefused(
            journal.name, "records options that make no sense; start over with --restart"
        ) from None


def resumed_header(
    journal: ImportJournal | None, now: JournalHeader, options: ImportOptions, source: InputFile
) -> JournalHeader | None:
    """What an import continues; None if it begins with the first row.

    Raises:
        ImportRefused: The journal is of another file, or of another import of it.
    """
    header = journal.header if journal is not None and options.resume else None
    if journal is None or header is None or (journal.complete and header.sha256 != now.sha256):
        return None
    if header.sha256 != now.sha256:
        raise FileRefused(
            source.name,
            f"has changed since {journal.name} was begun, so the rows that are done cannot be "
            "identified; restore the old file, or import the new one from its first row with "
            "--restart",
        )
    began_with = recorded_options(options, journal, header)
    if differing := options.differing(header.settings):
        raise UnfinishedImport(
            f"the import began with a different {' and a different '.join(differing)}; continue it "
            "with the options it began with, or start over with --restart",
            attrs.evolve(began_with, resume=True),
        )
    if header.team != now.team:
        raise ImportRefused(
            "the import began with another API key or --base-url; resume it with those, or start "
            "over with --restart"
        )
    if header.rows != now.rows:
        raise FileRefused(journal.name, "counts rows differently from this version; use --restart")
    return header


def describe_journal(
    journal: ImportJournal, header: JournalHeader | None, now: JournalHeader
) -> ImportNotice | None:
    """What to tell the user of the journal that an import continues, or does not continue."""
    if header is None:
        if journal.header is None or journal.header.sha256 == now.sha256:
            return None
        message = "The last import is complete, and this is another file: importing all of it."
        return ImportNotice("new_file", message)
    applied, rejected = journal.count(RowState.APPLIED), journal.count(RowState.REJECTED)
    if not journal.complete:
        done = applied + rejected
        return ImportNotice("resumed", f"Resuming: {done} of {header.rows} rows are done.")
    rest = f" and {rejected} rejected" if rejected else ", which is all of them"
    message = (
        f"{count_noun(applied, 'row')} of this file had been imported before{rest}; --restart "
        "sends them all again."
    )
    return ImportNotice("already_complete", message)


def reopen_later_rows(
    source: InputFile,
    columns: Sequence[PlannedColumn],
    journal: ImportJournal,
    *,
    empty_as_null: bool,
) -> None:
    """Mark rows to be sent again that a failed row of the same contact would undo.

    A failed row is sent again and would overwrite what a later row of its contact has set, so the
    later row has to follow it. This is recorded before anything is sent, since an import that is
    killed in between would not know.
    """
    if not journal.count(RowState.FAILED):
        return
    going_again: set[tuple[str, str]] = set()
    for number, row in enumerate(source.rows()):
        state = journal.states[number]
        if isinstance(row, UnreadableRow) or state in (RowState.REJECTED, RowState.SKIPPED):
            continue
        if state != RowState.FAILED and not going_again:
            continue
        try:
            names = identity(row_to_contact(row, columns, empty_as_null=empty_as_null))
        except RowRefused:
            continue
        if state == RowState.FAILED or not going_again.isdisjoint(names):
            going_again.update(names)
            if state == RowState.APPLIED:
                journal.note(number, RowState.OPEN)


def to_journal(columns: Sequence[PlannedColumn]) -> list[list[str]]:
    """The columns as a journal records them."""
    return [
        [
            p.column,
            p.target.kind,
            NEGATION * p.target.negated + p.target.name,
            p.target.type,
            *filter(None, [p.form.style]),
        ]
        for p in columns
    ]


def from_journal(header: JournalHeader, options: ImportOptions) -> tuple[PlannedColumn, ...]:
    """The columns that a journal records, read as ``options`` say."""
    return tuple(
        PlannedColumn(
            column,
            Target(
                kind,  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
                name.removeprefix(NEGATION) if kind == "field" else name,
                declared,  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
                negated=kind == "field" and name.startswith(NEGATION),
            ),
            form=cell_format("".join(style), options),
        )
        for column, kind, name, declared, *style in header.plan
    )


def digest(source: InputFile) -> str:
    """The SHA-256 of the file's bytes."""
    source.stream.seek(0)
    return _digest(source.stream)


def stamp(source: InputFile) -> tuple[int, ...]:
    """The device, inode, size and time of modification of an opened file."""
    return _stamp(os.fstat(source.stream.fileno()))


def has_changed(source: InputFile, before: tuple[int, ...], sha256: str) -> bool:
    """Whether a file with the stamp ``before`` has other bytes than those with this digest."""
    try:
        if _stamp(Path(source.path).stat()) == before:
            return False
        # Perhaps it was only touched. Not the opened stream, which a reader may still use.
        with Path(source.path).open("rb") as stream:
            return _digest(stream) != sha256
    except FileNotFoundError:
        # Moved or removed, which does not change the bytes that were read.
        return stamp(source) != before
    except OSError:
        return True


def _stamp(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _digest(stream: BinaryIO) -> str:
    found = hashlib.sha256()
    while chunk := stream.read(_CHUNK):
        found.update(chunk)
    return found.hexdigest()


def _refuse_to_forget(journal: ImportJournal, options: ImportOptions) -> None:
    header = journal.header
    if header is not None and journal.has_records and not journal.complete:
        done = journal.count(*DONE_STATES)
        began_with = recorded_options(options, journal, header)
        raise UnfinishedImport(
            f"{journal.name}: records an import that is not finished: {done} of {header.rows} rows "
            "are done; continue it with --resume, or start over with --restart",
            attrs.evolve(began_with, resume=True),
        )
