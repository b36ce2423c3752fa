"""Running a command: signals, and errors as a sentence and an exit status."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final, NoReturn

from loops_async import errors
from loops_async.cli.console import Console
from loops_async.importer.errors import ImportRefused

DONE, INCOMPLETE, REFUSED, KEY_REFUSED, UNREACHABLE, INTERRUPTED = 0, 1, 2, 3, 4, 130
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Stopped(Exception):
    """A signal asked the process to end; ``status`` is the exit status by which shells know it."""

    def __init__(self, number: int) -> None:
        super().__init__(f"signal {number}")
        self.number = number
        self.status: int = 128 + number


class Signals:
    """What the signals asked for.

    Attributes:
        drain: Ends the work in order at the first signal; None to cancel it instead.
        stopped: The first signal, to be raised; None if there was none.
    """

    def __init__(self) -> None:
        self.drain: Callable[[], None] | None = None
        self.stopped: Stopped | None = None
        self.handle: Callable[[], None] = lambda: None
        """Handles the signals (again)."""

    @contextmanager
    def paused(self) -> Generator[None, None, None]:
        """Leave the signals to a prompt, which blocks the event loop."""
        _restore(asyncio.get_running_loop())
        try:
            yield
        finally:
            self.handle()

    @property
    def how_to_stop_now(self) -> str:
        """How to stop at once after a first signal."""
        if self.stopped is None or self.stopped.number == signal.SIGINT:
            return "press Ctrl-C again to stop at once"
        return f"a second {signal.Signals(self.stopped.number).name} stops at once"


def run(console: Console, work: Callable[[], int]) -> NoReturn:
    """Call ``work`` and exit with its status; print an error as a sentence."""
    status = _status(console, work)
    console.finish(status)
    sys.exit(INCOMPLETE if status == DONE and console.is_cut else status)


@contextmanager
def stoppable() -> Generator[Signals, None, None]:
    """Handle SIGINT and SIGTERM in a coroutine.

    The first drains, if there is something to drain, and the next one cancels the current task;
    after that, signals do what they do anywhere. Where the event loop cannot handle signals, as on
    Windows or outside of the main thread, they do so from the first.

    Raises:
        Stopped: In place of the cancellation that a signal caused.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    signals = Signals()
    cancelled = False

    def stop(number: int) -> None:
        nonlocal cancelled
        first, signals.stopped = signals.stopped is None, signals.stopped or Stopped(number)
        if first and signals.drain is not None:
            signals.drain()
            return
        cancelled = True
        _restore(loop)
        if task is not None:
            task.cancel()

    def handle() -> None:
        for number in _SIGNALS:
            loop.add_signal_handler(number, stop, number)

    try:
        handle()
    except (NotImplementedError, RuntimeError, ValueError):
        yield signals
        return
    signals.handle = handle
    try:
        yield signals
    except asyncio.CancelledError:
        if cancelled and signals.stopped is not None:
            raise signals.stopped from None
        raise
    finally:
        _restore(loop)


def has_key(api_key: str | None) -> bool:
    """Whether there is an API key, as an option or in the environment."""
    return bool(os.environ.get("LOOPS_API_KEY") if api_key is None else api_key)


def require_key(api_key: str | None, otherwise: str) -> None:
    """Check that there is an API key; ``otherwise`` is what works without one.

    Raises:
        ConfigurationError: There is none.
    """
    if not has_key(api_key):
        raise errors.ConfigurationError(
            "no API key: set LOOPS_API_KEY (create a key in Loops under Settings → API), or pass "
            f"--api-key; {otherwise}"
        )


def _restore(loop: asyncio.AbstractEventLoop) -> None:
    for number in _SIGNALS:
        loop.remove_signal_handler(number)


def _status(console: Console, work: Callable[[], int]) -> int:
    try:
        return work()
    except (KeyboardInterrupt, Stopped) as stopped:
        console.log("Stopped.")
        console.error = "stopped by a signal"
        return stopped.status if isinstance(stopped, Stopped) else INTERRUPTED
    except (ImportRefused, errors.ConfigurationError, errors.InvalidCall) as error:
        console.fail(str(error))
        return REFUSED
    except errors.Unauthorized:
        where = _other_address(console.base_url)
        console.fail(f"Loops rejected the API key; check LOOPS_API_KEY{where}")
        return KEY_REFUSED
    except errors.NotFound as error:
        console.fail(f"{error} Is --base-url correct? The address of Loops ends with /api.")
        return UNREACHABLE
    except errors.LoopsError as error:
        console.fail(str(error))
        return UNREACHABLE
    except OSError as error:
        console.fail(error.strerror or type(error).__name__)
        return INCOMPLETE


def _other_address(base_url: str | None) -> str:
    """Where the key was sent and why, if that is not Loops' own address."""
    # Only here: by now a client has been made, which takes as long to import.
    from loops_async.connection import BASE_URL, checked_base_url  # noqa: PLC0415

    address = checked_base_url(base_url)
    if address == checked_base_url(BASE_URL):
        return ""
    origin = "--base-url" if base_url is not None else "LOOPS_BASE_URL"
    return f", and the address, which is not Loops' own: {address}, from {origin}"
