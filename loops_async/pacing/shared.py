"""The pacers shared by all clients of a team in one event loop."""

import asyncio
import hashlib
from typing import Final, cast

from loops_async.pacing.pacer import Pacer
from loops_async.pipeline.messages import Pacing, TeamPacing

_PACERS: Final[dict[asyncio.AbstractEventLoop, dict[str, Pacer]]] = {}


def team_digest(base_url: str, api_key: str) -> str:
    """Return an identifier for the team of ``api_key`` that does not reveal the key."""
    return hashlib.sha256(f"{base_url}\n{api_key}".encode()).hexdigest()


def pacer_for(given: Pacing | TeamPacing | None, base_url: str, api_key: str) -> Pacing:
    """Return the pacer of a team: ``pacer``, its pacer for the team, or the shared one."""
    if given is None:
        return shared_pacer(base_url, api_key)
    for_team = getattr(given, "for_team", None)
    if callable(for_team):
        return cast(Pacing, for_team(team_digest(base_url, api_key)))
    return cast(Pacing, given)


def shared_pacer(base_url: str, api_key: str) -> Pacer:
    """Return the pacer for the team of ``api_key`` in the running event loop.

    It outlives the clients, so a service can create a client for each request.
    """
    loop = asyncio.get_running_loop()
    if loop not in _PACERS:
        # A weak dictionary would never drop a loop, because pacers refer to their loop.
        for closed in [known for known in _PACERS if known.is_closed()]:
            _PACERS.pop(closed, None)
    teams = _PACERS.setdefault(loop, {})
    team = team_digest(base_url, api_key)
    if team not in teams:
        teams[team] = Pacer()
    return teams[team]
