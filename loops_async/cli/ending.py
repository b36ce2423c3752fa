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
        talk.fail("Loops refused the API key; check LOOPS_API_KEY, and --base-url if you set it")
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


def _stopped(talk: Talk) -> None:
    talk.say("Stopped.")
    talk.error = "stopped by a signal"
