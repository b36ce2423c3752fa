"""What the sandbox says no with."""

from collections.abc import Mapping
from types import MappingProxyType


class Refusal(Exception):
    """A request that breaks a rule of the API, as the status and the words that answer it.

    Raised by the rules, turned into JSON at the edge (`loops_async.sandbox.middleware`).

    Attributes:
        status: The HTTP status to answer with, 400 to 499.
        message: The `message` of the JSON body.
        fields: What else the JSON body holds: some endpoints say where the mistake is.
    """

    def __init__(self, status: int, message: str, **fields: object) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.fields: Mapping[str, object] = MappingProxyType(fields)
