"""``RedisPacer``, which shares rate limits between processes."""

import asyncio
import math
from typing import TYPE_CHECKING, Any, Final, Self

from loops_async.contrib.redis.connection import connect
from loops_async.contrib.redis.team_pacer import TeamPacer
from loops_async.errors import ConfigurationError, InvalidCall
from loops_async.pacing.pacer import check_rate

if TYPE_CHECKING:
    from redis.asyncio import Redis, RedisCluster

KEYS: Final = ("slots", "refused", "state", "processes")


class RedisPacer:
    """Shares each team's rate limit between any number of processes, through Redis.

    ::

        async with RedisPacer("redis://localhost") as pacer, LoopsClient(pacer=pacer) as loops:
            await loops.contacts.update(email="ada@example.com")

    It works like ``Pacer``, but for all processes with the same Redis server, prefix, base URL and
    API key: they share what they learn about the limit, a ``Retry-After`` stops all of them, and
    processes that need more than their share get equal shares. Each request takes one round trip
    to Redis. One ``RedisPacer`` can serve clients of several teams. The API key never leaves the
    process: keys in Redis contain a SHA-256 digest of it, and expire about ten minutes after their
    last use.

    Calls never fail because of Redis. While Redis is unreachable or returns errors, each process
    continues with its own share of the limit, logs this once (logger ``loops_async``), and tries
    to reach Redis every half second while calls wait.

    It connects when the first call is made, in that call's event loop and process, so it can be
    created before a fork. Close it with ``async with`` or ``aclose``, after the clients that use
    it.

    Args:
        redis: The URL of a Redis server (``redis://``, ``rediss://`` for TLS, ``unix://``); or your
            own ``redis.asyncio.Redis`` or ``RedisCluster``, which the pacer does not close.
        rate: Requests per second to assume until a reply's ``x-ratelimit-limit`` gives the limit.
        max_rate: Maximum requests per second of all processes together, even if the limit is
            higher. None for no maximum.
        prefix: The prefix of all keys in Redis.
        processes: The number of processes to assume while Redis is down, if the actual number is
            unknown or was last known more than a minute ago.

    Raises:
        MissingExtra: The package redis is not installed.
        InvalidCall: An argument has the wrong type.
        ConfigurationError: A setting is not valid.
    """

    def __init__(
        self,
        redis: "str | Redis | RedisCluster",
        *,
        rate: float = 10.0,
        max_rate: float | None = None,
        prefix: str = "loops_async",
        processes: int = 4,
    ) -> None:
        check_rate("rate", rate)
        if max_rate is not None:
            check_rate("max_rate", max_rate)
        _check_prefix(prefix)
        _check_processes(processes)
        self._prefix = prefix
        self._options: dict[str, Any] = {
            "rate": float(rate),
            "max_rate": math.inf if max_rate is None else float(max_rate),
            "processes": processes,
        }
        self._connection = connect(redis)
        self._teams: dict[str, TeamPacer] = {}

    def for_team(self, team: str, /) -> TeamPacer:
        """Return the pacer of one team. ``LoopsClient`` calls this.

        Args:
            team: An identifier of the team that is not secret, such as a digest of its API key.
        """
        if team not in self._teams:
            keys = tuple(f"{self._prefix}:{{{team}}}:{name}" for name in KEYS)
            self._teams[team] = TeamPacer(self._connection, keys, **self._options)
        return self._teams[team]

    async def aclose(self) -> None:
        """Reject calls that are still waiting, and close the connections that the pacer opened.

        Raises:
            WrongEventLoop: The pacer is in use by another event loop.
        """
        if self._connection.shut():
            await asyncio.gather(*(team.leave() for team in self._teams.values()))
            await self._connection.aclose()

    async def __aenter__(self) -> Self:
        self._connection.enter()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<RedisPacer prefix={self._prefix!r} teams={len(self._teams)}>"


def _check_prefix(prefix: object) -> None:
    if not isinstance(prefix, str):
        raise InvalidCall(f"prefix: must be text, not {type(prefix).__name__}")
    if not prefix or not prefix.isprintable() or {"{", "}"} & set(prefix):
        raise ConfigurationError(
            "prefix: must be printable text without braces, because Redis Cluster uses braces to "
            "assign keys to nodes"
        )


def _check_processes(processes: object) -> None:
    if isinstance(processes, bool) or not isinstance(processes, int):
        raise InvalidCall(f"processes: must be a whole number, not {type(processes).__name__}")
    if not 1 <= processes <= 100_000:
        raise ConfigurationError("processes: must be from 1 to 100000")
