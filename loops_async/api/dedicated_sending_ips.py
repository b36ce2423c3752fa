"""``loops.dedicated_sending_ips``: listing IP addresses."""

from loops_async.api.resource import Resource, Timeout, reads
from loops_async.pipeline.messages import Endpoint, Replay
from loops_async.records._types import UNSET

LIST = Endpoint(
    "GET",
    "/v1/dedicated-sending-ips",
    Replay.ALWAYS,
    reads(list[str]),
    changes=False,
    dry_run=b"[]",
)


class DedicatedSendingIps(Resource):
    """Loops' dedicated sending IP addresses."""

    __slots__ = ()

    async def list(self, *, timeout: Timeout = UNSET) -> "list[str]":
        """List dedicated sending IPs (https://loops.so/docs/api-reference/dedicated-sending-ips).

        The list changes over time and does not include shared addresses. Loops advises against
        using it as an allow-list.

        Args:
            timeout: Seconds for the whole call; None for no limit.

        Raises:
            LoopsError: The call failed.
        """
        return (await self._call(LIST, self._deadline(timeout))).value
