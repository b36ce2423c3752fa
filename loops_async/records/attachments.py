"""The files that go with a transactional mail."""

import mimetypes
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import attrs

from loops_async.errors import InvalidInput
from loops_async.records._types import UNSET, Unset
from loops_async.records._validation import masked_repr

T = TypeVar("T")

LARGEST_MAIL: Final = 4_000_000
"""Bytes of JSON that Loops takes for one transactional mail."""


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


def content(attachments: Sequence[Attachment], index: int) -> bytes:
    """The bytes of one of a mail's attachments; reads its file, but no more than a mail may have.

    Raises:
        InvalidInput: The file cannot be read.
    """
    data = attachments[index].data
    if isinstance(data, bytes):
        return data
    path = data

    def read() -> bytes:
        with path.open("rb") as file:
            # It may have grown since it was looked at, or be one of those that have no size.
            return file.read(LARGEST_MAIL + 1)

    return _asked(index, read)


def size(attachments: Sequence[Attachment], index: int) -> int:
    """How many bytes one of a mail's attachments has, without reading its file.

    Raises:
        InvalidInput: The file cannot be found, or is none: a pipe could be waited on for ever.
    """
    data = attachments[index].data
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


def own_attachments(value: Iterable[Attachment] | Unset) -> tuple[Attachment, ...]:
    """An attrs converter: the attachments as nobody else can change them."""
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
