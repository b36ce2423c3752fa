"""A local server that stands in for the Loops API, for tests in any language.

It imports nothing from the client, so that a mistake in the client, such as a misspelled field, is
not repeated here.
"""

from loops_async.sandbox.api.contact_properties import PropertyKind, StoredProperty
from loops_async.sandbox.api.events import SentEvent
from loops_async.sandbox.api.mailing_lists import DEFAULT_MAILING_LISTS, StoredMailingList
from loops_async.sandbox.api.transactional import ReceivedAttachment, SentEmail
from loops_async.sandbox.contact_index import StoredContact, StoredContacts
from loops_async.sandbox.fault_spec import parse_faults
from loops_async.sandbox.faults.fault_kinds import FAULT_KINDS, Fault, FaultKind
from loops_async.sandbox.faults.schedule import Faults
from loops_async.sandbox.limits import Window
from loops_async.sandbox.request_log import ReceivedRequest
from loops_async.sandbox.server import Sandbox, SandboxCounts

__all__ = [
    "DEFAULT_MAILING_LISTS",
    "FAULT_KINDS",
    "Fault",
    "FaultKind",
    "Faults",
    "PropertyKind",
    "ReceivedAttachment",
    "ReceivedRequest",
    "Sandbox",
    "SandboxCounts",
    "SentEmail",
    "SentEvent",
    "StoredContact",
    "StoredContacts",
    "StoredMailingList",
    "StoredProperty",
    "Window",
    "parse_faults",
]
