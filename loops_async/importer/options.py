"""The options of an import.

Each option is one attribute of ``ImportOptions``. Its metadata makes the command-line option and
its help, decides whether ``validate`` has it too, and whether a journal records it, so that an
import is resumed with the options it began with.
"""

import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Literal, Self, cast

import attrs

from loops_async.errors import ConfigurationError
from loops_async.importer.coercion import BOOLEANS
from loops_async.importer.dates import parse_date_format
from loops_async.importer.text_encoding import check_encoding

_SPEC: Final = "option"
_DELIMITERS: Final = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "pipe": "|"}


@attrs.frozen(kw_only=True)
class OptionSpec:
    """What the command line and the journal know of an option.

    Attributes:
        flag: Its name on the command line.
        help: Its help text.
        kind: A flag without a value, one text, texts (repeatable), one of ``choices``, a path, or
            a whole number from 1.
        metavar: What the help shows for its value.
        choices: The values of a choice; the first is the default.
        recorded: Whether it changes what is sent: the journal records it, and a resumed import
            must have the same.
        validates: Whether ``validate`` has it too.
        once: Whether it is left out of the command that continues an import.
        of_file: Whether it says how the file is written, which does not hold for a file of its
            rejected rows.
        before: What an import did before this option existed, for journals that lack it.
    """

    flag: str
    help: str
    kind: Literal["flag", "text", "texts", "choice", "path", "count"] = "flag"
    metavar: str | None = None
    choices: tuple[str, ...] = ()
    recorded: bool = False
    validates: bool = False
    once: bool = False
    of_file: bool = False
    before: Any = None

    def words(self, value: Any) -> list[str]:
        """The words of a command line that set the option to ``value``."""
        if self.kind == "flag":
            return [self.flag] if value else []
        values = value if self.kind == "texts" else [value]
        return [f"{self.flag}={one}" for one in values]


def option(flag: str, text: str, *, default: Any = False, **spec: Any) -> Any:
    """An attribute that is an option; see ``OptionSpec``."""
    before = spec.pop("before", default)
    known = OptionSpec(flag=flag, help=text, before=before, **spec)
    converter: Any = tuple if known.kind == "texts" else None
    return attrs.field(default=default, converter=converter, metadata={_SPEC: known})


def option_specs(options: type[Any]) -> dict[str, OptionSpec]:
    """The options of a class, by attribute."""
    return {a.name: a.metadata[_SPEC] for a in attrs.fields(options) if _SPEC in a.metadata}


