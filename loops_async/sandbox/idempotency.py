"""The idempotency keys that were used in the last 24 hours."""

from collections import deque

from loops_async.sandbox.validation import Refusal

REMEMBERED_SECONDS = 24 * 60 * 60.0
"""How long a key counts as used: https://loops.so/docs/api-reference/send-event."""

MAX_KEY_LENGTH = 100
"""How many characters a key may have."""


class IdempotencyKeys:
    """The keys of accepted requests. Times are monotonic seconds, passed in by the caller.

    No key is removed early: one takes about 0.3 kB, so a day at 10 requests per second takes
    about 0.3 GB.
    """

    def __init__(self) -> None:
        self._used: set[str] = set()
        self._expiries: deque[tuple[float, str]] = deque()

    def check(self, key: str | None, now: float) -> None:
        """Accept None and unused keys. 400 if a key is too long, 409 if it was used."""
        while self._expiries and self._expiries[0][0] <= now:
            self._used.remove(self._expiries.popleft()[1])
        if key is None:
            return
        if len(key) > MAX_KEY_LENGTH:
            raise Refusal(400, f"Idempotency-Key must be at most {MAX_KEY_LENGTH} characters.")
        if key in self._used:
            raise Refusal(409, f"Request with idempotency key {key} has already been processed.")

    def remember(self, key: str | None, now: float) -> None:
        """Count a checked key as used from `now` on."""
        if key is not None:
            self._used.add(key)
            self._expiries.append((now + REMEMBERED_SECONDS, key))
