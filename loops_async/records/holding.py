"""How a contact's record holds its fields: only those that were given.

Most records have two or three of their nine. To set each of them, and to look at each of them when
they are checked and when they are sent, would take twice as long.
"""

from collections.abc import Callable, Mapping
from inspect import Parameter, Signature
from typing import Any, ClassVar, Final, TypeVar

import attrs

from loops_async.errors import InvalidInput
from loops_async.records._types import UNSET, PropertyValue, Unset
from loops_async.records._validation import (
    FIELD_CHECKS,
    check_email,
    check_properties,
    check_property_value,
    check_user_id,
    masked_repr,
    misnamed,
    optional_lists,
    own_lists,
    own_properties,
    placed,
    refused,
    typed_properties,
)

R = TypeVar("R")

_CHECKS: Final[Mapping[str, Callable[[str, Any], None]]] = {
    **FIELD_CHECKS,
    "user_id": check_user_id,
    "mailing_lists": optional_lists,
    "email": check_email,
    "properties": check_properties,
}
"""What there is to say to each field, in the order in which it is said."""

_PLACE: Final = {"email": 0, "user_id": 1}  # in a signature
_sparse: Final[set[type]] = set()
_set: Final[Callable[[object, str, object], None]] = object.__setattr__


def sparse(record: type[R]) -> type[R]:
    """Decorate a record whose ``__init__`` has it ``hold`` its fields."""
    kind: Any = record
    arguments = [Parameter("self", Parameter.POSITIONAL_ONLY)]
    for field in sorted(attrs.fields(kind), key=lambda field: _PLACE.get(field.name, 2)):
        default = UNSET if field.default is not attrs.NOTHING else Parameter.empty
        arguments.append(
            Parameter(field.name, Parameter.KEYWORD_ONLY, default=default, annotation=field.type)
        )
        if field.default is UNSET:
            setattr(kind, field.name, UNSET)
    # For ``help`` and for documentation, which would else show ``**given`` alone.
    kind.__init__.__signature__ = Signature(arguments)
    _sparse.add(kind)
    return record


def hold(record: "ContactFields", given: dict[str, Any]) -> None:
    """Have ``record`` hold the fields that are ``given``, and nothing but them.

    Raises:
        InvalidCall: It has no such field.
        InvalidInput: A value that Loops could not take.
    """
    is_sparse, properties = type(record) in _sparse, given.get("properties")
    if type(properties) is dict and is_sparse and "mailing_lists" not in given:
        given["properties"] = properties.copy()
    else:
        _hold_with_care(record, given)
    if is_sparse:
        _set(record, "__dict__", given)
        _check(record, given)
    else:
        # A subclass whose constructor is not of attrs' making may hold more than these.
        record.__dict__.update(given)
        record.__attrs_post_init__()


def _hold_with_care(record: "ContactFields", given: dict[str, Any]) -> None:
    # What a field is called comes before what it holds.
    typed_properties(type(record))
    if (refusal := misnamed(type(record), given)) is not None:
        raise refusal
    given["properties"] = own_properties(given.get("properties", UNSET))
    if "mailing_lists" in given:
        given["mailing_lists"] = own_lists(given["mailing_lists"])


def given_fields(record: "ContactFields") -> Mapping[str, Any]:
    """The fields of a record by our names, without typed properties of a subclass.

    What was left out may be missing, or ``UNSET``.
    """
    if type(record) in _sparse:
        return record.__dict__
    # attrs makes the constructor of a subclass, and that sets each field.
    return {name: getattr(record, name) for name in _CHECKS}


def _check(record: Any, given: Mapping[str, Any]) -> None:
    checks, identifying, is_identified = _CHECKS, record._identifying, False  # noqa: SLF001 - its kind's
    try:
        for name, value in given.items():
            if value is not UNSET and value is not None:
                checks[name](name, value)
                if name in identifying:
                    is_identified = True
    except (InvalidInput, KeyError):
        pass
    else:
        if is_identified:
            return
    _refuse(record, given)


def _refuse(record: Any, given: Mapping[str, Any]) -> None:
    """Say what is wrong first, however the fields came."""
    refusal: Exception | None = misnamed(type(record), given)
    if refusal is not None:
        raise refusal
    for name, check in _CHECKS.items():
        value = given.get(name, UNSET)
        try:
            if value is not UNSET and value is not None:
                check(name, value)
            elif name == "email":
                record._check_without_email()  # noqa: SLF001 - its kind's
        except InvalidInput as error:
            refusal = placed(error, name)
            break
    if refusal is not None:
        raise refusal


@attrs.frozen(kw_only=True, repr=False, slots=False)
class ContactFields:
    """What create and update have in common. Every value stays out of the repr."""

    _identifying: ClassVar[frozenset[str]]
    """The fields of which one at least must have a value."""

    first_name: str | None | Unset = attrs.field(default=UNSET, repr=False)
    last_name: str | None | Unset = attrs.field(default=UNSET, repr=False)
    source: str | None | Unset = attrs.field(default=UNSET, repr=False)
    subscribed: bool | None | Unset = attrs.field(default=UNSET, repr=False)
    user_group: str | None | Unset = attrs.field(default=UNSET, repr=False)
    user_id: str | None | Unset = attrs.field(default=UNSET, repr=False)
    mailing_lists: Mapping[str, bool] | None | Unset = attrs.field(
        default=UNSET, repr=False, converter=own_lists
    )
    properties: Mapping[str, PropertyValue] = attrs.field(
        factory=dict[str, PropertyValue], repr=False, converter=own_properties
    )

    def __init_subclass__(cls) -> None:
        # attrs leaves a __repr__ alone that stands in the class itself: without this, a user's
        # subclass would get a generated one that shows every value.
        super().__init_subclass__()
        cls.__repr__ = ContactFields.__repr__  # type: ignore[method-assign]

    def __attrs_post_init__(self) -> None:
        self.check()

    # All checks in one place: attrs would call a field's validator for what is left out as well.
    def check(self) -> None:
        """Refuse what Loops could not take.

        Raises:
            InvalidInput: A field or a custom property that cannot be, or nothing that says which
                contact it is about.
        """
        _check(self, given_fields(self))
        cls: Any = type(self)
        for attribute, key in typed_properties(cls):
            value = getattr(self, attribute)
            if value is UNSET:
                continue
            if key in self.properties:
                raise refused(key, f"is given twice, as {attribute}= and in properties; drop one")
            check_property_value(key, value)

    def _check_without_email(self) -> None:
        """Refuse to be without an address, where that cannot be."""

    def __repr__(self) -> str:
        return masked_repr(self)
