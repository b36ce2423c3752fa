"""The records: what goes to Loops and what comes back. They never hear of JSON."""

from loops_async.records.account import ContactProperty, MailingList, PropertyType, Team
from loops_async.records.contacts import (
    Contact,
    ContactCreate,
    ContactReceipt,
    ContactUpdate,
    JsonValue,
    OptInStatus,
)
from loops_async.records.unset import UNSET, Unset
from loops_async.records.values import PropertyValue

__all__ = [
    "UNSET",
    "Contact",
    "ContactCreate",
    "ContactProperty",
    "ContactReceipt",
    "ContactUpdate",
    "JsonValue",
    "MailingList",
    "OptInStatus",
    "PropertyType",
    "PropertyValue",
    "Team",
    "Unset",
]
