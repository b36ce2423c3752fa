"""One pacer per team: every client of one API key in one event loop shares it."""

import asyncio
import hashlib
from typing import Final, cast

from loops_async.pacing import Pacer
from loops_async.pipeline.messages import Pacing, TeamPacing

_PACERS: Final[dict[asyncio.AbstractEventLoop, dict[str, Pacer]]] = {}


def team_digest(base_url: str, api_key: str) -> str:
    """A name for the team that ``api_key`` belongs to, from which nobody learns the key."""
    return hashlib.sha256(f"{base_url}\n{api_key}".encode()).hexdigest()


def pacer_for(given: Pacing | TeamPacing | None, base_url: str, api_key: str) -> Pacing:
    """The pacer of one team: the one that was given, its part of that, or the shared one."""
    if given is None:
        return shared_pacer(base_url, api_key)
    for_team = getattr(given, "for_team", None)
    if callable(for_team):
        return cast(Pacing, for_team(team_digest(base_url, api_key)))
    return cast(Pacing, given)


def shared_pacer(base_url: str, api_key: str) -> Pacer:
    """The pacer of the team that ``api_key`` belongs to, in the running event loop.

    It outlives the clients: a service that opens one for each request is paced all the same.
    """
    loop = asyncio.get_running_loop()
    if loop not in _PACERS:
        # A pacer knows its loop, so a weak dictionary would never let go of either.
        for closed in [known for known in _PACERS if known.is_closed()]:
            _PACERS.pop(closed, None)
    teams = _PACERS.setdefault(loop, {})
    team = team_digest(base_url, api_key)
    if team not in teams:
        teams[team] = Pacer()
    return teams[team]
