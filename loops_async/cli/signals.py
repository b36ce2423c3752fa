"""Ctrl-C and SIGTERM: the first asks for an end in order, the next one ends the work at once."""

import asyncio
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(Exception):
    """The process was asked to end.

    Args:
        number: The signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"signal {number}")
        self.number = number
        self.status: int = 128 + number
        """The exit status by which shells know it."""


class Stops:
    """What the signals said, and what the work can do about it.

    Attributes:
        drain: Ends the work in order; None while there is nothing to end but the work itself,
            which is then cancelled.
        stopped: The first signal as what to raise; None while there was none.
    """

    def __init__(self) -> None:
        self.drain: Callable[[], None] | None = None
        self.stopped: Stopped | None = None

    @property
    def again(self) -> str:
        """What to do for an end at once, in words."""
        if self.stopped is None or self.stopped.number == signal.SIGINT:
            return "press Ctrl-C again to stop at once"
        return f"a second {signal.Signals(self.stopped.number).name} stops at once"


@contextmanager
def stoppable() -> Generator[Stops, None, None]:
    """Take both signals for as long as the block lasts.

    The first drains, where there is something to drain, and the next cancels the current task;
    one more does what it does anywhere. Where the event loop takes no signal handlers, as on
    Windows or off the main thread, it does so from the first.

    Raises:
        Stopped: In place of the cancellation that a signal brought.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    stops = Stops()
    told = False

    def stop(number: int) -> None:
        nonlocal told
        first, stops.stopped = stops.stopped is None, stops.stopped or Stopped(number)
        if first and stops.drain is not None:
            stops.drain()
            return
        told = True
        _restore(loop)
        if task is not None:
            task.cancel()

    try:
        for number in _SIGNALS:
            loop.add_signal_handler(number, stop, number)
    except (NotImplementedError, RuntimeError, ValueError):
        yield stops
        return
    try:
        yield stops
    except asyncio.CancelledError:
        if told and stops.stopped is not None:
            raise stops.stopped from None
        raise
    finally:
        _restore(loop)


def _restore(loop: asyncio.AbstractEventLoop) -> None:
    for number in _SIGNALS:
        loop.remove_signal_handler(number)
