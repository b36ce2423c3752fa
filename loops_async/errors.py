"""Every exception that leaves the package, grouped by who must act.

::

    LoopsError
    ├── your code
    │   ├── ConfigurationError (ValueError)     a key, an address, a setting that cannot work
    │   ├── MissingExtra (ImportError)          an optional part that is not installed
    │   ├── InvalidInput (ValueError)           a field that Loops could not take; .field
    │   ├── InvalidCall (TypeError)             arguments that do not go together
    │   ├── RecipientNotAllowed (ValueError)    an address that safe mode keeps from getting mail
    │   ├── SessionClosed (ValueError)          used after it was closed
    │   └── WrongEventLoop (ValueError)         used from another loop than it was opened in
    ├── APIError                                Loops answered, and said no; .status, .message
    │   ├── BadRequest                          400, 422
    │   ├── Unauthorized                        401: the API key
    │   ├── Forbidden                           403
    │   ├── NotFound                            404
    │   │   └── ContactNotFound
    │   ├── Conflict                            409
    │   │   ├── ContactAlreadyExists
    │   │   └── IdempotencyConflict
    │   ├── RedirectRefused                     3xx: never followed
    │   ├── RateLimited                         429: come back later; .retry_after
    │   └── ServerError                         5xx: Loops' side failed; 408, 425
    ├── LinkError                               no whole reply came
    │   ├── ConnectFailed                       no connection: the request never left
    │   ├── ConnectionLost                      the connection broke
    │   └── ReplyTimeout                        no reply in time
    ├── InvalidReply                            a 2xx that is not what was promised; .excerpt
    │   └── ReplyTooLarge                       more than the client will hold
    ├── DeadlineExceeded (TimeoutError)         the call's own ``timeout`` ran out
    └── OutcomeUnknown                          a write that may have taken effect, or not

Any error but ``OutcomeUnknown`` from a write means that the write did not happen.
Messages name fields and say what to do; they never hold a key, an address or a value you sent.
"""

from typing import ClassVar


class LoopsError(Exception):
    """The root of every exception of this package.

    Attributes:
        status: The HTTP status of the reply behind this error, or None where there was none.
        attempts: How many requests were sent before giving up; 0 where none was.
        concerns_input: Whether what you passed is the reason, so that the same call with the same
            values cannot succeed: it was refused before it was sent, or Loops refused it with 400,
            409, 413 or 422.
    """

    _concerns_input: ClassVar[bool] = False

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.attempts = 0
        self.concerns_input: bool = self._concerns_input


class ConfigurationError(LoopsError, ValueError):
    """A setting that cannot work: no API key, a malformed one, a base URL that is not safe."""


class MissingExtra(LoopsError, ImportError):
    """An optional part is used whose extra is not installed; the message says which."""


class InvalidInput(LoopsError, ValueError):
    """A field that Loops could not take; nothing was sent.

    Attributes:
        field: The name of the field or of the custom property.
    """

    _concerns_input = True

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class InvalidCall(LoopsError, TypeError):
    """Arguments that do not go together; nothing was sent."""

    _concerns_input = True


class RecipientNotAllowed(LoopsError, ValueError):
    """The client has ``allowed_recipients``, and the address is not one; nothing was sent."""

    _concerns_input = True


class SessionClosed(LoopsError, ValueError):
    """The client or session was used after it was closed."""


class WrongEventLoop(LoopsError, ValueError):
    """The session was used from another event loop than the one it was opened in."""


class APIError(LoopsError):
    """Loops answered with a status that is not a success.

    Attributes:
        message: What Loops said, cleaned of whatever was sent.
    """

    def __init__(self, text: str, *, status: int | None = None, message: str = "") -> None:
        super().__init__(text, status=status)
        self.message = message
        self.concerns_input: bool = status in {400, 409, 413, 422}


class BadRequest(APIError):
    """Loops could not take the request as it is (400, 422, and any 4xx without its own class)."""


class Unauthorized(APIError):
    """The API key is wrong or was revoked (401)."""


class Forbidden(APIError):
    """The key may not do this (403)."""


class NotFound(APIError):
    """There is no such thing (404)."""


class ContactNotFound(NotFound):
    """No contact has this email address or user id."""


class Conflict(APIError):
    """The request contradicts what Loops holds (409)."""


class ContactAlreadyExists(Conflict):
    """A contact with this email address or user id exists; ``update`` would change it.

    After a lost reply it says that Loops holds the contact with other values than were sent.
    """


class IdempotencyConflict(Conflict):
    """An earlier call with this idempotency key sent the event or email; nothing is to do.

    Nothing was sent now.
    """


class RedirectRefused(APIError):
    """The reply pointed elsewhere (3xx); redirects are never followed, for they carry the key."""


class RateLimited(APIError):
    """The team's requests per second are used up (429) and waiting did not help.

    Attributes:
        retry_after: Seconds that the server asked to wait, or None where it did not say.
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
    """Loops' side failed (5xx), or did not accept the request at this time (408, 425).

    Attributes:
        retry_after: Seconds that the server asked to wait, or None where it did not say.
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
    """No whole reply came back."""


class ConnectFailed(LinkError):
    """No connection could be made, so the request never left."""


class ConnectionLost(LinkError):
    """The connection broke after the request may have left."""


class ReplyTimeout(LinkError):
    """No whole reply came within the time for one attempt."""


class InvalidReply(LoopsError):
    """A 2xx reply that is not what the API promises.

    Attributes:
        excerpt: The beginning of the reply, cleaned of values, at most 200 characters.
    """

    def __init__(self, text: str, *, status: int | None = None, excerpt: str = "") -> None:
        super().__init__(text, status=status)
        self.excerpt = excerpt


class ReplyTooLarge(InvalidReply):
    """A reply of more bytes than the client will hold."""


class DeadlineExceeded(LoopsError, TimeoutError):
    """The call's own ``timeout`` ran out; the last failure, if any, is the cause."""


class OutcomeUnknown(LoopsError):
    """A write that may have taken effect, or not; the last failure is the cause.

    Ask Loops what it holds (``contacts.find``) before you send it again.
    """
