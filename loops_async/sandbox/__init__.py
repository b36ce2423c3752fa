"""A local stand-in for the Loops API, for tests in any language.

A second witness: it imports nothing of the client's, so that a field misspelt in the client
meets a server that spells it right.
"""

from loops_async.sandbox.audience import Contacts
from loops_async.sandbox.fault_spec import parse_faults
from loops_async.sandbox.faults import Fault, Faults
from loops_async.sandbox.journal import Counts, ReceivedRequest
from loops_async.sandbox.kinds import FAULT_KINDS, FaultKind
from loops_async.sandbox.limits import Window
from loops_async.sandbox.outbox import Attachment, SentEmail, SentEvent
from loops_async.sandbox.records import Contact, MailingList, Property, PropertyType
from loops_async.sandbox.server import Sandbox
from loops_async.sandbox.store import DEFAULT_MAILING_LISTS

__all__ = [
    "DEFAULT_MAILING_LISTS",
    "FAULT_KINDS",
    "Attachment",
    "Contact",
    "Contacts",
    "Counts",
    "Fault",
    "FaultKind",
    "Faults",
    "MailingList",
    "Property",
    "PropertyType",
    "ReceivedRequest",
    "Sandbox",
    "SentEmail",
    "SentEvent",
    "Window",
    "parse_faults",
]
