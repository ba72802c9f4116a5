"""CSV and JSON files, which are read as a refresh reads them: columns by name, values as they are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from duckdb_sketch.cube import Cube, CubeError
from duckdb_sketch.rollup import Rollup, SourceError

_STATEMENT = "SELECT date_trunc('hour', ts) AS hour, page, count(*) AS n, sum(price) AS revenue FROM bids GROUP BY ALL"


def ask(folder: Path, source: str, query: str) -> list[tuple[Any, ...]]:
    with Cube(folder / "r.duckdb", sources={"bids": source}) as cube:
        assert cube.explain(query).routed
        return cube.sql(query).fetchall()


def count(folder: Path, source: str) -> None:
    with Rollup.from_sql(_STATEMENT, name="hourly", sources={"bids": source}, database=folder / "r.duckdb") as hourly:
        hourly.refresh()


def test_csv(tmp_path: Path) -> None:
    source = f"read_csv('{tmp_path}/*.csv', delim = ';')"
    (tmp_path / "1.csv").write_text("ts;page;price\n2026-01-01 10:05;a;1.50\n2026-01-01 11:05;b;2\n")
    count(tmp_path, source)
    (tmp_path / "2.csv").write_text("price;ts;page\n0.25;2026-01-01 10:35;b\n0.75;2026-01-01 12:35;a\n")
    everything = "SELECT page, count(*), sum(price)::DOUBLE FROM bids GROUP BY 1 ORDER BY 1"
    assert ask(tmp_path, source, everything) == [("a", 2, 2.25), ("b", 2, 2.25)]
    partial = "SELECT sum(price)::DOUBLE FROM bids WHERE ts >= TIMESTAMP '2026-01-01 10:30'"
    assert ask(tmp_path, source, partial) == [(3.0,)]
    with Cube(tmp_path / "r.duckdb", sources={"bids": source}) as cube:
        assert cube.sql("SELECT max(price)::DOUBLE FROM bids").fetchall() == [(2.0,)]


def test_json(tmp_path: Path) -> None:
    source = f"{tmp_path}/*.ndjson"
    (tmp_path / "1.ndjson").write_text('{"ts": "2026-01-01 10:05", "page": "a", "price": 1}\n')
    count(tmp_path, source)
    (tmp_path / "2.ndjson").write_text('{"price": 3, "ts": "2026-01-01 11:05", "page": "a", "more": [1]}\n')
    assert ask(tmp_path, source, "SELECT page, sum(price) FROM bids GROUP BY 1") == [("a", 4)]


def test_a_value_that_does_not_fit_is_an_error_and_not_rounded(tmp_path: Path) -> None:
    source = f"{tmp_path}/*.csv"
    (tmp_path / "1.csv").write_text("ts,page,price\n2026-01-01 10:05,a,1\n")
    count(tmp_path, source)
    (tmp_path / "2.csv").write_text("ts,page,price\n2026-01-01 10:05,a,0.6\n")
    with Cube(tmp_path / "r.duckdb", sources={"bids": source}) as cube, pytest.raises(SourceError, match=r"2\.csv"):
        cube.sql("SELECT sum(price) FROM bids")


def test_a_column_that_cannot_be_bound_is_in_nobodys_way(tmp_path: Path) -> None:
    source = f"{tmp_path}/*.csv"
    (tmp_path / "1.csv").write_text("ts,page,price,rate\n2026-01-01 10:05,a,1,0.5\n")
    count(tmp_path, source)
    (tmp_path / "2.csv").write_text("ts,page,price,rate\n2026-01-01 10:05,a,2,0.12345678901234567891\n")
    with Cube(tmp_path / "r.duckdb", sources={"bids": source}) as cube:
        assert cube.sql("SELECT sum(price) FROM bids").fetchall() == [(3,)]
        with pytest.raises((duckdb.Error, CubeError), match="rate"):
            cube.sql("SELECT sum(rate) FROM bids").fetchall()
