"""The layer that sends nothing: in a dry run, it stands in for retrying and transport."""

import asyncio
import logging
from types import MappingProxyType
from typing import Final, TypeVar

import attrs

from loops_async.pipeline.messages import Answer, Lane, Reply, Request
from loops_async.pipeline.observing import LOG
from loops_async.pipeline.responses import parse_response
from loops_async.pipeline.stats import Counts

T = TypeVar("T")

_NO_HEADERS: Final = MappingProxyType[str, str]({})


@attrs.frozen
class DryRun:
    """Answers each request with what its endpoint has for a dry run.

    No attempt is made, so no turn is waited for, nothing is retried, and nobody is told of one.

    Attributes:
        counts: What would have been sent.
    """

    counts: Counts

    async def send(self, request: Request[T], /) -> Answer[T]:
        """The answer to ``request``, marked as one that Loops did not give.

        Raises:
            InvalidInput: A path that cannot be sent.
        """
        # Others have their turn here, and a cancellation arrives, as they do in a real call.
        await asyncio.sleep(0)
        endpoint = request.endpoint
        _ = request.path  # refuses parameters that would make another path
        value = parse_response(request, Reply(200, _NO_HEADERS, endpoint.dry_run))
        name = str(endpoint)
        self.counts.dry_run[name] = self.counts.dry_run.get(name, 0) + 1
        # One line a row would bury the rest.
        level = logging.INFO if request.lane is Lane.INTERACTIVE else logging.DEBUG
        LOG.log(level, "dry run: %s is not sent", name)
        return Answer(value, 0, dry_run=True)
