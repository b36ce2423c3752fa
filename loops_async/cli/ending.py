"""How a command ends: its exit status, and in a sentence what stopped it."""

import sys
from collections.abc import Callable
from typing import NoReturn

from loops_async import errors
from loops_async.cli.refusals import ImportRefused, LoopsGone
from loops_async.cli.signals import Stopped
from loops_async.cli.talking import Talk

DONE, INCOMPLETE, REFUSED, KEY_REFUSED, UNREACHABLE, INTERRUPTED = 0, 1, 2, 3, 4, 130


def run(talk: Talk, work: Callable[[], int]) -> NoReturn:
    """Do ``work`` and leave with its exit status; say in a sentence what stopped it."""
    status = _status(talk, work)
    talk.finish(status)
    sys.exit(status)


def _status(talk: Talk, work: Callable[[], int]) -> int:
    try:
        return work()
    except KeyboardInterrupt:
        _stopped(talk)
        return INTERRUPTED
    except Stopped as stopped:
        _stopped(talk)
        return stopped.status
    except (ImportRefused, errors.ConfigurationError, errors.InvalidCall) as error:
        talk.fail(str(error))
        return REFUSED
    except errors.Unauthorized:
        talk.fail(f"Loops refused the API key; check LOOPS_API_KEY{_address(talk.base_url)}")
        return KEY_REFUSED
    except errors.NotFound as error:
        talk.fail(f"{error} Is --base-url right? Loops' own ends with /api.")
        return UNREACHABLE
    except (errors.LoopsError, LoopsGone) as error:
        talk.fail(str(error))
        return UNREACHABLE
    except OSError as error:
        talk.fail(error.strerror or type(error).__name__)
        return INCOMPLETE


def _address(base_url: str | None) -> str:
    """Where the key was sent and who said so, where that is not Loops' own address."""
    # As slow as a client: for who has one by now, and not for --help.
    from loops_async.connection import BASE_URL, checked_base_url  # noqa: PLC0415

    address = checked_base_url(base_url)
    if address == checked_base_url(BASE_URL):
        return ""
    origin = "--base-url" if base_url is not None else "LOOPS_BASE_URL"
    return f", and the address, which is not Loops' own: {address}, from {origin}"


def _stopped(talk: Talk) -> None:
    talk.say("Stopped.")
    talk.error = "stopped by a signal"
