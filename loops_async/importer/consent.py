"""Consent to email in the columns and the words of other tools."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from loops_async.importer.coercion import is_empty
from loops_async.importer.column_names import normalize, without_accents
from loops_async.importer.errors import ValueRefused, quote_mapping, quote_name
from loops_async.importer.mapping import PlannedColumn
from loops_async.importer.options import ImportOptions
from loops_async.importer.reading import REASON_COLUMN, AnyRow, InputRow

_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
# Consent to these says nothing about email; neither does a link in every row.
_OTHER_CHANNELS: Final = re.compile("sms|phone|whatsapp|push|mobile|postal|cookie|url|link|token")
_REFUSAL: Final = re.compile(
    "unsub|opt(?:ed)?out|blacklist|donot(?:e?mail|contact)|emaildisabled|disabledemail|suppress"
    "|excludedfrom|complain|abgemeldet|desinscri|desabonn"
)
_CONSENT: Final = re.compile(
    "subscribed|subscri(?:ber|ption)status|emailsubscri|newsletter|opt(?:ed)?in|consent"
    "|accepts(?:email)?marketing|acceptsemail|permission|marketing(?:contact)?status|emailstatus"
    "|emailmarketing|einwilligung|einverst|abonniert|suscrit|inscritnews|iscritto"
)
_ABOUT_CONSENT: Final = frozenset(
    ("at", "on", "date", "time", "timestamp", "ip", "source", "method", "reason", "text", "version",
     "by", "id", "count", "title", "country")
)  # fmt: skip
"""Last words of columns that describe how or when consent was given."""

_NO: Final = frozenset(
    (
        *("no", "n", "false", "f", "0", "off", "unsubscribed", "notsubscribed", "neversubscribed"),
        *("nonsubscribed", "optedout", "optout", "cleaned", "bounced", "inactive", "pending"),
        *("unconfirmed", "nonmarketingcontact", "nonmarketing", "noconsent", "denied", "declined"),
        *("refused", "rejected", "withdrawn", "revoked", "blocked", "blacklisted", "suppressed"),
        *("archived", "disabled", "donotemail", "nein", "non", "falsch", "faux", "falso", "nao"),
        *("nej", "nee", "abgemeldet", "nie", "ausstehend", "jamais", "nunca", "mai"),
    )
)
_YES: Final = frozenset(
    (
        *("yes", "y", "true", "t", "1", "on", "subscribed", "active", "confirmed", "optedin"),
        *("optin", "explicit", "implicit", "express", "marketingcontact", "marketing", "granted"),
        *(
            "given",
            "accepted",
            "enabled",
            "valid",
            "verified",
            "ja",
            "oui",
            "si",
            "sim",
            "wahr",
            "vrai",
            "vero",
        ),
    )
)
# In a column of refusals, such as "unsubscribed at", any other value is a refusal.
_NOT_REFUSED: Final = frozenset(
    (
        *("", "no", "n", "false", "f", "0", "off", "never", "none", "null", "nil", "na", "nan"),
        *("subscribed", "active", "nein", "non", "falsch", "faux", "falso", "nao", "nej", "nee"),
    )
)
_PLAIN_REFUSALS: Final = frozenset(
    ("unsubscribed", "opted out", "opted_out", "opted-out", "opt-out", "optout", "opt_out",
     "never subscribed", "never_subscribed", "not subscribed", "not_subscribed", "nonsubscribed",
     "non-subscribed", "blacklisted", "do not email", "do_not_email")
)  # fmt: skip
"""Values that are refusals whatever their column is called."""

_YEAR: Final = re.compile(r"(?:19|20)\d\d")
_LONGEST: Final = max(map(len, _PLAIN_REFUSALS))


def parse_subscribed(value: object, *, negated: bool = False) -> bool:
    """Whether a cell says that a person wants email.

    Args:
        value: The cell.
        negated: Whether its column holds refusals, such as "Blacklisted" or "Unsubscribed at".

    Raises:
        ValueRefused: It is not one of the known words.
    """
    if isinstance(value, bool):
        return value is not negated
    word = normalize(str(value))
    if negated:
        return word in _NOT_REFUSED
    if word in _YES or word in _NO:
        return word in _YES
    raise ValueRefused(
        "is not a word for consent (such as subscribed, unsubscribed, yes, no, true or false)"
    )


def holds_refusals(column: str) -> bool | None:
    """Whether a column holds refusals of email; False for consent, None for anything else."""
    name = without_accents(column)
    if _OTHER_CHANNELS.search(name) or name == normalize(REASON_COLUMN):
        return None
    if _REFUSAL.search(name):
        return True
    words = [word.lower() for word in _WORDS.findall(column)]
    if not _CONSENT.search(name) or (words and words[-1] in _ABOUT_CONSENT):
        return None
    return False


def _is_given(word: str) -> bool:
    """Whether a word in a column of consent is a yes, or the date of one.

    A word that is not known counts as a no: nobody must be subscribed by mistake.
    """
    return word in _YES or _YEAR.search(word) is not None


@attrs.define
class OptedOut:
    """Finds the people who do not want email, by the columns that look like consent.

    Attributes:
        columns: The columns that are sent.
        counts: For each column that looks like consent, how many people it says no for, and the
            line of the first.
    """

    columns: Sequence[PlannedColumn]
    counts: dict[str, tuple[int, int]] = attrs.field(factory=dict[str, tuple[int, int]])
    _kinds: dict[str, bool | None] = attrs.field(factory=dict[str, "bool | None"])
    _sent: frozenset[str] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._sent = frozenset(p.column for p in self.columns if p.target.is_subscribed)

    @classmethod
    def skipped_by(
        cls, options: ImportOptions, columns: Sequence[PlannedColumn]
    ) -> "OptedOut | None":
        """Finds the people whom ``options`` leave out; None if they leave out nobody."""
        return cls(columns) if options.opted_out == "skip" else None

    def has_refused(self, row: AnyRow) -> bool:
        """Whether the person of a row does not want email."""
        return isinstance(row, InputRow) and bool(self.refusing(row.cells))

    def refusing(self, cells: Mapping[str, object]) -> list[str]:
        """The columns of a row that say that its person does not want email.

        Empty if the row already sets ``subscribed`` to false.
        """
        found: list[str] = []
        for planned in self.columns:
            if planned.column in self._sent and planned.column in cells:
                cell = cells[planned.column]
                if not is_empty(cell) and _sends_false(cell, planned):
                    return []
        for column, cell in cells.items():
            if column not in self._sent and self._refuses(column, cell):
                found.append(column)
        return found

    def note(self, row: InputRow) -> None:
        """Take a row into account."""
        for column in self.refusing(row.cells):
            count, line = self.counts.get(column, (0, row.line))
            self.counts[column] = count + 1, line

    def _refuses(self, column: str, cell: object) -> bool:
        if is_empty(cell) or isinstance(cell, dict):
            return False
        if column not in self._kinds:
            self._kinds[column] = holds_refusals(column)
        kind = self._kinds[column]
        if kind is not None:
            word = normalize(str(cell)) if not isinstance(cell, bool) else str(cell).lower()
            return word not in _NOT_REFUSED if kind else not _is_given(word)
        if not isinstance(cell, str) or len(cell) > _LONGEST + 2:
            return False
        if _OTHER_CHANNELS.search(normalize(column)):
            return False
        return cell.strip().lower() in _PLAIN_REFUSALS

    def objection(self) -> list[str]:
        """Why an import stops, and the ways to continue; empty if nobody has opted out."""
        if not self.counts:
            return []
        lines = ["These columns look like consent to email, and do not say yes for some people:"]
        for column, (count, line) in self.counts.items():
            people = "1 person" if count == 1 else f"{count} people"
            lines.append(f"  {quote_name(column)}: {people}, first on line {line}")
        column = next(iter(self.counts))
        target = "!subscribed" if holds_refusals(column) else "subscribed"
        lines.append(
            "Loops subscribes new contacts. Leave these people out with --opted-out skip, send "
            f"their choice with {quote_mapping(column, target)}, or import them as subscribers "
            "with --opted-out send."
        )
        return lines


def _sends_false(cell: object, planned: PlannedColumn) -> bool:
    try:
        return not parse_subscribed(cell, negated=planned.target.negated)
    except ValueRefused:
        return False
