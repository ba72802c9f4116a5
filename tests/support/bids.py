"""Bids of three days as Parquet files, and rollups of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from duckdb_sketch._sql import quote
from duckdb_sketch.cube import Cube, Explanation, Reason
from duckdb_sketch.rollup import Rollup

HOURLY = """
SELECT date_trunc('hour', ts) AS hour, country, count(*) AS bids, count(price) AS priced, sum(price) AS revenue,
    sum(price * price) AS squares, min(price) AS lowest, hll_sketch_agg(user_id) AS users,
    approx_histogram_agg(price) AS prices, count(*) FILTER (WHERE kind = 'click') AS clicks
FROM bids GROUP BY ALL
"""
_EVENTS = """
SELECT TIMESTAMP '{day} 00:00:00' + to_minutes(i * 7) AS ts, ['de', 'fr', 'it', NULL][1 + i % 4] AS country,
    CASE WHEN i % 5 = 0 THEN 'click' ELSE 'view' END AS kind, (i * 7919) % 97 AS user_id,
    CASE WHEN i % 11 > 0 THEN (1 + (i * 31) % 400 / 4)::DECIMAL(8, 2) END AS price
FROM range(200) t(i)
"""


def write_day(folder: Path, day: str, name: str | None = None) -> Path:
    """Write the 200 bids of a day, one every 7 minutes."""
    path = folder / f"bids-{name or day}.parquet"
    hidden = path.with_name(f".{path.name}")  # whoever looks meanwhile finds all of it or nothing
    duckdb.sql(_EVENTS.format(day=day)).write_parquet(str(hidden))
    return hidden.rename(path)


def write_bids(folder: Path, *rows: str, name: str = "more") -> Path:
    """Write bids, each as SQL of `(ts, country, kind, user_id, price)`."""
    path = folder / f"bids-{name}.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE bids (ts TIMESTAMP, country VARCHAR, kind VARCHAR, user_id BIGINT, price DECIMAL(8, 2))"
        )
        connection.execute(f"INSERT INTO bids VALUES {', '.join(rows)}")
        hidden = path.with_name(f".{path.name}")
        connection.execute(f"COPY bids TO {quote(hidden)} (FORMAT parquet)")
    return hidden.rename(path)


class Bids:
    """A folder with bids, and a database with rollups of them.

    Args:
        folder: An empty folder.
        days: The days of which there are bids.
    """

    def __init__(self, folder: Path, days: Sequence[str] = ("2026-01-01", "2026-01-02", "2026-01-03")) -> None:
        self.folder = folder
        self.database = folder / "rollups.duckdb"
        self.sources = {"bids": str(folder / "bids-*.parquet")}
        for day in days:
            write_day(folder, day)

    def rollup(self, statement: str = HOURLY, name: str = "hourly", **options: Any) -> Rollup:
        """A rollup, to be closed."""
        return Rollup.from_sql(statement, sources=self.sources, database=self.database, name=name, **options)

    def refreshed(
        self, statement: str = HOURLY, name: str = "hourly", levels: Sequence[str] = (), **options: Any
    ) -> Bids:
        """The same, with a rollup that has counted all files, and its levels."""
        with self.rollup(statement, name, **options) as rollup:
            rollup.refresh()
            for every in levels:
                rollup.coarsen(every, f"{name}_{every}")
        return self

    def cube(self, **options: Any) -> Cube:
        """A cube over the database, to be closed."""
        return Cube(self.database, sources=self.sources, **options)

    def ask(self, query: str, **options: Any) -> list[tuple[Any, ...]]:
        """The rows of a query, as a cube answers it."""
        with self.cube() as cube:
            return cube.sql(query, **options).fetchall()

    def explain(self, query: str, **options: Any) -> Explanation:
        """How a query is answered."""
        with self.cube() as cube:
            return cube.explain(query, **options)

    def reasons(self, query: str, **options: Any) -> dict[str | None, Reason]:
        """Why what does not answer a query does not."""
        return {rejection.name: rejection.reason for rejection in self.explain(query, **options).rejected}

    def raw(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query, as the files answer it."""
        with duckdb.connect() as connection:
            connection.execute(f"CREATE VIEW bids AS FROM read_parquet({quote(self.sources['bids'])})")
            return connection.execute(query).fetchall()
