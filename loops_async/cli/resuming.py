"""Going on with an import: whether its journal belongs to it, and which rows go once more."""

import hashlib
import hmac
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from loops_async.bulk.ordering import identity
from loops_async.bulk.outcomes import contact_of
from loops_async.cli.account import Target
from loops_async.cli.columns import Plan, PlannedColumn
from loops_async.cli.contacts import contact_fields
from loops_async.cli.header import Header
from loops_async.cli.journal import Journal, State
from loops_async.cli.options import Options
from loops_async.cli.refusals import FileRefused, ImportRefused, RowRefused
from loops_async.cli.rows import Rejected
from loops_async.cli.source import Source, read_rows
from loops_async.cli.tally import Tally, counted
from loops_async.connection import checked_base_url
from loops_async.errors import LoopsError
from loops_async.settings import checked_api_key

_CHUNK = 1024 * 1024


@contextmanager
def journal_of(
    options: Options, path: str | None, source: Source, say: Callable[[str], None]
) -> Generator[Journal | None, None, None]:
    """The journal of an import of ``source``, as far as one was written; None where none is kept.

    Args:
        options: What the user wants.
        path: Where the journal is; None for nowhere.
        source: The file.
        say: Takes what happens on the way.

    Raises:
        FileRefused: There is one that this import may not go on with, or it cannot be written.
    """
    if path is None:
        if options.resume:
            raise FileRefused(
                source.name,
                "keeps no journal, so there is nothing to --resume; import a file, or say where "
                "the journal is with --journal PATH",
            )
        yield None
        return
    journal = Journal.open(path, restart=options.restart)
    try:
        if options.resume and journal.header is None:
            say("There is no journal to go on with: importing from the first row.")
        elif journal.header is not None and not options.resume and not options.restart:
            _refuse_to_forget(journal, journal.header, options)
        yield journal
    finally:
        journal.close()


def as_begun(
    options: Options, journal: Journal | None, source: Source, say: Callable[[str], None]
) -> Options:
    """``options`` with the journal's in place of none, where an import goes on.

    The options of a complete import are not for another file.
    """
    header = journal.header if journal is not None and options.resume else None
    if journal is None or header is None or any(options.settings.values()):
        return options
    begun_with = options.as_begun(header.settings)
    if begun_with == options or (journal.complete and digest(source) != header.sha256):
        return options
    say(f"Taking the options from {journal.name}: {begun_with.going_on}")
    return begun_with


def digest(source: Source) -> str:
    """The SHA-256 of the file's bytes."""
    source.stream.seek(0)
    return _digest(source.stream)


def stamp(found: os.stat_result) -> tuple[int, ...]:
    """What changes with a file: which one it is, how long, and when it was written."""
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def has_changed(file: str, source: Source, before: tuple[int, ...], sha256: str) -> bool:
    """Whether ``file`` holds other bytes than when it was opened.

    Args:
        file: Its name.
        source: What was opened.
        before: Its ``stamp`` then.
        sha256: The digest of its bytes then.
    """
    try:
        if stamp(Path(file).stat()) == before:
            return False
        # It may have been touched only. Not the opened stream, which a reader may be left with.
        with Path(file).open("rb") as stream:
            return _digest(stream) != sha256
    except FileNotFoundError:
        # Moved or removed, which is nothing to the bytes that were read.
        return stamp(os.fstat(source.stream.fileno())) != before
    except OSError:
        return True


def team(options: Options) -> str:
    """Tells teams apart without telling which they are.

    Raises:
        ConfigurationError: No key, or an address that cannot work.
    """
    key, url = checked_api_key(options.api_key), checked_base_url(options.base_url)
    return hmac.new(key.encode(), str(url).encode(), hashlib.sha256).hexdigest()


