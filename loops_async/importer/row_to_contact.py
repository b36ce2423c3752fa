"""Converting a row to the contact that is sent."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from loops_async.errors import InvalidCall, InvalidInput
from loops_async.importer.coercion import Value, coerce
from loops_async.importer.consent import parse_subscribed
from loops_async.importer.errors import RowRefused, ValueRefused, quote_name
from loops_async.importer.mapping import PlannedColumn, Target
from loops_async.importer.reading import AnyRow, InputRow
from loops_async.records._request_record import build_record
from loops_async.records.contacts import ContactUpdate

_IDENTIFIERS: Final = ("email", "user_id")
_IN_BRACKETS: Final = re.compile(r"[^<>@]*<([^<>]*)>")
_MAILTO: Final = re.compile(r"mailto:\s*", re.IGNORECASE)


def row_to_contact(
    row: AnyRow, columns: Sequence[PlannedColumn], *, empty_as_null: bool = False
) -> ContactUpdate:
    """The contact that a row describes.

    With ``empty_as_null``, None is sent for an empty cell, which clears the field at Loops. An
    empty identifier, ``subscribed`` or mailing list is left out even then: there is nothing that it
    could be reset to.

    Raises:
        RowRefused: With every problem of the row: it cannot be read, values do not fit, or nothing
            identifies a contact.
    """
    if not isinstance(row, InputRow):
        raise RowRefused(row.line, row.reason)
    try:
        return build_record(
            ContactUpdate, contact_fields(row, columns, empty_as_null=empty_as_null)
        )
    except (InvalidInput, InvalidCall) as error:
        raise RowRefused(row.line, str(error)) from error


def contact_fields(
    row: InputRow, columns: Sequence[PlannedColumn], *, empty_as_null: bool = False
) -> dict[str, object]:
    """The keyword arguments of a ``ContactUpdate`` for a row; see ``row_to_contact``.

    White space around identifiers is removed. All other text stays exactly as it is in the file.
    """
    fields: dict[str, object] = {}
    properties: dict[str, object] = {}
    lists: dict[str, object] = {}
    groups = {"field": fields, "property": properties, "list": lists}
    problems: list[str] = []
    for planned in columns:
        if planned.column not in row.cells:
            continue
        cell, target = row.cells[planned.column], planned.target
        if planned.is_empty(cell):
            if empty_as_null and _can_be_cleared(target):
                groups[target.kind][target.name] = None
            continue
        try:
            groups[target.kind][target.name] = _value(cell, planned)
        except ValueRefused as error:
            problems.append(f"column {quote_name(planned.column)} {error.reason}")
    if not problems and not any(fields.get(name) for name in _IDENTIFIERS):
        names = [quote_name(planned.column) for planned in columns if planned.identifies]
        problems.append(f"has nothing in {' or '.join(names)} to identify the contact by")
    if problems:
        raise RowRefused(row.line, "; ".join(problems))
    if properties:
        fields["properties"] = properties
    if lists:
        fields["mailing_lists"] = lists
    return fields


def _can_be_cleared(target: Target) -> bool:
    if target.kind == "field":
        return target.name not in (*_IDENTIFIERS, "subscribed")
    return target.kind == "property"


def _value(cell: object, planned: PlannedColumn) -> Value:
    target = planned.target
    if target.is_subscribed:
        said = planned.form.booleans.get(str(cell).strip().lower())
        if said is not None:
            return said is not target.negated
        return parse_subscribed(cell, negated=target.negated)
    if not planned.identifies:
        return coerce(cell, target.type, planned.form)
    if isinstance(cell, bool | float):
        raise ValueRefused("is neither text nor a whole number")
    identifier = str(coerce(cell, "string")).strip()
    if planned.target.name == "email":
        identifier = clean_address(identifier)
        _check_address(identifier)
    return identifier


def clean_address(text: str) -> str:
    """The address in a cell, without what mail programs write around it.

    Removes ``mailto:``, the name and angle brackets of ``Ada <ada@example.com>``, a semicolon or
    comma at the end, quotes around the whole, and white space.
    """
    text = text.strip().rstrip(";,").strip()
    if found := _IN_BRACKETS.fullmatch(text):
        text = found[1].strip()
    elif len(text) > 2 and text[0] == text[-1] and text[0] in "'\"":
        text = text[1:-1].strip()
    if found := _MAILTO.match(text):
        # A link may carry a subject: mailto:ada@example.com?subject=Hello
        text = text[found.end() :].partition("?")[0].strip()
    return text


def _check_address(address: str) -> None:
    # Only what no mail server could deliver to; whether Loops accepts the rest is its decision.
    local, at, domain = address.partition("@")
    for character in address:
        if unicodedata.category(character) in ("Cf", "Zl", "Zp", "Zs") and character != " ":
            code = f"U+{ord(character):04X}"
            name = unicodedata.name(character, "").lower()
            raise ValueRefused(
                f"contains an invisible character, {f'{code} {name}'.strip()}; delete it, or type "
                "the address again"
            )
    if not at:
        raise ValueRefused("is not an email address: it has no @")
    if (
        not local
        or not domain
        or any(c in domain for c in "@,;<>")
        or any(c.isspace() or not c.isprintable() for c in address)
    ):
        raise ValueRefused("is not one email address")
