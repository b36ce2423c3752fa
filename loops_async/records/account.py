"""What belongs to the team: its name, its contact properties, its mailing lists."""

import attrs

from loops_async.records.open_enum import OpenStrEnum


class PropertyType(OpenStrEnum):
    """The type of a contact property. One that this version does not know keeps its own text."""

    STRING = "string"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"


@attrs.frozen
class Team:
    """The team behind an API key (https://loops.so/docs/api-reference/api-key).

    Attributes:
        team_name: Its name.
        dry_run: Whether it is made up, because nothing was sent.
    """

    team_name: str
    dry_run: bool = False


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


@attrs.frozen
class MailingList:
    """A mailing list (https://loops.so/docs/api-reference/list-mailing-lists).

    Attributes:
        id: What ``mailing_lists={id: True}`` names it by.
        name: Its name.
        description: What it is about, or None.
        is_public: Whether contacts see it in their preferences.
    """

    id: str
    name: str
    description: str | None = None
    is_public: bool = False
