"""Contact properties: the names and types of a contact's fields."""

import attrs

from loops_async.records._types import OpenStrEnum, ReplyRecord


class PropertyType(OpenStrEnum):
    """The type of a contact property. An unknown type becomes a new member."""

    STRING = "string"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"


@attrs.frozen(slots=False)
class ContactProperty(ReplyRecord):
    """A contact property (https://loops.so/docs/api-reference/list-contact-properties).

    Attributes:
        key: Its name in requests, in camelCase.
        label: Its display name.
        type: The type of its values.
    """

    key: str
    label: str
    type: PropertyType
