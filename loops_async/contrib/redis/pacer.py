"""``RedisPacer``: what users hold."""

import asyncio
import math
from typing import TYPE_CHECKING, Any, Final, Self

from loops_async.contrib.redis.team import SharedPacer
from loops_async.errors import ConfigurationError, InvalidCall, MissingExtra
from loops_async.pacing.pacer import check_rate

if TYPE_CHECKING:
    from redis.asyncio import Redis, RedisCluster

KEYS: Final = ("slots", "refused", "state", "processes")


class RedisPacer:
    """Shares each team's rate limit among any number of processes, through Redis.

    ::

        async with RedisPacer("redis://localhost") as pacer, LoopsClient(pacer=pacer) as loops:
            await loops.contacts.update(email="ada@example.com")

    It behaves as ``Pacer`` does, for all processes together that use the same Redis, prefix, base
    URL and API key: the limit is learnt once, a ``Retry-After`` stops everybody, and processes
    that want more than there is get equal shares. It takes one round trip to Redis a request. One
    ``RedisPacer`` serves clients of any number of teams. The API key stays here: keys in Redis
    carry a SHA-256 digest of it, and all of them expire ten minutes or so after their last use.

    No call fails because of Redis. While Redis cannot be reached, or answers with an error, each
    process goes on with its own share of the limit and says so once in the log (the logger
    ``loops_async``); it looks for Redis every half second while calls wait, and goes back to it.

    It connects at the first call, in the event loop of that call, and in that process: make it
    before a fork if you like. Close it with ``async with`` or ``aclose``, after the clients.

    Args:
        redis: The address of a Redis (``redis://``, ``rediss://`` for TLS, ``unix://``), opened
            and closed by the pacer; or a ``redis.asyncio.Redis`` or ``RedisCluster`` of your own,
            which stays open.
        rate: Requests per second, assumed until a reply's ``x-ratelimit-limit`` says otherwise.
        max_rate: Requests per second of all processes together at the most, whatever Loops says.
            None for no such bound.
        prefix: What the names of the keys begin with.
        processes: How many processes are taken to share the limit when Redis is gone and has not
            said within a minute how many there are.

    Raises:
        MissingExtra: The package redis is not installed.
        InvalidCall: An argument of the wrong kind.
        ConfigurationError: A setting that cannot work.
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
        try:
            # Here, so that the module can be imported and the error says what to install.
            from loops_async.contrib.redis import opening  # noqa: PLC0415
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] != "redis":
                raise
            missing = True
        else:
            missing = False
        if missing:
            raise MissingExtra("RedisPacer needs the redis extra: pip install 'loops-async[redis]'")
        check_rate("rate", rate)
        if max_rate is not None:
            check_rate("max_rate", max_rate)
        _check_processes(processes)
        self._prefix = _checked_prefix(prefix)
        self._options: dict[str, Any] = {
            "rate": float(rate),
            "max_rate": math.inf if max_rate is None else float(max_rate),
            "processes": processes,
        }
        self._link = opening.link_to(redis)  # pyright: ignore[reportPossiblyUnboundVariable]
        self._teams: dict[str, SharedPacer] = {}

    def for_team(self, team: str, /) -> SharedPacer:
        """The pacer of one team; a ``LoopsClient`` asks for it by itself.

        Args:
            team: A name for the team that is no secret, such as a digest of its API key.
        """
        if team not in self._teams:
            keys = tuple(f"{self._prefix}:{{{team}}}:{name}" for name in KEYS)
            self._teams[team] = SharedPacer(self._link, keys, **self._options)
        return self._teams[team]

    async def aclose(self) -> None:
        """Stop whoever still waits, and close the connections that this pacer opened.

        Raises:
            WrongEventLoop: It is in use by another event loop.
        """
        if self._link.leave():
            await asyncio.gather(*(team.leave() for team in self._teams.values()))
            await self._link.aclose()

    async def __aenter__(self) -> Self:
        self._link.enter()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<RedisPacer prefix={self._prefix!r} teams={len(self._teams)}>"


def _checked_prefix(prefix: object) -> str:
    if not isinstance(prefix, str):
        raise InvalidCall(f"prefix: must be text, not {type(prefix).__name__}")
    if not prefix or not prefix.isprintable() or {"{", "}"} & set(prefix):
        raise ConfigurationError(
            "prefix: must be printable text without braces, which mark the part of a key that "
            "Redis Cluster goes by"
        )
    return prefix


def _check_processes(processes: object) -> None:
    if isinstance(processes, bool) or not isinstance(processes, int):
        raise InvalidCall(f"processes: must be a whole number, not {type(processes).__name__}")
    if not 1 <= processes <= 100_000:
        raise ConfigurationError("processes: must be from 1 to 100000")
