"""Validation of a client's settings, which are arguments or environment variables."""

import os
import re
from collections.abc import Iterable
from typing import Final, cast

from loops_async.errors import ConfigurationError
from loops_async.pipeline.allowlist import Allowlist, parse_allowlist
from loops_async.pipeline.deadlines import Timeouts, check_seconds
from loops_async.pipeline.observing import Observer
from loops_async.records._types import UNSET, Unset

_KEY: Final = re.compile(r"[!-~]+")
_QUOTES: Final = "\"'`“”‘’"  # noqa: RUF001 - includes typographic quotation marks
_YES: Final = frozenset({"1", "true", "yes", "on"})
_NO: Final = frozenset({"0", "false", "no", "off", ""})


def checked_api_key(key: object, *, needed: bool = True) -> str:
    """Return the API key: ``key``, or ``LOOPS_API_KEY``. Error messages never contain it.

    Returns:
        The key, or an empty string if there is no key and ``needed`` is False.

    Raises:
        ConfigurationError: The key is missing or not valid.
    """
    given = key if key is not None else os.environ.get("LOOPS_API_KEY")
    if not given and needed:
        raise ConfigurationError(
            "no API key: pass api_key=… or set the environment variable LOOPS_API_KEY (create a "
            "key in Loops under Settings → API); to validate everything and send nothing, pass "
            "dry_run=True or set LOOPS_DRY_RUN=1"
        )
    if not given:
        return ""
    if not isinstance(given, str) or not _KEY.fullmatch(given) or given.strip(_QUOTES) != given:
        raise ConfigurationError(f"api_key: {_key_problem(given)}")
    return given


def _key_problem(key: object) -> str:
    if not isinstance(key, str):
        return f"must be text, not {type(key).__name__}"
    text = key.strip()
    if text.strip(_QUOTES) != text:
        return (
            "is in quotation marks, which are not part of the key; remove them (docker --env-file "
            "and some other tools do not strip them)"
        )
    if text != key:
        return (
            "begins or ends with white space or a line break, perhaps because it was read from a "
            "file; remove it, for example with key.strip()"
        )
    return (
        "must be text without white space or special characters; pass only the key, without "
        "'Bearer ' and without a trailing line break"
    )


def checked_dry_run(given: object, *, has_transport: bool) -> bool:
    """Return ``given``, or ``LOOPS_DRY_RUN`` if it is None and there is no transport.

    Raises:
        ConfigurationError: The value is not a boolean, or a transport is used in a dry run.
    """
    if given is None and has_transport:
        return False
    wanted = checked_flag("dry_run", "LOOPS_DRY_RUN", given)
    if wanted and has_transport:
        raise ConfigurationError("dry_run: a dry run sends nothing, so transport= cannot be used")
    return wanted


def checked_flag(name: str, variable: str, given: object) -> bool:
    """Return ``given``, or the value of the environment variable ``variable`` if it is None.

    Raises:
        ConfigurationError: The value is not a boolean.
    """
    if given is None:
        value = os.environ.get(variable, "").strip().lower()
        if value not in _YES | _NO:
            raise ConfigurationError(
                f"{variable}: must be 1, true, yes or on, or 0, false, no, off or empty"
            )
        return value in _YES
    if not isinstance(given, bool):
        raise ConfigurationError(f"{name}: must be True, False or None, not {type(given).__name__}")
    return given


def checked_recipients(given: object) -> Allowlist | None:
    """Return ``given`` or ``LOOPS_ALLOWED_RECIPIENTS``; None for no restriction.

    Raises:
        ConfigurationError: It is not a list of addresses and domains, or the variable is empty.
    """
    if given is None:
        text = os.environ.get("LOOPS_ALLOWED_RECIPIENTS")
        if text is None:
            return None
        entries = [entry.strip() for entry in text.split(",") if entry.strip()]
        if not entries:
            # Ambiguous: it could be meant to allow everyone or nobody.
            raise ConfigurationError(
                "LOOPS_ALLOWED_RECIPIENTS: is empty; list addresses and @domains separated by "
                "commas, or remove the variable to allow everyone"
            )
        return parse_allowlist(entries, "LOOPS_ALLOWED_RECIPIENTS")
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise ConfigurationError(
            "allowed_recipients: must be a list, such as ['@example.com', 'ada@corp.com'], not "
            f"{type(given).__name__}"
        )
    return parse_allowlist(cast("Iterable[object]", given), "allowed_recipients")


def checked_timeouts(given: float | Timeouts | None | Unset, shared: Timeouts) -> Timeouts:
    """Return ``given`` as ``Timeouts``, with missing parts from ``shared``.

    Raises:
        ConfigurationError: The value is not a positive number of seconds.
    """
    if given is UNSET:
        return shared
    if isinstance(given, Timeouts):
        return given
    check_seconds("timeout", given, allow_none=True)
    return Timeouts(connect=shared.connect, read=shared.read, total=given)


def check_kind(name: str, value: object, kind: type | tuple[type, ...], called: str) -> None:
    """Check that ``value`` is None or an instance of ``kind``; messages describe it as ``called``.

    Raises:
        ConfigurationError: It is not.
    """
    if value is not None and not isinstance(value, kind):
        raise ConfigurationError(f"{name}: must be {called}, not {type(value).__name__}")


def checked_observers(given: object) -> tuple[Observer, ...]:
    """Return the observers in ``on_attempt`` as a tuple.

    Raises:
        ConfigurationError: One of them is not callable.
    """
    if given is None:
        return ()
    observers: tuple[object, ...] = (given,)
    if not callable(given) and isinstance(given, Iterable):
        observers = tuple(cast("Iterable[object]", given))
    for observer in observers:
        if not callable(observer):
            raise ConfigurationError(
                "on_attempt: must be callable with an Attempt, or a list of such callables, not "
                f"{type(observer).__name__}"
            )
    return cast("tuple[Observer, ...]", observers)


def check_replaceable(pacer: object, transport: object, session: object) -> None:
    """Check the arguments that replace parts of a client.

    Raises:
        ConfigurationError: One of them lacks the method that the client calls, or two of them
            replace the same part.
    """
    if transport is not None and session is not None:
        raise ConfigurationError("transport: replaces session; pass only one of them")
    for name, value, methods, what in (
        ("pacer", pacer, ("acquire", "for_team"), "a Pacer or an object with acquire(lane)"),
        ("transport", transport, ("send",), "a ScriptedTransport or an object with send(request)"),
    ):
        has = (callable(getattr(value, method, None)) for method in methods)
        lacks = isinstance(value, type) or not any(has)
        if value is not None and lacks:
            raise ConfigurationError(f"{name}: must be {what}, not {type(value).__name__}")
