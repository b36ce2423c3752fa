"""The API key, and the team it belongs to."""

import attrs

from loops_async.records._types import LOCAL, ReplyRecord


@attrs.frozen(slots=False)
class Team(ReplyRecord):
    """The team that an API key belongs to (https://loops.so/docs/api-reference/api-key).

    Attributes:
        team_name: Its name.
        dry_run: True for the placeholder result of a dry run, which sends nothing.
    """

    team_name: str
    dry_run: bool = attrs.field(default=False, metadata=LOCAL)
