"""A transactional mail, its data and its attachments."""

import math
import mimetypes
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar, cast

import attrs

from loops_async.errors import InvalidInput
from loops_async.records.checks import check_name, check_unicode, own_mapping, required_email
from loops_async.records.fields import check_each, masked_repr
from loops_async.records.unset import UNSET, Unset
from loops_async.records.values import check_property_value, is_mapping, refused

T = TypeVar("T")

LARGEST_MAIL: Final = 4_000_000
"""Bytes of JSON that Loops takes for one transactional mail."""

DataVariable: TypeAlias = str | int | float | list[dict[str, str | int | float]]
"""What a data variable may be: text, a number, or an array of objects of those."""


def _content_type(self: "Attachment") -> str:
    return _guessed(self.filename)


def _guessed(name: object) -> str:
    guessed, encoding = mimetypes.guess_type(name) if isinstance(name, str) else (None, None)
    # A name such as a.csv.gz is guessed as text/csv with gzip around it, which it is not.
    return guessed if guessed is not None and encoding is None else "application/octet-stream"


def _check_filename(_: object, __: "attrs.Attribute[Any]", value: object) -> None:
    if not isinstance(value, str) or not value or not value.isprintable():
        raise InvalidInput(
            "attachments: filename must be a name such as 'invoice.pdf'", field="attachments"
        )


def _check_data(_: object, __: "attrs.Attribute[Any]", value: object) -> None:
    if not isinstance(value, bytes | Path):
        raise InvalidInput(
            f"attachments: data must be bytes or a pathlib.Path, not {type(value).__name__}; "
            "Attachment.from_path takes the name of a file",
            field="attachments",
        )


def _check_content_type(_: object, __: "attrs.Attribute[Any]", value: object) -> None:
    # It ends up in the mail's own headers.
    if not (isinstance(value, str) and "/" in value and value.isascii() and value.isprintable()):
        raise InvalidInput(
            "attachments: content_type must be a MIME type such as 'application/pdf'",
            field="attachments",
        )


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

    filename: str = attrs.field(validator=_check_filename)
    data: bytes | Path = attrs.field(validator=_check_data)
    content_type: str = attrs.field(
        default=attrs.Factory(_content_type, takes_self=True), validator=_check_content_type
    )

    @classmethod
    def from_path(cls, path: str | os.PathLike[str], filename: str | None = None) -> "Attachment":
        """The file at ``path``, under its own name or ``filename``.

        Raises:
            InvalidInput: That is no path.
        """
        try:
            place = Path(path)
        except TypeError:
            place = None
        if place is None:
            raise InvalidInput(
                f"attachments: a path must be text or a pathlib.Path, not {type(path).__name__}",
                field="attachments",
            )
        return cls(filename if filename is not None else place.name, place)

    def __repr__(self) -> str:
        return masked_repr(self)


def content(mail: "TransactionalEmail", index: int) -> bytes:
    """The bytes of one of a mail's attachments; reads its file, but no more than a mail may have.

    Raises:
        InvalidInput: The file cannot be read.
    """
    data = mail.attachments[index].data
    if isinstance(data, bytes):
        return data
    path = data

    def read() -> bytes:
        with path.open("rb") as file:
            # It may have grown since it was looked at, or be one of those that have no size.
            return file.read(LARGEST_MAIL + 1)

    return _asked(index, read)


def size(mail: "TransactionalEmail", index: int) -> int:
    """How many bytes one of a mail's attachments has, without reading its file.

    Raises:
        InvalidInput: The file cannot be found, or is none: a pipe could be waited on for ever.
    """
    data = mail.attachments[index].data
    if isinstance(data, bytes):
        return len(data)
    found = _asked(index, data.stat)
    if not stat.S_ISREG(found.st_mode):
        raise InvalidInput(
            f"attachments[{index}]: its path is a directory or a device, not a file",
            field="attachments",
        )
    return found.st_size


def _asked(index: int, read: Callable[[], T]) -> T:
    try:
        return read()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
    raise InvalidInput(f"attachments[{index}]: its file cannot be read: {why}", field="attachments")


def check_variable(name: object, value: Any, *, within: str = "") -> None:
    """Refuse what a template cannot take; ``within`` is the array that the variable is part of.

    Raises:
        InvalidInput: A name that is not text, ``None`` (Loops does not take null here), a boolean
            or date (send text), a number that JSON has not, or anything nested deeper than an
            array of objects.
    """
    if not isinstance(name, str) or not name:
        raise InvalidInput(
            "data_variables: a variable's name must be non-empty text", field="data_variables"
        )
    name = f"{within}.{name}" if within else name
    check_unicode(name, name)
    if isinstance(value, str):
        check_unicode(name, value)
        return
    if isinstance(value, int) and not isinstance(value, bool):
        check_property_value(name, value)
        return
    if isinstance(value, float) and math.isfinite(value):
        return
    if isinstance(value, list) and not within:
        _check_items(name, cast("list[object]", value))
        return
    if value is None:
        fix = "Loops does not take null here; leave it out, or send '' for an optional variable"
    elif isinstance(value, bool | date):
        fix = "Loops takes text and numbers; format it as the mail shall show it"
    else:
        fix = "it must be text, a finite number, or a list of mappings of those"
    raise refused(name, fix)


def _check_items(name: str, items: list[object]) -> None:
    for item in items:
        if not is_mapping(item):
            raise refused(name, "a list must hold mappings, one for each repetition")
        for key, inner in item.items():
            check_variable(key, inner, within=name)


def _own_variables(value: Mapping[str, DataVariable]) -> dict[str, DataVariable]:
    # As deep as a variable may be, so that no one else can change it.
    own = own_mapping(value, "data_variables")
    for name, variable in own.items():
        if isinstance(variable, list):
            own[name] = _own_items(cast("list[object]", variable))
    return own


def _own_items(items: list[object]) -> list[object]:
    return [dict(item) if is_mapping(item) else item for item in items]


def _own_attachments(value: Iterable[Attachment] | Unset) -> tuple[Attachment, ...]:
    return () if value is UNSET else tuple(_checked_attachments(value))


def _checked_attachments(given: object) -> Iterator[Attachment]:
    if not isinstance(given, Iterable):
        raise InvalidInput(
            f"attachments: must be a list of Attachment records, not {type(given).__name__}",
            field="attachments",
        )
    for attachment in cast("Iterable[object]", given):
        if not isinstance(attachment, Attachment):
            raise InvalidInput(
                f"attachments: must be Attachment records, not {type(attachment).__name__}",
                field="attachments",
            )
        yield attachment


def _check_add(_: object, __: "attrs.Attribute[Any]", value: object) -> None:
    if value is not UNSET and not isinstance(value, bool):
        raise InvalidInput(
            "add_to_audience: must be True, False or left out", field="add_to_audience"
        )


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
    data_variables: Mapping[str, DataVariable] = attrs.field(
        factory=dict[str, DataVariable], converter=_own_variables
    )
    add_to_audience: bool | Unset = attrs.field(default=UNSET, validator=_check_add)
    attachments: tuple[Attachment, ...] = attrs.field(default=(), converter=_own_attachments)

    def __attrs_post_init__(self) -> None:
        check_each("data_variables", self.data_variables, check_variable)

    def __repr__(self) -> str:
        return masked_repr(self)
