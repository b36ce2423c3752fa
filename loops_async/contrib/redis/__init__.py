"""Rate limiting for any number of processes, through Redis. Requires the extra ``redis``.

``pacer`` has the public class. ``team_pacer`` paces the requests of one team in this process.
``reserve.lua`` is the script that manages the limit in Redis, and ``reservations`` exchanges data
with it. ``connection`` runs the script and detects when Redis is down.
"""

from loops_async.contrib.redis.pacer import RedisPacer

__all__ = ["RedisPacer"]
