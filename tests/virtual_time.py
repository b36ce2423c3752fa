"""An event loop whose clock jumps to the next timer instead of waiting for it."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

GRACE = 0.05
"""Seconds of real time, at most, that bytes may take between two sockets of this process."""


class _JumpingSelector(selectors.DefaultSelector):
    """Polls without waiting and tells the loop how long it would have waited."""

    skipped = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        if not events:
            if timeout is None:
                # Nothing scheduled and nothing ready: on real time this would hang for ever.
                raise RuntimeError("deadlock: every task waits and no timer is set")
            self.skipped += timeout
        return events


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A loop on which ``asyncio.sleep(3600)`` returns at once, an hour later.

    For code without sockets or threads: a real event would race with the jumping clock.
    """

    def __init__(self, selector: _JumpingSelector | None = None) -> None:
        self._jumps = selector or _JumpingSelector()
        super().__init__(self._jumps)

    def time(self) -> float:
        return self._jumps.skipped


class _PatientSelector(_JumpingSelector):
    """Waits a moment of real time for events before it lets the time until a timer pass."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            return selectors.DefaultSelector.select(self)
        events = selectors.DefaultSelector.select(self, min(timeout / 4, GRACE))
        if not events:
            self.skipped += max(timeout, 0.0)
        return events


class VirtualTimeSocketLoop(VirtualTimeLoop):
    """A virtual-time loop for sockets whose two ends are both on this loop.

    Time passes only while nothing can be read or written, so a busy machine does not make a
    timeout fire: what the other end has written is there before the next timer is due. Not for
    tests with threads or other processes, whose work takes real time.
    """

    def __init__(self) -> None:
        super().__init__(_PatientSelector())


def run_virtual(main: Coroutine[Any, Any, T], *, debug: bool = False, sockets: bool = False) -> T:
    """Run ``main`` to its end on a fresh virtual-time loop, as ``asyncio.run`` would."""
    factory = VirtualTimeSocketLoop if sockets else VirtualTimeLoop
    with asyncio.Runner(loop_factory=factory, debug=debug) as runner:
        return runner.run(main)
