"""Where an import writes beside its file, and that none of its files is written over another."""

import os
from pathlib import Path
from typing import Final

from loops_async.cli.options import Options
from loops_async.cli.refusals import FileRefused, shown
from loops_async.cli.rejects import ASIDE, endings
from loops_async.cli.source import Source

_STANDARD_INPUT: Final = 0
_LONGEST_PATH: Final = 4096


def places(options: Options, source: Source) -> tuple[str | None, str | None]:
    """Where the journal and the rejected rows of an import go; None for nowhere.

    To be asked before anything is made or moved: a file can go by several names.

    Raises:
        FileRefused: Two of the files would be one.
    """
    journal = options.journal or options.beside(".journal")
    rejected = options.rejected or options.beside(endings(source))
    aside = None if rejected is None else rejected + ASIDE
    both = "cannot be the journal and take the rejected rows; name another --journal or --rejected"
    for place, problem in (
        (journal, "cannot be its own journal; name another with --journal"),
        (rejected, "cannot take its own rejected rows; name another --rejected"),
        (
            aside,
            "cannot take its own rejected rows once they are put aside; name another --rejected",
        ),
    ):
        if place is not None and _is_input(options.file, place):
            raise FileRefused(source.name, problem)
    for place in (rejected, aside):
        if journal is not None and place is not None and _is_same(journal, place):
            raise FileRefused(shown(journal, _LONGEST_PATH), both)
    return journal, rejected


def _is_input(file: str, place: str) -> bool:
    if file != "-":
        return _is_same(file, place)
    try:
        # Standard input is a file as well in ``import - < contacts.csv``.
        return os.path.samestat(os.fstat(_STANDARD_INPUT), Path(place).stat())
    except OSError:
        return False


def _is_same(one: str, other: str) -> bool:
    try:
        return Path(one).samefile(other)
    except OSError:
        # One of them is still to be made.
        return os.path.realpath(one) == os.path.realpath(other)
