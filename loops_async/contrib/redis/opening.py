"""Making a link to Redis: the only module that imports redis."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final, cast

import redis.asyncio
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError

from loops_async.contrib.redis.link import Client, Link
from loops_async.contrib.redis.script import PATIENCE
from loops_async.errors import ConfigurationError, InvalidCall

_SCHEMES: Final = ("redis://", "rediss://", "unix://")


def link_to(given: object) -> Link:
    """A link to the Redis at a URL, or over a client that was handed in.

    Raises:
        InvalidCall: It is neither.
        ConfigurationError: A URL, or a client, that cannot work.
    """
    if isinstance(given, str):
        return Link(None, _opener(given), _is_unknown)
    if isinstance(given, redis.asyncio.Redis | redis.asyncio.RedisCluster):
        return Link(cast(Client, given), _never, _is_unknown)
    if isinstance(given, redis.Redis | redis.RedisCluster):
        raise ConfigurationError("redis: must be a client of redis.asyncio, not a blocking one")
    raise InvalidCall(
        "redis: must be a URL such as 'redis://localhost', a redis.asyncio.Redis or a "
        f"redis.asyncio.RedisCluster, not {type(given).__name__}"
    )


def _opener(url: str) -> Callable[[], Client]:
    # The text of the errors stays out of ours, and so does the URL: it may hold a password.
    options: dict[str, Any] = {
        "socket_connect_timeout": PATIENCE,
        # A connection that Redis has closed meanwhile is worth one more attempt, at once.
        "retry": Retry(NoBackoff(), 1),
    }
    # Its own signature has keywords of no type.
    from_url: Callable[..., Client] = cast(Any, redis.asyncio.Redis).from_url
    opened = partial(from_url, url, **options)
    try:
        parse_url(url)
        # Connects to nothing yet, but knows the options that a URL may carry.
        cast(Any, opened()).connection_pool.make_connection()
    except (ValueError, TypeError):
        works = False
    else:
        works = url.startswith(_SCHEMES)
    if not works:
        raise ConfigurationError(
            "redis: must be a URL such as 'redis://localhost:6379/0'; rediss:// is for TLS and "
            "unix:// for a socket of this machine"
        )
    return opened


def _never() -> Client:
    raise AssertionError("a client was handed in")


def _is_unknown(error: Exception) -> bool:
    return isinstance(error, NoScriptError)
