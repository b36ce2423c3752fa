"""The API key, and the team it belongs to."""

import attrs


@attrs.frozen
class Team:
    """The team behind an API key (https://loops.so/docs/api-reference/api-key).

    Attributes:
        team_name: Its name.
        dry_run: Whether it is made up, because nothing was sent.
    """

    team_name: str
    dry_run: bool = False
