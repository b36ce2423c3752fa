"""The kinds of fault there are, and of each whether the request is processed."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Literal, TypeAlias

import attrs

Way: TypeAlias = Literal[
    "delay", "refuse", "reset", "mid_body", "replace", "truncate", "wrong_type",
    "html_body", "too_long", "too_short", "slow", "silence",
]  # fmt: skip
"""What is done at the socket."""

Body: TypeAlias = Literal["json", "html", "empty"]


@attrs.frozen
class FaultKind:
    """A kind of fault.

    Attributes:
        name: As `Fault` and a SPEC take it.
        family: The kinds it belongs with. At random a family is drawn first, so that the many
            kinds of 5xx do not crowd out the rest.
        way: What is done at the socket.
        status: The status of an answer that takes the place of the endpoint's, else None.
        body: The body of such an answer.
        retry_after: Whether such an answer says when to come again in seconds or by a date.
        processed: Whether the request is given to its endpoint, and so has its effect if it is
            a good one.
    """

    name: str
    family: str
    way: Way
    status: int | None = None
    body: Body = "json"
    retry_after: Literal["seconds", "date"] | None = None
    processed: bool = attrs.field(kw_only=True)


def _server_errors() -> Iterable[FaultKind]:
    bodies: tuple[Body, ...] = ("json", "html", "empty")
    for processed in (False, True):
        for status in (500, 502, 503, 504):
            for body in bodies:
                name = f"{status}{'' if body == 'json' else '_' + body}"
                name += "_after" if processed else ""
                yield FaultKind(name, "5xx", "replace", status, body, processed=processed)


_ALL = (
    FaultKind("delay", "delay", "delay", processed=True),
    FaultKind("refuse", "refuse", "refuse", processed=False),
    FaultKind("reset_before", "reset", "reset", processed=False),
    FaultKind("reset_after", "reset", "reset", processed=True),
    FaultKind("reset_mid_body", "reset", "mid_body", processed=True),
    FaultKind("429", "limit", "replace", status=429, processed=False),
    FaultKind(
        "429_seconds", "limit", "replace", status=429, processed=False, retry_after="seconds"
    ),
    FaultKind("429_date", "limit", "replace", status=429, processed=False, retry_after="date"),
    *_server_errors(),
    FaultKind("truncated_json", "garbled", "truncate", processed=True),
    FaultKind("wrong_type", "garbled", "wrong_type", processed=True),
    FaultKind("html_as_json", "garbled", "html_body", processed=True),
    FaultKind("length_too_long", "garbled", "too_long", processed=True),
    FaultKind("length_too_short", "garbled", "too_short", processed=True),
    FaultKind("slow_body", "slow", "slow", processed=True),
    FaultKind("silence", "no_answer", "silence", processed=False),
    FaultKind("silence_after", "no_answer", "silence", processed=True),
)

FAULT_KINDS: Mapping[str, FaultKind] = MappingProxyType({kind.name: kind for kind in _ALL})
"""Every kind by name. docs/sandbox.md says of each what a client sees."""

FAMILIES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        family: tuple(kind.name for kind in _ALL if kind.family == family)
        for family in dict.fromkeys(kind.family for kind in _ALL)
    }
)
"""The names of the kinds of each family."""


def kind_named(name: str) -> FaultKind:
    """Return the kind of this name.

    Raises:
        ValueError: There is none.
    """
    kind = FAULT_KINDS.get(name)
    if kind is None:
        raise ValueError(f"there is no fault {name!r}; the kinds are {', '.join(FAULT_KINDS)}")
    return kind


def kinds_named(names: Iterable[str]) -> tuple[FaultKind, ...]:
    """Return the kinds of these names, each of a kind or of a family, without repeats.

    Raises:
        ValueError: There is no such kind or family, or there are no names.
    """
    found: dict[str, FaultKind] = {}
    for name in names:
        if name not in FAULT_KINDS and name not in FAMILIES:
            raise ValueError(
                f"there is no fault {name!r}; the families are {', '.join(FAMILIES)}; "
                f"the kinds are {', '.join(FAULT_KINDS)}"
            )
        for member in FAMILIES.get(name, (name,)):
            found[member] = FAULT_KINDS[member]
    if not found:
        raise ValueError("kinds must name at least one kind of fault")
    return tuple(found.values())
