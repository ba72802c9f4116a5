"""Rollups and the cube on the portable backend, as where the native extension is missing."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from queries import rows

import duckdb_sketch
from duckdb_sketch import Cube, Rollup, _native

HOURLY = """
SELECT date_trunc('hour', ts) AS hour, page, count(*) AS visits,
       hll_sketch_agg(user_id) AS users, approx_histogram_agg(seconds) AS seconds
FROM visits GROUP BY ALL
"""
BY_DAY = "SELECT date_trunc('day', ts) AS day, count(*) AS n, count(DISTINCT user_id) AS users FROM visits GROUP BY ALL"


@pytest.fixture(autouse=True)
def _without_the_extension(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_native, "EXTENSION", tmp_path / "missing.duckdb_extension")
    monkeypatch.chdir(tmp_path)


def write_visits(name: str, start: int, end: int) -> None:
    """Visits of minutes `start` to `end`."""
    duckdb.execute(f"""
        COPY (SELECT TIMESTAMP '2026-03-01' + to_minutes(i) AS ts, 'page ' || i % 2 AS page, i % 50 AS user_id,
                     i % 60 AS seconds
              FROM range({start}, {end}) t(i)) TO '{name}'
    """)


def test_a_rollup_is_kept_current_and_answers() -> None:
    write_visits("visits-1.parquet", 0, 2000)
    sources = {"visits": "visits-*.parquet"}
    with Rollup.from_sql(HOURLY, name="hourly", sources=sources, database="r.duckdb") as rollup:
        assert rollup.refresh().rows == 2000
        rollup.coarsen("day", "daily")
        write_visits("visits-2.parquet", 1000, 3000)  # late rows, and new ones
        assert rollup.refresh().rows == 2000
        assert rollup.refresh().rows == 0
        for table in ("hourly", "daily"):
            query = f"""
                SELECT sum(visits)::BIGINT, hll_sketch_estimate(hll_union_agg(users)),
                       approx_histogram_quantile(approx_histogram_union_agg(seconds), 0.5) BETWEEN 28 AND 31
                FROM {table}
            """
            assert rows(rollup.connection, query) == [(4000, 50, True)]
        assert rollup.verify().ok
    with Cube("r.duckdb") as cube:
        answer = cube.sql(BY_DAY + " ORDER BY ALL")
        assert [row[1:] for row in answer.fetchall()] == [(1440 + 440, 50), (560 + 1440, 50), (120, 50)]


def test_rows_are_appended_once() -> None:
    write_visits("visits.parquet", 0, 300)
    with Rollup.from_sql(HOURLY, name="hourly", database="r.duckdb") as rollup:
        visits = duckdb.read_parquet("visits.parquet").to_arrow_table()
        assert rollup.append(visits, batch_id="first").rows == 300
        assert rollup.append(visits, batch_id="first").rows == 0


def test_a_cursor_has_the_functions_too() -> None:
    with duckdb_sketch.connect() as connection, duckdb_sketch.load(connection.cursor()) as cursor:
        assert rows(cursor, "SELECT hll_sketch_estimate(hll_sketch_agg(range)) FROM range(3)") == [(3,)]
