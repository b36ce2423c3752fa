"""Contact properties."""

import attrs

from loops_async.records._types import OpenStrEnum


class PropertyType(OpenStrEnum):
    """The type of a contact property. One that this version does not know keeps its own text."""

    STRING = "string"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"


@attrs.frozen
class ContactProperty:
    """A contact property (https://loops.so/docs/api-reference/list-contact-properties).

    Attributes:
        key: Its name in requests, in camelCase.
        label: Its name for people.
        type: What its values are.
    """

    key: str
    label: str
    type: PropertyType
