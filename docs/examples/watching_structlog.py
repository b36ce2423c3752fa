"""structlog: one event for each request, with the fields of an ``Attempt``."""

import attrs
import structlog

from loops_async import Attempt

LOG = structlog.get_logger("loops")


def log_attempt(attempt: Attempt) -> None:
    """Log an attempt; for ``LoopsClient(on_attempt=log_attempt)``."""
    fields = attrs.asdict(attempt)
    if attempt.error is None:
        LOG.debug("loops.request", **fields)
    elif attempt.wait is not None:
        LOG.info("loops.request.again", **fields)
    else:
        LOG.warning("loops.request.failed", **fields)
