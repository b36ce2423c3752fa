"""Rows of real drivers and real data frames, as the source of a bulk run."""

import json
import re
import sqlite3
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiosqlite
import asyncpg
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from loops_async import ContactUpdate, InvalidCall, InvalidInput, LoopsClient, Outcome
from loops_async.sandbox import Sandbox

QUERY = "SELECT 'ada@example.com' AS email, 'Ada' AS first_name, 'u1' AS user_id"
TWO = f"{QUERY} UNION ALL SELECT 'grace@example.com', 'Grace', 'u2'"


async def outcomes(loops: LoopsClient, rows: Any) -> list[Outcome]:
    done = [outcome async for outcome in loops.contacts.upsert_many(rows)]
    return sorted(done, key=lambda outcome: outcome.index)


async def all_arrive(loops: LoopsClient, sandbox: Sandbox, rows: Any) -> None:
    done = await outcomes(loops, rows)
    assert [outcome.error for outcome in done] == [None, None]
    assert sandbox.contacts.by_user_id("u1").first_name == "Ada"
    assert sandbox.contacts.by_user_id("u2").first_name == "Grace"


async def test_rows_of_sqlite3(loops: LoopsClient, sandbox: Sandbox) -> None:
    def rows() -> Iterator[sqlite3.Row]:
        db = sqlite3.connect(":memory:")
        db.row_factory = sqlite3.Row
        yield from db.execute(TWO)
        db.close()

    await all_arrive(loops, sandbox, rows())


async def test_rows_of_sqlite3_in_a_list(loops: LoopsClient, sandbox: Sandbox) -> None:
    db = sqlite3.connect(":memory:")
    db.row_factory = sqlite3.Row
    rows = db.execute(TWO).fetchall()
    db.close()
    await all_arrive(loops, sandbox, rows)


async def test_rows_of_sqlite3_without_names_say_what_to_do(loops: LoopsClient) -> None:
    db = sqlite3.connect(":memory:")
    rows = db.execute(QUERY).fetchall()
    db.close()
    (done,) = await outcomes(loops, rows)
    assert isinstance(done.error, InvalidCall)
    assert "not tuple; let the driver return rows with names" in str(done.error)
    assert "row_factory = sqlite3.Row" in str(done.error)
    assert done.row == rows[0]


async def test_rows_of_aiosqlite(loops: LoopsClient, sandbox: Sandbox) -> None:
    async with aiosqlite.connect(":memory:") as db:
        db.row_factory = sqlite3.Row
        async with db.execute(TWO) as cursor:
            await all_arrive(loops, sandbox, cursor)


async def test_rows_of_asyncpg(postgres: str, loops: LoopsClient, sandbox: Sandbox) -> None:
    connection = await asyncpg.connect(postgres)
    try:
        await all_arrive(loops, sandbox, await connection.fetch(TWO))
    finally:
        await connection.close()


async def test_a_cursor_of_asyncpg(postgres: str, loops: LoopsClient, sandbox: Sandbox) -> None:
    connection = await asyncpg.connect(postgres)
    try:
        async with connection.transaction():
            await all_arrive(loops, sandbox, connection.cursor(TWO))
    finally:
        await connection.close()


async def test_values_of_postgresql(postgres: str, loops: LoopsClient, sandbox: Sandbox) -> None:
    connection = await asyncpg.connect(postgres)
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=str, decoder=json.loads)
    query = """
        SELECT 'ada@example.com' AS email, true AS subscribed, NULL AS last_name,
        jsonb_build_object('seats', 3, 'vip', true) AS properties,
        jsonb_build_object('l1', true) AS mailing_lists
    """
    try:
        query = query.replace("'l1'", f"'{sandbox.mailing_lists[0].id}'")
        (done,) = await outcomes(loops, await connection.fetch(query))
        (refused,) = await outcomes(
            loops, await connection.fetch("SELECT gen_random_uuid() AS user_id")
        )
    finally:
        await connection.close()
    assert done.error is None
    assert sandbox.contacts["ada@example.com"].properties == {"seats": 3, "vip": True}
    assert "user_id: must be text, not UUID; pass str(user_id)" in str(refused.error)


@pytest.mark.parametrize("how", ["rows", "mappings", "stream", "stream mappings"])
async def test_rows_of_sqlalchemy(
    how: str, postgres: str, loops: LoopsClient, sandbox: Sandbox
) -> None:
    engine = create_async_engine(postgres.replace("postgresql", "postgresql+asyncpg"))
    try:
        async with engine.connect() as db:
            rows: Any = await (db.stream if "stream" in how else db.execute)(sa.text(TWO))
            await all_arrive(loops, sandbox, rows.mappings() if "mappings" in how else rows)
    finally:
        await engine.dispose()


async def test_a_column_called_as_a_method_is_no_trouble(loops: LoopsClient) -> None:
    engine = sa.create_engine("sqlite://")
    with engine.connect() as db:
        rows = db.execute(sa.text("SELECT 1 AS keys, 2 AS _asdict, 3 AS _mapping")).all()
    engine.dispose()
    (done,) = await outcomes(loops, rows)
    assert "ContactUpdate has no field 'keys'" in str(done.error)


async def test_named_tuples_of_pandas(loops: LoopsClient, sandbox: Sandbox) -> None:
    await all_arrive(loops, sandbox, frame().itertuples(index=False))


async def test_series_of_pandas(loops: LoopsClient, sandbox: Sandbox) -> None:
    await all_arrive(loops, sandbox, (row for _, row in frame().iterrows()))


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "email": ["ada@example.com", "grace@example.com"],
            "first_name": ["Ada", "Grace"],
            "user_id": ["u1", "u2"],
        }
    )


