"""One team's budget for any number of processes, through Redis. Needs the extra ``redis``.

``pacer`` is what users hold; ``team`` gives the turns of one team in this process; ``ledger`` is
what the process and the script tell each other; ``reserve.lua`` is the budget itself; ``link`` is
the way to Redis, and knows when there is none; ``opening`` alone imports redis.
"""

from loops_async.contrib.redis.pacer import RedisPacer

__all__ = ["RedisPacer"]
