"""A transactional mail, its data and its attachments."""

import math
import mimetypes
import os
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import attrs

from loops_async.errors import InvalidInput
from loops_async.records.checks import check_name, own_mapping, required_email
from loops_async.records.fields import masked_repr
from loops_async.records.unset import UNSET, Unset
from loops_async.records.values import masked

T = TypeVar("T")

DataVariable: TypeAlias = str | int | float | list[dict[str, str | int | float]]
"""What a data variable may be: text, a number, or an array of objects of those."""


def _content_type(self: "Attachment") -> str:
    guessed, encoding = mimetypes.guess_type(self.filename)
    # A name such as a.csv.gz is guessed as text/csv with gzip around it, which it is not.
    return guessed if guessed is not None and encoding is None else "application/octet-stream"


@attrs.frozen(repr=False)
class Attachment:
    """A file to send with a mail. Loops has to enable attachments for your team first.

    Attributes:
        filename: The name that the recipient sees.
        data: The file's bytes, or a path that is read when the mail is sent.
        content_type: Its MIME type; guessed from the name when left out.

    Raises:
        InvalidInput: No name, or data that is neither bytes nor a path.
    """

    filename: str = attrs.field()
    data: bytes | Path
    content_type: str = attrs.field(default=attrs.Factory(_content_type, takes_self=True))

    @classmethod
    def from_path(cls, path: str | os.PathLike[str], filename: str | None = None) -> "Attachment":
        """The file at ``path``, under its own name unless another is given."""
        place = Path(path)
        return cls(filename if filename is not None else place.name, place)

    @filename.validator
    def _check_filename(self, _: object, value: object) -> None:
        if not isinstance(value, str) or not value or not value.isprintable():
            raise InvalidInput(
                "attachments: filename must be a name such as 'invoice.pdf'", field="attachments"
            )

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.data, bytes | Path):
            raise InvalidInput(
                f"attachments: data must be bytes or a pathlib.Path, not "
                f"{type(self.data).__name__}; Attachment.from_path takes the name of a file",
                field="attachments",
            )
        if not isinstance(self.content_type, str) or "/" not in self.content_type:
            raise InvalidInput(
                "attachments: content_type must be a MIME type such as 'application/pdf'",
                field="attachments",
            )

    def __repr__(self) -> str:
        return masked_repr(self)


def content(attachment: Attachment) -> bytes:
    """The bytes of an attachment; reads its file where it is one.

    Raises:
        InvalidInput: The file cannot be read.
    """
    data = attachment.data
    return data if isinstance(data, bytes) else _asked(attachment, data.read_bytes)


def size(attachment: Attachment) -> int:
    """How many bytes an attachment has, without reading its file.

    Raises:
        InvalidInput: The file cannot be found.
    """
    data = attachment.data
    return len(data) if isinstance(data, bytes) else _asked(attachment, data.stat).st_size


def _asked(attachment: Attachment, read: Callable[[], T]) -> T:
    try:
        return read()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
    raise InvalidInput(
        f"attachments: the file for {masked(attachment.filename)} cannot be read: {why}",
        field="attachments",
    )


def check_variable(name: str, value: Any, *, nested: bool = False) -> None:
    """Refuse what a template cannot take.

    Raises:
        InvalidInput: ``None`` (Loops does not take null here), a boolean or date (send text), a
            number that JSON has not, or anything nested deeper than an array of objects.
    """
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return
    if isinstance(value, float) and math.isfinite(value):
        return
    if isinstance(value, list) and not nested:
        for item in value:
            if not isinstance(item, Mapping):
                raise InvalidInput(
                    f"data_variables: {masked(name)} must be an array of objects", field=name
                )
            for key, inner in item.items():
                check_variable(f"{name}.{key}", inner, nested=True)
        return
    if value is None:
        fix = "Loops does not take null here; leave it out, or send '' for an optional variable"
    elif isinstance(value, bool | date):
        fix = "Loops takes text and numbers; format it as the mail shall show it"
    else:
        fix = "it must be text, a finite number, or a list of mappings of those"
    raise InvalidInput(f"data_variables: {masked(name)}: {fix}", field=name)


def _own_attachments(value: Iterable[Attachment]) -> tuple[Attachment, ...]:
    attachments = tuple(value)
    for attachment in attachments:
        if not isinstance(attachment, Attachment):
            raise InvalidInput(
                f"attachments: must be Attachment records, not {type(attachment).__name__}",
                field="attachments",
            )
    return attachments


@attrs.frozen(kw_only=True, repr=False)
class TransactionalEmail:
    """A transactional mail (https://loops.so/docs/api-reference/send-transactional-email).

    Attributes:
        transactional_id: The id of the published mail in Loops.
        email: The recipient's address.
        data_variables: What the template's variables stand for: text, numbers, or lists of
            mappings of those.
        add_to_audience: Whether the recipient becomes a contact.
        attachments: Files to send along.

    Raises:
        InvalidInput: A field that Loops could not take; the message names it and the fix.
    """

    transactional_id: str = attrs.field(validator=check_name)
    email: str = attrs.field(validator=required_email)
    data_variables: Mapping[str, DataVariable] = attrs.field(factory=dict, converter=own_mapping)
    add_to_audience: bool | Unset = attrs.field(default=UNSET)
    attachments: tuple[Attachment, ...] = attrs.field(default=(), converter=_own_attachments)

    @add_to_audience.validator
    def _check_add(self, _: object, value: object) -> None:
        if value is not UNSET and not isinstance(value, bool):
            raise InvalidInput(
                "add_to_audience: must be True, False or left out", field="add_to_audience"
            )

    def __attrs_post_init__(self) -> None:
        for name, value in self.data_variables.items():
            if not isinstance(name, str):
                raise InvalidInput(
                    "data_variables: a variable's name must be text", field="data_variables"
                )
            check_variable(name, value)

    def __repr__(self) -> str:
        return masked_repr(self)
