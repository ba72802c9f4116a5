"""Aggregates that do not merge, written as metrics that do."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from duckdb_sketch.cube import Cube
from duckdb_sketch.rollup import Rollup, Specification, SpecificationError
from duckdb_sketch.rollup.specification.expand import expand


def metrics(items: str) -> list[str]:
    """The metrics that items become, each as `name: SQL`."""
    statement = expand(f"SELECT date_trunc('hour', ts) AS hour, country, {items} FROM bids GROUP BY ALL")
    return [
        f"{m.name}: {m.aggregate}({m.argument})" + (f" where {m.condition}" if m.condition else "")
        for m in Specification.parse(statement).metrics
    ]


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ("avg(price) AS price", ["price_sum: sum(price)", "price_count: count(price)"]),
        ("avg(price)", ["avg_price_sum: sum(price)", "avg_price_count: count(price)"]),
        (
            "stddev(a + b) AS s",
            ["s_sum: sum(a + b)", "s_squares: sum((a + b) * (a + b))", "s_count: count(a + b)"],
        ),
        ("count(DISTINCT user_id) AS users", ["users: hll_sketch_agg(user_id)"]),
        ("median(price) AS mid, quantile_cont(price, 0.9) AS p90", ["mid: approx_histogram_agg(price)"]),
        ("sum(price) AS s, avg(price) AS a", ["s: sum(price)", "a_count: count(price)"]),
        (
            "avg(price) FILTER (WHERE kind = 'x') AS p",
            ["p_sum: sum(price) where kind = 'x'", "p_count: count(price) where kind = 'x'"],
        ),
    ],
)
def test_metrics(items: str, expected: list[str]) -> None:
    assert metrics(items) == expected


def test_what_merges_stays() -> None:
    statement = (
        "SELECT date_trunc('hour', ts) AS hour, upper(c) AS c, count(*) AS n, max(x) AS x FROM bids GROUP BY ALL"
    )
    assert Specification.parse(expand(statement)) == Specification.parse(statement)


def test_the_error_suggests_it() -> None:
    for aggregate in ("avg(x)", "stddev(x)", "median(x)", "count(DISTINCT x)"):
        with pytest.raises(SpecificationError, match=r"or have it written with expand=True \(--expand\)"):
            Specification.parse(f"SELECT date_trunc('hour', ts) AS hour, {aggregate} AS m FROM bids GROUP BY ALL")
    with pytest.raises(SpecificationError, match="first"):
        Specification.parse(expand("SELECT date_trunc('hour', ts) AS hour, first(x) AS m FROM bids GROUP BY ALL"))


def test_a_cube_answers_what_was_written(tmp_path: Path) -> None:
    duckdb.sql(
        "SELECT TIMESTAMP '2026-01-01' + to_minutes(i) AS ts, (i * 7 % 50)::INTEGER AS price, i % 9 AS user_id "
        "FROM range(300) t(i)"
    ).write_parquet(str(tmp_path / "bids.parquet"))
    asked = "avg(price) AS price, stddev(price) AS spread, count(DISTINCT user_id) AS users"
    sources = {"bids": str(tmp_path / "*.parquet")}
    statement = f"SELECT date_trunc('hour', ts) AS hour, {asked} FROM bids GROUP BY ALL"
    database = tmp_path / "r.duckdb"
    with Rollup.from_sql(statement, name="hourly", sources=sources, database=database, expand=True) as hourly:
        hourly.refresh()
    with Cube(database, sources=sources) as cube:
        found = cube.sql(f"SELECT {asked} FROM bids", raw=False).fetchall()
    (wanted,) = duckdb.sql(f"SELECT {asked} FROM '{tmp_path}/bids.parquet'").fetchall()
    assert found == [(wanted[0], pytest.approx(wanted[1]), 9)]