def begun(journal: Journal | None, now: Header, say: Callable[[str], None]) -> Header | None:
    """What an import goes on with; None where it begins with the first row."""
    header = journal.header if journal is not None else None
    if journal is None or header is None:
        return None
    if journal.complete and header.sha256 != now.sha256:
        say("The last import from here is complete, and this is another file: importing all of it.")
        return None
    if journal.complete:
        rows = counted(journal.counted(State.APPLIED), "row")
        rejected = journal.counted(State.REJECTED)
        rest = f" and {rejected} rejected" if rejected else ", which is all of them"
        say(f"{rows} of this file went in before{rest}; --restart sends them all again.")
    return header


def check_same(
    header: Header, now: Header, source: Source, journal: Journal, options: Options
) -> None:
    """Refuse to go on with the import of something else.

    Raises:
        ImportRefused: The file, the options or the team are others than when it began.
    """
    if header.sha256 != now.sha256:
        raise FileRefused(
            source.name,
            f"changed since {journal.name} was begun, so its rows cannot be told apart; put the "
            "old file back, or import the new one from its first row with --restart",
        )
    differing = [name for name in now.settings if header.settings.get(name) != now.settings[name]]
    if differing:
        raise ImportRefused(
            f"the import was begun with another {' and another '.join(differing)}. Begin anew with "
            f"--restart, or go on with the options it had:\n  {_going_on(header, options)}"
        )
    if header.team != now.team:
        raise ImportRefused(
            "the import was begun with another API key or --base-url; resume it with those, or "
            "begin anew with --restart"
        )
    if header.rows != now.rows:
        raise FileRefused(journal.name, "counts other rows than this version; use --restart")


def written(plan: Plan) -> list[list[str]]:
    """``plan`` as a journal keeps it."""
    return [[p.column, p.target.kind, p.target.name, p.target.type] for p in plan.columns]


def planned(header: Header) -> Plan:
    """The plan that a journal keeps."""
    return Plan(
        tuple(
            PlannedColumn(column, Target(kind, name, declared))  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
            for column, kind, name, declared in header.plan
        )
    )


def take_up(journal: Journal, tally: Tally) -> None:
    """Count what is over already."""
    tally.applied = journal.counted(State.APPLIED)
    tally.rejected.count = tally.rejected.before = journal.counted(State.REJECTED)
    tally.before = tally.done


def reopen_later_rows(
    source: Source, plan: Plan, journal: Journal, *, empty_as_null: bool = False
) -> None:
    """Have those rows sent once more that a failed row of the same contact would undo.

    A failed row goes again, and would write over what a later row of its contact has set. So that
    row has to go again behind it. This is written down before anything is sent, for an import that
    is killed between the two would not know.

    Raises:
        ImportRefused: The file cannot be read, or the journal not written.
    """
    if not journal.counted(State.FAILED):
        return
    going_again: set[tuple[str, str]] = set()
    for number, reading in enumerate(read_rows(source)):
        state = journal.states[number]
        if isinstance(reading, Rejected) or state == State.REJECTED:
            continue
        if state != State.FAILED and not going_again:
            continue
        try:
            names = identity(contact_of(contact_fields(reading, plan, empty_as_null=empty_as_null)))
        except (RowRefused, LoopsError):
            continue
        if state == State.FAILED or not going_again.isdisjoint(names):
            going_again.update(names)
            if state == State.APPLIED:
                journal.note(number, State.OPEN)


def _digest(stream: BinaryIO) -> str:
    found = hashlib.sha256()
    while chunk := stream.read(_CHUNK):
        found.update(chunk)
    return found.hexdigest()


def _going_on(header: Header, options: Options) -> str:
    return options.as_begun(header.settings).going_on


def _refuse_to_forget(journal: Journal, header: Header, options: Options) -> None:
    """Refuse to begin anew where rows would be sent again for nothing.

    Raises:
        FileRefused: The fate of some rows is known.
    """
    if journal.records and not journal.complete:
        over = journal.counted(State.APPLIED, State.REJECTED)
        raise FileRefused(
            journal.name,
            f"holds an import that is not finished: {over} of {len(journal.states)} rows are "
            f"done. Begin anew with --restart, or go on with:\n  {_going_on(header, options)}",
        )
