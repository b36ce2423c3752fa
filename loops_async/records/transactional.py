"""Transactional emails: their data variables and what is sent."""

import math
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, TypeAlias, cast

import attrs

from loops_async.errors import InvalidInput
from loops_async.records._types import UNSET, ReplyRecord, Unset
from loops_async.records._validation import (
    RequestRecord,
    check_each,
    check_email,
    check_name,
    check_property_value,
    check_unicode,
    copy_mapping,
    invalid,
    is_mapping,
)
from loops_async.records.attachments import Attachment, copy_attachments

DataVariable: TypeAlias = str | int | float | list[dict[str, str | int | float]]
"""The value of a data variable: text, a number, or a list of mappings of text and numbers."""


def _check_variable(name: object, value: Any, *, within: str = "") -> None:
    """Raise InvalidInput unless a template can use ``value``; ``within`` is the array it is in."""
    if not isinstance(name, str) or not name:
        raise InvalidInput(
            "data_variables: a variable's name must be non-empty text", field="data_variables"
        )
    name = f"{within}.{name}" if within else name
    check_unicode(name, name)
    if isinstance(value, str):
        check_unicode(name, value)
    elif isinstance(value, int) and not isinstance(value, bool):
        check_property_value(name, value)
    elif isinstance(value, list) and not within:
        _check_items(name, cast("list[object]", value))
    elif not isinstance(value, float) or not math.isfinite(value):
        if value is None:
            fix = "Loops does not take null here; leave it out, or send '' if it is optional"
        elif isinstance(value, bool | date):
            fix = "Loops takes text and numbers; format it as the email should show it"
        else:
            fix = "it must be text, a finite number, or a list of mappings of those"
        raise invalid(name, fix)


def _check_items(name: str, items: list[object]) -> None:
    for item in items:
        if not is_mapping(item):
            raise invalid(name, "a list must hold mappings, one for each repetition")
        for key, value in item.items():
            _check_variable(key, value, within=name)


def _copy_variables(value: Mapping[str, DataVariable]) -> dict[str, DataVariable]:
    # Including the lists and their items, so that the caller cannot change them later.
    variables = copy_mapping(value, "data_variables")
    for name, variable in variables.items():
        if isinstance(variable, list):
            items = cast("list[object]", variable)
            variables[name] = [dict(item) if is_mapping(item) else item for item in items]
    return variables


@attrs.frozen(kw_only=True, slots=False)
class TransactionalEmail(RequestRecord):
    """A transactional email (https://loops.so/docs/api-reference/send-transactional-email).

    Attributes:
        transactional_id: The id of the published email in Loops.
        email: The recipient's address.
        data_variables: The values of the template's variables: text, numbers, or lists of
            mappings of those.
        add_to_audience: Whether the recipient becomes a contact.
        attachments: Files to send along.

    Raises:
        InvalidInput: A field that Loops would not accept; the message names it and the fix.
    """

    transactional_id: str
    email: str
    data_variables: Mapping[str, DataVariable] = attrs.field(
        factory=dict[str, DataVariable], converter=_copy_variables
    )
    add_to_audience: bool | Unset = UNSET
    attachments: tuple[Attachment, ...] = attrs.field(
        factory=tuple[Attachment, ...], converter=copy_attachments
    )

    def check(self) -> None:
        """Raise InvalidInput if Loops would not accept the record."""
        check_name("transactional_id", self.transactional_id)
        check_email("email", self.email)
        if self.add_to_audience is not UNSET and not isinstance(
            cast("object", self.add_to_audience), bool
        ):
            raise InvalidInput(
                "add_to_audience: must be True, False or left out", field="add_to_audience"
            )
        if self.data_variables:
            check_each("data_variables", self.data_variables, _check_variable)


@attrs.frozen
class PublishedTransactionalEmail(ReplyRecord):
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
