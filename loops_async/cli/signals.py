"""SIGTERM, taken as Ctrl-C is: the work is cancelled and may tidy up and say how far it came."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager


class Terminated(Exception):
    """The process was asked to end with SIGTERM."""


@contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM cancel the current task for as long as the block lasts.

    A second SIGTERM ends the process at once. Where the event loop takes no signal handlers, as on
    Windows or off the main thread, SIGTERM does what it does anyway.

    Raises:
        Terminated: In place of the cancellation that SIGTERM brought.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    told = False

    def stop() -> None:
        nonlocal told
        told = True
        loop.remove_signal_handler(signal.SIGTERM)
        if task is not None:
            task.cancel()

    try:
        loop.add_signal_handler(signal.SIGTERM, stop)
    except (NotImplementedError, RuntimeError, ValueError):
        yield
        return
    try:
        yield
    except asyncio.CancelledError:
        if told:
            raise Terminated from None
        raise
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
