"""Faults as one line of text, for the command line: `rate=0.1,seed=7,kinds=5xx+reset_after`."""

from collections.abc import Callable
from typing import Any, TypeVar

from loops_async.sandbox.faults import Fault, Faults
from loops_async.sandbox.kinds import FAULT_KINDS, kind_named, kinds_named

T = TypeVar("T")

NO_FAULT = "ok"
"""A step of a script that goes well."""

_NAMES = ("rate", "seed", "kinds", "path", "seconds", "retry_after", "script")


def parse_faults(spec: str, *, seed: int | None = None) -> Faults:
    """Read a SPEC.

    Either a lot, `rate=0.3,seed=7,kinds=5xx+reset_after`, or a script of the next requests,
    `script=500,reset_after,ok`. Both take `path=`, `seconds=` and `retry_after=`.

    Args:
        spec: The text.
        seed: Where the lot begins, in place of the SPEC's own.

    Raises:
        ValueError: Names the part that is wrong, and what it could be.
    """
    parts = _split(spec)
    if seed is not None:
        parts["seed"] = [str(seed)]
    read: dict[str, Any] = {
        "seconds": _number(parts, "seconds", float),
        "retry_after": _number(parts, "retry_after", int),
    }
    timing = {name: value for name, value in read.items() if value is not None}
    [path] = parts.get("path", [None])
    try:
        if "script" in parts:
            return Faults.script(_steps(parts, timing), path=path)
        rate, kinds = _number(parts, "rate", float), parts.get("kinds")
        if kinds is not None:
            timing["kinds"] = [kind.name for kind in kinds_named(kinds[0].split("+"))]
        if rate is not None:
            timing["rate"] = rate
        return Faults.random(seed=_number(parts, "seed", int), path=path, **timing)
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
            raise ValueError(f"{part!r}: {name} is there twice")
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


def _steps(parts: dict[str, list[str]], timing: dict[str, Any]) -> list[Fault | None]:
    drawn = [name for name in ("rate", "seed", "kinds") if name in parts]
    if drawn:
        raise ValueError(f"a script draws no lot, so it takes no {' and no '.join(drawn)}")
    for step in parts["script"]:
        if step != NO_FAULT and step not in FAULT_KINDS:
            try:
                kind_named(step)
            except ValueError as error:
                raise ValueError(f"{error}, and {NO_FAULT} for no fault") from None
    return [None if step == NO_FAULT else Fault(step, **timing) for step in parts["script"]]
