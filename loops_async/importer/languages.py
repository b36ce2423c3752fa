"""The words of several languages for months, weekdays and columns, from ``languages.toml``."""

import tomllib
import unicodedata
from functools import cache
from importlib.resources import files
from typing import Any


def fold(word: str) -> str:
    """``word`` in lower case, without accents."""
    decomposed = unicodedata.normalize("NFKD", word.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))


@cache
def months() -> dict[str, int]:
    """The number of each month, by its folded name or abbreviation."""
    return {
        fold(word): number
        for language in _languages()
        for number, words in enumerate(language["months"], 1)
        for word in words
    }


@cache
def weekdays() -> frozenset[str]:
    """The folded names and abbreviations of the days of the week."""
    return frozenset(fold(word) for language in _languages() for word in language["weekdays"])


@cache
def column_words() -> dict[str, str]:
    """The words that always mean a default field, by word."""
    return {
        word: field
        for language in _languages()
        for field, words in language["columns"].items()
        for word in words
    }


@cache
def words_beside(other: str) -> dict[str, str]:
    """The words that mean a default field if another column is ``other``, by word."""
    return {
        word: field
        for language in _languages()
        for field, words in language.get("beside", {}).get(other, {}).items()
        for word in words
    }


@cache
def currencies() -> frozenset[str]:
    """Codes and signs of currencies, besides those that Unicode classes as such."""
    return frozenset(_data()["amounts"]["currencies"])


def _languages() -> list[dict[str, Any]]:
    return [table for name, table in _data().items() if name != "amounts"]


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(
        files("loops_async.importer").joinpath("languages.toml").read_text("utf-8")
    )
