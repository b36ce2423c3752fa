"""One team's budget for any number of processes, through Redis. Needs the extra ``redis``.

``pacer`` is what users hold; ``team`` holds the queues of one team in this process; ``ledger`` is
what the process and the script tell each other; ``reserve.lua`` is the budget itself; ``link`` is
the way to Redis, and knows when there is none.
"""

from loops_async.contrib.redis.pacer import RedisPacer

__all__ = ["RedisPacer"]
