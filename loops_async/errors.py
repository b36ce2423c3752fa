"""The exceptions of this package.

::

    LoopsError
    ├── ConfigurationError (ValueError)         the API key or a setting is missing or invalid
    ├── MissingExtra (ImportError)              an optional dependency is not installed
    ├── InvalidInput (ValueError)               a field has an invalid value; .field
    ├── InvalidCall (TypeError)                 the arguments are of the wrong type or conflict
    ├── RecipientNotAllowed (ValueError)        the address is not in allowed_recipients
    ├── SessionClosed (ValueError)              the client or session was already closed
    ├── WrongEventLoop (ValueError)             the client belongs to another event loop
    ├── APIError                                an error response; .status, .message
    │   ├── BadRequest                          400, 422, and any other 4xx
    │   ├── Unauthorized                        401: the API key is not valid
    │   ├── Forbidden                           403
    │   ├── NotFound                            404
    │   │   └── ContactNotFound
    │   ├── Conflict                            409
    │   │   ├── ContactAlreadyExists
    │   │   └── IdempotencyConflict
    │   ├── RedirectRefused                     3xx: redirects are not followed
    │   ├── RateLimited                         429: the rate limit is exceeded; .retry_after
    │   └── ServerError                         5xx, 408, 425; .retry_after
    ├── LinkError                               no complete response was received
    │   ├── ConnectFailed                       no connection; the request was not sent
    │   ├── ConnectionLost                      the connection was lost
    │   └── ReplyTimeout                        the response took too long
    ├── InvalidReply                            a 2xx with an unexpected body; .excerpt
    │   └── ReplyTooLarge                       the body is too large
    ├── DeadlineExceeded (TimeoutError)         the call's timeout expired
    └── OutcomeUnknown                          a write may or may not have taken effect

If a write raises any exception other than ``OutcomeUnknown``, it did not take effect. Messages name
the field and the fix. They never contain an API key, an address or a value that you sent.
"""

from typing import ClassVar


class LoopsError(Exception):
    """Base class of all exceptions of this package.

    Attributes:
        status: The HTTP status code of the response, or None if there was no response.
        attempts: Number of requests sent, including retries; 0 if nothing was sent.
        concerns_input: True if the arguments caused the error, so that repeating the call with
            the same arguments cannot succeed: either validation failed before anything was sent,
            or Loops responded with 400, 409, 413 or 422.
    """

    _concerns_input: ClassVar[bool] = False

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.attempts = 0
        self.concerns_input: bool = self._concerns_input


class ConfigurationError(LoopsError, ValueError):
    """A setting is missing or invalid, such as the API key or the base URL."""


class MissingExtra(LoopsError, ImportError):
    """A feature requires an extra that is not installed. The message names the extra."""


class InvalidInput(LoopsError, ValueError):
    """A field has a value that Loops would not accept. Nothing was sent.

    Attributes:
        field: The name of the field or custom property.
    """

    _concerns_input = True

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class InvalidCall(LoopsError, TypeError):
    """The arguments have the wrong type or cannot be combined. Nothing was sent."""

    _concerns_input = True


class RecipientNotAllowed(LoopsError, ValueError):
    """The address is not in the client's ``allowed_recipients``. Nothing was sent."""

    _concerns_input = True


class SessionClosed(LoopsError, ValueError):
    """The client or session was used after it was closed."""


class WrongEventLoop(LoopsError, ValueError):
    """The client or session was used in a different event loop from the one it was opened in."""


class APIError(LoopsError):
    """Loops responded with an error status.

    Attributes:
        message: The error message from Loops. Values that you sent are redacted.
    """

    def __init__(self, text: str, *, status: int | None = None, message: str = "") -> None:
        super().__init__(text, status=status)
        self.message = message
        self.concerns_input: bool = status in {400, 409, 413, 422}


class BadRequest(APIError):
    """Loops rejected the request (400, 422, and any 4xx without a class of its own)."""


class Unauthorized(APIError):
    """The API key is not valid or was revoked (401)."""


class Forbidden(APIError):
    """The API key does not have permission for this operation (403)."""


class NotFound(APIError):
    """The object does not exist (404)."""


class ContactNotFound(NotFound):
    """No contact has this email address or user id."""


class Conflict(APIError):
    """The request conflicts with existing data (409)."""


class ContactAlreadyExists(Conflict):
    """A contact with this email address or user id already exists. Use ``update`` to change it.

    Also raised if the response to a create was lost, and the contact then exists with values that
    differ from those that were sent.
    """


class IdempotencyConflict(Conflict):
    """The event or email was already sent with this idempotency key, by an earlier call.

    Nothing was sent this time, and no action is required.
    """


class RedirectRefused(APIError):
    """The response is a redirect (3xx), which is not followed, to avoid leaking the API key."""


class RateLimited(APIError):
    """The team's rate limit was exceeded (429), even after waiting.

    Attributes:
        retry_after: Seconds to wait, from the ``Retry-After`` header; None if it is missing.
    """

    def __init__(
        self,
        text: str,
        *,
        status: int | None = None,
        message: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(text, status=status, message=message)
        self.retry_after = retry_after


class ServerError(APIError):
    """Loops failed to process the request (5xx), or could not accept it yet (408, 425).

    Attributes:
        retry_after: Seconds to wait, from the ``Retry-After`` header; None if it is missing.
    """

    def __init__(
        self,
        text: str,
        *,
        status: int | None = None,
        message: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(text, status=status, message=message)
        self.retry_after = retry_after


class LinkError(LoopsError):
    """No complete response was received."""


class ConnectFailed(LinkError):
    """The connection could not be established. The request was not sent."""


class ConnectionLost(LinkError):
    """The connection was lost. The request may have been sent."""


class ReplyTimeout(LinkError):
    """No complete response was received within the time limit for one attempt."""


class InvalidReply(LoopsError):
    """A successful response (2xx) has a body that does not match the API's documentation.

    Attributes:
        excerpt: The first 200 characters of the body, with values redacted.
    """

    def __init__(self, text: str, *, status: int | None = None, excerpt: str = "") -> None:
        super().__init__(text, status=status)
        self.excerpt = excerpt


class ReplyTooLarge(InvalidReply):
    """The response body exceeds the maximum size that the client accepts."""


class DeadlineExceeded(LoopsError, TimeoutError):
    """The call's ``timeout`` expired. The last failure, if any, is the ``__cause__``."""


class OutcomeUnknown(LoopsError):
    """A write may or may not have taken effect. The last failure is the ``__cause__``.

    Check the state at Loops, for example with ``contacts.find``, before you repeat the call.
    """
