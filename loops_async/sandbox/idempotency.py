"""Which idempotency keys were used in the last 24 hours."""

from collections import deque

from loops_async.sandbox.errors import Refusal

REMEMBERED_SECONDS = 24 * 60 * 60.0
"""How long a key counts as used: https://loops.so/docs/api-reference/send-event."""

LONGEST_KEY = 100
"""Characters a key may have."""


class KeyMemory:
    """The keys of the requests that did what they asked for.

    Told the time by its caller, never asks a clock. None is forgotten early: at some 0.3 kB each,
    a day at 10 requests a second is 0.3 GB.
    """

    def __init__(self) -> None:
        self._used: set[str] = set()
        self._expiries: deque[tuple[float, str]] = deque()

    def check(self, key: str | None, now: float) -> None:
        """Let a key pass that is good for one request, and None.

        Args:
            key: The header `Idempotency-Key`.
            now: Monotonic seconds.

        Raises:
            Refusal: 400 when it is too long, 409 when it was used.
        """
        while self._expiries and self._expiries[0][0] <= now:
            self._used.remove(self._expiries.popleft()[1])
        if key is None:
            return
        if len(key) > LONGEST_KEY:
            raise Refusal(400, f"Idempotency-Key must be at most {LONGEST_KEY} characters.")
        if key in self._used:
            raise Refusal(409, f"Request with idempotency key {key} has already been processed.")

    def remember(self, key: str | None, now: float) -> None:
        """Count a checked key as used from `now` on."""
        if key is not None:
            self._used.add(key)
            self._expiries.append((now + REMEMBERED_SECONDS, key))
