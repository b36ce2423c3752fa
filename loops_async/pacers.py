"""One pacer per team: every client of one API key in one event loop shares it."""

import asyncio
import hashlib
from typing import Final

from loops_async.pacing import Pacer

_PACERS: Final[dict[asyncio.AbstractEventLoop, dict[str, Pacer]]] = {}


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
    team = hashlib.sha256(f"{base_url}\n{api_key}".encode()).hexdigest()
    if team not in teams:
        teams[team] = Pacer()
    return teams[team]
