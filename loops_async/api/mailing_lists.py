"""``loops.mailing_lists``: listing mailing lists."""

from loops_async.api.resource import Resource, Timeout, reads
from loops_async.pipeline.messages import Endpoint, Replay
from loops_async.records._types import UNSET
from loops_async.records.mailing_lists import MailingList

LIST = Endpoint(
    "GET", "/v1/lists", Replay.ALWAYS, reads(list[MailingList]), changes=False, dry_run=b"[]"
)


class MailingLists(Resource):
    """Mailing lists (https://loops.so/docs/contacts/mailing-lists)."""

    __slots__ = ()

    async def list(self, *, timeout: Timeout = UNSET) -> "list[MailingList]":
        """List mailing lists (https://loops.so/docs/api-reference/list-mailing-lists).

        Args:
            timeout: Seconds for the whole call; None for no limit.

        Raises:
            LoopsError: The call failed.
        """
        return (await self._call(LIST, self._deadline(timeout))).value
