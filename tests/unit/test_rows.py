"""Rows of databases as the mappings they are, and data frames, by look-alikes of them.

tests/compat has those of real drivers, pandas and polars.
"""

import sqlite3
from collections import ChainMap, OrderedDict, UserDict
from collections.abc import Iterator
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa

from loops_async import ContactUpdate, InvalidCall, LoopsClient
from loops_async.bulk.outcomes import contact_of

FIELDS = {"email": "ada@example.com", "first_name": "Ada"}
ADA = ContactUpdate(email="ada@example.com", first_name="Ada")


class Record:
    """As those of asyncpg: a mapping that does not say so."""

    def keys(self) -> Iterator[str]:
        return iter(FIELDS)

    def __iter__(self) -> Iterator[str]:
        return iter(FIELDS.values())

    def __len__(self) -> int:
        return len(FIELDS)

    def __getitem__(self, name: str | int) -> str:
        return FIELDS[name] if isinstance(name, str) else list(FIELDS.values())[name]


class Broken(Record):
    def __getitem__(self, name: str | int) -> str:
        raise ZeroDivisionError("S3CRET")


class Person(NamedTuple):
    email: str
    first_name: str


def of_sqlite3() -> sqlite3.Row:
    db = sqlite3.connect(":memory:")
    db.row_factory = sqlite3.Row
    row: sqlite3.Row = db.execute(
        "SELECT 'ada@example.com' AS email, 'Ada' AS first_name"
    ).fetchone()
    db.close()
    return row


def of_sqlalchemy() -> Any:
    engine = sa.create_engine("sqlite://")
    with engine.connect() as db:
        row = db.execute(sa.text("SELECT 'ada@example.com' AS email, 'Ada' AS first_name")).one()
    engine.dispose()
    return row


@pytest.mark.parametrize("row", [
    FIELDS, OrderedDict(FIELDS), UserDict(FIELDS), MappingProxyType(FIELDS), ChainMap(FIELDS),
    Record(), Person(**FIELDS), of_sqlite3(),
    of_sqlalchemy(), of_sqlalchemy()._mapping, ADA,
], ids=range(11))  # fmt: skip
def test_a_row_that_knows_its_names_is_a_contact(row: Any) -> None:
    assert contact_of(row) == ADA


@pytest.mark.parametrize(("row", "says"), [
    (("ada@example.com", "Ada"), "not tuple; let the driver return rows with names"),
    (["ada@example.com"], "not list; let the driver return rows with names"),
    ("ada@example.com", "such as a dict or a row of a database driver, not str"),
    (None, "not NoneType"),
    (7, "not int"),
    (object(), "not object"),
    (Person, "not type"),
    (dict, "not type"),
    (Broken(), r"the row could not be read \(ZeroDivisionError\)"),
], ids=range(9))  # fmt: skip
def test_a_row_without_names_says_what_to_do(row: object, says: str) -> None:
    with pytest.raises(InvalidCall, match=says) as caught:
        contact_of(row)
    assert "S3CRET" not in f"{caught.value!r}{caught.value.__cause__}{caught.value.__context__}"


def frame(library: str, name: str, *bases: type) -> Any:
    """An object that is iterated by column, of a class that is called so."""
    kind = type(name, bases, {"__module__": f"{library}.frame", "__iter__": lambda _: iter(FIELDS)})
    return kind()


@pytest.mark.parametrize(("made", "says"), [
    (frame("pandas.core", "DataFrame"),
     "row; pass ({k: v for k, v in row.items() if pandas.notna(v)} for row in df.to_dict("),
    (frame("geopandas", "GeoDataFrame", type(frame("pandas.core", "DataFrame"))),
     "source: a pandas.DataFrame is iterated by column"),
    (frame("polars.dataframe", "DataFrame"),
     "row; pass ({k: v for k, v in row.items() if v is not None} for row in df.iter_rows("),
    (frame("polars.lazyframe", "LazyFrame"), "pass the rows of df.collect()"),
    (frame("pyarrow.lib", "Table"), "for row in table.to_pylist())"),
], ids=range(5))  # fmt: skip
async def test_a_frame_is_refused_whole(made: Any, says: str) -> None:
    async with LoopsClient("k", dry_run=True) as loops:
        with pytest.raises(InvalidCall) as caught:
            loops.contacts.upsert_many(made)
    assert says in str(caught.value)
