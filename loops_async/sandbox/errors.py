"""What the sandbox says no with."""


class Refusal(Exception):
    """A request that breaks a rule of the API, as the status and the words that answer it.

    Raised by the rules, turned into JSON at the edge (`loops_async.sandbox.middleware`).

    Attributes:
        status: The HTTP status to answer with, 400 to 499.
        message: The `message` of the JSON body.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
