"""What DuckDB says of a query's columns is kept for queries that ask the same of other days, and for no others."""

from __future__ import annotations

from datetime import date, datetime, time, timezone
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
import sqlglot
from bids import Bids

from duckdb_sketch.cube import CubeError
from duckdb_sketch.cube.shape import shape_of


def shape(text: str) -> str:
    return shape_of(text, sqlglot.parse_one(text, dialect="duckdb"))


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) FROM bids WHERE ts >= DATE '{}'",
        "SELECT count(*) FROM bids WHERE ts BETWEEN '{}' AND TIMESTAMP '2026-03-04 12:30'",
        "WITH days AS (SELECT ts::DATE AS day FROM bids WHERE ts < '{}') SELECT day FROM days GROUP BY day",
        "SELECT country FROM bids GROUP BY ALL HAVING count(*) FILTER (WHERE ts < DATE '{}') > 3",
    ],
)
def test_queries_about_other_days_are_of_one_shape(query: str) -> None:
    assert shape(query.format("2026-01-01")) == shape(query.format("2026-02-03"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # The text of a column is its name.
        ("SELECT count(*) FILTER (WHERE ts < DATE '2026-01-01') FROM bids", "2026-01-02"),
        ("SELECT (SELECT max(price) FROM bids WHERE ts < '2026-01-01') FROM bids GROUP BY ALL", "2026-01-02"),
        ("SELECT '2026-01-01' FROM bids GROUP BY ALL", "2026-01-02"),
        ("SELECT '2026-01-01', count(*) FROM bids WHERE ts < '2026-01-01'", "2026-01-02"),
        ("SELECT count(*) FROM bids WHERE ts < DATE '2026-01-01'", "2026-02-30"),  # there is no such day
        ("SELECT count(*) FROM bids WHERE ts < DATE '2026-01-01'", "infinity"),
        ("SELECT count(*) AS \"'2026-01-01'\" FROM bids", "2026-01-02"),
        ("SELECT count(*) FROM bids WHERE country = 'd2026-01-01'", "d2026-01-02"),
    ],
)
def test_queries_whose_columns_may_differ_are_not(one: str, other: str) -> None:
    assert shape(one) != shape(one.replace("d2026-01-01", other).replace("2026-01-01", other))


def test_a_query_of_a_known_shape_has_the_right_names_rows_and_errors(tmp_path: Path) -> None:
    with Bids(tmp_path).refreshed(levels=["day"]).cube() as cube:
        query = "SELECT ts::DATE, count(*) FROM bids WHERE ts >= DATE '{}' GROUP BY ALL ORDER BY ALL"
        found = [cube.sql(query.format(day)) for day in ("2026-01-01", "2026-01-02", "2026-01-03")]
        assert [[str(row[0]) for row in each.fetchall()] for each in found] == [
            ["2026-01-01", "2026-01-02", "2026-01-03"],
            ["2026-01-02", "2026-01-03"],
            ["2026-01-03"],
        ]
        assert {tuple(each.columns) for each in found} == {("CAST(ts AS DATE)", "count_star()")}
        counted = "SELECT count(*) FILTER (WHERE ts < DATE '{}') FROM bids"
        names = [cube.sql(counted.format(day)).columns for day in ("2026-01-02", "2026-01-03")]
        assert names[0] != names[1]
        with pytest.raises(CubeError, match="2026-02-30"):
            cube.sql(query.format("2026-02-30"))


def test_parameters_of_other_types_make_other_columns(tmp_path: Path) -> None:
    with Bids(tmp_path).refreshed(levels=["day"]).cube() as cube:
        query = "SELECT $1 AS told, count(*) AS bids FROM bids WHERE country = $2 GROUP BY ALL"
        values = (1, "one", 1 << 40, None, True, 1.5, 2, date(2026, 1, 1), Decimal("1.50"), -1, time(12), [1, 2], "two")
        times = (datetime(2026, 1, 1), datetime(2026, 1, 1, tzinfo=timezone.utc), datetime(2026, 1, 2))
        for told in (*values, *times):
            for country in ("de", "fr"):
                found = cube.sql(query, [told, country])
                assert found.fetchall() == [(told, 150)]
                assert cube.explain(query, [told, country]).routed
                with duckdb.connect() as connection:
                    plain = connection.execute("DESCRIBE SELECT $1 AS told", [told]).fetchall()
                assert (found.columns[0], str(found.types[0])) == plain[0][:2], told
        assert cube.sql(query.replace("$1", "$a").replace("$2", "$b"), {"a": 1, "b": "it"}).fetchall() == [(1, 150)]
        with pytest.raises(CubeError, match="parameter 2"):
            cube.sql(query, [1])
