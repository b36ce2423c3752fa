"""Rate limiting for one Loops team within one process.

``pacer`` decides when requests are sent, ``slots`` keeps track of the limit, ``waiting`` has the
queue of requests, and ``learning`` interprets replies.
"""