def with_gaps() -> dict[str, list[Any]]:
    return {
        "email": ["ada@example.com", "grace@example.com"],
        "first_name": ["Ada", None],
        "last_name": [None, "Hopper"],
        "subscribed": [True, None],
    }


class OwnFrame(pd.DataFrame):
    """As those of geopandas are."""


@pytest.mark.parametrize(("made", "name"), [
    (pd.DataFrame(with_gaps()), "pandas.DataFrame"),
    (OwnFrame(with_gaps()), "pandas.DataFrame"),
    (pd.DataFrame(with_gaps()).convert_dtypes(), "pandas.DataFrame"),
    (pd.DataFrame(), "pandas.DataFrame"),
    (pl.DataFrame(with_gaps()), "polars.DataFrame"),
    (pl.DataFrame(), "polars.DataFrame"),
    (pl.LazyFrame(with_gaps()), "polars.LazyFrame"),
])  # fmt: skip
async def test_a_frame_is_refused_whole_with_the_line_that_works(
    made: Any, name: str, loops: LoopsClient, sandbox: Sandbox
) -> None:
    with pytest.raises(InvalidCall, match=f"^source: a {name} is iterated by column") as caught:
        loops.contacts.upsert_many(made)
    assert not sandbox.requests
    line = re.search(r"; pass (\(.*\))$", str(caught.value))
    if name == "polars.LazyFrame":
        assert "df.collect()" in str(caught.value)
        return
    assert line is not None
    rows = eval(line[1], {"df": made, "pandas": pd})  # noqa: S307 - our own message
    done = await outcomes(loops, rows)
    assert all(outcome.error is None for outcome in done)
    if done:
        assert sandbox.contacts["ada@example.com"].last_name is None
        assert sandbox.contacts["grace@example.com"].last_name == "Hopper"
        # A gap is left out, and empties nothing.
        sent = [request.json for request in sandbox.requests]
        assert {"email": "grace@example.com", "lastName": "Hopper"} in sent


@pytest.mark.parametrize(("field", "value", "says"), [
    ("subscribed", np.bool_(True), "not numpy.bool; convert it with bool()"),
    ("subscribed", pd.NA, "subscribed: is NA, a missing value; leave it out"),
    ("first_name", np.nan, "first_name: is NaN, a missing value; leave it out"),
    ("first_name", pd.NaT, "first_name: is NaT, a missing value"),
    ("user_id", np.int64(7), "user_id: must be text, not numpy.int64; pass str(user_id)"),
    ("user_id", np.float64(7), "ids get a decimal point where a column with gaps is read"),
    ("user_id", np.nan, "user_id: is NaN, a missing value; pass the contact's id, or leave it"),
    ("user_id", str(pd.NA), "user_id: is the text of a missing value"),
    ("user_id", str(np.nan), "user_id: is the text of a missing value"),
    ("user_id", str(pd.NaT), "user_id: is the text of a missing value"),
    ("mailing_lists", {"l": np.bool_(False)}, "not numpy.bool; convert it with bool()"),
])  # fmt: skip
def test_a_value_of_numpy_or_pandas_is_called_what_it_is(
    field: str, value: object, says: str
) -> None:
    with pytest.raises(InvalidInput, match=re.escape(says)):
        ContactUpdate(**{"email": "ada@example.com", field: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(("value", "says"), [
    (np.bool_(False), "not numpy.bool; convert it with bool()"),
    (np.int8(3), "not numpy.int8; convert it with int()"),
    (np.uint64(3), "not numpy.uint64; convert it with int()"),
    (np.float32(1.5), "not numpy.float32; convert it with float()"),
    (np.float32("nan"), "is NaN, a missing value"),
    (np.float64("nan"), "is NaN, a missing value"),
    (np.datetime64("NaT"), "is NaT, a missing value"),
    (np.datetime64("2026-01-01"), "not numpy.datetime64; convert it to a datetime with a time"),
    (pd.NaT, "is NaT, a missing value"),
    (pd.NA, "is NA, a missing value"),
    (np.ma.masked, "is masked, a missing value"),
    (pd.Timestamp("2026-01-01"), "is a datetime without a time zone"),
    (pd.Timedelta(1), "not pandas.Timedelta; convert it to text"),
    (np.array([1, 2]), "not numpy.ndarray; flatten it"),
    (pd.Series([1]), "not pandas.Series; flatten it"),
])  # fmt: skip
def test_a_property_of_numpy_or_pandas_is_called_what_it_is(value: object, says: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(says)):
        ContactUpdate(email="ada@example.com", properties={"p": value})  # type: ignore[dict-item]


async def test_what_is_of_pythons_own_kind_is_taken(loops: LoopsClient, sandbox: Sandbox) -> None:
    await loops.contacts.update(
        email="ada@example.com",
        properties={
            "float": np.float64(1.5),
            "text": np.str_("x"),
            "moment": pd.Timestamp("2026-01-01", tz="UTC"),
        },
    )
    assert sandbox.contacts["ada@example.com"].properties == {
        "float": 1.5, "text": "x", "moment": "2026-01-01T00:00:00.000Z",
    }  # fmt: skip


async def test_rows_of_polars(loops: LoopsClient, sandbox: Sandbox) -> None:
    rows = pl.DataFrame(frame().to_dict("list")).iter_rows(named=True)
    await all_arrive(loops, sandbox, rows)


async def test_rows_of_an_async_generator_of_records(
    postgres: str, loops: LoopsClient, sandbox: Sandbox
) -> None:
    async def rows() -> AsyncIterator[asyncpg.Record]:
        connection = await asyncpg.connect(postgres)
        try:
            for row in await connection.fetch(TWO):
                yield row
        finally:
            await connection.close()

    await all_arrive(loops, sandbox, rows())
