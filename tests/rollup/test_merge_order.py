"""What two batches merge to is what one query over both returns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest
from events import content

import duckdb_sketch
from duckdb_sketch.rollup import Rollup, RollupError, SpecificationError
from duckdb_sketch.rollup.memory import UNLIMITED, parse_bytes

STATEMENT = "SELECT date_trunc('day', ts) AS day, max(x) AS most, min(x) AS least FROM e GROUP BY ALL"


def arrow(query: str) -> Any:
    with duckdb.connect() as connection:
        return connection.sql(query).to_arrow_table()


def event(value: str, name: str = "x") -> str:
    return f"SELECT TIMESTAMP '2026-01-01 10:00' AS ts, {value} AS {name}"


@pytest.mark.parametrize(
    "values",
    [
        ("INTERVAL 1 DAY", "INTERVAL 25 HOUR"),
        ("INTERVAL 30 DAY", "INTERVAL 1 MONTH", "INTERVAL 721 HOUR", "INTERVAL 1 SECOND"),
        ("{'a': INTERVAL 1 DAY}", "{'a': INTERVAL 25 HOUR}"),
        ("[INTERVAL 1 DAY]", "[INTERVAL 25 HOUR]"),
        ("'nan'::DOUBLE", "1.0::DOUBLE", "NULL::DOUBLE", "'-inf'::DOUBLE"),
        ("[1, NULL]", "[1]", "NULL::INTEGER[]"),
        ("'b'", "'B'", "''", "'é'"),
        ("'z'::ENUM('z', 'a')", "'a'::ENUM('z', 'a')"),
    ],
)
def test_merge_order_differs_from_the_aggregates(tmp_path: Path, values: tuple[str, ...]) -> None:
    for number, value in enumerate(values):
        duckdb.sql(event(value)).write_parquet(str(tmp_path / f"{number}.parquet"))
    for order in (range(len(values)), reversed(range(len(values)))):
        with Rollup.from_sql(STATEMENT, name="r", sources={"e": []}) as rollup:
            for number in order:
                rollup.append(rollup.connection.sql(f"FROM '{tmp_path}/{number}.parquet'"))
            once = STATEMENT.replace("FROM e", f"FROM '{tmp_path}/*.parquet'")
            assert repr(content(rollup.connection, "FROM r")) == repr(content(rollup.connection, once))


@pytest.mark.parametrize("column", ["max(x COLLATE NOCASE) AS x", "x COLLATE NOCASE AS x, count(*) AS n"])
def test_a_collation_is_refused(column: str) -> None:
    with pytest.raises(SpecificationError, match=r"write lower\(x\)"):
        Rollup.from_sql(f"SELECT date_trunc('day', ts) AS day, {column}, count(*) AS m FROM e GROUP BY ALL", name="r")


@pytest.mark.parametrize("kind", ["TIMESTAMPTZ_NS", "TIMESTAMPTZ"])
@pytest.mark.parametrize("time", ["x::DATE", "x::TIMESTAMP::DATE", "date_trunc('day', CAST(x AS TIMESTAMP))"])
@pytest.mark.newest_duckdb
def test_missing_time_zone_prompt(kind: str, time: str) -> None:
    statement = f"SELECT {time} AS day, count(*) AS n FROM e GROUP BY ALL"
    with duckdb_sketch.connect() as connection:
        rows = f"SELECT '2026-01-01 23:30:00+00'::{kind} AS x"
        with (
            Rollup.from_sql(statement, name="r", database=connection) as rollup,
            pytest.raises(SpecificationError, match="time_zone='UTC'"),
        ):
            rollup.append(connection.sql(rows))
        with Rollup.from_sql(statement, name="r", database=connection, time_zone="Europe/Berlin") as rollup:
            rollup.append(connection.sql(rows))
            assert [str(day)[:10] for day, _ in rollup.table().fetchall()] == ["2026-01-02"]


def test_unlimited_memory() -> None:
    with duckdb_sketch.connect() as connection:
        connection.execute("SET memory_limit = '-1'")
        with Rollup.from_sql(STATEMENT, name="r", database=connection) as rollup:
            assert rollup.append(connection.sql(event("1"))).rows == 1
            assert 100_000 < rollup._source.most_rows < 10**12
    with Rollup.from_sql(STATEMENT, name="r", memory_limit="-1") as rollup:
        assert rollup.append(arrow(event("1"))).rows == 1
    assert parse_bytes("-1") == UNLIMITED
    with pytest.raises(RollupError, match="'-2' is not an amount of memory: write 2GB"):
        Rollup.from_sql(STATEMENT, name="r", memory_limit="-2")
