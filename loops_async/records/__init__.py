"""The records: what goes to Loops and what comes back. They never hear of JSON."""

from loops_async.records._types import UNSET, JsonValue, PropertyValue, SendReceipt, Unset
from loops_async.records.api_key import Team
from loops_async.records.attachments import Attachment
from loops_async.records.contact_properties import ContactProperty, PropertyType
from loops_async.records.contacts import (
    Contact,
    ContactCreate,
    ContactReceipt,
    ContactUpdate,
    OptInStatus,
)
from loops_async.records.events import Event
from loops_async.records.mailing_lists import MailingList
from loops_async.records.suppression import (
    RemovalQuota,
    SuppressedContact,
    Suppression,
    SuppressionRemoval,
)
from loops_async.records.transactional import DataVariable, TransactionalEmail

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
