"""Faults as one line of text, for the command line: `rate=0.1,seed=7,kinds=5xx+reset_after`."""

from collections.abc import Callable
from typing import Any, TypeVar

from loops_async.sandbox.faults.fault_kinds import FAULT_KINDS, Fault
from loops_async.sandbox.faults.schedule import Faults

T = TypeVar("T")

NO_FAULT = "ok"
"""The step of a script without a fault."""

_NAMES = ("rate", "seed", "kinds", "path", "seconds", "retry_after", "script")


def parse_faults(spec: str, *, seed: int | None = None) -> Faults:
    """Parse a SPEC.

    Either random faults, `rate=0.3,seed=7,kinds=5xx+reset_after`, or a script for the next
    requests, `script=500,reset_after,ok`. Both accept `path=`, `seconds=` and `retry_after=`.

    Args:
        spec: The text.
        seed: The seed of random faults, instead of the one in the SPEC.

    Raises:
        ValueError: Names the part that is wrong, and what is possible.
    """
    parts = _split(spec)
    if seed is not None:
        parts["seed"] = [str(seed)]
    numbers: dict[str, Any] = {
        "seconds": _number(parts, "seconds", float),
        "retry_after": _number(parts, "retry_after", int),
    }
    options = {name: value for name, value in numbers.items() if value is not None}
    [path] = parts.get("path", [None])
    try:
        if "script" in parts:
            return Faults.script(_steps(parts, options), path=path)
        rate = _number(parts, "rate", float)
        if rate is not None:
            options["rate"] = rate
        if "kinds" in parts:
            options["kinds"] = parts["kinds"][0].split("+")
        return Faults.random(seed=_number(parts, "seed", int), path=path, **options)
    except ValueError as error:
        raise ValueError(f"{spec!r}: {error}") from None


def _split(spec: str) -> dict[str, list[str]]:
    """Return the values of each name; only a script has more than one."""
    parts: dict[str, list[str]] = {}
    last = ""
    for part in (part.strip() for part in spec.split(",")):
        name, equals, value = part.partition("=")
        if not equals and last == "script":
            parts["script"].append(part)
            continue
        if not equals or name not in _NAMES:
            raise ValueError(
                f"{part!r} is not NAME=VALUE with a NAME of {', '.join(_NAMES)}; "
                "for example rate=0.3,seed=7 or script=500,reset_after,ok"
            )
        if name in parts:
            raise ValueError(f"{part!r}: {name} is given twice")
        parts[name], last = [value], name
    return parts


def _number(parts: dict[str, list[str]], name: str, kind: Callable[[str], T]) -> T | None:
    if name not in parts:
        return None
    [digits] = parts[name]
    try:
        return kind(digits)
    except ValueError:
        whole = "a whole number" if kind is int else "a number"
        raise ValueError(f"'{name}={digits}': {name} must be {whole}") from None


def _steps(parts: dict[str, list[str]], options: dict[str, Any]) -> list[Fault | None]:
    random_only = [name for name in ("rate", "seed", "kinds") if name in parts]
    if random_only:
        raise ValueError(f"a script is not random, so it takes no {' and no '.join(random_only)}")
    for step in parts["script"]:
        if step != NO_FAULT and step not in FAULT_KINDS:
            raise ValueError(
                f"there is no fault {step!r}; the kinds are {', '.join(FAULT_KINDS)}, "
                f"and {NO_FAULT} for no fault"
            )
    return [None if step == NO_FAULT else Fault(step, **options) for step in parts["script"]]
