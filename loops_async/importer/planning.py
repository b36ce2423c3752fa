"""Deciding what to do with each column of a file: its target, a new property, or nothing.

Everything here is computed from the file, the options and what Loops has; nothing is sent.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import attrs

from loops_async.importer.coercion import CellFormat, ValueType
from loops_async.importer.column_names import DEFAULT_FIELDS, RESERVED, camel_case, own_field
from loops_async.importer.errors import ColumnsRefused, quote_mapping, quote_name
from loops_async.importer.mapping import (
    LIST_PREFIX,
    Account,
    ColumnPlan,
    PlannedColumn,
    Target,
    parse_mappings,
    plan_columns,
    resolve_columns,
)
from loops_async.importer.reading import REASON_COLUMN
from loops_async.importer.type_inference import FileScan
from loops_async.records.contact_properties import ContactProperty, PropertyType

if TYPE_CHECKING:
    from loops_async.importer.options import ImportOptions

_EMPTY: Final = "it is empty"
_NOT_ASKED: Final = (
    "Loops was not asked; an import stops here unless Loops already has these properties."
)
_CREATED_AT: Final = ContactProperty("createdAt", "Created At", PropertyType("date"))
"""A default property that every account has, beside the default fields."""

_NESTED: Final = "it contains lists or objects, which a property cannot hold"


@attrs.frozen
class NewProperty:
    """A contact property to create for a column.

    Attributes:
        column: The column's name in the file.
        key: The property's camelCase key, which is not used in the account yet.
        type: The type from a mapping, or else the type to which all values can be converted.
        remark: A reason why the type may be wrong, or None.
        why: The reason if the key differs from the column's name; empty otherwise.
        may_be: The type that the values resemble, if they can be converted to it.
    """

    column: str
    key: str
    type: ValueType
    remark: str | None = None
    why: str = ""
    may_be: ValueType | None = None

    def __str__(self) -> str:
        """Return a one-line description for the user."""
        remark = f"; {self.remark}" if self.remark else ""
        why = f"; {self.why}" if self.why else ""
        return f"{quote_name(self.column)}: {self.key} ({self.type}, by its values{why}){remark}"


@attrs.frozen
class ImportPlan:
    """What an import does with each column of a file.

    Attributes:
        columns: The columns that are sent, and where.
        new_properties: The properties to create first; if Loops was not asked, those that would
            be created if Loops had none of them.
        left_out: The columns that are not sent, each with the reason; the reason is empty for
            those that the options leave out.
        unchecked: The columns that Loops may know, which was not asked.
        objection: Why an import would stop here and what to do about it; None if it would not.
        account_asked: Whether Loops was asked what it has.
    """

    columns: tuple[PlannedColumn, ...]
    new_properties: tuple[NewProperty, ...] = ()
    left_out: Mapping[str, str] = attrs.field(factory=dict[str, str])
    unchecked: tuple[str, ...] = ()
    objection: str | None = None
    account_asked: bool = True

    def as_dict(self) -> dict[str, Any]:
        """Where the columns go, as JSON values."""
        return {
            "columns": [
                {"column": p.column, "target": str(p.target), "type": p.target.type}
                for p in self.columns
            ],
            "new_properties": [
                {"column": p.column, "property": p.key, "type": p.type, "remark": p.remark}
                for p in self.new_properties
            ],
            "left_out": [*self.left_out, *self.unchecked],
        }


def plan_import(scan: FileScan, account: Account | None, options: "ImportOptions") -> ImportPlan:
    """Decide what to do with each column.

    Without an account, Loops is assumed to have whatever the file and the mappings name, with the
    types that the columns' own values suggest, so that nothing is refused that Loops may take.

    Raises:
        ColumnsRefused: A mapping cannot work, nothing identifies a contact, or, without an account,
            columns contain lists or objects, which no account can store.
    """
    mappings = resolve_columns(parse_mappings(options.mappings), scan.headers)
    known = account or Account([_CREATED_AT, *_assumed_properties(mappings, scan)])
    columns = plan_columns(
        scan.headers,
        known,
        mappings,
        allow_new=options.create_properties,
        nested=scan.nested,
    )
    known.check_lists(columns.columns)
    columns, proposals = propose(columns, scan, known)
    if account is None:
        if not options.ignore_unknown and (problem := _nested_columns(columns, scan)):
            raise ColumnsRefused("\n".join(problem))
        new = proposals if options.create_properties or not options.ignore_unknown else ()
        columns = with_forms(adopt(columns, new), scan, options)
        objection = None
        if options.create_properties and (lines := _doubtful_types(proposals)):
            objection = "\n".join((*lines, _NOT_ASKED))
        left_out = dict.fromkeys(columns.left_out, "")
        unchecked = tuple(unknown.column for unknown in columns.unknown)
        return ImportPlan(
            columns.columns, new, left_out, unchecked, objection=objection, account_asked=False
        )
    objection = find_objection(columns, scan, proposals, options)
    new = proposals if options.create_properties or objection else ()
    columns = with_forms(adopt(columns, new), scan, options)
    return ImportPlan(columns.columns, new, _left_out(columns, scan), objection=objection)


def plan_resumed(
    columns: Iterable[PlannedColumn], account: Account, options: "ImportOptions"
) -> ImportPlan:
    """The plan of an import that is resumed: the columns go where they went when it began.

    Nothing is matched again: a property that the import created may by now look like one that was
    always there.
    """
    columns = tuple(columns)
    account.check_lists(columns)
    missing: list[NewProperty] = []
    for planned in columns:
        column, target = quote_name(planned.column), planned.target
        if target.kind != "property" or account.types.get(target.name) == target.type:
            continue
        if target.name in account.types:
            raise ColumnsRefused(
                f"column {column}: {target.name} was a {target.type} when the import began, and is "
                f"now a {account.types[target.name]}; start over with --restart"
            )
        if not options.create_properties:
            raise ColumnsRefused(
                f"column {column}: Loops no longer has the property {target.name}; create it "
                "again, or start over with --restart"
            )
        missing.append(NewProperty(planned.column, target.name, target.type))
    return ImportPlan(columns, tuple(missing))


def propose(
    plan: ColumnPlan, scan: FileScan, account: Account
) -> tuple[ColumnPlan, tuple[NewProperty, ...]]:
    """Find a property for each unknown column that has values, or propose to create one.

    A column for which an earlier import created a property under another name goes to that
    property again if its values fit. A column without values gets none, since nothing suggests its
    type; nor does one that contains lists or objects.
    """
    names = _NameChooser(plan, scan, account)
    scanned = {column.name: column for column in scan.columns}
    found: list[PlannedColumn] = []
    proposals: list[NewProperty] = []
    for unknown in plan.unknown:
        column = scanned.get(unknown.column)
        if column is None or column.type is None:
            continue
        name, remark, may_be = unknown.column, column.remark, column.may_be
        if unknown.key and unknown.type:
            proposals.append(NewProperty(name, unknown.key, unknown.type))
        elif unknown.key:
            proposals.append(NewProperty(name, unknown.key, column.type, remark, "", may_be))
        else:
            key, target, why = names.choose(name, column.type)
            if target is not None:
                found.append(PlannedColumn(name, target, why))
            else:
                proposals.append(NewProperty(name, key, column.type, remark, why, may_be))
    return plan.with_targets(found), tuple(proposals)


def adopt(plan: ColumnPlan, new: Iterable[NewProperty]) -> ColumnPlan:
    """``plan`` with the new properties as targets of their columns."""
    return plan.with_targets(
        [PlannedColumn(p.column, Target("property", p.key, p.type), p.why) for p in new]
    )


def with_forms(plan: ColumnPlan, scan: FileScan, options: "ImportOptions") -> ColumnPlan:
    """``plan`` with the way in which the cells of each column are read."""
    styles = {column.name: column.styles for column in scan.columns}
    columns = [
        attrs.evolve(
            planned,
            form=cell_format(styles[planned.column].get(planned.target.type, ""), options),
        )
        for planned in plan.columns
    ]
    return attrs.evolve(plan, columns=tuple(columns))


def cell_format(style: str, options: "ImportOptions") -> CellFormat:
    """How the cells of a column are read whose dates or numbers are written in ``style``."""
    return CellFormat(style, options.booleans, options.keep_null_words)


def find_objection(
    plan: ColumnPlan,
    scan: FileScan,
    proposals: Sequence[NewProperty],
    options: "ImportOptions",
) -> str | None:
    """Why an import stops at the columns, and the ways to continue; None if it does not stop.

    A column without values never stops it. One with lists or objects always does unless it is left
    out, since no property can be created for it.
    """
    lines: list[str] = []
    if not options.ignore_unknown:
        lines += _nested_columns(plan, scan)
    if options.create_properties:
        lines += _doubtful_types(proposals)
    elif not options.ignore_unknown:
        lines += _unknown_columns(proposals)
    return "\n".join(lines) or None


def _assumed_properties(mappings: Mapping[str, str], scan: FileScan) -> Iterator[ContactProperty]:
    """The properties that Loops is assumed to have because a mapping names them."""
    known = {*DEFAULT_FIELDS, *DEFAULT_FIELDS.values(), *RESERVED, ""}
    types: dict[str, ValueType | None] = {column.name: column.type for column in scan.columns}
    for column, target in mappings.items():
        # A type after a colon is for a new property, for which nothing has to be assumed.
        if ":" in target or target.startswith(LIST_PREFIX) or target in known:
            continue
        known.add(target)
        yield ContactProperty(target, target, PropertyType(types.get(column) or "string"))


def _left_out(plan: ColumnPlan, scan: FileScan) -> dict[str, str]:
    reasons = {
        column.name: _NESTED if column.name in scan.nested else _EMPTY
        for column in scan.columns
        if column.type is None
    }
    unknown = {column.column: reasons.get(column.column, "") for column in plan.unknown}
    return dict.fromkeys(plan.left_out, "") | unknown


class _NameChooser:
    """Chooses keys for new properties, the same at every import of a file."""

    def __init__(self, plan: ColumnPlan, scan: FileScan, account: Account) -> None:
        self._account = account
        # The column of rejection reasons must not change the number of those after it.
        headers = [name for name in scan.headers if name != REASON_COLUMN]
        self._places = {name: place for place, name in enumerate(headers, 1)}
        self._taken = {planned.target.name: planned.column for planned in plan.columns}
        self._taken |= {unknown.key: unknown.column for unknown in plan.unknown if unknown.key}

    def choose(self, column: str, wanted: ValueType) -> tuple[str, Target | None, str]:
        """A key for ``column``, the existing property that has it, and why it is that key."""
        own = camel_case(column) or f"column{self._places[column]}"
        key, number = own, 1
        while True:
            existing = None if key in self._taken else self._account.custom(key)
            if existing is not None and existing.type in (wanted, "string"):
                break
            if key not in self._taken and not self._account.has(key):
                existing = None
                break
            key = f"imported{own[0].upper()}{own[1:]}" + (str(number) if number > 1 else "")
            number += 1
        why = "" if key == own else self._reason(own)
        self._taken[key] = column
        return key, existing, why

    def _reason(self, own: str) -> str:
        if field := own_field(own):
            return f"{field} is Loops' own field"
        if own in self._taken:
            return f"{own} is for column {quote_name(self._taken[own])}"
        return f"{own} is taken"


def _nested_columns(plan: ColumnPlan, scan: FileScan) -> list[str]:
    found = [unknown.column for unknown in plan.unknown if unknown.column in scan.nested]
    if not found:
        return []
    return [
        "These columns contain lists or objects, which a contact property cannot hold:",
        *(
            f"  {quote_name(column)}, first on line {scan.nested[column]}; "
            f"{quote_mapping(column, '')} leaves it out"
            for column in found
        ),
        (
            "Split them into columns of their own, leave them out one by one with --map, or leave "
            "out all columns that Loops does not know with --ignore-unknown."
        ),
    ]


def _unknown_columns(proposals: Sequence[NewProperty]) -> list[str]:
    if not proposals:
        return []
    return [
        "Loops does not have contact properties for these columns:",
        *(f"  {new}" for new in proposals),
        (
            "Create these properties with --create-properties, leave the columns out with "
            "--ignore-unknown, or send one to a field or an existing property, for example with "
            f"{quote_mapping(proposals[0].column, 'userId')}."
        ),
    ]


def _doubtful_types(proposals: Sequence[NewProperty]) -> list[str]:
    doubtful = [new for new in proposals if new.remark]
    if not doubtful:
        return []
    lines = [
        (
            "Loops never changes the type of a property. These columns would be created as text, "
            "but look like something else:"
        )
    ]
    for new in doubtful:
        lines.append(f"  {quote_name(new.column)}: {new.remark}")
        ways = quote_mapping(new.column, f"{new.key}:string")
        if new.may_be:
            typed = quote_mapping(new.column, f"{new.key}:{new.may_be}")
            ways = f"{typed} (rows with other values are rejected) or {ways}"
        lines.append(f"    or choose the type: {ways}")
    return lines