@attrs.frozen
class ImportOptions:
    """The options of an import; ``validate_file`` uses those that change how rows are read.

    Attributes:
        mappings: Where columns go (``--map``): ``"COLUMN=FIELD"`` with a default field, the key of
            a contact property or ``mailingLists.ID``; ``"COLUMN="`` leaves a column out,
            ``"COLUMN=newKey:TYPE"`` names a new property with its type, and
            ``"COLUMN=!subscribed"`` takes a column of people who have unsubscribed.
        create_properties: Create contact properties for columns that Loops does not know.
        ignore_unknown: Leave out columns that Loops does not know.
        empty_as_null: Clear a field at Loops where a cell is empty; empty cells are otherwise left
            out.
        shared_ids: ``"stop"`` if rows with different addresses have the same user id, or
            ``"allow"``, which merges them at Loops.
        opted_out: ``"stop"`` if a column that looks like consent says no for some people,
            ``"skip"`` these people, or ``"send"`` them all the same.
        delimiter: What separates the cells of CSV: a character, or ``comma``, ``semicolon``,
            ``tab`` or ``pipe``; None to judge it by the file.
        encoding: Of the text, as Python names it; None for UTF-8 or a guess.
        header_line: The line with the column names; None to find it.
        sheet: The name of a workbook's sheet; None for the one with contacts.
        date_formats: How dates are written whose numbers may be in several orders, such as
            ``DD/MM/YYYY``; one for each separator.
        decimal: The decimal mark of all numbers; ``auto`` finds it for each column.
        true_words: More words for true, separated by commas.
        false_words: More words for false.
        keep_null_words: Send words for nothing, such as NULL, as the text they are; they otherwise
            count as empty cells.
        concurrency: How many rows are sent at the same time.
        resume: Continue an import of the file that did not finish.
        restart: Forget an import of the file that did not finish.
        journal: The file that records which rows are done; None for ``FILE.journal`` next to the
            file, and no journal for streams.
        rejected: The file for rejected rows; None for ``FILE.rejected.csv`` or ``.jsonl`` next to
            the file, and no such file for streams.
        dry_run: Check every row, send nothing and write no file.
    """

    mappings: tuple[str, ...] = option(
        "--map",
        "Send a column to a field, the key of a property or mailingLists.ID; 'COLUMN=' leaves it "
        "out, and 'COLUMN=!subscribed' takes a column of those who have unsubscribed. With "
        "--create-properties, 'COLUMN=newKey:TYPE' also names the type: string, number, boolean or "
        "date.",
        default=(),
        kind="texts",
        metavar="COLUMN=FIELD",
        recorded=True,
        validates=True,
    )
    create_properties: bool = option(
        "--create-properties",
        "Create contact properties for columns that Loops does not know.",
        recorded=True,
        validates=True,
    )
    ignore_unknown: bool = option(
        "--ignore-unknown",
        "Leave out columns that Loops does not know.",
        recorded=True,
        validates=True,
    )
    empty_as_null: bool = option(
        "--empty-as-null",
        "Clear a field at Loops where a cell is empty.",
        recorded=True,
        validates=True,
    )
    shared_ids: str = option(
        "--shared-ids",
        "What to do if rows with different email addresses have the same id: stop, or allow Loops "
        "to merge them.",
        default="stop",
        kind="choice",
        choices=("stop", "allow"),
        before="allow",
        recorded=True,
        validates=True,
    )
    opted_out: str = option(
        "--opted-out",
        "What to do with people for whom a column that looks like consent says no: stop, skip "
        "them, or send them as subscribers.",
        default="stop",
        kind="choice",
        choices=("stop", "skip", "send"),
        before="send",
        recorded=True,
        validates=True,
    )
    delimiter: str | None = option(
        "--delimiter",
        "The character between the cells of CSV, or one of the words comma, semicolon, tab and "
        "pipe.  [default: judged by the file]",
        default=None,
        kind="text",
        metavar="CHARACTER",
        recorded=True,
        validates=True,
    )
    encoding: str | None = option(
        "--encoding",
        "The encoding of the text, such as cp1252.  [default: UTF-8, or a guess that is named]",
        default=None,
        kind="text",
        metavar="NAME",
        recorded=True,
        validates=True,
        of_file=True,
    )
    header_line: int | None = option(
        "--header-line",
        "The line with the column names.  [default: judged by the file]",
        default=None,
        kind="count",
        metavar="N",
        recorded=True,
        validates=True,
        of_file=True,
    )
    sheet: str | None = option(
        "--sheet",
        "The sheet of a workbook.  [default: the one with contacts]",
        default=None,
        kind="text",
        metavar="NAME",
        recorded=True,
        validates=True,
        of_file=True,
    )
    date_formats: tuple[str, ...] = option(
        "--date-format",
        "How dates are written that may be day first or month first, such as DD/MM/YYYY; can be "
        "given for each separator.",
        default=(),
        kind="texts",
        metavar="FORMAT",
        recorded=True,
        validates=True,
    )
    decimal: str = option(
        "--decimal",
        "The decimal mark of numbers; 'auto' finds it for each column.",
        default="auto",
        kind="choice",
        choices=("auto", ",", "."),
        recorded=True,
        validates=True,
    )
    true_words: str | None = option(
        "--true-words",
        "More words for true, separated by commas.",
        default=None,
        kind="text",
        metavar="WORDS",
        recorded=True,
        validates=True,
    )
    false_words: str | None = option(
        "--false-words",
        "More words for false, separated by commas.",
        default=None,
        kind="text",
        metavar="WORDS",
        recorded=True,
        validates=True,
    )
    keep_null_words: bool = option(
        "--keep-null-words",
        "Send words for nothing, such as NULL, nan or #N/A, as text; they otherwise count as empty "
        "cells.",
        recorded=True,
        validates=True,
        before=True,
    )
    concurrency: int = option(
        "--concurrency",
        "Send up to N rows at the same time.",
        default=50,
        kind="count",
        metavar="N",
    )
    resume: bool = option("--resume", "Continue an import of FILE that did not finish.", once=True)
    restart: bool = option("--restart", "Forget an import of FILE that did not finish.", once=True)
    journal: str | None = option(
        "--journal",
        "Record which rows are done in this file.  [default: FILE.journal]",
        default=None,
        kind="path",
        metavar="PATH",
    )
    rejected: str | None = option(
        "--rejected",
        "Write rejected rows, with the reason, to this file. For standard input they are kept only "
        "with this option.  [default: FILE.rejected.csv or .jsonl]",
        default=None,
        kind="path",
        metavar="PATH",
    )
    dry_run: bool = option("--dry-run", "Check every row, send nothing, write no file.", once=True)

    def __attrs_post_init__(self) -> None:
        if self.resume and self.restart:
            raise ConfigurationError(
                "--resume continues an import and --restart starts over: give only one of them"
            )
        if self.encoding is not None:
            check_encoding(self.encoding)
        delimiter = self.cell_delimiter
        if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n\0'):
            raise ConfigurationError(
                "--delimiter must be one character, or comma, semicolon, tab or pipe"
            )
        for text in self.date_formats:
            try:
                parse_date_format(text)
            except ValueError:
                raise ConfigurationError(
                    f"--date-format {text!r} is not a format such as DD/MM/YYYY"
                ) from None

    @property
    def cell_delimiter(self) -> str | None:
        """The character that ``delimiter`` names; None to judge it by the file."""
        named = (self.delimiter or "").strip(" ").lower()
        return _DELIMITERS.get(named, self.delimiter)

    @property
    def identifier_columns(self) -> frozenset[str]:
        """The columns that ``mappings`` send to the email address or the user id."""
        parts = (mapping.rpartition("=") for mapping in self.mappings)
        fields = ("email", "userId", "user_id")
        return frozenset(name.strip() for name, _, field in parts if field.strip() in fields)

    @property
    def decimal_mark(self) -> str:
        """The decimal mark of all numbers; empty if it is found for each column."""
        return "" if self.decimal == "auto" else self.decimal

    @property
    def booleans(self) -> Mapping[str, bool]:
        """The words for booleans."""
        if self.true_words is None and self.false_words is None:
            return BOOLEANS
        return (
            BOOLEANS | _words(self.true_words, value=True) | _words(self.false_words, value=False)
        )

    @property
    def names_mailing_lists(self) -> bool:
        """Whether a column may go to a mailing list, which only mappings can say."""
        return any("mailingLists." in mapping for mapping in self.mappings)

    def recorded(self) -> dict[str, object]:
        """The options that a journal records, by their name on the command line."""
        return {spec.flag: _as_json(value) for _, spec, value in self._values() if spec.recorded}

    @property
    def has_recorded(self) -> bool:
        """Whether any option that a journal records has another value than its default."""
        return any(value != a.default for a, spec, value in self._values() if spec.recorded)

    def differing(self, recorded: Mapping[str, object]) -> list[str]:
        """The names of the options that differ from ``recorded``, the options in a journal."""
        return [
            spec.flag
            for _, spec, value in self._values()
            if spec.recorded and recorded.get(spec.flag, _as_json(spec.before)) != _as_json(value)
        ]

    def with_recorded(self, recorded: Mapping[str, object]) -> Self:
        """These options, with ``recorded``, the options in a journal, in place of their own.

        An option that the journal lacks is set to what imports did before it existed.

        Raises:
            LookupError: With the name of a recorded option that this version does not have.
            ValueError: A value is of another type than the option's.
        """
        unknown = set(recorded) - {spec.flag for _, spec, _ in self._values()}
        if unknown:
            raise LookupError(min(unknown))
        changes: dict[str, Any] = {
            a.name: _from_json(recorded.get(spec.flag, spec.before), spec)
            for a, spec, _ in self._values()
            if spec.recorded
        }
        return attrs.evolve(self, **changes)

    def command(self, file: str, *, resume: bool, more: Iterable[str] = ()) -> str:
        """The command that imports ``file`` with these options.

        Args:
            file: The file.
            resume: Whether it continues this import; else it is for another file, with a journal
                of its own.
            more: Further words, such as ``--rate=5``.
        """
        words = ["loops-async", "import", *more]
        for a, spec, value in self._values():
            is_given = value != a.default and not spec.once
            if is_given and (resume or not (spec.kind == "path" or spec.of_file)):
                words += spec.words(value)
        words += ["--resume"] if resume else []
        last = ["--", file] if file.startswith("-") and file != "-" else [file]
        return shlex.join([*words, *last])

    def _values(self) -> Iterator[tuple["attrs.Attribute[Any]", OptionSpec, Any]]:
        for a in attrs.fields(type(self)):
            yield a, a.metadata[_SPEC], getattr(self, a.name)


def _words(text: str | None, *, value: bool) -> dict[str, bool]:
    return {word.strip().lower(): value for word in (text or "").split(",") if word.strip()}


def _as_json(value: Any) -> object:
    return sorted(cast("tuple[str, ...]", value)) if isinstance(value, tuple) else value


def _from_json(value: object, spec: OptionSpec) -> object:
    if spec.kind == "texts" and isinstance(value, list | tuple):
        texts = cast("Iterable[object]", value)
        return tuple(_checked(text, str) for text in texts)
    if value is None and spec.kind in ("text", "path", "count"):
        return None
    kinds: dict[str, type] = {"flag": bool, "count": int}
    checked = _checked(value, kinds.get(spec.kind, str))
    if spec.kind == "choice" and checked not in spec.choices:
        raise ValueError(f"expected one of {', '.join(spec.choices)}")
    return checked


def _checked(value: object, kind: type) -> object:
    if type(value) is not kind:
        raise ValueError(f"expected {kind.__name__}")
    return value
