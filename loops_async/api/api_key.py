"""``loops.api_key``: testing the API key."""

from loops_async.api.resource import Resource, Timeout, mark_dry_run, reads
from loops_async.pipeline.messages import Endpoint, Replay
from loops_async.records._types import UNSET
from loops_async.records.api_key import Team

TEST = Endpoint(
    "GET",
    "/v1/api-key",
    Replay.ALWAYS,
    reads(Team),
    changes=False,
    dry_run=b'{"teamName": "dry run"}',
)


class ApiKey(Resource):
    """The API key (https://loops.so/docs/api-reference/api-key)."""

    __slots__ = ()

    async def test(self, *, timeout: Timeout = UNSET) -> Team:
        """Test the API key (https://loops.so/docs/api-reference/api-key).

        Args:
            timeout: Seconds for the whole call; None for no limit.

        Returns:
            The team that the key belongs to.

        Raises:
            Unauthorized: The key is wrong or was revoked.
            LoopsError: Any other failure.
        """
        return mark_dry_run(await self._call(TEST, self._deadline(timeout)))
