"""The first line of a journal: what it is the journal of."""

from typing import Any, BinaryIO, Final, get_args

import attrs
import orjson

from loops_async.cli.refusals import FileRefused
from loops_async.cli.spellings import DEFAULT_FIELDS, default_type
from loops_async.cli.values import ValueType

FORMAT: Final = 1
_BEGINS: Final = b'{"loops_async_journal"'
_LONGEST: Final = 64 * 1024 * 1024
"""Bytes; more than any has, so that a file that is no journal does not fill the memory."""

_MOST_ROWS: Final = 1_000_000_000
"""Each takes a byte of memory, and three years to send."""

_FIELDS: Final = {(ours, default_type(theirs)) for theirs, ours in DEFAULT_FIELDS.items()}
_DIGEST: Final = attrs.validators.matches_re("[0-9a-f]{64}")


class Damaged(FileRefused):
    """A journal makes no sense from a line on; another may begin in its place, on request."""

    def __init__(self, name: str, line: int) -> None:
        problem = (
            "was damaged here; begin anew with --restart, which may repeat rows but loses none"
        )
        super().__init__(name, problem, line)


def _check_count(_: object, __: object, value: Any) -> None:
    # Not isinstance: True would be a number of rows.
    if type(value) is not int or not 0 <= value <= _MOST_ROWS:
        raise ValueError("is no number of rows")


def _check_planned(_: object, __: object, value: object) -> None:
    match value:
        case [str(), "field", str() as name, str() as declared] if (name, declared) in _FIELDS:
            pass
        case [str(), "list", str(), "boolean"]:
            pass
        case [str(), "property", str(), str() as declared] if declared in get_args(ValueType):
            pass
        case _:
            raise ValueError("is no column and its place")


@attrs.frozen
class Header:
    """What an import is an import of.

    Attributes:
        sha256: The digest of the file.
        rows: How many rows it has.
        team: A digest of the API key and the address of Loops.
        settings: The options that change what is sent.
        plan: Column, kind of target, its name and its type, for each column that is sent.

    Raises:
        TypeError: A value is of another type, as a hand may write it into a journal.
        ValueError: A value cannot be.
    """

    sha256: str = attrs.field(validator=_DIGEST)
    rows: int = attrs.field(validator=_check_count)
    team: str = attrs.field(validator=_DIGEST)
    settings: dict[str, object] = attrs.field(validator=attrs.validators.instance_of(dict))
    plan: list[list[str]] = attrs.field(
        validator=attrs.validators.deep_iterable(_check_planned, attrs.validators.instance_of(list))
    )


def write_header(header: Header) -> bytes:
    """The line that says what a journal is the journal of."""
    return orjson.dumps({"loops_async_journal": FORMAT, **attrs.asdict(header)}) + b"\n"


def read_header(stream: BinaryIO, name: str) -> tuple[Header | None, int]:
    """Read the first line of a journal.

    Args:
        stream: The journal from its start.
        name: What messages call it.

    Returns:
        What it is the journal of, and the bytes of the line; None and 0 where the line is cut
        short, or nothing is there.

    Raises:
        FileRefused: It is no journal, or one of another version.
        Damaged: It is a journal, and what it is the journal of cannot be told.
    """
    first = stream.readline(_LONGEST)
    is_whole = first.endswith(b"\n")
    if not is_whole and _BEGINS.startswith(first[: len(_BEGINS)]) and not stream.read(1):
        # Nothing is sent before the whole of it is written.
        return None, 0
    problem = "is no journal of an import; move it away, or name another with --journal PATH"
    try:
        read: Any = orjson.loads(first)
        version = read.pop("loops_async_journal")
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
        if first.startswith(_BEGINS):
            raise Damaged(name, 1) from None
        raise FileRefused(name, problem) from None
    if version != FORMAT:
        raise FileRefused(
            name, "was written by another version, which has to finish it; or move it away"
        )
    try:
        return Header(**read), len(first)
    except (TypeError, ValueError):
        raise Damaged(name, 1) from None
