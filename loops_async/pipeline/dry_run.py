"""The dry-run layer, which replaces the retry layer and the transport and sends nothing."""

import asyncio
import logging
from types import MappingProxyType
from typing import Final, TypeVar

import attrs

from loops_async.pipeline.messages import Answer, Lane, Reply, Request
from loops_async.pipeline.observing import LOG
from loops_async.pipeline.responses import parse_response
from loops_async.pipeline.stats import Counters

T = TypeVar("T")

_NO_HEADERS: Final = MappingProxyType[str, str]({})


@attrs.frozen
class DryRun:
    """Answers each request with the dry-run reply of its endpoint.

    No attempt is made: there is no rate limiting and no retry, and ``on_attempt`` is not called.
    """

    counters: Counters

    async def send(self, request: Request[T], /) -> Answer[T]:
        """Return a placeholder answer to ``request``, with ``dry_run=True``.

        Raises:
            InvalidInput: The path contains a parameter that cannot be sent.
        """
        # Yields to other tasks and lets a cancellation arrive, as a real call does.
        await asyncio.sleep(0)
        endpoint = request.endpoint
        _ = request.path  # validates the parameters
        value = parse_response(request, Reply(200, _NO_HEADERS, endpoint.dry_run))
        name = str(endpoint)
        self.counters.dry_run[name] = self.counters.dry_run.get(name, 0) + 1
        # One line per row of a bulk run would hide everything else.
        level = logging.INFO if request.lane is Lane.INTERACTIVE else logging.DEBUG
        LOG.log(level, "dry run: %s not sent", name)
        return Answer(value, 0, dry_run=True)
