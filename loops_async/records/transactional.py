"""A transactional mail and its data."""

import math
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, TypeAlias, cast

import attrs

from loops_async.errors import InvalidInput
from loops_async.records._types import UNSET, Unset
from loops_async.records._validation import (
    check_each,
    check_name,
    check_property_value,
    check_unicode,
    is_mapping,
    masked_repr,
    own_mapping,
    refused,
    required_email,
)
from loops_async.records.attachments import Attachment, own_attachments

DataVariable: TypeAlias = str | int | float | list[dict[str, str | int | float]]
"""The value of a data variable: text, a number, or a list of mappings of text and numbers."""


def check_variable(name: object, value: Any, *, within: str = "") -> None:
    """Refuse what a template cannot take; ``within`` is the array that the variable is part of.

    Raises:
        InvalidInput: A name that is not text, ``None`` (Loops does not take null here), a boolean
            or date (send text), a number that JSON has not, or anything nested deeper than an
            array of objects.
    """
    if not isinstance(name, str) or not name:
        raise InvalidInput(
            "data_variables: a variable's name must be non-empty text", field="data_variables"
        )
    name = f"{within}.{name}" if within else name
    check_unicode(name, name)
    if isinstance(value, str):
        check_unicode(name, value)
        return
    if isinstance(value, int) and not isinstance(value, bool):
        check_property_value(name, value)
        return
    if isinstance(value, float) and math.isfinite(value):
        return
    if isinstance(value, list) and not within:
        _check_items(name, cast("list[object]", value))
        return
    if value is None:
        fix = "Loops does not take null here; leave it out, or send '' for an optional variable"
    elif isinstance(value, bool | date):
        fix = "Loops takes text and numbers; format it as the mail shall show it"
    else:
        fix = "it must be text, a finite number, or a list of mappings of those"
    raise refused(name, fix)


def _check_items(name: str, items: list[object]) -> None:
    for item in items:
        if not is_mapping(item):
            raise refused(name, "a list must hold mappings, one for each repetition")
        for key, inner in item.items():
            check_variable(key, inner, within=name)


def _own_variables(value: Mapping[str, DataVariable]) -> dict[str, DataVariable]:
    # As deep as a variable may be, so that no one else can change it.
    own = own_mapping(value, "data_variables")
    for name, variable in own.items():
        if isinstance(variable, list):
            own[name] = _own_items(cast("list[object]", variable))
    return own


def _own_items(items: list[object]) -> list[object]:
    return [dict(item) if is_mapping(item) else item for item in items]


def _check_add(_: object, __: "attrs.Attribute[Any]", value: object) -> None:
    if value is not UNSET and not isinstance(value, bool):
        raise InvalidInput(
            "add_to_audience: must be True, False or left out", field="add_to_audience"
        )


@attrs.frozen(kw_only=True, repr=False)
class TransactionalEmail:
    """A transactional mail (https://loops.so/docs/api-reference/send-transactional-email).

    Attributes:
        transactional_id: The id of the published mail in Loops.
        email: The recipient's address.
        data_variables: What the template's variables stand for: text, numbers, or lists of
            mappings of those.
        add_to_audience: Whether the recipient becomes a contact.
        attachments: Files to send along.

    Raises:
        InvalidInput: A field that Loops could not take; the message names it and the fix.
    """

    transactional_id: str = attrs.field(validator=check_name)
    email: str = attrs.field(validator=required_email)
    data_variables: Mapping[str, DataVariable] = attrs.field(
        factory=dict[str, DataVariable], converter=_own_variables
    )
    add_to_audience: bool | Unset = attrs.field(default=UNSET, validator=_check_add)
    attachments: tuple[Attachment, ...] = attrs.field(default=(), converter=own_attachments)

    def __attrs_post_init__(self) -> None:
        check_each("data_variables", self.data_variables, check_variable)

    def __repr__(self) -> str:
        return masked_repr(self)


@attrs.frozen
class PublishedTransactionalEmail:
    """A published transactional email
    (https://loops.so/docs/api-reference/list-transactional-emails-v1).

    Attributes:
        id: Its id, for ``loops.transactional.send(transactional_id=…)``.
        name: Its name in Loops.
        last_updated: When it was last changed.
        data_variables: The names of the data variables that it uses.
    """  # noqa: D205 - the page's address does not fit the first line

    id: str
    name: str
    last_updated: datetime
    data_variables: list[str]
