"""The contact properties of a team: the default ones and its own."""

import re
from collections.abc import Iterable, Mapping
from typing import get_args

from loops_async.sandbox.errors import Refusal
from loops_async.sandbox.records import Property, PropertyType
from loops_async.sandbox.values import check_lengths

# In the order of https://loops.so/docs/api-reference/list-contact-properties, with its labels,
# which are not those `label_for` would make.
DEFAULT_PROPERTIES = (
    Property("firstName", "string", "First Name"),
    Property("lastName", "string", "Last Name"),
    Property("email", "string", "Email"),
    Property("notes", "string", "Notes"),
    Property("source", "string", "Source"),
    Property("userGroup", "string", "User Group"),
    Property("userId", "string", "User Id"),
    Property("subscribed", "boolean", "Subscribed"),
    Property("createdAt", "date", "Created At"),
)

RESERVED_NAMES = frozenset({"id", "listId", "softDeleteAt", "teamId", "updatedAt"})
"""Names Loops keeps for itself: https://loops.so/docs/contacts/properties#reserved-names."""

# Part of the read-back form of every contact: a property of such a name could not be told apart.
_TAKEN_BY_FIND = frozenset({"mailingLists", "optInStatus"})

_CAMEL_CASE = re.compile(r"[a-z][A-Za-z0-9]*")


class Catalogue:
    """Which properties there are.

    Args:
        custom: The team's own properties to begin with.
    """

    def __init__(self, custom: Iterable[Property] = ()) -> None:
        self._defaults = {prop.key: prop for prop in DEFAULT_PROPERTIES}
        self._custom: dict[str, Property] = {}
        for prop in custom:
            if self.get(prop.key) or is_reserved(prop.key):
                raise ValueError(f"{prop.key!r} cannot be a custom property: the name is taken")
            self._custom[prop.key] = prop

    def get(self, key: str) -> Property | None:
        """Return the property of this key, default or custom, or None."""
        return self._defaults.get(key) or self._custom.get(key)

    def add(self, prop: Property) -> None:
        """Add a property that is known to be new."""
        self._custom[prop.key] = prop

    def custom(self) -> list[Property]:
        """Return the team's own properties, oldest first."""
        return list(self._custom.values())

    def all(self) -> list[Property]:
        """Return the default properties, then the team's own."""
        return [*self._defaults.values(), *self._custom.values()]

    def create(self, body: Mapping[str, object]) -> None:
        """Create a property: https://loops.so/docs/api-reference/create-contact-property."""
        check_lengths(body)
        name, kind = body.get("name"), _property_type(body.get("type"))
        if not isinstance(name, str) or not _CAMEL_CASE.fullmatch(name):
            raise Refusal(400, "Property name must be a string in camelCase, such as planName.")
        if is_reserved(name):
            raise Refusal(400, f"{name} is a reserved name.")
        if self.get(name):
            raise Refusal(400, "Property already exists.")
        self.add(Property(name, kind))


def is_reserved(key: str) -> bool:
    """Return whether no property may have this name."""
    return key in RESERVED_NAMES or key in _TAKEN_BY_FIND


def _property_type(value: object) -> PropertyType:
    for kind in get_args(PropertyType):
        if value == kind:
            found: PropertyType = kind
            return found
    raise Refusal(400, "Property type must be one of string, number, boolean or date.")
