"""Rate limiting for one Loops team within one process.

``pacer`` grants turns, ``slots`` keeps track of the limit, ``learning`` interprets replies.
"""
