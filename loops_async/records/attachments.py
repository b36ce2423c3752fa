"""Attachments of transactional emails."""

import mimetypes
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar, Final, TypeVar, cast

import attrs

from loops_async.errors import InvalidInput
from loops_async.records._request_record import RequestRecord
from loops_async.records._types import UNSET, Unset

T = TypeVar("T")

MAX_MAIL_SIZE: Final = 4_000_000
"""Maximum size of a transactional email's JSON, in bytes, that Loops accepts."""


def _invalid(what: str, index: int | None = None) -> InvalidInput:
    place = "" if index is None else f"[{index}]"
    return InvalidInput(f"attachments{place}: {what}", field="attachments")


def _guess_content_type(attachment: "Attachment") -> str:
    name = cast("object", attachment.filename)
    guessed, encoding = mimetypes.guess_type(name) if isinstance(name, str) else (None, None)
    # For a.csv.gz, guess_type returns text/csv and the encoding gzip; text/csv would be wrong.
    return guessed if guessed is not None and encoding is None else "application/octet-stream"


@attrs.frozen
class Attachment(RequestRecord):
    """A file attached to an email. Loops must enable attachments for your team first.

    Attributes:
        filename: The name that the recipient sees.
        data: The file's bytes, or a path that is read when the email is sent.
        content_type: Its MIME type; guessed from the name if it is left out.

    Raises:
        InvalidInput: An empty name, or data that is neither bytes nor a path.
    """

    _place_of_others: ClassVar = "it has filename, data and content_type"

    filename: str
    data: bytes | Path
    content_type: str = attrs.field(default=attrs.Factory(_guess_content_type, takes_self=True))

    @classmethod
    def from_path(cls, path: str | os.PathLike[str], filename: str | None = None) -> "Attachment":
        """Create an attachment from the file at ``path``, named ``filename`` or after the file.

        Raises:
            InvalidInput: ``path`` is neither text nor a path.
        """
        try:
            place = Path(path)
        except TypeError:
            place = None
        if place is None:
            raise _invalid(f"a path must be text or a pathlib.Path, not {type(path).__name__}")
        return cls(filename if filename is not None else place.name, place)

    def check(self) -> None:
        """Raise InvalidInput if Loops would not accept the attachment."""
        _check_filename(self.filename)
        _check_data(self.data)
        _check_content_type(self.content_type)


def _check_filename(value: object) -> None:
    if not isinstance(value, str) or not value or not value.isprintable():
        raise _invalid("filename must be a name such as 'invoice.pdf'")


def _check_data(value: object) -> None:
    if not isinstance(value, bytes | Path):
        raise _invalid(
            f"data must be bytes or a pathlib.Path, not {type(value).__name__}; "
            "use Attachment.from_path for a file name"
        )


def _check_content_type(value: object) -> None:
    # It becomes part of the email's headers.
    if not (isinstance(value, str) and "/" in value and value.isascii() and value.isprintable()):
        raise _invalid("content_type must be a MIME type such as 'application/pdf'")


def copy_attachments(value: Iterable[Attachment] | Unset) -> tuple[Attachment, ...]:
    """An attrs converter that returns the attachments as a tuple; empty for ``UNSET``."""
    return () if value is UNSET or value == () else tuple(_checked(value))


def _checked(given: object) -> Iterator[Attachment]:
    if not isinstance(given, Iterable):
        raise _invalid(f"must be a list of Attachment records, not {type(given).__name__}")
    for attachment in cast("Iterable[object]", given):
        if not isinstance(attachment, Attachment):
            raise _invalid(f"must be Attachment records, not {type(attachment).__name__}")
        yield attachment


def total_size(attachments: Sequence[Attachment]) -> int:
    """Return the total size of the attachments in bytes, without reading their files.

    Raises:
        InvalidInput: A file does not exist, or is a pipe or device, which may never end.
    """
    total = 0
    for index, attachment in enumerate(attachments):
        data = attachment.data
        if isinstance(data, bytes):
            total += len(data)
            continue
        found = _try(data.stat, index)
        if not stat.S_ISREG(found.st_mode):
            raise _invalid("its path is a directory or a device, not a file", index)
        total += found.st_size
    return total


def read_files(attachments: Sequence[Attachment]) -> list[Attachment]:
    """Return the attachments with paths replaced by the contents of the files.

    Raises:
        InvalidInput: A file cannot be read.
    """
    read: list[Attachment] = []
    for index, attachment in enumerate(attachments):
        if isinstance(attachment.data, Path):
            data = _try(partial(_read, attachment.data), index)
            read.append(attrs.evolve(attachment, data=data))
        else:
            read.append(attachment)
    return read


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        # The file may have grown since its size was read, or have no size, as in /proc.
        return file.read(MAX_MAIL_SIZE + 1)


def _try(read: Callable[[], T], index: int) -> T:
    try:
        return read()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
    raise _invalid(f"its file cannot be read: {why}", index)
