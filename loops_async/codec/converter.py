"""The one cattrs converter, both ways. Its import waits for the first record that is converted."""

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

from cattrs import Converter, StructureHandlerNotFoundError, transform_error

from loops_async.codec import incoming, outgoing
from loops_async.codec.text import Undecodable
from loops_async.errors import InvalidCall
from loops_async.records._validation import masked

T = TypeVar("T")

_CONVERTER: Final = Converter()
incoming.register(_CONVERTER)
outgoing.register(_CONVERTER)


def unstructured_by(cls: type) -> Callable[[Any], dict[str, Any]]:
    """What makes a JSON object of a record of class ``cls``."""
    return _CONVERTER.get_unstructure_hook(cls)


def structured(value: object, into: type[T], path: str) -> T:
    """The record of type ``into`` that the JSON value ``value`` stands for.

    Raises:
        Undecodable: It is not of that shape.
        InvalidCall: ``into`` has a field of a type that no JSON can be read into.
    """
    try:
        return _CONVERTER.structure(value, into)
    except Exception as error:  # noqa: BLE001 - cattrs raises groups of whatever its hooks raised
        what = "; ".join(transform_error(error, path, format_exception=_said)[:5])
        is_ours = isinstance(error, StructureHandlerNotFoundError) or (
            isinstance(error, BaseExceptionGroup)
            and cast("BaseExceptionGroup[BaseException]", error).subgroup(
                StructureHandlerNotFoundError
            )
        )
    if is_ours:
        raise InvalidCall(f"into: a field of it has a type that JSON cannot be read into: {what}")
    raise Undecodable(masked(what))


def _said(error: BaseException, _: type | None) -> str:
    if isinstance(error, KeyError):
        return "required field missing"
    return str(error) if isinstance(error, incoming.Unfit) else "not of the promised shape"
