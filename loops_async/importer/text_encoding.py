"""The encoding of a text file: what its first bytes declare, what is asked for, or a guess."""

import codecs
import re
from collections.abc import Iterator
from typing import BinaryIO, Final

import attrs

from loops_async.errors import ConfigurationError
from loops_async.importer.errors import FileRefused

UTF_8: Final = "utf-8"

_CHUNK: Final = 1024 * 1024
_MOST_LINES: Final = 5_000
"""Lines with other characters than ASCII from which an encoding is guessed."""

_MOST_NAMED: Final = 3
_COMMON: Final = (
    *("cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp874"),
    *("koi8_r", "mac_roman", "cp850", "cp852", "cp932", "euc_jp", "gb18030", "big5", "cp949"),
)
"""Encodings that are guessed: those of Windows, of DOS, of old Macs and of East Asia."""

_MARKS: Final = (
    # UTF-32 first: its mark begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, UTF_8),
)
# Letters that have the same meaning in no other encoding that is common for files of contacts.
# Others are ambiguous: a Danish ø is a Czech ř in Windows-1250, an Italian ò a Slovak ň.
_WESTERN: Final = frozenset("äöüÄÖÜßéèêëàâçîïôÉÈÀÇáíóúñÁÍÓÚÑåÅã")
_NORDIC: Final = frozenset("æøåÆØÅäöÄÖéÉüÜ")
_ITALIAN_ENDINGS: Final = frozenset("ìòù")
_PUNCTUATION: Final = frozenset("“”„–—…€«»°´®©™•§±×÷·\u00a0")  # noqa: RUF001
_WORD: Final = re.compile(r"[^\W\d_]+")


@attrs.frozen
class DetectedEncoding:
    """The encoding of a file.

    Attributes:
        name: As Python names it.
        note: What to tell the user of a guess; empty for a certainty.
        marked: Whether the file begins with a byte order mark.
    """

    name: str
    note: str = ""
    marked: bool = False


def check_encoding(name: str) -> str:
    """``name``, if it is a text encoding that Python knows.

    Raises:
        ConfigurationError: It is not.
    """
    try:
        "".encode(name)
        return codecs.lookup(name).name
    except (LookupError, ValueError):
        raise ConfigurationError(
            "--encoding is not an encoding that Python knows; examples are utf-8, utf-16-le, "
            "cp1252 (Windows, western Europe), cp1250 (central Europe), mac-roman, shift-jis"
        ) from None


def detect_encoding(stream: BinaryIO, name: str, asked: str | None) -> DetectedEncoding:
    """The encoding of ``stream``: a byte order mark decides, then ``asked``.

    Without either it is UTF-8 if all bytes are valid UTF-8, and Windows-1252 if the other
    characters can only be western European letters; that guess comes with a note.

    Raises:
        FileRefused: It is neither; the message names the likely encoding.
    """
    stream.seek(0)
    begins = stream.read(4)
    for mark, declared in _MARKS:
        if begins.startswith(mark):
            return DetectedEncoding(declared, marked=True)
    if asked is not None:
        return DetectedEncoding(asked)
    if _is_utf_8(stream):
        return DetectedEncoding(UTF_8)
    return _guess(stream, name)


def _is_utf_8(stream: BinaryIO) -> bool:
    stream.seek(0)
    decoder = codecs.getincrementaldecoder(UTF_8)()
    try:
        while chunk := stream.read(_CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _guess(stream: BinaryIO, name: str) -> DetectedEncoding:
    lines = list(_lines_beyond_ascii(stream))
    first = next((number for number, line in lines if not _decodes(line)), None)
    if any(_decodes(line) for _, line in lines):
        raise FileRefused(
            name,
            "the text is not UTF-8, although other lines are; save the file as UTF-8, or name its "
            "encoding with --encoding",
            first,
        )
    sample = b"".join(line for _, line in lines)
    if _is_western(sample):
        return DetectedEncoding(
            "cp1252",
            f"{name} is not UTF-8; it is read as Windows-1252 (cp1252), a guess from its letters. "
            "Check names with accents; --encoding names another encoding.",
        )
    raise FileRefused(name, f"the text is not UTF-8; {_likely(sample)}", first)


def _lines_beyond_ascii(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    stream.seek(0)
    found = 0
    number = 0
    # Line ends of old Macs count too; ``readline`` of bytes knows only the line feed.
    for block in iter(lambda: stream.readline(_CHUNK), b""):
        for line in block.splitlines(keepends=True):
            number += 1
            if not line.isascii():
                yield number, line
                found += 1
        if found >= _MOST_LINES:
            return


def _decodes(line: bytes) -> bool:
    try:
        line.decode(UTF_8)
    except UnicodeDecodeError:
        return False
    return True


def _is_western(sample: bytes) -> bool:
    """Whether ``sample`` can only be Windows-1252."""
    try:
        text = sample.decode("cp1252")
    except UnicodeDecodeError:
        return False
    letters = _NORDIC if set(filter(_is_special, text)) <= _NORDIC else _WESTERN
    for place, character in enumerate(text):
        if character.isascii() or character in letters:
            continue
        around = text[place - 1 : place] + text[place + 1 : place + 2]
        inside = len(around) == 2 and around.isalpha()
        if character == "’":  # noqa: RUF001
            # As in a French elision; other marks never stand inside a word.
            is_western = inside
        elif character in _ITALIAN_ENDINGS:
            is_western = not text[place + 1 : place + 2].isalpha()
        else:
            is_western = character in _PUNCTUATION and not inside
        if not is_western:
            return False
    words: list[str] = [word for word in _WORD.findall(text) if len(word) > 1]
    # Greek and Cyrillic look like words of accented letters only.
    return all(2 * sum(map(str.isascii, word)) >= len(word) for word in words)


def _is_special(character: str) -> bool:
    return character.isalpha() and not character.isascii()


def _likely(sample: bytes) -> str:
    how = "name its encoding with --encoding, or save the file as UTF-8"
    try:
        import charset_normalizer  # noqa: PLC0415 - optional
    except ModuleNotFoundError:
        return f"{how} (pip install 'loops-async[files]' adds a guess)"
    found = charset_normalizer.from_bytes(sample, cp_isolation=list(_COMMON))
    likely = [one.encoding for one in found][:_MOST_NAMED]
    if not likely:
        return how
    return (
        f"a guess is {' or '.join(likely)}. Check in an editor which one shows the names right, "
        f"and give it, as in --encoding {likely[0]}; or save the file as UTF-8"
    )
