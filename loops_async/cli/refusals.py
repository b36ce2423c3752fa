"""Why a file, its columns, a row or a value is not imported.

    ImportRefused (a ValueError)
    ├── FileRefused      the file cannot be read; nothing is imported
    ├── ColumnsRefused   the columns or a ``--map`` make no sense; nothing is imported
    ├── RowRefused       one row is left out, the others go on
    └── ValueRefused     one value does not fit its type; the row that holds it is left out

Cells are personal data and messages end up in logs, so no message quotes a cell: it names the line
and the column instead. Column names are quoted, with whatever a terminal might obey escaped.
"""


def shown(name: str, longest: int = 60) -> str:
    """A name in quotes, safe to print and cut to some ``longest`` characters."""
    cut = name if len(name) <= longest else name[: longest - 1] + "…"
    return '"' + "".join(c if c.isprintable() else repr(c)[1:-1] for c in cut) + '"'


class ImportRefused(ValueError):
    """The root of everything that reading an import may raise."""


class FileRefused(ImportRefused):
    """The file as a whole cannot be imported.

    Args:
        name: What the user calls the file.
        problem: What is wrong and what mends it.
        line: Where, as a text editor counts lines from 1; None when it is nowhere in particular.
    """

    def __init__(self, name: str, problem: str, line: int | None = None) -> None:
        super().__init__(f"{name}{'' if line is None else f', line {line}'}: {problem}")
        self.name = name
        self.problem = problem
        self.line = line


class ColumnsRefused(ImportRefused):
    """The columns cannot be matched with what Loops holds, or a ``--map`` is wrong."""


class LoopsGone(Exception):
    """So many rows have failed through no fault of theirs that an import has stopped."""


class RowRefused(ImportRefused):
    """One row cannot be sent.

    Args:
        line: The line the row begins on, counted from 1.
        reason: Every fault of the row, by column, without the values.
    """

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line
        self.reason = reason


class ValueRefused(ImportRefused):
    """A value does not fit the type it is wanted in.

    Args:
        reason: What is wrong, beginning with a verb so that a column's name can go before it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
