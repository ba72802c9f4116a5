"""The same rows, stored in several ways."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import duckdb

from benchmarks.connection import connect
from benchmarks.scale import THREADS
from benchmarks.study.subject import Subject

UNITS = ("hour", "day")


@dataclass(frozen=True)
class Store:
    """One way to keep the rows.

    Attributes:
        name: As in the tables.
        file: A Parquet file, or a DuckDB database with a table `rollup`.
        rolled_up: Whether it holds a rollup, or the raw rows.
        made_in: Seconds; None if it was there.
    """

    name: str
    file: Path
    rolled_up: bool
    made_in: float | None

    @property
    def bytes(self) -> int:
        return self.file.stat().st_size

    def open(self) -> duckdb.DuckDBPyConnection:
        """Connect to it: there is a view or table `rollup` or `raw`."""
        if self.file.suffix == ".duckdb":
            con = connect(THREADS)
            con.execute(f"ATTACH '{self.file}' AS kept (READ_ONLY)")
            con.execute("CREATE VIEW rollup AS FROM kept.rollup")
            return con
        return _over(self.file, "rollup" if self.rolled_up else "raw")

    def rows(self) -> int:
        with self.open() as con:
            ((count,),) = con.execute(f"SELECT count(*) FROM {'rollup' if self.rolled_up else 'raw'}").fetchall()
        return int(count)


def raw_store(subject: Subject, folder: Path) -> Store:
    """The raw rows in Parquet; generated unless they are there."""
    file = folder / "raw.parquet"
    recipe = folder / "raw.recipe"
    made_in = None
    if not (file.exists() and recipe.exists() and recipe.read_text() == subject.recipe()):
        start = perf_counter()
        subject.write_raw(file)
        recipe.write_text(subject.recipe())
        made_in = perf_counter() - start
    return Store("raw, Parquet", file, rolled_up=False, made_in=made_in)


def rollup_stores(subject: Subject, raw: Store, folder: Path) -> list[Store]:
    """The hours from the raw rows, the days from the hours: each in a DuckDB file and in Parquet."""
    stores: list[Store] = []
    for unit in UNITS:
        database = folder / f"{unit}.duckdb"
        database.unlink(missing_ok=True)
        start = perf_counter()
        if stores:
            _roll_up_again(subject, unit, stores[0].file, database)
        else:
            _roll_up_raw(subject, unit, raw.file, database)
        stores.append(Store(f"by {unit}, DuckDB", database, rolled_up=True, made_in=perf_counter() - start))
        stores.append(_export(database, folder / f"{unit}.parquet", f"by {unit}, Parquet", "*"))
    stores.append(_export(folder / "hour.duckdb", folder / "sums.parquet", SUMS, "* EXCLUDE (counted, distribution)"))
    return stores


SUMS = "by hour, Parquet, without sketches"


def _roll_up_raw(subject: Subject, unit: str, raw: Path, database: Path) -> None:
    """Day by day: what is in flight is the sketches of one day."""
    with _over(raw, "raw") as con:
        con.execute(f"ATTACH '{database}' AS kept")
        for number, day in enumerate(subject.days(con)):
            rows = subject.roll_up_raw(unit, f"(FROM raw WHERE {day})")
            con.execute(f"{'INSERT INTO kept.rollup' if number else 'CREATE TABLE kept.rollup AS'} {rows}")
        con.execute("CHECKPOINT kept")


def _roll_up_again(subject: Subject, unit: str, finer: Path, database: Path) -> None:
    with connect(THREADS) as con:
        con.execute(f"ATTACH '{finer}' AS finer (READ_ONLY)")
        con.execute(f"ATTACH '{database}' AS kept")
        con.execute(f"CREATE TABLE kept.rollup AS {subject.roll_up_again(unit, 'finer.rollup')}")
        con.execute("CHECKPOINT kept")


def _export(database: Path, parquet: Path, name: str, columns: str) -> Store:
    start = perf_counter()
    with connect(THREADS) as con:
        con.execute(f"ATTACH '{database}' AS kept (READ_ONLY)")
        rows = f"SELECT {columns} FROM kept.rollup"
        con.execute(f"COPY ({rows}) TO '{parquet}' (FORMAT parquet, COMPRESSION zstd)")
    return Store(name, parquet, rolled_up=True, made_in=perf_counter() - start)


def _over(parquet: Path, view: str) -> duckdb.DuckDBPyConnection:
    con = connect(THREADS)
    con.execute(f"CREATE VIEW {view} AS FROM read_parquet('{parquet}')")
    return con


def describe(store: Store, raw: Store) -> dict[str, Any]:
    """Bytes, rows, and how many times fewer than raw."""
    rows, raw_rows = store.rows(), raw.rows()
    return {
        "bytes": store.bytes,
        "rows": rows,
        "bytes_reduction": raw.bytes / store.bytes,
        "rows_reduction": raw_rows / rows,
        "seconds_to_make": store.made_in,
    }
