"""The asyncio client for Loops (https://loops.so).

Importing the package imports nothing else: each name below is fetched when it is first used, so
that a command line or a serverless function does not pay for aiohttp before it needs it.
"""

# Not typing's own: importing typing costs more than all the rest of this module.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from loops_async.bulk.outcomes import Outcome, Unfinished
    from loops_async.bulk.progress import Totals
    from loops_async.bulk.upsert import BulkUpsert
    from loops_async.client import LoopsClient
    from loops_async.errors import (
        APIError,
        BadRequest,
        ConfigurationError,
        Conflict,
        ConnectFailed,
        ConnectionLost,
        ContactAlreadyExists,
        ContactNotFound,
        DeadlineExceeded,
        Forbidden,
        IdempotencyConflict,
        InvalidCall,
        InvalidInput,
        InvalidReply,
        LinkError,
        LoopsError,
        MissingExtra,
        NotFound,
        OutcomeUnknown,
        RateLimited,
        RecipientNotAllowed,
        RedirectRefused,
        ReplyTimeout,
        ReplyTooLarge,
        ServerError,
        SessionClosed,
        Unauthorized,
        WrongEventLoop,
    )
    from loops_async.pacing import Pacer
    from loops_async.pipeline.deadlines import Timeouts
    from loops_async.pipeline.observing import Attempt, log_attempts
    from loops_async.pipeline.retry_policy import RetryPolicy
    from loops_async.pipeline.stats import Stats
    from loops_async.records import (
        UNSET,
        Attachment,
        Contact,
        ContactCreate,
        ContactProperty,
        ContactReceipt,
        ContactUpdate,
        DataVariable,
        Event,
        JsonValue,
        MailingList,
        OptInStatus,
        PropertyType,
        PropertyValue,
        RemovalQuota,
        SendReceipt,
        SuppressedContact,
        Suppression,
        SuppressionRemoval,
        Team,
        TransactionalEmail,
        Unset,
    )
    from loops_async.session import LoopsSession
    from loops_async.version import __version__

__all__ = [
    "UNSET",
    "APIError",
    "Attachment",
    "Attempt",
    "BadRequest",
    "BulkUpsert",
    "ConfigurationError",
    "Conflict",
    "ConnectFailed",
    "ConnectionLost",
    "Contact",
    "ContactAlreadyExists",
    "ContactCreate",
    "ContactNotFound",
    "ContactProperty",
    "ContactReceipt",
    "ContactUpdate",
    "DataVariable",
    "DeadlineExceeded",
    "Event",
    "Forbidden",
    "IdempotencyConflict",
    "InvalidCall",
    "InvalidInput",
    "InvalidReply",
    "JsonValue",
    "LinkError",
    "LoopsClient",
    "LoopsError",
    "LoopsSession",
    "MailingList",
    "MissingExtra",
    "NotFound",
    "OptInStatus",
    "Outcome",
    "OutcomeUnknown",
    "Pacer",
    "PropertyType",
    "PropertyValue",
    "RateLimited",
    "RecipientNotAllowed",
    "RedirectRefused",
    "RemovalQuota",
    "ReplyTimeout",
    "ReplyTooLarge",
    "RetryPolicy",
    "SendReceipt",
    "ServerError",
    "SessionClosed",
    "Stats",
    "SuppressedContact",
    "Suppression",
    "SuppressionRemoval",
    "Team",
    "Timeouts",
    "Totals",
    "TransactionalEmail",
    "Unauthorized",
    "Unfinished",
    "Unset",
    "WrongEventLoop",
    "__version__",
    "log_attempts",
]

# Every public name that is not listed here lives in ``errors``.
_ROOMS = {
    "pipeline.retry_policy": ("RetryPolicy",),
    "bulk.upsert": ("BulkUpsert",),
    "client": ("LoopsClient",),
    "bulk.outcomes": ("Outcome", "Unfinished"),
    "pacing": ("Pacer",),
    "records": (
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
    ),
    "pipeline.observing": ("Attempt", "log_attempts"),
    "session": ("LoopsSession",),
    "pipeline.stats": ("Stats",),
    "pipeline.deadlines": ("Timeouts",),
    "bulk.progress": ("Totals",),
    "version": ("__version__",),
}
_HOME = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> object:
    # Imported here, so that "import loops_async" stays free.
    if name not in __all__:
        raise AttributeError(f"module 'loops_async' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    value = getattr(import_module(f"loops_async.{_HOME.get(name, 'errors')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
