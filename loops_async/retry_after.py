"""What ``Retry-After`` asks for: of the retry layer for one call, of the pacer for all of them."""

import re
from datetime import UTC
from email.utils import parsedate_to_datetime

from loops_async.wire import Reply

_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_LONGEST_DATE = 64
_ABSURD_WAIT = 1e9
"""Seconds; what takes more than the nine digits that ``_SECONDS`` reads."""


def retry_after(reply: Reply, wall: float) -> float | None:
    """The seconds that ``Retry-After`` asks for; ``wall`` is now, in seconds since the epoch.

    Both forms of the header are read, and anything else counts as no header. So does a wait of
    more than 30 years, which only a mistake asks for.
    """
    text = reply.headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    if len(text) > _LONGEST_DATE or not text.isascii():
        return None
    try:
        when = parsedate_to_datetime(text)
        if when.tzinfo is None:
            when = when.replace(tzinfo=UTC)
        wait = max(0.0, when.timestamp() - wall)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
    return wait if wait < _ABSURD_WAIT else None
