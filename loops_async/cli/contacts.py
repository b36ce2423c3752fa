"""From a row to what is sent: the arguments of a contact update."""

from loops_async.cli.account import Target
from loops_async.cli.columns import Plan, PlannedColumn
from loops_async.cli.refusals import RowRefused, ValueRefused, shown
from loops_async.cli.rows import Row
from loops_async.cli.values import Value, conform, is_empty

_IDENTIFIERS = ("email", "user_id")


def contact_fields(row: Row, plan: Plan, *, empty_as_null: bool = False) -> dict[str, object]:
    """Make the keyword arguments of a ``ContactUpdate`` from a row.

    Identifiers lose the space around them. All other text stays exactly as it is in the file.

    Args:
        row: The row.
        plan: Where its columns go.
        empty_as_null: Empty the property at Loops where a cell is empty, with None. An empty
            identifier, an empty ``subscribed`` and an empty mailing list are left out even so:
            there is nothing they could be reset to.

    Returns:
        ``email``, ``user_id``, ``first_name``, ``last_name``, ``source``, ``subscribed`` and
        ``user_group`` as far as they have a value, ``properties`` by key and ``mailing_lists`` by
        id where there are any.

    Raises:
        RowRefused: With every fault of the row: values that do not fit, or no identifier.
    """
    fields: dict[str, object] = {}
    properties: dict[str, object] = {}
    lists: dict[str, object] = {}
    places = {"field": fields, "property": properties, "list": lists}
    faults: list[str] = []
    for planned in plan.columns:
        if planned.column not in row.cells:
            continue
        cell, target = row.cells[planned.column], planned.target
        if is_empty(cell):
            if empty_as_null and _can_be_null(target):
                places[target.kind][target.name] = None
            continue
        try:
            places[target.kind][target.name] = _value(cell, target)
        except ValueRefused as error:
            faults.append(f"column {shown(planned.column)} {error.reason}")
    if not faults and not any(fields.get(name) for name in _IDENTIFIERS):
        faults.append(_nobody(plan.columns))
    if faults:
        raise RowRefused(row.line, "; ".join(faults))
    if properties:
        fields["properties"] = properties
    if lists:
        fields["mailing_lists"] = lists
    return fields


def _can_be_null(target: Target) -> bool:
    if target.kind == "field":
        return target.name not in (*_IDENTIFIERS, "subscribed")
    return target.kind == "property"


def _value(cell: object, target: Target) -> Value:
    if target.kind != "field" or target.name not in _IDENTIFIERS:
        return conform(cell, target.type)
    if isinstance(cell, bool | float):
        raise ValueRefused("is neither text nor a whole number")
    identifier = str(conform(cell, "string")).strip()
    if target.name == "email":
        _look_at_address(identifier)
    return identifier


def _look_at_address(address: str) -> None:
    # Only what no reader could deliver to. What Loops itself takes is for Loops to say.
    local, at, domain = address.partition("@")
    if not at:
        raise ValueRefused("is not an email address: it has no @")
    if (
        not local
        or not domain
        or "@" in domain
        or any(c.isspace() or not c.isprintable() for c in address)
    ):
        raise ValueRefused("is not one email address")


def _nobody(columns: tuple[PlannedColumn, ...]) -> str:
    names = [
        shown(planned.column)
        for planned in columns
        if planned.target.kind == "field" and planned.target.name in _IDENTIFIERS
    ]
    return f"has nothing in {' or '.join(names)} to tell whose contact it is"
