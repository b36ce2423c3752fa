"""Converting a cell or a JSON value to the type of its column."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final, Literal, TypeAlias

import attrs
import orjson

from loops_async.importer.amounts import LARGEST_WHOLE, exact_number, parse_number
from loops_async.importer.dates import parse_date
from loops_async.importer.errors import ValueRefused

ValueType: TypeAlias = Literal["string", "number", "boolean", "date"]
Value: TypeAlias = str | int | float | bool | date | datetime

BOOLEANS: Final = {
    **dict.fromkeys(("true", "t", "yes", "y", "on", "1"), True),
    **dict.fromkeys(("false", "f", "no", "n", "off", "0"), False),
    **dict.fromkeys(("ja", "oui", "si", "sí", "sì", "sim", "wahr", "vrai", "vero"), True),
    **dict.fromkeys(("nein", "nee", "nej", "non", "não", "falsch", "faux", "falso"), False),
    **dict.fromkeys(("verdadero", "verdadeiro", "waar", "sant"), True),
    **dict.fromkeys(("onwaar", "falskt"), False),
}
"""The words for booleans, in lower case: those that people, programs and Excel write, also in
German, French, Spanish, Italian, Dutch, Swedish and Portuguese."""

NULL_WORDS: Final = frozenset(
    (
        *("NULL", "null", "(null)", "<null>", "nil", "None", "none", "NONE", "undefined"),
        *(r"\N", "nan", "NaN", "NAN", "<NA>", "NaT", "N/A", "n/a", "n.a.", "#N/A", "#n/a", "#NV"),
        *("-", "--", "\u2013", "\u2014"),
    )
)
"""What databases, programs and spreadsheets write for nothing. Their case matters: Null and Nan
are people's names, and NA is Namibia."""


@attrs.frozen
class CellFormat:
    """How the cells of a column are read.

    Attributes:
        style: For dates the orders of day, month and year (``dmy/``), separated by spaces; for
            numbers the decimal mark and the unit (``,€``). Empty if nothing needs to be known.
        booleans: The words for booleans, in lower case.
        keep_null_words: Whether a word for nothing is text.
    """

    style: str = ""
    booleans: Mapping[str, bool] = attrs.field(factory=lambda: BOOLEANS, repr=False)
    keep_null_words: bool = False


PLAIN: Final = CellFormat()
"""How cells are read of which nothing is known."""


def is_null_word(value: object) -> bool:
    """Whether a cell is a word for nothing, such as NULL."""
    return isinstance(value, str) and value.strip() in NULL_WORDS


def is_empty(value: object, *, keep_null_words: bool = False) -> bool:
    """Whether a cell is empty: only white space, a JSON null, or a word for nothing."""
    if value is None:
        return True
    if not isinstance(value, str):
        return False
    return not value.strip() or (not keep_null_words and is_null_word(value))


def coerce(value: object, declared: ValueType, form: CellFormat = PLAIN) -> Value:
    """Convert a JSON value to ``declared``.

    A number for a number and a boolean for a boolean stay as they are. Any other scalar is taken as
    the text that JSON writes it with and goes through ``parse_text``: ``1`` may become True, ``42``
    may become ``"42"``, and a number for a date is milliseconds.

    Raises:
        ValueRefused: Also for a list, an object or null.
    """
    if isinstance(value, str):
        return parse_text(value, declared, form)
    if isinstance(value, bool):
        return (
            value
            if declared == "boolean"
            else parse_text("true" if value else "false", declared, form)
        )
    if isinstance(value, int | float):
        if declared == "number":
            return exact_number(value)
        if isinstance(value, float) and abs(value) > LARGEST_WHOLE:
            # Reading JSON has already rounded it: its text here may not be the text in the file.
            raise ValueRefused("is a number too long to read exactly; write it as text, in quotes")
        return parse_text(orjson.dumps(value).decode(), declared)
    raise ValueRefused("contains a list or an object; a contact property is one plain value")


def parse_text(text: str, declared: ValueType, form: CellFormat = PLAIN) -> Value:
    """Convert the text of a cell to ``declared``; ambiguous text is refused.

    * ``string``: the text exactly as it stands.
    * ``number``: ``42``, ``-7``, ``3.14``, ``1e3``. Unless ``form`` has the decimal mark, a comma
      is refused, because ``1,234`` is one thing in London and another in Berlin.
    * ``boolean``: one of ``form.booleans``, in any case.
    * ``date``: see ``parse_date``; a time without an offset is UTC.

    Surrounding white space is ignored, except for a string.

    Raises:
        ValueRefused: The reason does not include ``text``.
    """
    match declared:
        case "string":
            return text
        case "number":
            return parse_number(text, form.style)
        case "boolean":
            try:
                return form.booleans[text.strip().lower()]
            except KeyError:
                raise ValueRefused("is not a yes or a no (true, false, yes, no, 1, 0)") from None
        case "date":
            return parse_date(text, form.style.split())
