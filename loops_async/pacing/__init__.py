"""Rate limiting for one Loops team within one process.

``pacer`` grants turns, ``slots`` keeps track of the limit, ``learning`` interprets replies.
"""

from loops_async.pacing.pacer import Pacer

__all__ = ["Pacer"]
