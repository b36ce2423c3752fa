"""The fields of the contact records, as keyword arguments that type checkers know."""

from collections.abc import Mapping
from typing import Required, TypedDict

from loops_async.records.unset import Unset
from loops_async.records.values import PropertyValue


class _Fields(TypedDict, total=False):
    first_name: str | None | Unset
    last_name: str | None | Unset
    source: str | None | Unset
    subscribed: bool | None | Unset
    user_group: str | None | Unset
    user_id: str | None | Unset
    mailing_lists: Mapping[str, bool] | None | Unset
    properties: Mapping[str, PropertyValue]


class CreateFields(_Fields, total=False):
    """The fields of ``ContactCreate`` as keyword arguments."""

    email: Required[str]


class UpdateFields(_Fields, total=False):
    """The fields of ``ContactUpdate`` as keyword arguments."""

    email: str | None | Unset
