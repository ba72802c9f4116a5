"""Days of 23 and 25 hours, an hour that comes twice, and zones whose clocks move by half an hour."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from bids import Bids

from duckdb_sketch.cube import Cube

_METRICS = "count(*) AS bids, hll_sketch_agg(i) AS users"
_STATEMENT = f"SELECT date_trunc('hour', ts) AS hour, {_METRICS} FROM bids GROUP BY ALL"
_QUERIES = [
    "SELECT date_trunc('day', ts) AS day, count(*) AS n FROM bids GROUP BY ALL",
    "SELECT date_trunc('hour', ts) AS hour, count(*) AS n FROM bids GROUP BY ALL",
    "SELECT ts::DATE AS day, hour(ts) AS hour, count(*) AS n FROM bids GROUP BY ALL",
    "SELECT count(*) FROM bids WHERE ts >= TIMESTAMPTZ '{}' AND ts < TIMESTAMPTZ '{}' + INTERVAL 1 DAY",
    "SELECT count(*) FROM bids WHERE ts >= TIMESTAMPTZ '{}' + INTERVAL 150 MINUTE",
    "SELECT count(*) FROM bids WHERE ts < TIMESTAMPTZ '{}' + INTERVAL 150 MINUTE",
    "SELECT count(*) FROM bids WHERE ts::DATE = DATE '{}'",
    "SELECT date_trunc('month', ts) AS month, count(*) AS n FROM bids GROUP BY ALL",
]


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Europe/Berlin", "2024-03-31"),
        ("Europe/Berlin", "2024-10-27"),
        ("America/St_Johns", "2024-11-03"),
        ("Australia/Lord_Howe", "2024-04-07"),
        ("Atlantic/Azores", "2024-10-27"),
    ],
)
def test_where_clocks_change(tmp_path: Path, zone: str, day: str) -> None:
    with duckdb.connect() as raw:
        raw.execute(f"SET TimeZone = '{zone}'")
        raw.execute(
            f"CREATE TABLE bids AS SELECT TIMESTAMPTZ '{day}' - INTERVAL 40 HOUR + to_minutes(i * 10) AS ts, "
            "i % 20 AS i FROM range(550) t(i)"
        )
        raw.execute(f"COPY bids TO '{tmp_path}/bids-1.parquet' (FORMAT parquet)")
        bids = Bids(tmp_path, days=[]).refreshed(_STATEMENT, levels=["day", "month"], time_zone=zone)
        with Cube(bids.database, sources=bids.sources) as cube:
            for query in (query.replace("{}", day) for query in _QUERIES):
                assert cube.explain(query).routed, query
                found, wanted = cube.sql(query).fetchall(), raw.execute(query).fetchall()
                assert sorted(map(repr, found)) == sorted(map(repr, wanted)), query
