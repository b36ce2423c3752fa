"""Ports for servers that a test starts in processes of their own."""

import random
import socket

_RANGE = (12_000, 22_000)
"""Below the ports that operating systems give to sockets that ask for any, as are those ten
thousand above, which nodes of a Redis cluster use among themselves."""

_CHANCE = random.SystemRandom()  # not the one that Hypothesis seeds


def free_port() -> int:
    """A port that nothing listens on.

    It is not one of those that the operating system gives away, so no other socket gets it before
    the server that it is meant for listens there.
    """
    while True:
        port = _CHANCE.randrange(*_RANGE)
        with socket.socket() as free:
            try:
                free.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
