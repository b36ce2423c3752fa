"""The records: what goes to Loops and what comes back. They never hear of JSON."""

from loops_async.records.account import ContactProperty, MailingList, PropertyType, Team
from loops_async.records.attachments import Attachment
from loops_async.records.contacts import (
    Contact,
    ContactCreate,
    ContactReceipt,
    ContactUpdate,
    JsonValue,
    OptInStatus,
)
from loops_async.records.events import Event
from loops_async.records.receipts import SendReceipt
from loops_async.records.suppression import (
    RemovalQuota,
    SuppressedContact,
    Suppression,
    SuppressionRemoval,
)
from loops_async.records.transactional import DataVariable, TransactionalEmail
from loops_async.records.unset import UNSET, Unset
from loops_async.records.values import PropertyValue

__all__ = [
    "UNSET",
    "Attachment",
    "Contact",
    "ContactCreate",
    "ContactProperty",
    "ContactReceipt",
    "ContactUpdate",
    "DataVariable",
    "Event",
    "JsonValue",
    "MailingList",
    "OptInStatus",
    "PropertyType",
    "PropertyValue",
    "RemovalQuota",
    "SendReceipt",
    "SuppressedContact",
    "Suppression",
    "SuppressionRemoval",
    "Team",
    "TransactionalEmail",
    "Unset",
]
