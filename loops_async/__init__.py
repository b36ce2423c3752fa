"""The asyncio client for Loops (https://loops.so).

Importing the package imports none of its modules: a public name is imported when it is first used.
"""

# Every public name, under the module that defines it. Documentation has the names in this order.
# ``__init__.pyi`` imports the same names for type checkers.
_PUBLIC_NAMES = {
    "client": "LoopsClient",
    "session": "LoopsSession",
    "pipeline.deadlines": "Timeouts",
    "records.contacts": "ContactCreate ContactUpdate Contact ContactReceipt OptInStatus",
    "records.suppression": "Suppression SuppressedContact SuppressionRemoval RemovalQuota",
    "records.contact_properties": "ContactProperty PropertyType",
    "records.mailing_lists": "MailingList",
    "records.events": "Event",
    "records.transactional": "TransactionalEmail DataVariable PublishedTransactionalEmail",
    "records.attachments": "Attachment",
    "records.api_key": "Team",
    "records._types": "UNSET Unset PropertyValue JsonValue SendReceipt",
    "api.pages": "Pages Page",
    "bulk.upsert": "BulkUpsert",
    "bulk.outcomes": "Outcome Unfinished",
    "bulk.progress": "Totals",
    "pipeline.retry_policy": "RetryPolicy",
    "pacing.pacer": "Pacer",
    "pipeline.observing": "Attempt log_attempts",
    "pipeline.stats": "Stats",
    "errors": """
        LoopsError ConfigurationError MissingExtra InvalidInput InvalidCall RecipientNotAllowed
        SessionClosed WrongEventLoop APIError BadRequest Unauthorized Forbidden NotFound
        ContactNotFound Conflict ContactAlreadyExists IdempotencyConflict RedirectRefused
        RateLimited ServerError LinkError ConnectFailed ConnectionLost ReplyTimeout InvalidReply
        ReplyTooLarge DeadlineExceeded OutcomeUnknown
    """,
    "version": "__version__",
}
_MODULES = {name: module for module, names in _PUBLIC_NAMES.items() for name in names.split()}
# Type checkers read __init__.pyi.
__all__ = sorted(_MODULES)  # noqa: PLE0605 # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module 'loops_async' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - importing the package stays cheap

    value = getattr(import_module(f"loops_async.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
