"""Mailing lists."""

import attrs

from loops_async.records._types import ReplyRecord


@attrs.frozen(slots=False)
class MailingList(ReplyRecord):
    """A mailing list (https://loops.so/docs/api-reference/list-mailing-lists).

    Attributes:
        id: Its id, as in ``mailing_lists={id: True}``.
        name: Its name.
        description: What it is about, or None.
        is_public: Whether contacts can see it in the preference center.
    """

    id: str
    name: str
    description: str | None = None
    is_public: bool = False
