"""Why a file, its columns, a row or a value cannot be imported.

::

    ImportRefused (LoopsError, ValueError)
    ├── FileRefused      the file, its journal or its rejected rows cannot be read or written
    ├── ColumnsRefused   the columns or the mappings cannot work
    ├── UnfinishedImport an earlier import of the file is not finished; .options
    ├── RowRefused       one row is left out; the others are imported
    └── ValueRefused     one value does not fit its type; its row is left out

Cells are personal data and messages end up in logs, so no message quotes a cell: it names the line
and the column instead. Column names are quoted, with control characters escaped. Messages name
options as the command line spells them; ``ImportOptions`` lists the attribute for each.
"""

from typing import TYPE_CHECKING, Self

from loops_async.errors import LoopsError

if TYPE_CHECKING:
    from loops_async.importer.options import ImportOptions

_LONGEST_NAME = 60
_LONGEST_PATH = 4096


def quote_name(name: str, longest: int = _LONGEST_NAME) -> str:
    """``name`` in quotes, safe to print, and cut to ``longest`` characters."""
    cut = name if len(name) <= longest else name[: longest - 1] + "…"
    return '"' + "".join(c if c.isprintable() else repr(c)[1:-1] for c in cut) + '"'


def quote_path(path: str) -> str:
    """A file's name in quotes, safe to print; long paths are kept whole."""
    return quote_name(path, _LONGEST_PATH)


def quote_mapping(column: str, target: str) -> str:
    """The ``--map`` option that sends ``column`` to ``target``, ready to be copied."""
    mapping = f"{column}={target}"
    return f"--map {quote_name(mapping, len(mapping))}"


def count_noun(number: int, noun: str) -> str:
    """``1 row``, ``2 rows``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


class ImportRefused(LoopsError, ValueError):
    """The root of every error about the file, its columns or its journal."""


class FileRefused(ImportRefused):
    """The file as a whole cannot be imported, or one that belongs to the import cannot be written.

    Args:
        name: What messages call the file.
        problem: What is wrong and how to fix it.
        line: The line number, counted from 1; None if the problem is not on one line.
    """

    def __init__(self, name: str, problem: str, line: int | None = None) -> None:
        super().__init__(f"{name}{'' if line is None else f', line {line}'}: {problem}")
        self.name = name
        self.problem = problem
        self.line = line

    def __reduce__(self) -> tuple[type[Self], tuple[str, str, int | None]]:
        return type(self), (self.name, self.problem, self.line)


class ColumnsRefused(ImportRefused):
    """The columns do not match what Loops has, or a mapping is wrong."""


class RowRefused(ImportRefused):
    """One row cannot be sent.

    Args:
        line: The line the row begins on, counted from 1.
        reason: Every problem of the row, by column, without the values.
    """

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line
        self.reason = reason


class ValueRefused(ImportRefused):
    """A value does not fit the type of its column.

    Args:
        reason: What is wrong; it begins with a verb, so that a column name can precede it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnfinishedImport(ImportRefused):
    """The journal records an unfinished import, and the options neither resume nor restart it.

    Attributes:
        options: The options that resume it.
    """

    def __init__(self, message: str, options: "ImportOptions") -> None:
        super().__init__(message)
        self.options = options

    def __reduce__(self) -> tuple[type[Self], tuple[str, "ImportOptions"]]:
        return type(self), (str(self), self.options)
