"""Rate limiting for any number of processes, through Redis. Requires the extra ``redis``.

``pacer`` is the public class; ``team_pacer`` grants the turns of one team within this process;
``reservations`` is the process's side of ``reserve.lua``, the script that manages the limit in
Redis; ``connection`` runs the script and detects when Redis is down.
"""

from loops_async.contrib.redis.pacer import RedisPacer

__all__ = ["RedisPacer"]
