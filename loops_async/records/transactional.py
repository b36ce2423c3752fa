"""Transactional emails and their data variables."""

import math
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, ClassVar, TypeAlias, cast

import attrs

from loops_async.errors import InvalidInput
from loops_async.records._request_record import RequestRecord
from loops_async.records._types import UNSET, ReplyRecord, Unset
from loops_async.records._validation import (
    check_each,
    check_email,
    check_name,
    check_property_value,
    check_unicode,
    copy_mapping,
    invalid,
    is_mapping,
    wrong_type,
)
from loops_async.records._value_descriptions import conversion, missing_value
from loops_async.records.attachments import Attachment, copy_attachments

DataVariable: TypeAlias = str | int | float | list[dict[str, str | int | float]]
"""The value of a data variable: text, a number, or a list of mappings of text and numbers."""


def _check_variable(name: object, value: Any, *, within: str = "") -> None:
    """Raise InvalidInput unless ``value`` is valid; ``within`` names the list that contains it."""
    if not isinstance(name, str) or not name:
        raise InvalidInput(
            "data_variables: a variable's name must be non-empty text", field="data_variables"
        )
    name = f"{within}.{name}" if within else name
    if not name.isascii():
        check_unicode(name, name)
    if isinstance(value, str):
        if not value.isascii():
            check_unicode(name, value)
    elif isinstance(value, int) and not isinstance(value, bool):
        check_property_value(name, value)
    elif isinstance(value, list) and not within:
        _check_items(name, cast("list[object]", value))
    elif not isinstance(value, float) or not math.isfinite(value):
        raise _not_a_variable(name, cast("object", value))


def _not_a_variable(name: str, value: object) -> InvalidInput:
    if value is None:
        return invalid(
            name, "Loops does not accept null here; leave it out, or send '' if it is optional"
        )
    # NumPy's booleans and dates are not subclasses of Python's.
    is_bool_or_date = isinstance(value, bool | date) or type(value).__name__.startswith(
        ("bool", "datetime")
    )
    if is_bool_or_date and missing_value(value) is None:
        return invalid(
            name, "Loops accepts only text and numbers; format it as it should appear in the email"
        )
    expected = "must be text, a finite number, or a list of mappings of those"
    if_missing = "leave it out, or send '' if it is optional"
    return wrong_type(name, expected, value, conversion(value), if_missing=if_missing)


def _check_items(name: str, items: list[object]) -> None:
    for item in items:
        if not is_mapping(item):
            raise invalid(name, "a list must contain mappings, one for each repetition")
        for key, value in item.items():
            _check_variable(key, value, within=name)


def _copy_variables(value: Mapping[str, DataVariable]) -> dict[str, DataVariable]:
    # Copies lists and their items too, so that the caller cannot change them later.
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
        attachments: Files to attach.

    Raises:
        InvalidInput: A field that Loops would not accept; the message names it and the fix.
    """

    _other_names: ClassVar = {
        **dict.fromkeys(("to", "recipient", "to_email", "email_address", "address"), "email"),
        **dict.fromkeys(("id", "template", "template_id", "transactional"), "transactional_id"),
        **dict.fromkeys(
            ("variables", "data", "properties", "contact_properties", "event_properties", "params"),
            "data_variables",
        ),
        "attachment": "attachments",
        "files": "attachments",
    }
    _arguments_of_send: ClassVar = ("transactional.send", "idempotency_key", "timeout")
    _place_of_others: ClassVar = "values for the template go into data_variables={…}"

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
        add = cast("object", self.add_to_audience)
        if add is not UNSET and not isinstance(add, bool):
            raise wrong_type(
                "add_to_audience", "must be True, False or left out", add, if_missing="leave it out"
            )
        if self.data_variables:
            check_each("data_variables", self.data_variables, _check_variable)


@attrs.frozen(slots=False)
class PublishedTransactionalEmail(ReplyRecord):
    """A published transactional email
    (https://loops.so/docs/api-reference/list-transactional-emails-v1).

    Attributes:
        id: Its id, for ``loops.transactional.send(transactional_id=…)``.
        name: Its name in Loops.
        last_updated: When it was last changed.
        data_variables: The names of the data variables that it uses.
    """  # noqa: D205 - the URL does not fit on the first line

    id: str
    name: str
    last_updated: datetime
    data_variables: list[str]
