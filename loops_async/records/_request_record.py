"""The base of the records that are sent, and errors about their arguments."""

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, TypeVar

import attrs

from loops_async.errors import InvalidCall
from loops_async.records._types import UNSET
from loops_async.records._validation import is_mapping, masked

R = TypeVar("R")


class RequestRecord:
    """A record that is sent to Loops.

    The repr lists the fields that are set, without their values. Wrong arguments raise
    ``InvalidCall``, whose message says what to pass. Both apply to users' subclasses too.
    """

    __slots__ = ()

    _other_names: ClassVar[Mapping[str, str]] = {}
    """Names that Loops or other clients use for fields, in snake_case; for error messages."""
    _arguments_of_send: ClassVar[tuple[str, ...]] = ()
    """The name of the method that sends the record, and its arguments that are not fields."""
    _place_of_others: ClassVar[str] = "custom properties go into properties={…}"

    @classmethod
    def __attrs_init_subclass__(cls) -> None:
        # Replaces the methods that attrs generated for ``cls``.
        kind: Any = cls
        kind.__repr__ = RequestRecord.__repr__
        if "__attrs_init__" not in vars(cls):  # otherwise the class has its own constructor
            kind.__init__ = _explaining(kind.__init__)

    def __attrs_post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        """Raise InvalidInput if Loops would not accept the record."""

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({shown})"

    # rich ignores the repr of attrs classes and would show their values, in tracebacks too.
    def __rich_repr__(self) -> Iterator[tuple[str, object]]:
        kind: Any = type(self)
        for attribute in attrs.fields(kind):
            value = getattr(self, attribute.name)
            if value is None:
                yield attribute.name, None
            elif is_mapping(value) and value:
                yield (
                    attribute.name,
                    _Shown(f"{{{', '.join(masked(str(name)) for name in value)}}}"),
                )
            elif value is not UNSET and value not in ({}, ()):
                yield attribute.name, _Shown("…")


class _Shown(str):
    """A string whose repr is the string itself."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _explaining(construct: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(construct)
    def __init__(self: object, *args: object, **fields: object) -> None:  # noqa: N807
        try:
            construct(self, *args, **fields)
        except TypeError:
            error = None if args else _argument_error(type(self), fields)
            if error is None:
                raise
        else:
            return
        raise error

    return __init__


def build_record(record: type[R], fields: Mapping[str, Any]) -> R:
    """Build a record from ``fields``, whose keys may be anything.

    Raises:
        InvalidCall: The record has no such field.
        InvalidInput: A value that Loops would not accept.
    """
    try:
        return record(**fields)
    except TypeError:
        error = _argument_error(record, fields)
        if error is None:
            raise
    raise error


def record_from(record: type[R], given: object, fields: Mapping[str, Any]) -> R:
    """Return the record passed to a call, or build it from the fields passed to the call.

    Raises:
        InvalidCall: Both were passed, the record is of another class, or it has no such field.
        InvalidInput: A value that Loops would not accept.
    """
    if given is None:
        return record(**fields)
    if fields:
        raise InvalidCall(f"pass a {record.__name__} or its fields as keyword arguments, not both")
    if not isinstance(given, record):
        raise InvalidCall(
            f"expected a {record.__name__}, not {type(given).__name__}; build one, or pass its "
            "fields as keyword arguments"
        )
    return given


def check_declared(record: Any) -> None:
    """Raise InvalidCall if a subclass of a record annotates a field but is not an attrs class.

    Such a field would never be sent or read.
    """
    known = {attribute.name for attribute in attrs.fields(record)}
    for kind in filter(attrs.has, record.__mro__):
        for name, hint in vars(kind).get("__annotations__", {}).items():
            if name not in known and "ClassVar" not in str(hint):
                raise InvalidCall(
                    f"{record.__name__}.{masked(name)}: is not a field; write "
                    f"@attrs.frozen(kw_only=True) above class {kind.__name__}"
                )


def _argument_error(record: Any, fields: Mapping[str, Any]) -> InvalidCall | None:
    """Describe what is wrong with the names of ``fields``; None if nothing is."""
    try:
        check_declared(record)
    except InvalidCall as error:
        return error
    known = {attribute.alias: attribute for attribute in attrs.fields(record)}
    for name in fields:
        if name not in known:
            return InvalidCall(
                f"{record.__name__} has no field {masked(str(name))!r}; "
                f"{_meant(record, str(name)[:80], known)}"
            )
    for name, attribute in known.items():
        if attribute.default is attrs.NOTHING and name not in fields:
            return InvalidCall(f"{record.__name__} needs {name}=")
    return None


def _meant(record: Any, name: str, known: Iterable[str]) -> str:
    """Suggest what to pass instead of ``name``, which is not a field of ``record``."""
    import difflib  # noqa: PLC0415 - only this error needs it

    method, *others = record._arguments_of_send or ("",)  # noqa: SLF001
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[-. ]+", "_", name).lower()
    close = difflib.get_close_matches(snake, sorted([*known, *others]), 1)
    meant = record._other_names.get(snake, close[0] if close else "")  # noqa: SLF001
    if meant in others:
        return f"did you mean {meant}= of {method}?"
    hint = f"did you mean {meant}=? " if meant else ""
    return f"{hint}{record._place_of_others}"  # noqa: SLF001
