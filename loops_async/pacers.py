"""One pacer per team: every client of one API key in one event loop shares it."""

import asyncio
import hashlib
from typing import Final
from weakref import WeakKeyDictionary

from loops_async.pacing import Pacer

_PACERS: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Pacer]]] = WeakKeyDictionary()


def shared_pacer(base_url: str, api_key: str) -> Pacer:
    """The pacer of the team that ``api_key`` belongs to, in the running event loop.

    It outlives the clients: a service that opens one for each request is paced all the same.
    """
    team = hashlib.sha256(f"{base_url}\n{api_key}".encode()).hexdigest()
    teams = _PACERS.setdefault(asyncio.get_running_loop(), {})
    if team not in teams:
        teams[team] = Pacer()
    return teams[team]
