"""Contact properties: the default ones and the team's own."""

import re
from collections.abc import Mapping
from typing import Literal, TypeAlias, cast, get_args

import attrs
from aiohttp import web

from loops_async.sandbox.contact_index import PropertyValue
from loops_async.sandbox.http import json_response, read_object, read_query
from loops_async.sandbox.team import TEAM, SandboxTeam
from loops_async.sandbox.validation import Refusal, check_lengths, date_text, string

PropertyKind: TypeAlias = Literal["string", "number", "boolean", "date"]
"""The four types of contact properties."""

_WORD_BREAK = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[_\-\s]+")
_CAMEL_CASE = re.compile(r"[a-z][A-Za-z0-9]*")


def label_for(key: str) -> str:
    """Return the label that Loops gives a property: "Favorite color" for `favoriteColor`."""
    words = " ".join(word for word in _WORD_BREAK.split(key) if word)
    return words[:1].upper() + words[1:].lower()


@attrs.frozen
class StoredProperty:
    """A contact property.

    Attributes:
        key: Its name in JSON, in camelCase.
        type: The type of its values.
        label: The name shown to people; made from the key when left out.
    """

    key: str
    type: PropertyKind = "string"
    label: str = attrs.field(default=attrs.Factory(lambda own: label_for(own.key), takes_self=True))


# In the order and with the labels of https://loops.so/docs/api-reference/list-contact-properties.
# `label_for` would make other labels.
DEFAULT_PROPERTIES = (
    StoredProperty("firstName", "string", "First Name"),
    StoredProperty("lastName", "string", "Last Name"),
    StoredProperty("email", "string", "Email"),
    StoredProperty("notes", "string", "Notes"),
    StoredProperty("source", "string", "Source"),
    StoredProperty("userGroup", "string", "User Group"),
    StoredProperty("userId", "string", "User Id"),
    StoredProperty("subscribed", "boolean", "Subscribed"),
    StoredProperty("createdAt", "date", "Created At"),
)

# Loops reserves them: https://loops.so/docs/contacts/properties#reserved-names. The last two are
# not on its list, but every contact in a response has them, so no property can have these names.
RESERVED_NAMES = frozenset(
    {"id", "listId", "softDeleteAt", "teamId", "updatedAt", "mailingLists", "optInStatus"}
)

routes: web.RouteTableDef = web.RouteTableDef()


@routes.get("/v1/contacts/properties")
async def list_properties(request: web.Request) -> web.Response:
    """https://loops.so/docs/api-reference/list-contact-properties."""
    store = request.app[TEAM].store(ContactPropertyStore)
    which = read_query(request).get("list", "all")
    if which not in {"all", "custom"}:
        raise Refusal(400, "list must be all or custom.")
    properties = store.custom() if which == "custom" else store.all()
    return json_response([property_json(prop) for prop in properties])


@routes.post("/v1/contacts/properties")
async def create_property(request: web.Request) -> web.Response:
    """https://loops.so/docs/api-reference/create-contact-property."""
    request.app[TEAM].store(ContactPropertyStore).create(await read_object(request))
    return json_response({"success": True})


class ContactPropertyStore:
    """The properties of a team.

    Raises:
        ValueError: The name of a property that the sandbox was given is taken.
    """

    def __init__(self, team: SandboxTeam) -> None:
        self._defaults = {prop.key: prop for prop in DEFAULT_PROPERTIES}
        self._custom: dict[str, StoredProperty] = {}
        for prop in team.properties:
            if self.get(prop.key) or prop.key in RESERVED_NAMES:
                raise ValueError(f"{prop.key!r} cannot be a custom property: the name is taken")
            self.add(prop)

    def get(self, key: str) -> StoredProperty | None:
        """Return the property with this key, default or custom, or None."""
        return self._defaults.get(key) or self._custom.get(key)

    def add(self, prop: StoredProperty) -> None:
        """Add a property that does not exist yet."""
        self._custom[prop.key] = prop

    def custom(self) -> list[StoredProperty]:
        """Return the team's own properties, oldest first."""
        return list(self._custom.values())

    def all(self) -> list[StoredProperty]:
        """Return the default properties, then the team's own."""
        return [*self._defaults.values(), *self._custom.values()]

    def create(self, body: Mapping[str, object]) -> None:
        """Create a property: https://loops.so/docs/api-reference/create-contact-property."""
        check_lengths(body)
        name, kind = body.get("name"), _property_kind(body.get("type"))
        if not isinstance(name, str) or not _CAMEL_CASE.fullmatch(name):
            raise Refusal(400, "Property name must be a string in camelCase, such as planName.")
        if name in RESERVED_NAMES:
            raise Refusal(400, f"{name} is a reserved name.")
        if self.get(name):
            raise Refusal(400, "Property already exists.")
        self.add(StoredProperty(name, kind))


def property_json(prop: StoredProperty) -> dict[str, object]:
    """Return the JSON of a property."""
    return {"key": prop.key, "label": prop.label, "type": prop.type}


def property_value(prop: StoredProperty, value: object) -> PropertyValue:
    """Return a value that fits a property's type, a date in the form Loops returns it in."""
    if prop.type == "date":
        return date_text(prop.key, value)
    if prop.type == "string":
        return string(prop.key, value)
    if prop.type == "boolean":
        if isinstance(value, bool):
            return value
        raise Refusal(400, f"{prop.key} must be a boolean.")
    # A bool is an int in Python, but not a number in JSON.
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise Refusal(400, f"{prop.key} must be a number.")


def guess_property(key: str, value: object) -> StoredProperty:
    """Return the property that Loops creates for an unknown key, by the type of its first value."""
    if isinstance(value, str):
        return StoredProperty(key, "string")
    if isinstance(value, bool):
        return StoredProperty(key, "boolean")
    if isinstance(value, int | float):
        return StoredProperty(key, "number")
    raise Refusal(400, f"{key} must be a string, a number, a boolean or a date.")


def _property_kind(value: object) -> PropertyKind:
    if value not in get_args(PropertyKind):
        raise Refusal(400, "Property type must be one of string, number, boolean or date.")
    return cast("PropertyKind", value)
