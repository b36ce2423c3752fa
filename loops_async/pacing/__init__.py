"""Keeping to the rate limit of one Loops team, within one process.

``pacer`` holds the queues and the slots; ``learning`` holds what replies teach about them.
"""

from loops_async.pacing.pacer import Pacer

__all__ = ["Pacer"]
