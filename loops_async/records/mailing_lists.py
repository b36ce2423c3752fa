"""Mailing lists."""

import attrs


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
